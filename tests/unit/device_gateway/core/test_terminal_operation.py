"""The states of an operation at a payment terminal, what is told of it, and by which reference it is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from device_gateway.domain.card_numbers import without_card_numbers
from device_gateway.domain.card_operations import Approved, Declined, NotFound, NotSent, OperationResult, Slips, Unknown
from device_gateway.domain.orders import Trail
from device_gateway.domain.print_job import IllegalTransition
from device_gateway.domain.terminal_operation import (
    OperationState,
    TerminalOperation,
    asked_of_terminal,
    inquiry_of_terminal,
    made_at,
    reference_of,
)
from libs.contracts.terminals import CardReferences

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER = NOON + timedelta(seconds=7)
ID = UUID("0195567e-8c00-7000-8000-000000000001")
CARD = "4111 1111 1111 1111"


def operation(**changed: Any) -> TerminalOperation:
    values: dict[str, Any] = {
        "operation_id": ID,
        "intent_id": uuid4(),
        "gateway_id": uuid4(),
        "store_id": uuid4(),
        "till_id": uuid4(),
        "terminal": "card-terminal",
        "action": "purchase",
        "currency": "EUR",
        "amount_minor": 1_000,
        "cash_back_minor": 0,
        "tip_minor": 100,
        "reference": reference_of(ID),
        "received_at": NOON,
        "changed_at": NOON,
        "trail": Trail("correlation"),
    }
    return TerminalOperation(**(values | changed))


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        (Approved(1_000), "approved"),
        (Declined("51", "Insufficient funds"), "declined"),
        (Unknown("The line broke."), "unknown"),
        (NotSent("It was not reached."), "not_sent"),
        # A driver must not say so of anything but an inquiry; if it does, that proves nothing.
        (NotFound("It knows no such transaction."), "unknown"),
    ],
)
def test_each_result_of_a_driver_is_an_outcome(result: OperationResult, outcome: str) -> None:
    told = operation().sending(NOON).given(result, LATER)
    assert (told.state.value, told.changed_at) == (outcome, LATER)
    assert told.answer is not None
    assert (told.answer.outcome, told.answer.answered_at, told.answer.found) == (outcome, LATER, None)


@pytest.mark.parametrize("final", [state for state in OperationState if state.is_final])
def test_what_is_decided_stays_decided_and_is_never_sent(final: OperationState) -> None:
    decided = operation(state=final)
    with pytest.raises(IllegalTransition, match=f"that is {final} cannot become sending"):
        decided.sending(LATER)
    with pytest.raises(IllegalTransition):
        decided.answered(OperationState.APPROVED, LATER)


def test_only_an_inquiry_is_answered_without_being_sent() -> None:
    with pytest.raises(IllegalTransition, match="that is waiting cannot become approved"):
        operation().answered(OperationState.APPROVED, LATER)
    inquiry = operation(action="inquiry", inquired_operation_id=uuid4())
    assert inquiry.not_found(LATER, "It never came.").state is OperationState.DECLINED


def test_an_operation_at_the_terminal_cannot_expire() -> None:
    with pytest.raises(IllegalTransition):
        operation().sending(NOON).answered(OperationState.EXPIRED, LATER)


def test_no_card_number_leaves_in_any_text() -> None:
    slips = Slips((f"CARD {CARD}",), ("4111111111111111",))
    approved = operation().sending(NOON).given(Approved(1_000, slips=slips, text=CARD), LATER).answer
    declined = operation().sending(NOON).given(Declined(CARD, f"Card {CARD} is blocked", slips), LATER).answer
    assert approved is not None
    assert declined is not None
    assert approved.customer_slip == ("CARD [card number]",)
    for told in (approved, declined):
        assert "1111 1111" not in told.model_dump_json()
        assert "41111111" not in told.model_dump_json()


def test_rule_22_masked_numbers_references_and_fixed_width_zeros_are_no_card_numbers() -> None:
    for text in ("443056******1234", "RRN 512345678901", "00000000000000", "4111111111111112", "12345678901234567890"):
        assert without_card_numbers(text) == text


def test_a_reference_follows_from_the_id_and_differs_between_ids_and_attempts() -> None:
    assert reference_of(ID) == reference_of(UUID(str(ID)))
    references = {reference_of(UUID(int=ID.int + number), attempt) for number in range(500) for attempt in range(2)}
    assert len(references) == 1_000
    assert all(len(each) == 10 and each.isascii() and each.isalnum() for each in references)


def test_an_id_tells_when_it_was_made_only_if_it_holds_its_time() -> None:
    # RFC 9562, appendix A.6: the example of version 7 is of 2022-02-22 14:22:22 GMT-5.
    example = UUID("017F22E2-79B0-7CC3-98C4-DC0C0C07398F")
    assert made_at(example) == datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC)
    assert made_at(uuid4()) is None


def test_what_payments_leaves_out_of_the_references_is_filled_in_from_the_journal() -> None:
    known = CardReferences(receipt_number="0001", transaction_id="T1", trace="000001")
    sale = operation().sending(NOON).given(Approved(1_000, references=known), LATER)
    reversal = operation(action="reversal", original=CardReferences(receipt_number="0002"))
    assert asked_of_terminal(reversal, sale).original == CardReferences(
        receipt_number="0002", transaction_id="T1", trace="000001"
    )
    assert asked_of_terminal(reversal, None).original == CardReferences(receipt_number="0002")


def test_an_inquiry_asks_for_what_was_sent_and_not_for_what_the_inquiry_says() -> None:
    sale = operation(original=CardReferences(trace="7")).sending(NOON).given(Unknown("The line broke."), LATER)
    inquiry = operation(
        operation_id=uuid4(), action="inquiry", inquired_operation_id=ID, amount_minor=5, reference="INQUIRY000"
    )
    asked = inquiry_of_terminal(inquiry, sale)
    assert (asked.sent_action, asked.sent_reference, asked.sent_amount_minor) == ("purchase", reference_of(ID), 1_000)
    assert (asked.reference, asked.original) == ("INQUIRY000", CardReferences(trace="7"))
    foreign = inquiry_of_terminal(inquiry, None)
    assert (foreign.sent_action, foreign.sent_reference, foreign.sent_amount_minor) == (None, reference_of(ID), 5)


def test_a_part_approved_holds_neither_cash_back_nor_tip() -> None:
    asked = operation(cash_back_minor=200, tip_minor=100).sending(NOON)
    part, whole = asked.given(Approved(400), LATER).answer, asked.given(Approved(1_000), LATER).answer
    assert part is not None
    assert whole is not None
    assert (part.amount_minor, part.cash_back_minor, part.tip_minor) == (400, 0, 0)
    assert (whole.amount_minor, whole.cash_back_minor, whole.tip_minor) == (1_000, 200, 100)


def test_what_the_terminal_names_as_cash_back_and_tip_is_told_and_not_what_was_asked() -> None:
    asked = operation(amount_minor=1_300, cash_back_minor=200, tip_minor=100).sending(NOON)
    declined_tip = asked.given(Approved(1_200, cash_back_minor=200, tip_minor=0), LATER).answer
    larger_tip = asked.given(Approved(1_350, tip_minor=150), LATER).answer
    assert declined_tip is not None
    assert larger_tip is not None
    assert (declined_tip.amount_minor, declined_tip.cash_back_minor, declined_tip.tip_minor) == (1_200, 200, 0)
    assert (larger_tip.amount_minor, larger_tip.cash_back_minor, larger_tip.tip_minor) == (1_350, 200, 150)


def test_an_inquiry_knows_cash_back_and_tip_of_what_it_asks_about() -> None:
    sale = operation(cash_back_minor=200, tip_minor=100)
    inquiry = operation(action="inquiry", inquired_operation_id=ID, tip_minor=0)
    asked = inquiry_of_terminal(inquiry, sale, held_minor=7)
    assert (asked.cash_back_minor, asked.tip_minor, asked.held_minor) == (200, 100, 7)


def test_only_what_may_have_moved_money_is_in_doubt() -> None:
    assert operation(state=OperationState.UNKNOWN).in_doubt
    assert not operation(state=OperationState.UNKNOWN, action="end_of_day").in_doubt
    assert not operation(state=OperationState.DECLINED).in_doubt
