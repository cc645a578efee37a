"""A payment intent: what is to happen to a card, stored before anything is sent, and everything that may become of it.

Two rules make a second charge impossible. An intent has at most one action pending, and a further one is legal only
once that is decided. And an unknown outcome leaves `unknown` by knowledge alone: what an inquiry found, or what a
person read on the slip (retail rules 17 and 19).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from libs.contracts.refusal import Conflict, Invalid


class IntentKind(StrEnum):
    """Which way the money goes, and whether at once."""

    PURCHASE = "purchase"
    REFUND = "refund"
    PRE_AUTHORISATION = "pre_authorisation"


class Action(StrEnum):
    """An action on an intent that moves money or a hold; the names are those of the terminal contract."""

    PURCHASE = "purchase"
    REFUND = "refund"
    REVERSAL = "reversal"
    PRE_AUTHORISATION = "pre_authorisation"
    INCREMENT = "increment"
    COMPLETION = "completion"
    CANCELLATION = "pre_authorisation_cancel"


class IntentState(StrEnum):
    """Where an intent stands.

    `awaiting_confirmation`: a person does it at a standalone terminal and types what its slip says.
    `awaiting_card`: the concentrator needs the card, keyed or read; nothing was sent to anybody yet.
    `reversal_refused`: money that should go back is still taken, because the terminal would not give it back.
    """

    CREATED = "created"
    AWAITING_CONFIRMATION = "awaiting_confirmation"
    AWAITING_CARD = "awaiting_card"
    SENT = "sent"
    APPROVED = "approved"
    DECLINED = "declined"
    UNKNOWN = "unknown"
    REVERSING = "reversing"
    REVERSED = "reversed"
    REVERSAL_REFUSED = "reversal_refused"
    CAPTURED = "captured"
    VOIDING = "voiding"
    VOIDED = "voided"
    PART_REFUNDED = "part_refunded"
    REFUNDED = "refunded"
    AUTHORISED = "authorised"
    INCREMENTING = "incrementing"
    INCREMENTED = "incremented"
    COMPLETING = "completing"
    COMPLETED = "completed"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"


S = IntentState

UNRESOLVED = frozenset({S.UNKNOWN, S.REVERSAL_REFUSED, S.AWAITING_CONFIRMATION})
"""What an operator has to look after: nothing resolves it but an inquiry or a person."""

REFUNDABLE = frozenset({S.CAPTURED, S.PART_REFUNDED, S.COMPLETED})
"""Captured, and not all of it given back."""

TAKEN = frozenset({S.APPROVED, S.CAPTURED, S.PART_REFUNDED, S.REFUNDED, S.COMPLETED, S.VOIDING, S.REVERSAL_REFUSED})
"""Money moved at the terminal, so that the terminal's end of day counts it."""

IN_FLIGHT = frozenset({S.SENT, S.REVERSING, S.VOIDING, S.INCREMENTING, S.COMPLETING, S.CANCELLING})
"""Something was sent to a terminal and its answer is awaited."""

_HELD = frozenset({S.AUTHORISED, S.INCREMENTED})

_STARTS_FROM: dict[Action, frozenset[IntentState]] = {
    Action.PURCHASE: frozenset({S.CREATED}),
    Action.REFUND: frozenset({S.CREATED}),
    Action.PRE_AUTHORISATION: frozenset({S.CREATED}),
    # From `declined`, `reversed`, `voided` and `cancelled` only after a late approval: see `approved_late`.
    Action.REVERSAL: frozenset({S.APPROVED, S.CAPTURED, S.COMPLETED, S.REVERSAL_REFUSED}),
    Action.INCREMENT: _HELD,
    Action.COMPLETION: _HELD,
    Action.CANCELLATION: _HELD,
}
_FIRST = frozenset({Action.PURCHASE, Action.REFUND, Action.PRE_AUTHORISATION})
_APPROVED_AS: dict[Action, IntentState] = {
    Action.PURCHASE: S.APPROVED,
    Action.REFUND: S.APPROVED,
    Action.PRE_AUTHORISATION: S.AUTHORISED,
    Action.INCREMENT: S.INCREMENTED,
    Action.COMPLETION: S.COMPLETED,
    Action.CANCELLATION: S.CANCELLED,
}
_SENT_AS: dict[Action, IntentState] = {
    Action.INCREMENT: S.INCREMENTING,
    Action.COMPLETION: S.COMPLETING,
    Action.CANCELLATION: S.CANCELLING,
}
_ENDED_WITHOUT_MONEY = frozenset({S.DECLINED, S.REVERSED, S.VOIDED, S.CANCELLED})


class IllegalIntentTransition(Conflict):
    """The intent was asked to go where it cannot go from its state."""

    type = "illegal-intent-transition"


class AnotherActionPending(IllegalIntentTransition):
    """The outcome of an earlier action is not known yet; a second one might charge twice."""

    type = "action-pending"


class RefundTooLarge(Invalid):
    """More would be given back than was captured and not given back yet."""

    type = "refund-too-large"


