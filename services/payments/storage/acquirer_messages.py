"""What was sent to acquirers: stored before it leaves, enough to reverse and to settle it, nothing of the card."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, select, update

from libs.persistence import Connection
from services.payments.domain.concentrator.numbers import Trace
from services.payments.domain.concentrator.requests import Sent
from services.payments.storage.concentrator_tables import acquirer_messages, acquirer_terminals


class MessageState(StrEnum):
    """How far a message got. `unanswered`: it left, and whether the host acted on it is not known."""

    SENT = "sent"
    APPROVED = "approved"
    DECLINED = "declined"
    UNSENT = "unsent"
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class AcquirerMessage:
    """One financial message. `message_id` is the operation of the payment; `reversed`: its acquirer has undone it."""

    message_id: UUID
    intent_id: UUID
    terminal_id: UUID
    acquirer: str
    currency: str
    sent: Sent
    state: MessageState = MessageState.SENT
    approved_minor: int = 0
    code: str | None = None
    reversed: bool = False
    original_message_id: UUID | None = None
    settlement_id: UUID | None = None


class AcquirerMessageRepository:
    """Reads and writes messages to acquirers on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, message: AcquirerMessage, at: datetime) -> None:
        """Store a message that leaves once this transaction has committed."""
        await self._connection.execute(insert(acquirer_messages), [_values(message, at)])

    async def get(self, message_id: UUID) -> AcquirerMessage | None:
        """One message."""
        statement = select(acquirer_messages).where(acquirer_messages.c.message_id == message_id)
        row = (await self._connection.execute(statement)).first()
        return None if row is None else _message(row)

    async def by_trace(
        self, acquirer: str, terminal_number: str, trace_number: int, since: datetime
    ) -> AcquirerMessage | None:
        """The last message that an acquirer knows by this terminal and trace number, if it was sent since then."""
        statement = (
            select(acquirer_messages)
            .join(
                acquirer_terminals,
                (acquirer_terminals.c.terminal_id == acquirer_messages.c.terminal_id)
                & (acquirer_terminals.c.acquirer == acquirer_messages.c.acquirer),
            )
            .where(
                acquirer_terminals.c.acquirer == acquirer,
                acquirer_terminals.c.terminal_number == terminal_number,
                acquirer_messages.c.trace_number == trace_number,
                acquirer_messages.c.sent_at >= since,
            )
            .order_by(acquirer_messages.c.sent_at.desc())
            .limit(1)
        )
        row = (await self._connection.execute(statement)).first()
        return None if row is None else _message(row)

    async def decide(
        self,
        message_id: UUID,
        state: MessageState,
        at: datetime,
        *,
        code: str | None = None,
        approved_minor: int = 0,
        approval_code: str | None = None,
        retrieval_reference: str | None = None,
    ) -> None:
        """What became of a message. The acquirer may have answered with another RRN than ours."""
        values: dict[str, Any] = {
            "state": state.value,
            "code": code,
            "approved_minor": approved_minor,
            "approval_code": approval_code,
            "answered_at": at,
        }
        if retrieval_reference is not None:
            values["retrieval_reference"] = retrieval_reference
        await self._update(message_id, values)

    async def mark_reversed(self, message_id: UUID) -> None:
        """The acquirer has confirmed that it undid the message, or that there was nothing to undo."""
        await self._update(message_id, {"reversed": True})

    async def standing(self, intent_id: UUID) -> AcquirerMessage | None:
        """The last message of a payment that was approved and not undone: what a reversal undoes."""
        statement = (
            select(acquirer_messages)
            .where(
                acquirer_messages.c.intent_id == intent_id,
                acquirer_messages.c.state == MessageState.APPROVED.value,
                acquirer_messages.c.reversed.is_(False),
            )
            .order_by(acquirer_messages.c.sent_at.desc(), acquirer_messages.c.message_id.desc())
            .limit(1)
        )
        row = (await self._connection.execute(statement)).first()
        return None if row is None else _message(row)

    async def _update(self, message_id: UUID, values: dict[str, Any]) -> None:
        await self._connection.execute(
            update(acquirer_messages).where(acquirer_messages.c.message_id == message_id).values(**values)
        )


def _values(message: AcquirerMessage, at: datetime) -> dict[str, Any]:
    sent = message.sent
    return {
        "message_id": message.message_id,
        "intent_id": message.intent_id,
        "terminal_id": message.terminal_id,
        "acquirer": message.acquirer,
        "mti": sent.mti,
        "processing_code": sent.processing_code,
        "condition": sent.condition,
        "currency": message.currency,
        "amount_minor": sent.amount_minor,
        "trace_number": sent.trace.trace_number,
        "traced_at": sent.trace.at,
        "retrieval_reference": sent.retrieval_reference,
        "state": message.state.value,
        "code": message.code,
        "approved_minor": message.approved_minor,
        "approval_code": sent.approval_code,
        "reversed": message.reversed,
        "original_message_id": message.original_message_id,
        "settlement_id": message.settlement_id,
        "sent_at": at,
        "answered_at": None,
    }


def _message(row: Row[Any]) -> AcquirerMessage:
    sent = Sent(
        row.mti,
        row.processing_code,
        row.amount_minor,
        Trace(row.trace_number, row.traced_at),
        row.retrieval_reference,
        row.condition,
        row.approval_code,
    )
    return AcquirerMessage(
        row.message_id,
        row.intent_id,
        row.terminal_id,
        row.acquirer,
        row.currency,
        sent,
        MessageState(row.state),
        row.approved_minor,
        row.code,
        row.reversed,
        row.original_message_id,
        row.settlement_id,
    )
