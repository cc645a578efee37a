"""What a ZVT terminal tells, and what became of the operation by it."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_gateway.domain.card_operations import Approved, Declined, OperationResult, Slips, Unknown
from device_gateway.drivers.terminal.zvt import codes
from device_gateway.drivers.terminal.zvt.fields import MalformedFields, bcd, write_fields
from device_gateway.drivers.terminal.zvt.messages import (
    SlipLines,
    StatusInformation,
    read_print_line,
    read_status,
    read_text_block,
)
from device_gateway.drivers.terminal.zvt.outcomes import Reply, outcome_of_money
from device_gateway.drivers.terminal.zvt.simulated_terminal import text_block
from libs.contracts.terminals import CardFacts, CardReferences, SchemeTotal


def _status(result: int = 0, **fields: bytes) -> StatusInformation:
    by_number = {int(name.removeprefix("f"), 16): value for name, value in fields.items()}
    return read_status(write_fields({0x27: bytes([result])} | by_number))


def test_a_status_gives_references_and_card() -> None:
    status = _status(
        f04=bcd(1234, 6),
        f0B=bcd(123, 3),
        f29=bcd(52_000_001, 4),
        f87=bcd(42, 2),
        f3B=b"A00123\0\0",
        f22=bytes.fromhex("443056EEEEEE1234"),
        f8B=b"Visa\0",
        f3C=b"Thank you",
    )

    assert status == StatusInformation(
        result=0,
        amount_minor=1234,
        card=CardFacts(masked_number="443056******1234", scheme="Visa"),
        references=CardReferences(
            terminal_id="52000001", trace="000123", receipt_number="0042", approval_code="A00123"
        ),
        original_trace=None,
        totals=(),
        text="Thank you",
    )
    assert status.identity == "000123/0042"


def test_a_whole_card_number_is_masked_before_anybody_sees_it() -> None:
    status = _status(f22=bytes.fromhex("4111111111111111"), f3C=b"CARD 4111111111111111")

    assert status.card == CardFacts(masked_number="411111******1111")
    assert "4111111111111111" not in repr(status)


def test_no_slip_line_shows_a_whole_card_number() -> None:
    assert read_print_line(b"\x004111 1111 1111 1111").lines == ("[card number]",)
    assert "4111111111111111" not in repr(read_text_block(text_block(1, ("PAN 4111111111111111",))))


def test_lines_are_in_code_page_437_and_ff_feeds_lines() -> None:
    assert read_print_line(b"\x00K\x84se").lines == ("Käse",)
    assert read_print_line(b"\xff\x03").lines == ("", "", "")


@pytest.mark.parametrize(("kind", "merchant", "customer"), [(1, True, False), (2, False, True), (3, True, False)])
def test_a_text_block_says_whose_slip_it_is(kind: int, merchant: bool, customer: bool) -> None:
    assert read_text_block(text_block(kind, ("one", "two"))) == SlipLines(("one", "two"), merchant, customer)


def test_totals_are_by_scheme_without_those_that_sold_nothing() -> None:
    nothing = bytes(7)
    totals = bcd(1, 2) + bcd(9, 2) + b"\x02" + bcd(3000, 6) + nothing * 3 + b"\x01" + bcd(999, 6) + nothing * 2

    assert _status(f60=totals).totals == (
        SchemeTotal(scheme="girocard", sale_count=2, sale_minor=3000, refund_count=0, refund_minor=0),
        SchemeTotal(scheme="Visa", sale_count=1, sale_minor=999, refund_count=0, refund_minor=0),
    )


@given(st.binary(max_size=200))
def test_no_garbage_breaks_the_reading_of_a_status_or_slip(data: bytes) -> None:
    for read in (read_status, read_text_block, read_print_line):
        with contextlib.suppress(MalformedFields):
            read(data)


def _ended(
    code: int | None, status: StatusInformation | None = None, *, refused: bool = False, unreadable: bool = False
) -> OperationResult:
    return outcome_of_money(Reply(status=status, ended_with=code, refused=refused, unreadable=unreadable), 1234)


def test_approved_is_said_twice_in_the_status_and_at_the_end() -> None:
    status = _status(f04=bcd(1234, 6))

    assert _ended(0, status) == Approved(1234, references=CardReferences(), slips=Slips())
    assert isinstance(_ended(0, None), Unknown)
    assert isinstance(_ended(None, status), Unknown)
    assert isinstance(_ended(0, status, unreadable=True), Unknown)


def test_less_than_asked_is_a_partial_approval_and_more_is_in_doubt() -> None:
    partial = _ended(0, _status(f04=bcd(500, 6)))

    assert isinstance(partial, Approved)
    assert partial.amount_minor == 500
    assert isinstance(_ended(0, _status(f04=bcd(1235, 6))), Unknown)


@pytest.mark.parametrize("code", [0x6C, 0x6F, 0x77, 0x78, 0xA0, 0xA3, 0xB4, 0xB5, 0xC5, 0xCD, 0xF0])
def test_these_codes_say_that_no_money_moved(code: int) -> None:
    declined = Declined(f"{code:02X}", codes.RESULTS[code])

    assert _ended(code) == declined
    assert _ended(0, _status(code)) == declined
    assert _ended(code, _status(code)) == declined


@pytest.mark.parametrize("code", [0x9B, 0xA1, 0xFF, 0x11])
def test_these_codes_and_unknown_ones_leave_it_in_doubt(code: int) -> None:
    assert isinstance(_ended(code), Unknown)


def test_an_approval_that_is_then_aborted_is_in_doubt() -> None:
    assert isinstance(_ended(0x6C, _status(f04=bcd(1234, 6))), Unknown)


def test_a_refused_request_was_certainly_not_carried_out() -> None:
    assert _ended(0x83, refused=True) == Declined("83", "The terminal does not support this function.")


def test_what_the_terminal_shows_becomes_a_stage() -> None:
    assert [codes.shown(status)[0] for status in (0x0A, 0x04, 0x05, 0x0E, 0x1D, 0xEE)] == [
        "insert_card",
        "wait_for_host",
        "auto_reversal",
        "wait",
        "declined",
        "wait",
    ]
