"""Intents in any order of events: never two actions undecided, never more given back than taken, never guessed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from libs.contracts.refusal import Invalid
from services.payments.domain.intent import (
    IN_FLIGHT,
    REFUNDABLE,
    Action,
    AnotherActionPending,
    IllegalIntentTransition,
    Intent,
    IntentKind,
    IntentState,
    RefundTooLarge,
    Release,
)

ID = UUID(int=1)
AMOUNTS = st.integers(1, 10_000)
FIRST = (Action.PURCHASE, Action.REFUND, Action.PRE_AUTHORISATION)
WAYS = ("sent to the terminal", "by hand", "with the card")


def intent(kind: IntentKind = IntentKind.PURCHASE, amount_minor: int = 4_000, **more: Any) -> Intent:
    return Intent(ID, kind, "PLN", amount_minor, **more)


def started(of: Intent, action: Action, way: str) -> Intent:
    return of.started(action, of.whole_minor, by_hand=way == "by hand", needs_card=way == "with the card")


class IntentMachine(RuleBasedStateMachine):
    """Drives an intent by whatever may happen, beside a card of its own that remembers what was really moved."""

    def __init__(self) -> None:
        super().__init__()
        self.intent = intent()
        self.on_card_minor = 0
        self.held_minor = 0
        self.reserved: list[int] = []
        self.charges = 0
        self.presented = 0

    @rule(kind=st.sampled_from(IntentKind), amount_minor=AMOUNTS)
    @precondition(lambda self: self.intent.version == 1)
    def is_of_kind(self, kind: IntentKind, amount_minor: int) -> None:
        self.intent = intent(kind, amount_minor)

    @rule(action=st.sampled_from(Action), way=st.sampled_from(WAYS))
    def starts(self, action: Action, way: str) -> None:
        pending = self.intent.pending
        try:
            moved = started(self.intent, action, way)
        except AnotherActionPending:
            assert pending is not None
            return
        except IllegalIntentTransition:
            return
        assert pending is None, "an action was started while another one was not decided"
        self.intent = moved
        self.presented = 0

    @rule(till=st.sampled_from(["till 1", "till 2"]))
    def card_is_presented(self, till: str) -> None:
        """By either of two tills that show the same payment, as often as they like."""
        before = self.intent
        try:
            self.intent = self.intent.card_presented()
        except IllegalIntentTransition:
            assert before.state is not IntentState.AWAITING_CARD
            return
        self.presented += 1
        assert self.presented == 1, f"{till} sent to the acquirer what had been sent before"
        assert (self.intent.pending, self.intent.resting) == (before.pending, before.resting)

    @rule(amount_minor=AMOUNTS)
    def is_approved(self, amount_minor: int) -> None:
        action, before = self.intent.pending, self.intent
        try:
            self.intent = self.intent.approved(amount_minor)
        except IllegalIntentTransition:
            assert action is None or before.state is IntentState.AWAITING_CARD
            return
        assert before.state is not IntentState.AWAITING_CARD, "approved, and nobody was asked"
        if action in (Action.PURCHASE, Action.REFUND, Action.COMPLETION):
            self.on_card_minor, self.held_minor = amount_minor, 0
            self.charges += 1
        elif action is Action.PRE_AUTHORISATION or action is Action.INCREMENT:
            self.held_minor += amount_minor
        elif action is Action.REVERSAL:
            assert before.refunded_minor == 0
            self.on_card_minor, self.held_minor = 0, 0
        else:
            self.held_minor = 0

    @rule()
    def is_declined(self) -> None:
        before = self.intent
        try:
            self.intent = self.intent.declined()
        except IllegalIntentTransition:
            assert before.pending is None

    @rule()
    def answer_is_lost(self) -> None:
        before = self.intent
        try:
            self.intent = self.intent.lost()
        except IllegalIntentTransition:
            assert before.state not in IN_FLIGHT
        else:
            assert self.intent.pending is before.pending

    @rule()
    def is_undone(self) -> None:
        """The acquirer has confirmed the reversal of what it never answered: whatever it had taken is back."""
        before = self.intent
        try:
            self.intent = self.intent.undone()
        except IllegalIntentTransition:
            assert before.state is not IntentState.UNKNOWN or before.pending not in FIRST
            return
        assert self.on_card_minor == self.intent.captured_minor == self.intent.approved_minor == 0
        held = before.kind is IntentKind.PRE_AUTHORISATION
        assert self.intent.state is (IntentState.CANCELLED if held else IntentState.REVERSED)

    @rule(amount_minor=AMOUNTS)
    def is_approved_late(self, amount_minor: int) -> None:
        try:
            self.intent = self.intent.approved_late(amount_minor)
        except IllegalIntentTransition:
            return
        self.on_card_minor = amount_minor
        assert self.intent.pending is self.intent.undoing

    @rule()
    def is_captured(self) -> None:
        before = self.intent
        try:
            self.intent = self.intent.captured()
        except IllegalIntentTransition:
            assert before.state is not IntentState.APPROVED
        else:
            assert self.intent.captured_minor == self.on_card_minor

    @rule(amount_minor=AMOUNTS)
    def refund_starts(self, amount_minor: int) -> None:
        left = self.intent.refundable_minor
        try:
            self.intent = self.intent.refund_reserved(amount_minor)
        except RefundTooLarge:
            assert amount_minor > left
        except IllegalIntentTransition:
            assert self.intent.state not in REFUNDABLE
        else:
            assert amount_minor <= left
            self.reserved.append(amount_minor)

    @rule(given_back=st.booleans())
    @precondition(lambda self: bool(self.reserved))
    def refund_ends(self, given_back: bool) -> None:
        amount_minor = self.reserved.pop()
        self.intent = self.intent.refund_ended(amount_minor, amount_minor if given_back else 0)

    @rule(by=st.sampled_from([Release.SALES, Release.OPERATOR]))
    def release_is_asked(self, by: Release) -> None:
        before = self.intent.release
        self.intent = self.intent.release_asked(by)
        assert self.intent.release is (Release.SALES if before is Release.SALES else by)

    @invariant()
    def an_undecided_outcome_has_its_action(self) -> None:
        waiting = self.intent.state in IN_FLIGHT | {
            IntentState.UNKNOWN,
            IntentState.AWAITING_CONFIRMATION,
            IntentState.AWAITING_CARD,
        }
        assert (self.intent.pending is not None) == waiting

    @invariant()
    def never_more_back_than_captured(self) -> None:
        assert 0 <= self.intent.refunded_minor + self.intent.refund_pending_minor <= max(self.intent.captured_minor, 0)
        assert self.intent.refund_pending_minor == sum(self.reserved)

    @invariant()
    def a_card_is_charged_at_most_once(self) -> None:
        assert self.charges <= 1


IntentMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestIntentMachine = IntentMachine.TestCase


def sent(action: Action = Action.PURCHASE) -> Intent:
    return intent().started(action, 4_000)


@pytest.mark.parametrize("state", ["sent", "unknown"])
@pytest.mark.parametrize("action", list(Action))
def test_nothing_is_sent_while_an_outcome_is_not_known(state: str, action: Action) -> None:
    waiting = sent() if state == "sent" else sent().lost()
    with pytest.raises(AnotherActionPending, match="not known yet"):
        waiting.started(action, 4_000)


@pytest.mark.parametrize("action", [Action.INCREMENT, Action.REVERSAL, Action.COMPLETION, Action.CANCELLATION])
def test_what_waits_for_the_card_is_in_the_same_state_as_any_other_once_it_is_sent(action: Action) -> None:
    ready = sent().approved(4_000).captured()
    if action is not Action.REVERSAL:
        hold = intent(IntentKind.PRE_AUTHORISATION)
        ready = hold.started(Action.PRE_AUTHORISATION, 4_000).approved(4_000)
    with_card = started(ready, action, "with the card").card_presented()
    assert with_card.state is started(ready, action, "sent to the terminal").state


def test_a_payment_that_waits_for_its_card_cannot_have_been_approved() -> None:
    waiting = started(intent(), Action.PURCHASE, "with the card")
    with pytest.raises(IllegalIntentTransition, match="awaiting card and cannot become approved"):
        waiting.approved(4_000)
    assert waiting.declined().state is IntentState.DECLINED


def test_an_unknown_payment_becomes_what_it_turns_out_to_be() -> None:
    assert sent().lost().approved(3_000).approved_minor == 3_000
    assert sent().lost().declined().state is IntentState.DECLINED


def test_a_declined_reversal_before_the_sale_is_complete_leaves_money_that_should_go_back() -> None:
    refused = sent().approved(4_000).started(Action.REVERSAL, 4_000).declined()
    assert refused.state is IntentState.REVERSAL_REFUSED
    assert refused.started(Action.REVERSAL, 4_000).approved(4_000).state is IntentState.REVERSED


def test_a_declined_void_leaves_the_payment_captured() -> None:
    voiding = sent().approved(4_000).captured().started(Action.REVERSAL, 4_000)
    assert voiding.state is IntentState.VOIDING
    assert voiding.declined().state is IntentState.CAPTURED
    assert voiding.approved(4_000).state is IntentState.VOIDED


def test_a_pre_authorisation_is_incremented_completed_and_refunded() -> None:
    held = intent(IntentKind.PRE_AUTHORISATION, 10_000).started(Action.PRE_AUTHORISATION, 10_000).approved(10_000)
    more = held.started(Action.INCREMENT, 5_000).approved(5_000)
    assert (more.state, more.approved_minor) == (IntentState.INCREMENTED, 15_000)
    assert held.started(Action.INCREMENT, 5_000).declined().state is IntentState.AUTHORISED
    done = more.started(Action.COMPLETION, 12_000).approved(12_000)
    assert (done.state, done.captured_minor, done.refundable_minor) == (IntentState.COMPLETED, 12_000, 12_000)
    back = done.refund_reserved(12_000).refund_ended(12_000, 12_000)
    assert back.state is IntentState.REFUNDED
    assert more.started(Action.CANCELLATION, 0).approved(0).state is IntentState.CANCELLED


def test_rule_18_an_approved_payment_is_not_captured_and_cannot_be_refunded_yet() -> None:
    with pytest.raises(IllegalIntentTransition, match="approved and cannot become refunded"):
        sent().approved(4_000).refund_reserved(1)


def test_a_refund_that_is_reversed_is_captured_again() -> None:
    part = sent().approved(4_000).captured().refund_reserved(1_000).refund_ended(1_000, 1_000)
    assert part.state is IntentState.PART_REFUNDED
    again = part.refund_undone(1_000)
    assert (again.state, again.refundable_minor) == (IntentState.CAPTURED, 4_000)


@pytest.mark.parametrize("amount_minor", [0, -1])
def test_an_intent_is_of_an_amount_above_zero(amount_minor: int) -> None:
    with pytest.raises(Invalid, match="above zero"):
        intent(amount_minor=amount_minor)


def test_a_late_approval_is_given_back() -> None:
    late = sent().declined().approved_late(4_000)
    assert (late.state, late.pending) == (IntentState.REVERSING, Action.REVERSAL)
    assert late.approved(4_000).state is IntentState.REVERSED
