"""The HTTP edge of a unit of work: one request, one transaction, committed before the response leaves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request

from libs.contracts.refusal import Unauthenticated
from libs.persistence import Connection, Database, Origin, UnitOfWork

Resource = TypeVar("Resource")


def origin_of(request: Request) -> Origin:
    """The trail that messages emitted by this request carry on."""
    origin: Origin = request.state.origin
    return origin


async def _know_the_caller(request: Request) -> None:
    """Verify the token, if one was sent, before a connection is taken for the request.

    The first token under a new key waits for identity's key set. Nobody may hold a connection meanwhile, least of all
    in identity itself, which needs one to answer. Whether a token is needed, and good, is for `Caller` to say.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        with suppress(Unauthenticated):
            await request.app.state.context.verifier.verify(token.strip())


async def _transaction(request: Request) -> AsyncIterator[UnitOfWork]:
    await _know_the_caller(request)
    database: Database = request.app.state.context.database
    async with database.transaction(origin_of(request)) as work:
        yield work


async def _reading(request: Request) -> AsyncIterator[Connection]:
    await _know_the_caller(request)
    database: Database = request.app.state.context.database
    async with database.reading() as connection:
        yield connection


# scope="function": the commit happens before the response is sent, so a client never hears of a sale that was lost.
Work = Annotated[UnitOfWork, Depends(_transaction, scope="function")]
"""A unit of work that commits when the route returns and rolls back when it raises."""

Reading = Annotated[Connection, Depends(_reading, scope="function")]
"""A connection for queries only."""


def resource(kind: type[Resource]) -> Any:
    """A dependency on one of the service's own objects (`Service.resources`), by its class."""

    # async although it awaits nothing: FastAPI sends plain functions through a thread pool, at every request.
    async def find(request: Request) -> Any:
        return request.app.state.resources[kind]

    return Depends(find)
