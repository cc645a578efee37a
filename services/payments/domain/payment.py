"""What is kept of a payment beside its state: where, for what, by which card; its operations and its history."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from libs.contracts.terminals import CardFacts, CardReferences, TerminalAction
from services.payments.domain.intent import Action, Intent, IntentState
from services.payments.domain.terminal import Terminal, TerminalKind


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did something: `kind` is staff, till, terminal, sales or payments itself. Both names of an approved act."""

    kind: str
    name: str
    id: UUID | None = None
    approved_by_id: UUID | None = None
    approved_by_name: str | None = None


SALES = Actor("sales", "sales")
TERMINAL = Actor("terminal", "the terminal")
PAYMENTS = Actor("payments", "payments")


class OperationState(StrEnum):
    """What is known of an operation sent to a terminal."""

    OPEN = "open"
    APPROVED = "approved"
    DECLINED = "declined"
    UNKNOWN = "unknown"
    NOT_SENT = "not_sent"
    EXPIRED = "expired"
    NOT_FOUND = "not_found"
    REVERSED = "reversed"

    @property
    def undecided(self) -> bool:
        """Whether money may still have moved by it."""
        return self in (OperationState.OPEN, OperationState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Operation:
    """One attempt: something asked of a terminal. Amounts as in `OperateTerminal`.

    `intent_id` is None for what concerns no payment (balance, last slip, diagnosis, end of day).
    """

    operation_id: UUID
    intent_id: UUID | None
    store_id: UUID
    till_id: UUID
    terminal: Terminal
    action: TerminalAction
    currency: str
    amount_minor: int
    cash_back_minor: int = 0
    tip_minor: int = 0
    original: CardReferences | None = None
    inquired_operation_id: UUID | None = None
    instalments: int | None = None

    @property
    def moves_money(self) -> bool:
        """Whether it is one of an intent's own actions, of which only one may be undecided."""
        return self.action in list(Action)


@dataclass(frozen=True, slots=True)
class Payment:
    """An intent with everything known about it. The terminal is where its last action was done.

    `is_tender` says that sales asked for it and waits for outcomes (the tender's id is the intent's); `outcome_count`
    numbers what it was told, `event_count` the published changes. `due_at` is when the next inquiry or reversal is
    due, `asked` how many there have been. `fulfils_release` marks a refund that stands for the release of its original.
    """

    intent: Intent
    store_id: UUID
    till_id: UUID
    is_tender: bool
    created_at: datetime
    sale_id: UUID | None = None
    original_intent_id: UUID | None = None
    fulfils_release: bool = False
    terminal_id: UUID | None = None
    terminal_name: str | None = None
    terminal_kind: TerminalKind | None = None
    gateway_id: UUID | None = None
    operation_id: UUID | None = None
    first_operation_id: UUID | None = None
    instalments: int | None = None
    card: CardFacts | None = None
    references: CardReferences | None = None
    reason_code: str | None = None
    reason: str | None = None
    due_at: datetime | None = None
    asked: int = 0
    anomaly_count: int = 0
    outcome_count: int = 0
    event_count: int = 0
    settlement_id: UUID | None = None
    decided_at: datetime | None = None

    @property
    def state(self) -> IntentState:
        """The intent's state."""
        return self.intent.state

    @property
    def standalone(self) -> bool:
        """Whether a person works the terminal."""
        return self.terminal_kind is TerminalKind.STANDALONE

    @property
    def concentrated(self) -> bool:
        """Whether payments itself asks the acquirer."""
        return self.terminal_kind is TerminalKind.CONCENTRATED

    @property
    def card_given_back_to(self) -> CardFacts | None:
        """The card of a refund of this payment: many terminals name none when money goes back to it."""
        return CardFacts(masked_number=self.card.masked_number, scheme=self.card.scheme) if self.card else None

    def with_intent(self, intent: Intent) -> Payment:
        """The payment with its intent changed."""
        return replace(self, intent=intent)

    def at(self, terminal: Terminal) -> Payment:
        """The payment as one of `terminal`."""
        return replace(
            self,
            terminal_id=terminal.terminal_id,
            terminal_name=terminal.name,
            terminal_kind=terminal.kind,
            gateway_id=terminal.gateway_id,
        )

    def terminal(self) -> Terminal:
        """The terminal of its last action. Only for payments that have one."""
        assert self.terminal_id is not None, "a payment that was started has its terminal"
        assert self.terminal_kind is not None, "a terminal has its kind"
        return Terminal(
            self.terminal_id,
            self.store_id,
            self.terminal_name or "",
            self.gateway_id,
            (self.till_id,),
            active=True,
            kind=self.terminal_kind,
        )


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A line of a payment's history: a transition, or an anomaly that somebody should look at."""

    kind: str
    from_state: IntentState | None
    to_state: IntentState
    at: datetime
    actor: Actor
    operation_id: UUID | None = None
    reason: str | None = None
