"""What operators see and decide: dead messages of the inbox, undeliverable commands of the outbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import null, select, update

from libs.bus.inbox_rows import InboxRow, InboxRows
from libs.bus.tables import MessagingTables
from libs.contracts.refusal import Conflict, NotFound
from libs.persistence import Database

LARGEST_PAGE = 200


@dataclass(frozen=True, slots=True)
class DeadMessage:
    """A message that a consumer gave up. `body` is the payload as it came, `headers` its envelope."""

    message_id: str
    consumer: str
    type: str
    key: str
    attempts: int
    error: str | None
    received_at: datetime
    headers: dict[str, Any]
    body: bytes


@dataclass(frozen=True, slots=True)
class DeadPage:
    """Dead messages by order of arrival; pass `next` as `after` for the following page, None at the end."""

    messages: list[DeadMessage]
    next: int | None


@dataclass(frozen=True, slots=True)
class UndeliverableCommand:
    """A command that was never sent: `unroutable` (no consumer), `expired`, or `unsendable`."""

    seq: int
    id: UUID
    type: str
    key: str
    failure: str
    created_at: datetime
    given_up_at: datetime


async def list_dead(
    database: Database, tables: MessagingTables, *, consumer: str | None = None, after: int = 0, limit: int = 50
) -> DeadPage:
    """One page of the dead messages of a service, of one of its consumers or of all."""
    size = min(max(limit, 1), LARGEST_PAGE)
    async with database.reading() as connection:
        rows = await InboxRows(tables.inbox).dead(connection, consumer=consumer, after_position=after, limit=size + 1)
    return DeadPage([_dead(row) for row in rows[:size]], rows[size - 1].position if len(rows) > size else None)


async def find_dead(
    database: Database, tables: MessagingTables, message_id: str, *, consumer: str | None = None
) -> list[DeadMessage]:
    """The message, once for each consumer (or for the named one) that gave it up.

    Raises NotFound when no consumer has it, Conflict when those that have it did not give it up.
    """
    async with database.reading() as connection:
        rows = await InboxRows(tables.inbox).of_message(connection, message_id, consumer=consumer)
    if not rows:
        raise NotFound(f"No consumer {consumer or 'here'} has a message {message_id}.", field="message_id")
    dead = [_dead(row) for row in rows if row.status == "dead"]
    if not dead:
        states = ", ".join(f"{row.status} at {row.consumer}" for row in rows)
        raise Conflict(f"Message {message_id} is not dead: it is {states}.", field="message_id")
    return dead


def _dead(row: InboxRow) -> DeadMessage:
    return DeadMessage(
        row.message_id,
        row.consumer,
        row.type,
        row.key,
        row.attempts,
        row.last_error,
        row.received_at,
        row.headers,
        row.body,
    )


async def replay(database: Database, tables: MessagingTables, message_id: str, consumer: str) -> None:
    """Give a dead message all its attempts again, from now. Raises NotFound or Conflict (it is not dead)."""
    rows = InboxRows(tables.inbox)
    async with database.transaction() as work:
        row = await _dead_row(rows, work.connection, message_id, consumer)
        await rows.lock_key(work.connection, row.consumer, row.key)
        await rows.change(
            work.connection,
            message_id,
            consumer,
            status="deferred",
            blocks=True,
            attempts=0,
            next_attempt_at=work.now,
        )


async def discard(database: Database, tables: MessagingTables, message_id: str, consumer: str) -> None:
    """Give a dead message up for good; what waits behind it goes on. Raises NotFound or Conflict (it is not dead)."""
    rows = InboxRows(tables.inbox)
    async with database.transaction() as work:
        row = await _dead_row(rows, work.connection, message_id, consumer)
        # Its content stays until it is pruned: what was thrown away should be known.
        await rows.finish(work.connection, row, "discarded", work.now, forget=False)


async def list_undeliverable(
    database: Database, tables: MessagingTables, *, after: int = 0, limit: int = 50
) -> list[UndeliverableCommand]:
    """Commands that were never sent, by age; `after` is the `seq` of the last one seen."""
    outbox = tables.outbox
    statement = (
        select(
            outbox.c.seq,
            outbox.c.id,
            outbox.c.type,
            outbox.c.key,
            outbox.c.failure,
            outbox.c.created_at,
            outbox.c.sent_at,
        )
        .where(outbox.c.failure.is_not(None), outbox.c.seq > after)
        .order_by(outbox.c.seq)
        .limit(min(max(limit, 1), LARGEST_PAGE))
    )
    async with database.reading() as connection:
        return [UndeliverableCommand(*row) for row in await connection.execute(statement)]


async def resend(database: Database, tables: MessagingTables, seq: int) -> None:
    """Try an undeliverable command again, e.g. once its consumer is deployed. Raises NotFound."""
    outbox = tables.outbox
    async with database.transaction() as work:
        result = await work.connection.execute(
            update(outbox)
            .where(outbox.c.seq == seq, outbox.c.failure.is_not(None))
            .values(sent_at=null(), failure=null())
        )
        if result.rowcount == 0:
            raise NotFound(f"no undeliverable command has the number {seq}", field="seq")


async def _dead_row(rows: InboxRows, connection: Any, message_id: str, consumer: str) -> InboxRow:
    row = await rows.claim(connection, message_id, consumer, wait=True)
    if row is None:
        raise NotFound(f"{consumer} has no message {message_id}", field="message_id")
    if row.status != "dead":
        raise Conflict(f"message {message_id} of {consumer} is {row.status}, not dead", field="message_id")
    return row
