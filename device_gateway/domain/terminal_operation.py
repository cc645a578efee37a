"""An operation of a payment terminal as the journal holds it, and what became of it.

    waiting -> sending -> approved | declined | unknown | not_sent
    waiting -> not_sent | expired
    waiting -> any outcome, for an inquiry that the journal itself can answer

`sending` is written down before the terminal is touched. What is found `sending` after a break is `unknown` for ever:
it is asked about, and never sent a second time.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from device_gateway.domain.card_numbers import without_card_numbers
from device_gateway.domain.card_operations import (
    Approved,
    CardOperation,
    Declined,
    NotFound,
    NotSent,
    OperationResult,
    Unknown,
)
from device_gateway.domain.orders import Trail
from device_gateway.domain.print_job import IllegalTransition
from libs.contracts.terminals import CardReferences, TerminalAction, TerminalAnswered

REFERENCE_CHARACTERS = 10
LONGEST_WAIT = timedelta(minutes=5)
"""An operation that came without an expiry is not begun later than this: the customer has gone."""
HARMLESS: frozenset[TerminalAction] = frozenset({"balance", "last_slip", "inquiry", "end_of_day", "diagnosis"})
"""What moves no money, so that nobody is left in doubt about it."""
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_UUID_VERSION_WITH_TIME = 7


class OperationState(StrEnum):
    """Where an operation stands: `waiting` and `sending` come before the outcomes."""

    WAITING = "waiting"
    SENDING = "sending"
    APPROVED = "approved"
    DECLINED = "declined"
    UNKNOWN = "unknown"
    NOT_SENT = "not_sent"
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        """Whether it is an outcome."""
        return self not in (OperationState.WAITING, OperationState.SENDING)

    @property
    def is_certain(self) -> bool:
        """Whether the terminal said so, for certain."""
        return self in (OperationState.APPROVED, OperationState.DECLINED)

    @property
    def never_left(self) -> bool:
        """Whether certainly nothing reached the terminal, and nothing will."""
        return self in (OperationState.NOT_SENT, OperationState.EXPIRED)


_DECIDED = {OperationState.APPROVED, OperationState.DECLINED, OperationState.UNKNOWN, OperationState.NOT_SENT}
_NEXT = {
    OperationState.WAITING: {OperationState.SENDING, OperationState.NOT_SENT, OperationState.EXPIRED},
    OperationState.SENDING: _DECIDED,
}


@dataclass(frozen=True, slots=True)
class TerminalOperation:
    """What a terminal is to do for a till. `terminal` is None where the till has none; amounts as in OperateTerminal.

    `reference` is how the terminal knows it. `answer` is what payments was told, once it is decided; `resolution` what
    an inquiry found out later about one that was unknown.
    """

    operation_id: UUID
    intent_id: UUID
    gateway_id: UUID
    store_id: UUID
    till_id: UUID
    terminal: str | None
    action: TerminalAction
    currency: str
    amount_minor: int
    cash_back_minor: int
    tip_minor: int
    reference: str
    received_at: datetime
    changed_at: datetime
    trail: Trail
    state: OperationState = OperationState.WAITING
    expires_at: datetime | None = None
    instalments: int | None = None
    original: CardReferences | None = None
    inquired_operation_id: UUID | None = None
    answer: TerminalAnswered | None = None
    resolution: TerminalAnswered | None = None

    @property
    def is_inquiry(self) -> bool:
        """Whether it asks about another operation."""
        return self.action == "inquiry"

    @property
    def in_doubt(self) -> bool:
        """Whether money may have moved and nobody has found out since."""
        return self.state is OperationState.UNKNOWN and self.action not in HARMLESS and self.resolution is None

    @property
    def known_answer(self) -> TerminalAnswered | None:
        """What is certain of it by now: its own answer, or what an inquiry found out."""
        return self.answer if self.state.is_certain else self.resolution

    def sending(self, now: datetime) -> TerminalOperation:
        """The operation that is about to be given to the terminal. Raises IllegalTransition."""
        self._demand(OperationState.SENDING)
        return replace(self, state=OperationState.SENDING, changed_at=now)

    def answered(self, outcome: OperationState, now: datetime, **facts: Any) -> TerminalOperation:
        """The operation after its outcome, with the fields of TerminalAnswered that are known. Raises
        IllegalTransition.
        """
        self._demand(outcome)
        answer = TerminalAnswered(
            **{
                "operation_id": self.operation_id,
                "intent_id": self.intent_id,
                "gateway_id": self.gateway_id,
                "store_id": self.store_id,
                "till_id": self.till_id,
                "action": self.action,
                "outcome": outcome.value,
                "answered_at": now,
                "terminal": self.terminal,
                "currency": self.currency,
                "inquired_operation_id": self.inquired_operation_id if self.is_inquiry else None,
                **facts,
            }
        )
        return replace(self, state=outcome, changed_at=now, answer=answer)

    def given(self, result: OperationResult, now: datetime) -> TerminalOperation:
        """The operation after the terminal's result. Raises IllegalTransition."""
        outcome, facts = _outcome_of(result)
        if isinstance(result, Approved):
            facts |= _shares(self, result)
        return self.answered(outcome, now, **facts)

    def refused(self, refusal: NotSent, now: datetime) -> TerminalOperation:
        """The operation that its terminal cannot carry out, so that it is not asked. Raises IllegalTransition."""
        outcome, facts = _outcome_of(refusal)
        return self.answered(outcome, now, **facts)

    def told(self, result: OperationResult, target: TerminalOperation | None, now: datetime) -> TerminalOperation:
        """The inquiry after what the terminal said of `target` (None: one that this journal does not know)."""
        if isinstance(result, NotFound):
            return self.not_found(now, result.reason)
        outcome, facts = _outcome_of(result)
        if isinstance(result, Approved) and target is not None:
            facts |= _shares(target, result)
        return self.answered(outcome, now, found=True if outcome.is_certain else None, **facts)

    def told_by_journal(self, known: TerminalAnswered, now: datetime) -> TerminalOperation:
        """The inquiry after the journal's own knowledge of the operation that it asks about."""
        own = ("operation_id", "intent_id", "gateway_id", "store_id", "till_id", "action", "outcome", "answered_at")
        facts = {
            name: getattr(known, name)
            for name in TerminalAnswered.model_fields
            if name not in (*own, "inquired_operation_id", "found")
        }
        found = True if known.found is None else known.found
        return self.answered(OperationState(known.outcome), now, **facts, found=found)

    def not_found(self, now: datetime, reason: str) -> TerminalOperation:
        """The inquiry whose answer is: there certainly is no such transaction."""
        return self.answered(
            OperationState.DECLINED,
            now,
            found=False,
            reason_code="not_found",
            reason=without_card_numbers(reason),
        )

    def _demand(self, state: OperationState) -> None:
        allowed = _NEXT.get(self.state, set())
        if self.is_inquiry and self.state is OperationState.WAITING:
            allowed = allowed | _DECIDED
        if state not in allowed:
            raise IllegalTransition(f"an operation of a terminal that is {self.state} cannot become {state}")


