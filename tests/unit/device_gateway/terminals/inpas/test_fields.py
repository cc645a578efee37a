"""What is asked of an INPAS terminal, and what its answers mean."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from device_gateway.domain.card_operations import Approved, CardOperation, Declined, NotSent, Slips, Unknown
from device_gateway.drivers.terminal.inpas.fields import (
    Field,
    TerminalIdentity,
    is_answer,
    number_of,
    outcome_of,
    request_for,
)
from device_gateway.drivers.terminal.inpas.slips import SlipTags, read_slips
from libs.contracts.terminals import CardReferences, SchemeTotal, TerminalAction

IDENTITY = TerminalIdentity("00010001", "RUB", "643")
TAGS = SlipTags()
SALE = {25: "1", 27: "00010001", 26: number_of("A000000001"), 0: "10000", 4: "643"}
APPROVAL = SALE | {
    39: "1",
    10: "4276001234561234",
    13: "123456",
    14: "000000000042",
    21: "20260302121500",
    90: "0xDF^^SLIP\r\n100.00~0xDA^^SLIP\r\nSIGN~",
}


def operation(action: TerminalAction = "purchase", **changes: object) -> CardOperation:
    values: dict[str, object] = {"currency": "RUB", "amount_minor": 10_000, "reference": "A000000001"} | changes
    return CardOperation(operation_id=UUID(int=1), action=action, **values)  # type: ignore[arg-type]


def test_a_sale_is_asked_with_amount_currency_operation_and_terminal() -> None:
    assert request_for(operation(), IDENTITY) == SALE


def test_a_refund_names_the_retrieval_reference_of_the_original() -> None:
    asked = request_for(operation("refund", original=CardReferences(retrieval_reference="000000000042")), IDENTITY)
    assert asked == SALE | {25: "29", 14: "000000000042"}


@pytest.mark.parametrize(
    ("refused", "sentence"),
    [
        (operation("balance"), "This terminal (INPAS) cannot carry out balance."),
        (operation(currency="EUR"), "This terminal works in RUB, not in EUR."),
        (operation(amount_minor=0), "The amount must be above zero."),
        (operation(cash_back_minor=1), "This terminal (INPAS) gives no cash-back. Pay the goods by card without it."),
        (
            operation("refund"),
            "The retrieval reference (RRN) of the original payment is missing; it is on its slip.",
        ),
    ],
)
def test_what_the_terminal_cannot_do_is_not_sent(refused: CardOperation, sentence: str) -> None:
    assert request_for(refused, IDENTITY) == NotSent(sentence)


def test_an_answer_is_known_by_our_number_where_the_terminal_repeats_it() -> None:
    assert number_of("A000000001").isdecimal()
    assert number_of("A000000001") != number_of("A000000002")
    late = APPROVAL | {26: number_of("A000000002")}
    assert not is_answer(SALE, late)
    for untold in ({}, {26: ""}, {26: "0"}, {26: "0" + SALE[26]}):
        told = {field: text for field, text in APPROVAL.items() if field != 26} | untold
        assert is_answer(SALE, told)
        assert isinstance(outcome_of(SALE, told, tags=TAGS, zone=UTC), Approved)
    asked = request_for(operation(), replace(IDENTITY, takes_our_numbers=False))
    assert asked == {field: text for field, text in SALE.items() if field != 26}


def test_the_last_receipt_is_a_command_whose_answer_has_no_status() -> None:
    asked = request_for(operation("last_slip"), IDENTITY)
    assert asked == {Field.OPERATION: "63", Field.COMMAND_MODE: "1", Field.COMMAND_MODE_2: "22", 27: "00010001"}
    receipt: dict[int, str] = {Field.OPERATION: "63", Field.RECEIPT: "0xDF^^ОПЛАТА~"}
    assert is_answer(asked, receipt)
    assert not is_answer(SALE, receipt)
    assert outcome_of(asked, receipt, tags=TAGS, zone=UTC) == Approved(0, slips=Slips(customer=("ОПЛАТА",)))
    nothing = outcome_of(asked, {25: "63"}, tags=TAGS, zone=UTC)
    assert nothing == Declined("no_slip", "The terminal has no last slip.")
    assert isinstance(outcome_of(asked, {**receipt, Field.OPERATION: "1"}, tags=TAGS, zone=UTC), Unknown)


def test_an_approval_brings_the_references_and_never_a_whole_card_number() -> None:
    outcome = outcome_of(SALE, APPROVAL, tags=TAGS, zone=UTC)
    assert isinstance(outcome, Approved)
    assert outcome.amount_minor == 10_000
    assert outcome.references == CardReferences(
        terminal_id="00010001",
        trace=SALE[26],
        approval_code="123456",
        retrieval_reference="000000000042",
        transaction_time=datetime(2026, 3, 2, 12, 15, tzinfo=UTC),
    )
    assert outcome.card is not None
    assert outcome.card.masked_number == "427600******1234"
    assert outcome.slips == Slips(customer=("SLIP", "100.00"), merchant=("SLIP", "SIGN"))


def test_approved_alone_is_approved_and_done_offline_is_not_believed() -> None:
    assert isinstance(outcome_of(SALE, APPROVAL | {39: "1"}, tags=TAGS, zone=UTC), Approved)
    assert isinstance(outcome_of(SALE, APPROVAL | {39: "17"}, tags=TAGS, zone=UTC), Unknown)


@pytest.mark.parametrize("status", ["16", "34", "53"])
def test_declined_without_connection_and_interrupted_are_declined(status: str) -> None:
    assert isinstance(outcome_of(SALE, SALE | {39: status}, tags=TAGS, zone=UTC), Declined)


@pytest.mark.parametrize("status", ["0", "", "2", "17", "99", "one"])
def test_any_other_status_is_unknown(status: str) -> None:
    assert isinstance(outcome_of(SALE, SALE | {39: status}, tags=TAGS, zone=UTC), Unknown)


@pytest.mark.parametrize(
    "other", [{0: "9999"}, {0: "x"}, {25: "29"}, {25: ""}, {27: "00010002"}, {4: "978"}, {26: "7"}]
)
def test_an_answer_to_another_request_is_not_taken_for_ours(other: dict[int, str]) -> None:
    assert isinstance(outcome_of(SALE, APPROVAL | other, tags=TAGS, zone=UTC), Unknown)


def test_the_end_of_day_brings_sums_and_counts() -> None:
    request = {25: "59", 27: "00010001"}
    answer = request | {39: "1", 29: "30000", 30: "3", 31: "5000", 32: "1"}
    outcome = outcome_of(request, answer, tags=TAGS, zone=UTC)
    assert isinstance(outcome, Approved)
    assert outcome.totals == (
        SchemeTotal(scheme="all", sale_count=3, sale_minor=30_000, refund_count=1, refund_minor=5_000),
    )


def test_a_slip_without_blocks_or_with_a_strange_tag_goes_to_both() -> None:
    assert read_slips("ONE\nTWO\n", TAGS) == Slips(customer=("ONE", "TWO"), merchant=("ONE", "TWO"))
    assert read_slips("0x77^^NEW~", TAGS) == Slips(customer=("NEW",), merchant=("NEW",))
    assert read_slips("", TAGS) == Slips()


def test_a_field_has_the_number_of_the_source() -> None:
    assert (Field.STATUS, Field.OPERATION, Field.RECEIPT) == (39, 25, 90)
