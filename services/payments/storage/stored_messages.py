"""Store and forward: the reversals and completions that acquirers have not confirmed yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, exists, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import distinct_on

from libs.persistence import Connection
from services.payments.domain.concentrator.numbers import Trace
from services.payments.domain.concentrator.reversing import Stored, StoredKind, StoredState
from services.payments.storage.concentrator_tables import stored_messages


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message in the queue. `about_message_id` is what a reversal undoes, or the message that a completion is.

    `operation_id` is None for the reversal of what was never answered.
    """

    message_id: UUID
    intent_id: UUID
    operation_id: UUID | None
    about_message_id: UUID
    terminal_id: UUID
    acquirer: str
    trace: Trace
    stored: Stored


class StoredMessageRepository:
    """Reads and writes the queue on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(
        self,
        message_id: UUID,
        intent_id: UUID,
        operation_id: UUID | None,
        about_message_id: UUID,
        terminal_id: UUID,
        acquirer: str,
        kind: StoredKind,
        trace: Trace,
    ) -> None:
        """Put a message at the end of its terminal's queue."""
        await self._connection.execute(
            insert(stored_messages).values(
                message_id=message_id,
                intent_id=intent_id,
                operation_id=operation_id,
                about_message_id=about_message_id,
                terminal_id=terminal_id,
                acquirer=acquirer,
                kind=kind.value,
                trace_number=trace.trace_number,
                traced_at=trace.at,
                state=StoredState.WAITING.value,
                attempts=0,
                next_at=None,
                created_at=trace.at,
            )
        )

    async def due(self, now: datetime, limit: int) -> list[UUID]:
        """What is to be sent now: the first of each terminal's queue at each acquirer, reversals before completions.

        What waits for its next attempt holds up what stands behind it, so the order holds.
        """
        waiting = stored_messages.c
        first = (
            select(waiting.message_id, waiting.next_at)
            .where(text("state = 'waiting'"))
            .ext(distinct_on(waiting.terminal_id, waiting.acquirer))
            .order_by(
                waiting.terminal_id, waiting.acquirer, waiting.kind != StoredKind.REVERSAL.value, waiting.sequence
            )
            .subquery("first")
        )
        rows = await self._connection.execute(
            select(first.c.message_id)
            .where(or_(first.c.next_at.is_(None), first.c.next_at <= now))
            .order_by(first.c.next_at.asc().nulls_first())
            .limit(limit)
        )
        return list(rows.scalars())

    async def get(self, message_id: UUID, *, lock: bool = False) -> StoredMessage | None:
        """One message of the queue."""
        statement = select(stored_messages).where(stored_messages.c.message_id == message_id)
        row = (await self._connection.execute(statement.with_for_update() if lock else statement)).first()
        return None if row is None else _message(row)

    async def waiting_for(self, about_message_id: UUID) -> StoredMessage | None:
        """What waits to be confirmed about a message, locked."""
        statement = (
            select(stored_messages)
            .where(stored_messages.c.about_message_id == about_message_id, text("state = 'waiting'"))
            .with_for_update()
        )
        row = (await self._connection.execute(statement)).first()
        return None if row is None else _message(row)

    async def renew(self, message_id: UUID, trace: Trace) -> None:
        """Have a message told as a new one: replies to what was told before are replies to another trace."""
        await self._connection.execute(
            update(stored_messages)
            .where(stored_messages.c.message_id == message_id)
            .values(trace_number=trace.trace_number, traced_at=trace.at, attempts=0, next_at=None, code=None)
        )

    async def save(self, message_id: UUID, stored: Stored, answered_at: datetime | None = None) -> None:
        """Keep how far a message got."""
        await self._connection.execute(
            update(stored_messages)
            .where(stored_messages.c.message_id == message_id)
            .values(
                state=stored.state.value,
                attempts=stored.attempts,
                next_at=stored.next_at,
                code=stored.code,
                answered_at=answered_at,
            )
        )

    async def waits(self, intent_id: UUID) -> bool:
        """Whether something of a payment is still to be confirmed by its acquirer."""
        statement = select(
            exists().where(
                stored_messages.c.intent_id == intent_id, stored_messages.c.state == StoredState.WAITING.value
            )
        )
        return bool((await self._connection.execute(statement)).scalar_one())

    async def hurry(self, intent_id: UUID, now: datetime) -> None:
        """Have what waits for its next attempt sent at once, because somebody asks."""
        await self._connection.execute(
            update(stored_messages)
            .where(
                stored_messages.c.intent_id == intent_id,
                stored_messages.c.state == StoredState.WAITING.value,
                stored_messages.c.next_at > now,
            )
            .values(next_at=now)
        )


def _message(row: Row[Any]) -> StoredMessage:
    stored = Stored(
        StoredKind(row.kind),
        row.acquirer,
        str(row.terminal_id),
        row.sequence,
        row.attempts,
        StoredState(row.state),
        row.next_at,
        row.code,
    )
    return StoredMessage(
        row.message_id,
        row.intent_id,
        row.operation_id,
        row.about_message_id,
        row.terminal_id,
        row.acquirer,
        Trace(row.trace_number, row.traced_at),
        stored,
    )