def _outcome_of(result: OperationResult) -> tuple[OperationState, dict[str, Any]]:
    """A driver's result as an outcome and fields of TerminalAnswered."""
    match result:
        case Approved():
            return OperationState.APPROVED, {
                "amount_minor": result.amount_minor,
                "card": result.card,
                "references": result.references,
                "customer_slip": tuple(without_card_numbers(line) for line in result.slips.customer),
                "merchant_slip": tuple(without_card_numbers(line) for line in result.slips.merchant),
                "signature_required": result.slips.signature_required,
                "totals": result.totals,
                "reason": without_card_numbers(result.text) or None,
            }
        case Declined():
            return OperationState.DECLINED, {
                "reason_code": without_card_numbers(result.reason_code),
                "reason": without_card_numbers(result.reason),
                "customer_slip": tuple(without_card_numbers(line) for line in result.slips.customer),
                "merchant_slip": tuple(without_card_numbers(line) for line in result.slips.merchant),
            }
        case NotSent():
            return OperationState.NOT_SENT, {
                "reason_code": result.reason_code,
                "reason": without_card_numbers(result.reason),
            }
        case Unknown() | NotFound():
            # `NotFound` answers inquiries only; told of anything else it proves nothing.
            return OperationState.UNKNOWN, {"reason": without_card_numbers(result.reason)}