class Release(StrEnum):
    """Who asked for the money to go back, if anybody."""

    NOBODY = "nobody"
    SALES = "sales"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Intent:
    """One payment with a card. Amounts are minor units of `currency` and never negative; `kind` is the direction.

    `amount_minor` is what the tender is to count for; `cash_back_minor` and `tip_minor` come on top, and
    `approved_minor` is the whole that the terminal approved. `pending` is the action whose outcome is awaited or
    unknown, with its amount; `resting` is the state to go back to when it is declined. `version` counts the changes.
    """

    intent_id: UUID
    kind: IntentKind
    currency: str
    amount_minor: int
    cash_back_minor: int = 0
    tip_minor: int = 0
    state: IntentState = S.CREATED
    pending: Action | None = None
    pending_minor: int = 0
    resting: IntentState | None = None
    approved_minor: int = 0
    captured_minor: int = 0
    refunded_minor: int = 0
    refund_pending_minor: int = 0
    release: Release = Release.NOBODY
    version: int = 1

    def __post_init__(self) -> None:
        if self.amount_minor <= 0 or self.cash_back_minor < 0 or self.tip_minor < 0:
            raise Invalid("A card payment is of an amount above zero, with no negative part.", field="amount_minor")

    @property
    def whole_minor(self) -> int:
        """What the terminal is asked for: the amount with cash-back and tip."""
        return self.amount_minor + self.cash_back_minor + self.tip_minor

    @property
    def refundable_minor(self) -> int:
        """What may still be given back."""
        if self.state not in REFUNDABLE:
            return 0
        return self.captured_minor - self.refunded_minor - self.refund_pending_minor

    def started(self, action: Action, amount_minor: int, *, by_hand: bool = False, needs_card: bool = False) -> Intent:
        """The intent with `action` pending: sent to a terminal, to be done by hand, or waiting for the card.

        Raises AnotherActionPending, or IllegalIntentTransition when the action makes no sense in this state.
        """
        if self.pending is not None:
            raise AnotherActionPending(
                f"The outcome of this payment's {self.pending.replace('_', ' ')} is not known yet. Ask the terminal"
                " for it first; nothing else is sent before.",
                state=self.state.value,
            )
        if self.state not in _STARTS_FROM[action] or (action in _FIRST and action.value != self.kind.value):
            raise self._illegal(action.value.replace("_", " "))
        if action is Action.REVERSAL and (self.refunded_minor or self.refund_pending_minor):
            raise IllegalIntentTransition(
                "A part of this payment was given back; give the rest back by a refund, too.", state=self.state.value
            )
        return self._start(action, amount_minor, by_hand, needs_card)

    def _start(self, action: Action, amount_minor: int, by_hand: bool, needs_card: bool) -> Intent:
        if by_hand:
            state = S.AWAITING_CONFIRMATION
        elif needs_card:
            state = S.AWAITING_CARD
        else:
            state = _sent_as(action, self.state)
        return self._moved(state, pending=action, pending_minor=amount_minor, resting=self.state)

    def card_presented(self) -> Intent:
        """The card is there and is sent to its acquirer. Raises IllegalIntentTransition."""
        if self.state is not S.AWAITING_CARD or self.pending is None or self.resting is None:
            raise self._illegal("sent")
        return self._moved(_sent_as(self.pending, self.resting), keep_pending=True)

    def refused(self) -> Intent:
        """Nothing was sent, because something stands in the way. Raises IllegalIntentTransition."""
        if self.state is not S.CREATED:
            raise self._illegal("declined")
        return self._moved(S.DECLINED)

    def approved(self, amount_minor: int) -> Intent:
        """The pending action took place, for `amount_minor`. Raises IllegalIntentTransition, Invalid for nothing."""
        action, resting = self._decided("approved")
        if self.state is S.AWAITING_CARD:
            # Nobody was asked yet, so nobody can have said so.
            raise self._illegal("approved")
        if action is Action.REVERSAL:
            state = S.VOIDED if resting in (S.CAPTURED, S.COMPLETED) else S.REVERSED
            return self._moved(state, captured_minor=0)
        if action is Action.CANCELLATION:
            return self._moved(S.CANCELLED)
        if amount_minor <= 0:
            raise Invalid("An approval is of an amount above zero.", field="amount_minor")
        state = _APPROVED_AS[action]
        if action is Action.COMPLETION:
            return self._moved(state, captured_minor=amount_minor)
        total = self.approved_minor + amount_minor if action is Action.INCREMENT else amount_minor
        return self._moved(state, approved_minor=total)

    def declined(self) -> Intent:
        """The pending action certainly did not take place. Raises IllegalIntentTransition."""
        action, resting = self._decided("declined")
        if action in _FIRST:
            return self._moved(S.DECLINED)
        if action is Action.REVERSAL and resting not in (S.CAPTURED, S.COMPLETED):
            return self._moved(S.REVERSAL_REFUSED)
        if action is Action.REVERSAL and self.release is Release.SALES:
            # The sale is voided already: the money must go back, by whatever way.
            return self._moved(S.REVERSAL_REFUSED)
        return self._moved(resting)

    def lost(self) -> Intent:
        """The answer to the pending action was lost. Raises IllegalIntentTransition."""
        if self.state is S.UNKNOWN:
            return self
        if self.state not in IN_FLIGHT:
            raise self._illegal("unknown")
        return self._moved(S.UNKNOWN, keep_pending=True)

    def undone(self) -> Intent:
        """What was unknown was reversed, and the acquirer has confirmed that. Raises IllegalIntentTransition."""
        if self.state is not S.UNKNOWN or self.pending not in _FIRST:
            raise self._illegal("reversed")
        return self._moved(S.CANCELLED if self._is_hold else S.REVERSED)

    def approved_late(self, amount_minor: int) -> Intent:
        """An approval came in for what was declared declined or reversed: the money is taken and goes back.

        The reversal is pending in the result, of a hold its cancellation. Raises IllegalIntentTransition.
        """
        if self.state not in _ENDED_WITHOUT_MONEY or self.pending is not None:
            raise self._illegal("approved")
        state, resting = (S.CANCELLING, S.AUTHORISED) if self._is_hold else (S.REVERSING, S.APPROVED)
        return self._moved(
            state,
            approved_minor=amount_minor,
            pending=self.undoing,
            pending_minor=amount_minor,
            resting=resting,
        )

    @property
    def undoing(self) -> Action:
        """The action that undoes the first one."""
        return Action.CANCELLATION if self._is_hold else Action.REVERSAL

    @property
    def _is_hold(self) -> bool:
        return self.kind is IntentKind.PRE_AUTHORISATION

    def captured(self) -> Intent:
        """The sale is complete; for terminals the approval was final. Raises IllegalIntentTransition."""
        if self.state is not S.APPROVED:
            raise self._illegal("captured")
        return self._moved(S.CAPTURED, captured_minor=self.approved_minor)

    def refund_reserved(self, amount_minor: int) -> Intent:
        """With an amount that is on its way back. Raises RefundTooLarge, or IllegalIntentTransition."""
        if self.state not in REFUNDABLE:
            raise self._illegal("refunded")
        if not 0 < amount_minor <= self.refundable_minor:
            raise RefundTooLarge(
                f"At most {self.refundable_minor} minor units of this payment can be given back, not {amount_minor}.",
                field="amount_minor",
                left_minor=self.refundable_minor,
            )
        return replace(self, refund_pending_minor=self.refund_pending_minor + amount_minor, version=self.version + 1)

    def refund_ended(self, reserved_minor: int, given_back_minor: int) -> Intent:
        """The refund of a reserved amount is decided: so much of it was given back, perhaps nothing."""
        if not 0 <= given_back_minor <= reserved_minor <= self.refund_pending_minor:
            raise self._illegal("refunded by more than was reserved")
        refunded = self.refunded_minor + given_back_minor
        state = self.state
        if given_back_minor:
            state = S.REFUNDED if refunded >= self.captured_minor else S.PART_REFUNDED
        return replace(
            self,
            state=state,
            refunded_minor=refunded,
            refund_pending_minor=self.refund_pending_minor - reserved_minor,
            version=self.version + 1,
        )

    def refund_undone(self, amount_minor: int) -> Intent:
        """A refund of this payment was itself reversed: so much is captured again."""
        if not 0 < amount_minor <= self.refunded_minor:
            raise self._illegal("un-refunded by more than was given back")
        refunded = self.refunded_minor - amount_minor
        state = S.PART_REFUNDED if refunded else self._captured_state()
        return replace(self, state=state, refunded_minor=refunded, version=self.version + 1)

    def release_asked(self, by: Release) -> Intent:
        """Noting who wants the money back; sales outranks an operator, because it waits for the answer."""
        if by is self.release or self.release is Release.SALES:
            return self
        return replace(self, release=by, version=self.version + 1)

    def _captured_state(self) -> IntentState:
        return S.COMPLETED if self._is_hold else S.CAPTURED

    def _decided(self, word: str) -> tuple[Action, IntentState]:
        if self.pending is None or self.resting is None:
            raise self._illegal(word)
        return self.pending, self.resting

    def _moved(self, state: IntentState, *, keep_pending: bool = False, **changes: object) -> Intent:
        cleared: dict[str, object] = {} if keep_pending else {"pending": None, "pending_minor": 0, "resting": None}
        return replace(self, state=state, version=self.version + 1, **{**cleared, **changes})  # type: ignore[arg-type]

    def _illegal(self, word: str) -> IllegalIntentTransition:
        return IllegalIntentTransition(
            f"This payment is {self.state.replace('_', ' ')} and cannot become {word}.", state=self.state.value
        )


def _sent_as(action: Action, resting: IntentState) -> IntentState:
    """The state while the outcome of an action is awaited that was started from `resting`."""
    if action is Action.REVERSAL:
        return S.VOIDING if resting in (S.CAPTURED, S.COMPLETED) else S.REVERSING
    return _SENT_AS.get(action, S.SENT)
