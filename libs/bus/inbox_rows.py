"""The statements on the inbox of one service. All run inside a transaction that the caller opens and commits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy import (
    BigInteger,
    DateTime,
    Table,
    Text,
    and_,
    bindparam,
    case,
    cast,
    delete,
    exists,
    false,
    func,
    literal,
    null,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import Insert

from libs.bus.envelope import Envelope, to_headers

LONGEST_ERROR = 2000
_INSTANT = DateTime(timezone=True)


class Receipt(Enum):
    """What the inbox says to a message that has arrived."""

    NEW = "new"
    REPEATED = "repeated"
    BEHIND = "behind"


@dataclass(frozen=True, slots=True)
class InboxRow:
    """A message that is kept with its content: deferred or dead."""

    message_id: str
    consumer: str
    position: int
    key: str
    type: str
    status: str
    attempts: int
    deaths: int
    next_attempt_at: datetime | None
    headers: dict[str, Any]
    body: bytes
    last_error: str | None
    received_at: datetime


def storable(text: str) -> str:
    """An error's text as PostgreSQL can keep it: without null characters, not too long."""
    return text.replace("\x00", "")[:LONGEST_ERROR]


class InboxRows:
    """Reads and writes the inbox table."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._receive = _receive_statement(table)
        self._receive_batch = _receive_batch_statement(table)
        self._kept = select(*[table.c[name] for name in InboxRow.__dataclass_fields__])

    async def receive(self, connection: AsyncConnection, consumer: str, envelope: Envelope, now: datetime) -> Receipt:
        """Record a message's arrival: as done, if it is new and its key is free, or else as deferred behind others."""
        parameters = {
            "message_id": envelope.id,
            "consumer": consumer,
            "key": envelope.partition_key,
            "type": envelope.type,
            "now": now,
        }
        status = (await connection.execute(self._receive, parameters)).scalar_one_or_none()
        if status is None:
            return Receipt.REPEATED
        if status == "done":
            return Receipt.NEW
        table = self._table
        await self.lock_key(connection, consumer, envelope.partition_key)
        # Asked again under the lock: the message ahead may have been finished a moment ago.
        others = exists().where(
            table.c.consumer == consumer,
            table.c.key == envelope.partition_key,
            table.c.blocks,
            table.c.message_id != envelope.id,
        )
        if (await connection.execute(select(others))).scalar_one():
            await connection.execute(
                update(table)
                .where(self._is(envelope.id, consumer))
                .values(headers=to_headers(envelope), body=envelope.body)
            )
            return Receipt.BEHIND
        await connection.execute(
            update(table).where(self._is(envelope.id, consumer)).values(status="done", blocks=False, done_at=now)
        )
        return Receipt.NEW

    async def receive_batch(
        self, connection: AsyncConnection, consumer: str, envelopes: Sequence[Envelope], now: datetime
    ) -> set[str]:
        """Record the arrival of many messages as done; the ids of those that are new and whose keys are free."""
        parameters = {
            "consumer": consumer,
            "ids": [envelope.id for envelope in envelopes],
            "keys": [envelope.partition_key for envelope in envelopes],
            "types": [envelope.type for envelope in envelopes],
            "now": now,
        }
        return set((await connection.execute(self._receive_batch, parameters)).scalars())

    async def known(self, connection: AsyncConnection, consumer: str, message_ids: Sequence[str]) -> set[str]:
        """Which of these messages the inbox has."""
        table = self._table
        ids = bindparam("ids", type_=ARRAY(Text))
        statement = select(table.c.message_id).where(table.c.consumer == consumer, table.c.message_id == func.any(ids))
        return set((await connection.execute(statement, {"ids": list(message_ids)})).scalars())

    async def keep(self, connection: AsyncConnection, row: InboxRow, *, blocks: bool) -> bool:
        """Insert a message that could not be handled, with its content. False if the inbox has it already."""
        statement = (
            insert(self._table)
            .values(
                message_id=row.message_id,
                consumer=row.consumer,
                key=row.key,
                type=row.type,
                status=row.status,
                blocks=blocks,
                attempts=row.attempts,
                deaths=row.deaths,
                next_attempt_at=row.next_attempt_at,
                headers=row.headers,
                body=row.body,
                last_error=row.last_error,
                received_at=row.received_at,
            )
            .on_conflict_do_nothing()
            .returning(self._table.c.message_id)
        )
        return (await connection.execute(statement)).one_or_none() is not None

    async def change(self, connection: AsyncConnection, message_id: str, consumer: str, **values: Any) -> None:
        """Change a message's row."""
        await connection.execute(update(self._table).where(self._is(message_id, consumer)).values(**values))

    async def finish(
        self, connection: AsyncConnection, row: InboxRow, status: str, now: datetime, *, forget: bool = True
    ) -> bool:
        """End a kept message's wait and let the next of its key go on. True if there is a next one, now due.

        `forget` drops the content, which nobody needs any more.
        """
        await self.lock_key(connection, row.consumer, row.key)
        values: dict[str, Any] = {"status": status, "blocks": False, "next_attempt_at": None, "done_at": now}
        if forget:
            values |= {"headers": null(), "body": None}
        await self.change(connection, row.message_id, row.consumer, **values)
        return await self.promote(connection, row.consumer, row.key, now)

    async def promote(self, connection: AsyncConnection, consumer: str, key: str, now: datetime) -> bool:
        """Make the first waiting message of a key due, unless a dead one stands before it. Needs `lock_key`."""
        table = self._table
        first = (
            select(table.c.message_id)
            .where(table.c.consumer == consumer, table.c.key == key, table.c.blocks)
            .order_by(table.c.position)
            .limit(1)
            .scalar_subquery()
        )
        result = await connection.execute(
            update(table)
            .where(
                table.c.consumer == consumer,
                table.c.message_id == first,
                table.c.status == "deferred",
                table.c.next_attempt_at.is_(None),
            )
            .values(next_attempt_at=now)
        )
        return result.rowcount == 1

    async def due(
        self, connection: AsyncConnection, consumers: Sequence[str], now: datetime, *, limit: int
    ) -> list[InboxRow]:
        """Messages whose next attempt (or, if dead, whose release) is due, the longest waiting first."""
        table = self._table
        names = bindparam("consumers", type_=ARRAY(Text))
        rows = await connection.execute(
            self._kept.where(table.c.next_attempt_at <= now, table.c.consumer == func.any(names))
            .order_by(table.c.next_attempt_at, table.c.position)
            .limit(limit),
            {"consumers": list(consumers)},
        )
        return [InboxRow(*row) for row in rows]

    async def claim(
        self, connection: AsyncConnection, message_id: str, consumer: str, *, wait: bool = False
    ) -> InboxRow | None:
        """Lock a message's row for this transaction and read it; None if it is gone or another works on it."""
        rows = await connection.execute(
            self._kept.where(self._is(message_id, consumer)).with_for_update(skip_locked=not wait)
        )
        row = rows.one_or_none()
        return None if row is None else InboxRow(*row)

    async def deaths(self, connection: AsyncConnection, message_id: str) -> int:
        """How often this service gave a message up, over all of its consumers."""
        table = self._table
        statement = select(func.coalesce(func.sum(table.c.deaths), 0)).where(table.c.message_id == message_id)
        return int((await connection.execute(statement)).scalar_one())

    async def dead(
        self, connection: AsyncConnection, *, consumer: str | None, after_position: int, limit: int
    ) -> list[InboxRow]:
        """Dead messages by order of arrival."""
        table = self._table
        statement = self._kept.where(table.c.status == "dead", table.c.position > after_position)
        if consumer is not None:
            statement = statement.where(table.c.consumer == consumer)
        rows = await connection.execute(statement.order_by(table.c.position).limit(limit))
        return [InboxRow(*row) for row in rows]

    async def of_message(self, connection: AsyncConnection, message_id: str, *, consumer: str | None) -> list[InboxRow]:
        """What became of a message at each of the consumers, or at one of them."""
        table = self._table
        statement = self._kept.where(table.c.message_id == message_id)
        if consumer is not None:
            statement = statement.where(table.c.consumer == consumer)
        rows = await connection.execute(statement.order_by(table.c.consumer))
        return [InboxRow(*row) for row in rows]

    async def unfinished(self, connection: AsyncConnection) -> dict[str, int]:
        """How many messages are deferred and how many dead and undecided."""
        table = self._table
        statement = (
            select(table.c.status, func.count().label("messages"))
            .where(or_(table.c.blocks, table.c.status == "dead"))
            .group_by(table.c.status)
        )
        return {row.status: row.messages for row in await connection.execute(statement)}

    async def prune(self, connection: AsyncConnection, *, done_before: datetime, limit: int) -> int:
        """Delete up to `limit` rows that were finished before a time."""
        table = self._table
        old = (
            select(table.c.message_id, table.c.consumer)
            .where(table.c.done_at < done_before, table.c.status != "dead", ~table.c.blocks)
            .order_by(table.c.done_at)
            .limit(limit)
        )
        result = await connection.execute(delete(table).where(tuple_(table.c.message_id, table.c.consumer).in_(old)))
        return result.rowcount

    async def lock_key(self, connection: AsyncConnection, consumer: str, key: str) -> None:
        """Until the commit, nobody else queues a message behind this key or frees it."""
        await connection.execute(
            select(func.pg_advisory_xact_lock(func.hashtextextended(literal(f"{consumer}/{key}"), cast(0, BigInteger))))
        )

    def _is(self, message_id: str, consumer: str) -> Any:
        return and_(self._table.c.message_id == message_id, self._table.c.consumer == consumer)


