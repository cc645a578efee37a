"""The database of one service: an engine, and transactions that carry their messages to the outbox."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Protocol

from pydantic_core import from_json, to_json
from sqlalchemy.exc import DataError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from libs.contracts.refusal import Invalid
from libs.persistence.unit_of_work import Clock, Origin, UnitOfWork, utc_now
from libs.testkit.faults import fault_point


class OutboxWriter(Protocol):
    """Stores the outgoing messages of a unit of work inside its transaction."""

    async def write(self, work: UnitOfWork) -> None:
        """Insert the rows for `work.outgoing`."""

    def committed(self) -> None:
        """Called after the commit: wake the relay."""


def create_engine(url: str, *, schema: str, pool_size: int = 8, pool_timeout_s: float = 10.0) -> AsyncEngine:
    """An engine on `url` (postgresql://...) whose unqualified names resolve to `schema`, with JSON by pydantic-core."""
    driver_url = url.replace("postgresql://", "postgresql+psycopg://", 1)
    return create_async_engine(
        driver_url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_timeout_s,
        pool_pre_ping=False,
        json_serializer=_to_json_text,
        json_deserializer=from_json,
        # No just-in-time compilation: on fresh tables without statistics it costs a short query half a second.
        connect_args={
            "options": f"-csearch_path={schema} -ctimezone=UTC -cjit=off",
            "application_name": f"tillstream-{schema}",
        },
    )


def _to_json_text(value: Any) -> str:
    return to_json(value).decode()


class Unstorable(Invalid):
    """A value has the right type but no column can hold it: a NUL character, or a number of more than 64 bits."""

    type = "unstorable-value"


@contextmanager
def _storable() -> Iterator[None]:
    """Turn PostgreSQL's data exceptions (SQLSTATE class 22) into a refusal; they are never our caller's secret."""
    try:
        yield
    except DataError as error:
        reason = str(error.orig).splitlines()[0]
        raise Unstorable(f"A value cannot be stored: {reason}. Send plain text and numbers of a sane size.") from error


class Database:
    """Transactions on one service's schema."""

    def __init__(self, engine: AsyncEngine, *, outbox: OutboxWriter | None = None, clock: Clock = utc_now) -> None:
        self.engine = engine
        self.clock = clock
        self._outbox = outbox

    def use_outbox(self, outbox: OutboxWriter) -> None:
        """Store emitted messages with `outbox` from now on; the message bus calls this, as each needs the other."""
        self._outbox = outbox

    @asynccontextmanager
    async def transaction(self, origin: Origin | None = None) -> AsyncIterator[UnitOfWork]:
        """A READ COMMITTED transaction that commits at the end of the block and rolls back on any exception.

        The messages it emitted are written to the outbox just before the commit; the relay is woken after it.
        """
        async with self.engine.connect() as connection:
            work = UnitOfWork(connection, self.clock(), origin or Origin())
            with _storable():
                async with connection.begin():
                    yield work
                    if work.outgoing:
                        if self._outbox is None:
                            raise RuntimeError("this database has no outbox, yet a message was emitted")
                        await self._outbox.write(work)
                    fault_point("before_commit")
            fault_point("after_commit_before_publish")
        for callback in work.committed_callbacks:
            callback()
        if work.outgoing and self._outbox is not None:
            self._outbox.committed()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection for queries only; every statement sees its own snapshot."""
        async with self.engine.connect() as connection:
            with _storable():
                yield await connection.execution_options(isolation_level="AUTOCOMMIT")

    async def close(self) -> None:
        """Close every pooled connection."""
        await self.engine.dispose()
