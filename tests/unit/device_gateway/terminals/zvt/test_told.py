"""What a ZVT terminal tells, and what became of the operation by it."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_gateway.domain.card_operations import Approved, Declined, OperationResult, Slips, Unknown
from device_gateway.drivers.terminal.zvt import codes
from device_gateway.drivers.terminal.zvt.apdu import Apdu
from device_gateway.drivers.terminal.zvt.fields import MalformedFields, Tlv, bcd, write_fields
from device_gateway.drivers.terminal.zvt.messages import refusal_code
from device_gateway.drivers.terminal.zvt.outcomes import (
    Asked,
    Reply,
    outcome_of_balance,
    outcome_of_money,
    outcome_of_status_enquiry,
)
from device_gateway.drivers.terminal.zvt.simulated_words import text_block
from device_gateway.drivers.terminal.zvt.told import (
    Abilities,
    SlipLines,
    StatusInformation,
    read_abilities,
    read_print_line,
    read_status,
    read_text_block,
)
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
    read_abilities(data)
    for read in (read_status, read_text_block, read_print_line):
        with contextlib.suppress(MalformedFields):
            read(data)


def _told(*objects: Tlv, **fields: bytes) -> StatusInformation:
    """A status with TLV objects."""
    return _status(0, f06=b"".join(found.encode() for found in objects), **fields)


def test_the_shares_the_balance_and_the_signature_are_in_the_tlv_container() -> None:
    status = _told(
        Tlv(0x1F25, bcd(5000, 6)),
        Tlv(0x1F36, bcd(200, 6)),
        Tlv(0x1F6A, bcd(2550, 6)),
        Tlv(0x2F, Tlv(0x1F10, b"\x01").encode() + Tlv(0x1F12, b"\x01").encode()),
        f49=bcd(985, 2),
    )

    assert (status.cash_back_minor, status.tip_minor, status.balance_minor) == (5000, 200, 2550)
    assert (status.signature, status.currency_number) == (True, 985)


@pytest.mark.parametrize(("kind", "signs"), [(0, False), (1, True), (2, False), (5, True), (6, True), (7, True)])
def test_the_cardholder_authentication_says_whether_to_sign(kind: int, signs: bool) -> None:
    assert _told(Tlv(0x1F10, bytes([kind]))).signature is signs


def test_a_balance_below_zero_begins_with_a_d() -> None:
    assert _told(Tlv(0x1F6A, bytes.fromhex("D00000002550"))).balance_minor == -2550
    assert _told(Tlv(0x1F3F, bcd(40, 3))).balance_minor == 40


def test_a_trace_number_of_more_than_six_digits_is_in_its_tag() -> None:
    status = _told(Tlv(0x1F2B, bytes.fromhex("0012345678")), f0B=bytes(3), f87=bcd(7, 2))

    assert status.references.trace == "0012345678"
    assert status.identity == "0012345678/0007"


def test_what_a_maker_adds_and_nobody_can_read_hides_no_approval() -> None:
    status = _status(f04=bcd(1234, 6), f06=Tlv(0x1F25, bcd(50, 6)).encode() + b"\xff\x09\x00")

    assert (status.amount_minor, status.cash_back_minor) == (1234, 50)


def test_an_end_of_day_is_another_receipt_than_any_payment() -> None:
    day = _status(f04=bcd(0, 6), f0B=bcd(9, 3), f60=bcd(1, 2) + bcd(1, 2) + bytes(49))

    assert day.of_a_day
    assert day.identity == "end of day 000009"


def test_a_registration_tells_what_the_terminal_takes_and_reads() -> None:
    commands = Tlv(0x26, Tlv(0x0A, b"\x06\x01").encode() + Tlv(0x0A, b"\x06\x03").encode())
    tags = Tlv(0x1F71, bytes.fromhex("15 1F25"))
    abilities = read_abilities(write_fields({0x19: b"\0", 0x06: commands.encode() + tags.encode()}))

    assert abilities == Abilities(frozenset({0x0601, 0x0603}), frozenset({0x15, 0x1F25}))
    assert abilities.may_take(0x0603)
    assert not abilities.may_take(0x0622)
    assert abilities.says_it_reads(0x1F25)
    assert not abilities.may_read(0x1F36)


def test_a_terminal_that_says_nothing_of_itself_may_do_all_and_says_that_it_reads_nothing() -> None:
    for told in (b"", b"\x19\x00", b"\x77"):
        abilities = read_abilities(told)
        assert abilities.may_take(0x0603)
        assert abilities.may_read(0x1F70)
        assert not abilities.says_it_reads(0x1F25)


@pytest.mark.parametrize(("wire", "code"), [("84 9C", 0x9C), ("84 1E 6F 09 78", 0x6F), ("84 1E", 0x1E)])
def test_a_refusal_tells_its_code(wire: str, code: int) -> None:
    data = bytes.fromhex(wire)
    assert refusal_code(Apdu(int.from_bytes(data[:2], "big"), data[2:])) == code


def test_the_text_block_says_whether_the_customer_signs_on_it() -> None:
    assert read_text_block(text_block(1, ("one",), signed=True)).signature
    assert not read_text_block(text_block(1, ("one",))).signature
    # A negative receipt (04) has nothing to sign, whatever else is set.
    refused = Tlv(0x1F37, b"\x06").encode() + Tlv(0x25, Tlv(0x07, b"x").encode()).encode()
    assert not read_text_block(write_fields({0x06: refused})).signature


def test_where_the_customer_signs_the_merchants_slip_has_a_line_for_it_once() -> None:
    signed = _told(Tlv(0x1F10, b"\x01"))
    bare = Reply(signed, [SlipLines(("MERCHANT",), customer=False), SlipLines(("CUSTOMER",), merchant=False)])
    with_field = Reply(signed, [SlipLines(("MERCHANT", "Sign: __________"), customer=False, signature=True)])
    with_rule = Reply(signed, [SlipLines(("MERCHANT", "____________"))])
    on_its_own_paper = Reply(signed)

    assert bare.printed == Slips(("CUSTOMER",), ("MERCHANT", "", "X_______________________"), True)
    assert with_field.printed.merchant == ("MERCHANT", "Sign: __________")
    assert with_rule.printed.merchant == ("MERCHANT", "____________")
    assert on_its_own_paper.printed == Slips((), (), True)


def _ended(
    code: int | None, status: StatusInformation | None = None, *, refused: bool = False, unreadable: bool = False
) -> OperationResult:
    return outcome_of_money(Reply(status=status, ended_with=code, refused=refused, unreadable=unreadable), Asked(1234))


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


def _of(asked: Asked, status: StatusInformation) -> OperationResult:
    return outcome_of_money(Reply(status=status, ended_with=0), asked)


def test_more_than_asked_is_approved_only_by_what_the_tip_grew() -> None:
    asked = Asked(1300, "EUR", tip_minor=100)
    larger = _of(asked, _told(Tlv(0x1F36, bcd(250, 6)), f04=bcd(1450, 6)))
    still_larger = _of(asked, _told(Tlv(0x1F36, bcd(250, 6)), f04=bcd(1451, 6)))

    assert isinstance(larger, Approved)
    assert (larger.amount_minor, larger.tip_minor, larger.cash_back_minor) == (1450, 250, None)
    assert isinstance(still_larger, Unknown)


def test_a_partial_reversal_is_booked_whichever_amount_the_terminal_names() -> None:
    asked = Asked(4200, "EUR", released_minor=800)
    booked = [_of(asked, _status(f04=bcd(named, 6))) for named in (4200, 800)]

    assert [result.amount_minor for result in booked if isinstance(result, Approved)] == [4200, 4200]
    assert isinstance(_of(asked, _status(f04=bcd(5000, 6))), Unknown)


def test_an_answer_in_another_currency_is_in_doubt() -> None:
    assert isinstance(_of(Asked(1234, "EUR"), _status(f04=bcd(1234, 6), f49=bcd(985, 2))), Unknown)
    assert isinstance(_of(Asked(1234, "EUR"), _status(f04=bcd(1234, 6), f49=bcd(978, 2))), Approved)


def _balance(status: StatusInformation | None, code: int = 0) -> OperationResult:
    return outcome_of_balance(Reply(status=status, ended_with=code), "EUR")


def test_a_balance_is_what_is_left_on_the_card() -> None:
    told = _balance(_told(Tlv(0x1F6A, bcd(2550, 6)), f49=bcd(978, 2)))
    in_the_amount = _balance(_status(f04=bcd(300, 6)))

    assert isinstance(told, Approved)
    assert told.amount_minor == 2550
    assert isinstance(in_the_amount, Approved)
    assert in_the_amount.amount_minor == 300
    assert isinstance(_balance(_status()), Unknown)
    assert isinstance(_balance(_status(f04=bcd(300, 6), f49=bcd(756, 2))), Unknown)
    assert isinstance(_balance(None), Unknown)
    assert _balance(None, 0x6C) == Declined("6C", codes.RESULTS[0x6C])


@pytest.mark.parametrize(("completion", "ready"), [("", True), ("00", True), ("19 00", True), ("C2", False)])
def test_a_status_enquiry_tells_a_byte(completion: str, ready: bool) -> None:
    result = outcome_of_status_enquiry(Reply(ended_with=0, completion=bytes.fromhex(completion)))

    assert isinstance(result, Approved if ready else Declined)


@pytest.mark.parametrize(("code", "says"), [(0x05, "code 05"), (0x33, "code 51"), (0x63, "code 99"), (0x37, "PIN")])
def test_what_the_host_answers_is_a_certain_decline(code: int, says: str) -> None:
    result = _ended(code, _status(code))

    assert isinstance(result, Declined)
    assert says in result.reason


@pytest.mark.parametrize("code", [0x6C, 0x6F, 0x77, 0x78, 0xA0, 0xA3, 0xB4, 0xB5, 0xC5, 0xCD, 0xF0])
def test_these_codes_say_that_no_money_moved(code: int) -> None:
    declined = Declined(f"{code:02X}", codes.RESULTS[code])

    assert _ended(code) == declined
    assert _ended(0, _status(code)) == declined
    assert _ended(code, _status(code)) == declined


@pytest.mark.parametrize("code", [0x7D, 0x9B, 0xA1, 0xF1, 0xFF, 0xAA])
def test_these_codes_and_unknown_ones_leave_it_in_doubt(code: int) -> None:
    assert isinstance(_ended(code), Unknown)


def test_an_approval_that_is_then_aborted_is_in_doubt() -> None:
    assert isinstance(_ended(0x6C, _status(f04=bcd(1234, 6))), Unknown)


def test_a_refused_request_was_certainly_not_carried_out() -> None:
    assert _ended(0x83, refused=True) == Declined("83", "The terminal does not support this function.")


def test_what_the_terminal_shows_becomes_a_stage() -> None:
    assert [codes.shown(status)[0] for status in (0x0A, 0x04, 0x05, 0x0E, 0x1D, 0x4B, 0x40, 0xEE)] == [
        "insert_card",
        "wait_for_host",
        "auto_reversal",
        "wait",
        "declined",
        "remove_card",
        "wait",
        "wait",
    ]
    assert codes.shown(0x5D) == ("declined", "Declined. Remove the card")
