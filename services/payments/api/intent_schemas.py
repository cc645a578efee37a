"""Payments as the API shows them, and what it is told of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from libs.contracts.terminals import CardFacts, CardReferences
from libs.contracts.values import CurrencyCode, Instant
from libs.web.authentication import RequestBody
from services.payments.api.dependencies import ApprovalText, PlainText, PositiveMinor, TerminalName
from services.payments.domain.intent import UNRESOLVED, Action, IntentKind, IntentState, Release
from services.payments.domain.payment import HistoryEntry, OperationState, Payment
from services.payments.storage.operations import StoredOperation
from services.payments.use_cases.confirm_intent import Confirmation, Said


class IntentView(BaseModel):
    """A card payment; amounts in minor units of its currency, never negative: `kind` is the direction.

    `unresolved_s` is the age in seconds of one that nothing but an inquiry or a person resolves.
    """

    intent_id: UUID
    store_id: UUID
    till_id: UUID
    kind: IntentKind
    state: IntentState
    pending: Action | None
    currency: CurrencyCode
    amount_minor: int
    cash_back_minor: int
    tip_minor: int
    instalments: int | None
    approved_minor: int
    captured_minor: int
    refunded_minor: int
    refundable_minor: int
    is_tender: bool
    release: Release
    sale_id: UUID | None
    original_intent_id: UUID | None
    terminal_id: UUID | None
    terminal: str | None
    standalone: bool
    card: CardFacts | None
    references: CardReferences | None
    reason_code: str | None
    reason: str | None
    next_inquiry_at: Instant | None
    anomaly_count: int
    settlement_id: UUID | None
    created_at: Instant
    unresolved_s: int | None

    @classmethod
    def of(cls, payment: Payment, now: datetime) -> IntentView:
        """The payment as it stands at `now`."""
        intent = payment.intent
        age_s = int((now - payment.created_at).total_seconds()) if intent.state in UNRESOLVED else None
        return cls(
            intent_id=intent.intent_id,
            store_id=payment.store_id,
            till_id=payment.till_id,
            kind=intent.kind,
            state=intent.state,
            pending=intent.pending,
            currency=intent.currency,
            amount_minor=intent.amount_minor,
            cash_back_minor=intent.cash_back_minor,
            tip_minor=intent.tip_minor,
            instalments=payment.instalments,
            approved_minor=intent.approved_minor,
            captured_minor=intent.captured_minor,
            refunded_minor=intent.refunded_minor,
            refundable_minor=intent.refundable_minor,
            is_tender=payment.is_tender,
            release=intent.release,
            sale_id=payment.sale_id,
            original_intent_id=payment.original_intent_id,
            terminal_id=payment.terminal_id,
            terminal=payment.terminal_name,
            standalone=payment.standalone,
            card=payment.card,
            references=payment.references,
            reason_code=payment.reason_code,
            reason=payment.reason,
            next_inquiry_at=payment.due_at,
            anomaly_count=payment.anomaly_count,
            settlement_id=payment.settlement_id,
            created_at=payment.created_at,
            unresolved_s=age_s,
        )


class HistoryView(BaseModel):
    """A line of a payment's history: `transition`, or `anomaly` for what did not fit."""

    kind: str
    from_state: IntentState | None
    to_state: IntentState
    at: Instant
    by_kind: str
    by_name: str
    by_id: UUID | None
    approved_by_name: str | None
    approved_by_id: UUID | None
    operation_id: UUID | None
    reason: str | None

    @classmethod
    def of(cls, entry: HistoryEntry) -> HistoryView:
        """The line as the API tells it."""
        return cls(
            kind=entry.kind,
            from_state=entry.from_state,
            to_state=entry.to_state,
            at=entry.at,
            by_kind=entry.actor.kind,
            by_name=entry.actor.name,
            by_id=entry.actor.id,
            approved_by_name=entry.actor.approved_by_name,
            approved_by_id=entry.actor.approved_by_id,
            operation_id=entry.operation_id,
            reason=entry.reason,
        )


class OperationView(BaseModel):
    """Something asked of a terminal. `answer` is what it said, without card numbers; its slips are in it."""

    operation_id: UUID
    intent_id: UUID | None
    terminal: str
    action: str
    state: OperationState
    currency: CurrencyCode
    amount_minor: int
    inquired_operation_id: UUID | None
    requested_at: Instant
    answered_at: Instant | None
    answer: dict[str, Any] | None

    @classmethod
    def of(cls, operation: StoredOperation) -> OperationView:
        """The operation as the API tells it."""
        return cls(
            operation_id=operation.operation_id,
            intent_id=operation.intent_id,
            terminal=operation.terminal_name,
            action=operation.action,
            state=operation.state,
            currency=operation.currency,
            amount_minor=operation.amount_minor,
            inquired_operation_id=operation.inquired_operation_id,
            requested_at=operation.requested_at,
            answered_at=operation.answered_at,
            answer=operation.answer,
        )


class IntentDetail(IntentView):
    """A card payment with its history and its operations, oldest first."""

    history: list[HistoryView]
    operations: list[OperationView]


class ConfirmationBody(RequestBody):
    """What a person reads from a slip or from the terminal's display."""

    outcome: Said = Field(default=Said.APPROVED, description="declined: certainly nothing was taken.")
    approval_code: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,12}$")] | None = None
    last_four: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}$")] | None = Field(
        default=None, description="The last four digits of the card; never more of them."
    )
    amount_minor: PositiveMinor | None = Field(default=None, description="What the slip says; absent, what was asked.")
    scheme: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z ]{0,39}$")] | None = None
    retrieval_reference: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,12}$")] | None = Field(
        default=None, description="The slip's RRN; some terminals give a payment back by it alone."
    )
    note: PlainText | None = None
    approval: ApprovalText | None = Field(
        default=None, description="A manager's approval of payments.confirm bound to the intent's id."
    )

    def confirmation(self) -> Confirmation:
        """What is said, for the use case."""
        return Confirmation(
            self.outcome,
            self.approval_code,
            self.last_four,
            self.amount_minor,
            self.scheme,
            self.note,
            self.retrieval_reference,
        )


class ReversalBody(RequestBody):
    """Why the money goes back."""

    reason: PlainText


class RefundBody(RequestBody):
    """How much goes back, and on which terminal: the one of the payment unless another is named."""

    amount_minor: PositiveMinor
    terminal: TerminalName | None = None


class PreAuthorisationBody(RequestBody):
    """What is to be held on a card."""

    currency: CurrencyCode
    amount_minor: PositiveMinor
    till_id: UUID | None = Field(default=None, description="Absent, the till that the caller is signed on at.")
    terminal: TerminalName | None = Field(default=None, description="Absent, the till's own.")


class IncrementBody(RequestBody):
    """By how much more is held."""

    amount_minor: PositiveMinor


class CompletionBody(RequestBody):
    """How much of what is held is taken."""

    amount_minor: PositiveMinor | None = Field(default=None, description="Absent, all of it.")


class CancellationBody(RequestBody):
    """Why the hold is given up."""

    reason: PlainText | None = None
