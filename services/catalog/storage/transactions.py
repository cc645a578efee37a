"""Trying something out inside a transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from libs.persistence import Connection


@asynccontextmanager
async def undone(connection: Connection) -> AsyncIterator[None]:
    """Whatever the block does to the database is undone at its end; the transaction around it goes on."""
    async with connection.begin_nested() as savepoint:
        yield
        await savepoint.rollback()
