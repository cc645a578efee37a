"""Operations: what was asked of terminals, and what they answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, any_, bindparam, case, cast, insert, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid

from libs.contracts.terminals import OperateTerminal
from libs.persistence import Connection
from services.payments.domain.payment import Operation, OperationState
from services.payments.storage.tables import messaging, operations


@dataclass(frozen=True, slots=True)
class StoredOperation:
    """An operation as it stands. `answer` is the payload of the terminal's answer, without card numbers."""

    operation_id: UUID
    intent_id: UUID | None
    store_id: UUID
    till_id: UUID
    terminal_id: UUID
    terminal_name: str
    gateway_id: UUID | None
    action: str
    moves_money: bool
    state: OperationState
    currency: str
    amount_minor: int
    inquired_operation_id: UUID | None
    answer: dict[str, Any] | None
    requested_at: datetime
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Until when a command may begin, and from when its answer is given up."""

    expires_at: datetime
    answer_due_at: datetime | None


class OperationRepository:
    """Reads and writes operations on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, sent: Sequence[Operation], at: datetime, deadlines: Deadlines, by: UUID | None) -> None:
        """Store operations that leave with this transaction."""
        if sent:
            await self._connection.execute(insert(operations), [_values(each, at, deadlines, by) for each in sent])

    async def get(self, operation_id: UUID, *, lock: bool = False) -> StoredOperation | None:
        """One operation."""
        statement = select(operations).where(operations.c.operation_id == operation_id)
        row = (await self._connection.execute(statement.with_for_update() if lock else statement)).one_or_none()
        return None if row is None else _stored(row)

    async def of_intent(self, intent_id: UUID) -> list[StoredOperation]:
        """Everything asked of terminals for an intent, oldest first."""
        rows = await self._connection.execute(
            select(operations)
            .where(operations.c.intent_id == intent_id)
            .order_by(operations.c.requested_at, operations.c.operation_id)
        )
        return [_stored(row) for row in rows]

    async def decide(
        self, operation_id: UUID, state: OperationState, at: datetime, answer: dict[str, Any] | None = None
    ) -> None:
        """What is now known of an operation; an answer that is there already is kept unless there is another."""
        values: dict[str, Any] = {"state": state.value, "answered_at": at}
        if answer is not None:
            values["answer"] = answer
        await self._connection.execute(
            update(operations).where(operations.c.operation_id == operation_id).values(**values)
        )

    async def overdue(self, now: datetime, limit: int) -> list[StoredOperation]:
        """Operations whose answer is not expected any more."""
        rows = await self._connection.execute(
            select(operations)
            .where(text("state = 'open'"), operations.c.answer_due_at <= now)
            .order_by(operations.c.answer_due_at)
            .limit(limit)
        )
        return [_stored(row) for row in rows]

    async def given_up(self, limit: int) -> list[tuple[StoredOperation, str]]:
        """Open operations whose command our own outbox gave up, and why: `unroutable`, `expired` or `unsendable`."""
        outbox = messaging.outbox
        # Only commands to terminals have an operation's id as their key; the others' need not be UUIDs at all.
        is_operation = outbox.c.type == OperateTerminal.message.type
        operation_id = case((is_operation, cast(outbox.c.key, Uuid())))
        rows = await self._connection.execute(
            select(operations, outbox.c.failure)
            .join(outbox, operations.c.operation_id == operation_id)
            .where(
                text("operations.state = 'open'"),
                outbox.c.failure.is_not(None),
                is_operation,
            )
            .order_by(outbox.c.seq)
            .limit(limit)
        )
        return [(_stored(row), row.failure) for row in rows]

    async def close_inquiries(self, intent_ids: Sequence[UUID], at: datetime) -> None:
        """Give up inquiries that are still open for these intents, because new ones take their place."""
        await self._connection.execute(
            update(operations)
            .where(
                operations.c.intent_id == any_(bindparam("ids", list(intent_ids), ARRAY(Uuid()))),
                operations.c.action == "inquiry",
                operations.c.state == OperationState.OPEN.value,
            )
            .values(state=OperationState.EXPIRED.value, answered_at=at)
        )


def _values(operation: Operation, at: datetime, deadlines: Deadlines, by: UUID | None) -> dict[str, Any]:
    return {
        "operation_id": operation.operation_id,
        "intent_id": operation.intent_id,
        "store_id": operation.store_id,
        "till_id": operation.till_id,
        "terminal_id": operation.terminal.terminal_id,
        "terminal_name": operation.terminal.name,
        "gateway_id": operation.terminal.gateway_id,
        "action": operation.action,
        "moves_money": operation.moves_money,
        "state": OperationState.OPEN.value,
        "currency": operation.currency,
        "amount_minor": operation.amount_minor,
        "inquired_operation_id": operation.inquired_operation_id,
        "requested_by": by,
        "requested_at": at,
        "expires_at": deadlines.expires_at,
        "answer_due_at": deadlines.answer_due_at,
    }


def _stored(row: Row[Any]) -> StoredOperation:
    names = StoredOperation.__dataclass_fields__
    values = {name: getattr(row, name) for name in names}
    return StoredOperation(**{**values, "state": OperationState(row.state)})