def _shares(operation: TerminalOperation, approved: Approved) -> dict[str, int]:
    """Cash-back and tip in what was approved, as the terminal says. Where it does not, they are as they were asked for
    if all was approved; a card that had only a part of the amount pays for goods first.
    """
    whole = approved.amount_minor >= operation.amount_minor
    told = {"cash_back_minor": approved.cash_back_minor, "tip_minor": approved.tip_minor}
    asked = {"cash_back_minor": operation.cash_back_minor, "tip_minor": operation.tip_minor}
    return {name: (asked[name] if whole else 0) if minor is None else minor for name, minor in told.items()}


def reference_of(operation_id: UUID, attempt: int = 0) -> str:
    """Our short reference of an operation: 10 letters and digits that follow from its id, so that it can be asked for
    even after the journal was lost. `attempt` gives another one, where this one is taken.
    """
    digest = hashlib.sha256(operation_id.bytes + bytes([attempt])).digest()
    number = int.from_bytes(digest[:8])
    characters = []
    for _ in range(REFERENCE_CHARACTERS):
        number, rest = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[rest])
    return "".join(characters)


def made_at(operation_id: UUID) -> datetime | None:
    """When an id was made, to the millisecond (UUID version 7, RFC 9562, 5.7); None for an id that does not tell."""
    if operation_id.version != _UUID_VERSION_WITH_TIME:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=operation_id.int >> 80)


def asked_of_terminal(
    operation: TerminalOperation, earlier: TerminalOperation | None, held_minor: int | None = None
) -> CardOperation:
    """The operation as its driver takes it. `earlier` is the one whose references it may need.

    What payments left out of the references is filled in from the journal's own. `held_minor` as in CardOperation.
    """
    return CardOperation(
        operation_id=operation.operation_id,
        action=operation.action,
        currency=operation.currency,
        amount_minor=operation.amount_minor,
        reference=operation.reference,
        cash_back_minor=operation.cash_back_minor,
        tip_minor=operation.tip_minor,
        instalments=operation.instalments,
        original=_completed(operation.original, earlier),
        held_minor=held_minor,
    )


def inquiry_of_terminal(
    inquiry: TerminalOperation, target: TerminalOperation | None, held_minor: int | None = None
) -> CardOperation:
    """The inquiry as its driver takes it; `target` is None for an operation that this journal does not know."""
    asked_id = inquiry.inquired_operation_id
    assert asked_id is not None, "an inquiry without an operation is answered before"
    return CardOperation(
        operation_id=inquiry.operation_id,
        action="inquiry",
        currency=target.currency if target else inquiry.currency,
        amount_minor=target.amount_minor if target else inquiry.amount_minor,
        reference=inquiry.reference,
        cash_back_minor=target.cash_back_minor if target else inquiry.cash_back_minor,
        tip_minor=target.tip_minor if target else inquiry.tip_minor,
        original=(target.original if target else None) or inquiry.original,
        sent_action=target.action if target else None,
        sent_reference=target.reference if target else reference_of(asked_id),
        sent_amount_minor=target.amount_minor if target else inquiry.amount_minor,
        instalments=target.instalments if target else inquiry.instalments,
        held_minor=held_minor,
    )


def _completed(told: CardReferences | None, earlier: TerminalOperation | None) -> CardReferences | None:
    known = earlier.known_answer.references if earlier and earlier.known_answer else None
    if known is None or told is None:
        return told or known
    return known.model_copy(update=told.model_dump(exclude_none=True))