def _receive_statement(table: Table) -> Insert:
    ahead = table.alias("ahead")
    key, consumer = bindparam("key", type_=Text()), bindparam("consumer", type_=Text())
    now = bindparam("now", type_=_INSTANT)
    blocked = exists().where(ahead.c.consumer == consumer, ahead.c.key == key, ahead.c.blocks)
    arrival = select(blocked.label("blocked")).cte("arrival")
    return (
        insert(table)
        .from_select(
            ["message_id", "consumer", "key", "type", "status", "blocks", "received_at", "done_at"],
            select(
                bindparam("message_id", type_=Text()),
                consumer,
                key,
                bindparam("type", type_=Text()),
                case((arrival.c.blocked, "deferred"), else_="done"),
                arrival.c.blocked,
                now,
                case((~arrival.c.blocked, now)),
            ),
        )
        .on_conflict_do_nothing()
        .returning(table.c.status)
    )


def _receive_batch_statement(table: Table) -> Insert:
    ahead = table.alias("ahead")
    consumer, now = bindparam("consumer", type_=Text()), bindparam("now", type_=_INSTANT)
    arrays = [bindparam(name, type_=ARRAY(Text)) for name in ("ids", "keys", "types")]
    arrived = func.unnest(*arrays).table_valued("message_id", "key", "type").render_derived()
    blocked = exists().where(ahead.c.consumer == consumer, ahead.c.key == arrived.c.key, ahead.c.blocks)
    return (
        insert(table)
        .from_select(
            ["message_id", "consumer", "key", "type", "status", "blocks", "received_at", "done_at"],
            select(
                arrived.c.message_id, consumer, arrived.c.key, arrived.c.type, literal("done"), false(), now, now
            ).where(~blocked),
        )
        .on_conflict_do_nothing()
        .returning(table.c.message_id)
    )
