"""What slips are made of: operations that took place, of a payment and of its refunds, with their numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, or_, select, text

from libs.contracts.terminals import CardFacts, CardReferences
from libs.persistence import Connection
from services.payments.domain.payment import OperationState
from services.payments.domain.terminal import TerminalKind
from services.payments.storage.concentrator_tables import acquirer_messages, acquirer_terminals
from services.payments.storage.tables import intents, operations

MOST_SLIPS = 200


@dataclass(frozen=True, slots=True)
class SlipSource:
    """A payment, or a refund of it, with one operation that took place; standalone ones have none.

    Of a message to an acquirer there are its numbers. `slip_lines` are what a wired terminal wanted printed.
    """

    intent_id: UUID
    till_id: UUID
    kind: str
    state: str
    currency: str
    approved_minor: int
    captured_minor: int
    cash_back_minor: int
    tip_minor: int
    decided_at: datetime | None
    created_at: datetime
    terminal_kind: TerminalKind | None
    terminal_name: str | None
    card: CardFacts | None
    references: CardReferences | None
    operation_id: UUID | None = None
    action: str | None = None
    amount_minor: int = 0
    answered_at: datetime | None = None
    customer: tuple[str, ...] = ()
    merchant: tuple[str, ...] = ()
    acquirer: str | None = None
    merchant_number: str | None = None


class SlipRepository:
    """Reads what slips are made of on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def sources(self, intent_id: UUID) -> list[SlipSource]:
        """Of a payment and its refunds, the oldest first."""
        message, numbers = acquirer_messages.c, acquirer_terminals.c
        statement = (
            select(
                intents,
                operations.c.operation_id.label("done_id"),
                operations.c.action,
                operations.c.amount_minor.label("done_minor"),
                operations.c.answered_at,
                operations.c.answer,
                message.acquirer,
                numbers.merchant_number,
            )
            .outerjoin(
                operations,
                and_(
                    operations.c.intent_id == intents.c.intent_id,
                    operations.c.moves_money,
                    operations.c.state == OperationState.APPROVED.value,
                ),
            )
            .outerjoin(acquirer_messages, message.message_id == intents.c.first_operation_id)
            .outerjoin(
                acquirer_terminals,
                and_(numbers.terminal_id == message.terminal_id, numbers.acquirer == message.acquirer),
            )
            .where(
                or_(intents.c.intent_id == intent_id, intents.c.original_intent_id == intent_id),
                text("intents.state <> 'declined'"),
            )
            .order_by(intents.c.created_at, intents.c.intent_id, operations.c.requested_at, operations.c.operation_id)
            .limit(MOST_SLIPS)
        )
        return [_source(row) for row in await self._connection.execute(statement)]


def _source(row: Row[Any]) -> SlipSource:
    answer = row.answer or {}
    return SlipSource(
        row.intent_id,
        row.till_id,
        row.kind,
        row.state,
        row.currency,
        row.approved_minor,
        row.captured_minor,
        row.cash_back_minor,
        row.tip_minor,
        row.decided_at,
        row.created_at,
        TerminalKind(row.terminal_kind) if row.terminal_kind else None,
        row.terminal_name,
        CardFacts.model_validate(row.card) if row.card else None,
        CardReferences.model_validate(row.refs) if row.refs else None,
        operation_id=row.done_id,
        action=row.action,
        amount_minor=row.done_minor or 0,
        answered_at=row.answered_at,
        customer=tuple(answer.get("customer_slip") or ()),
        merchant=tuple(answer.get("merchant_slip") or ()),
        acquirer=row.acquirer,
        merchant_number=row.merchant_number,
    )
