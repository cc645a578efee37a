"""The messages that go to an acquirer, field by field (protocols.md D)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.contracts.refusal import Invalid
from services.payments.domain.concentrator.message import Message, key_of_awaited_reply, key_of_reply
from services.payments.domain.concentrator.numbers import (
    Trace,
    TraceNumberWrong,
    next_trace_number,
    retrieval_reference,
)
from services.payments.domain.concentrator.requests import (
    ECHO,
    AmountWrong,
    Card,
    balance,
    batch_item,
    completion,
    network,
    pre_authorisation,
    purchase,
    refund,
    reversal,
)
from services.payments.domain.concentrator.sensitive import Track2
from tests.unit.payments.concentrator.samples import AT, CARD, MERCHANT, PAN, SALE, TRACE


def test_a_purchase_carries_what_the_table_says() -> None:
    message = purchase(MERCHANT, CARD, TRACE, 10_000)
    assert message.mti == "0200"
    assert dict(message.fields) == {
        2: PAN,
        3: "000000",
        4: "000000010000",
        7: "0302111530",
        11: "000042",
        12: "121530",
        13: "0302",
        14: "2912",
        18: "5411",
        22: "012",
        25: "00",
        32: "12345",
        37: "606111000042",
        41: "TERM0001",
        42: "SHOP00000000001",
        49: "985",
    }


def test_cash_back_is_processing_code_09_with_the_total_in_field_4_and_the_cash_in_field_54() -> None:
    message = purchase(MERCHANT, CARD, TRACE, 15_000, cash_back_minor=5_000)
    assert message.fields[3] == "090000"
    assert message.fields[4] == "000000015000"
    assert message.fields[54] == "0040985C000000005000"


def test_a_refund_names_the_original() -> None:
    message = refund(MERCHANT, CARD, TRACE, 500, SALE)
    assert (message.mti, message.fields[3]) == ("0200", "200000")
    assert (message.fields[37], message.fields[38]) == ("606111000042", "A00042")
    assert refund(MERCHANT, CARD, TRACE, 500).fields[37] == "606111000042"


def test_a_pre_authorisation_has_condition_06_and_its_completion_names_it() -> None:
    reserved = pre_authorisation(MERCHANT, CARD, TRACE, 10_000)
    assert (reserved.mti, reserved.fields[25]) == ("0100", "06")
    completed = completion(MERCHANT, None, Trace(43, AT), 9_000, SALE)
    assert (completed.mti, completed.fields[25], completed.fields[4]) == ("0220", "06", "000000009000")
    assert completed.fields[38] == "A00042"
    assert completed.fields[90] == "0200" + "000042" + "0302111530" + "00000012345" + "00000000000"
    assert 2 not in completed.fields


def test_a_balance_enquiry_has_processing_code_31_and_no_amount() -> None:
    message = balance(MERCHANT, CARD, TRACE)
    assert (message.mti, message.fields[3], 4 in message.fields) == ("0100", "310000", False)


@pytest.mark.parametrize("mti", ["0400", "0420", "0421"])
def test_a_reversal_has_a_trace_of_its_own_and_names_the_original_in_field_90(mti: str) -> None:
    message = reversal(MERCHANT, Trace(43, AT), SALE, mti=mti)  # type: ignore[arg-type]
    assert message.mti == mti
    assert message.fields[11] == "000043"
    assert message.fields[90] == "0200000042030211153000000012345" + "00000000000"
    assert message.fields[4] == "000000010000"
    assert 2 not in message.fields


def test_a_partial_reversal_tells_in_field_95_what_remains() -> None:
    message = reversal(MERCHANT, Trace(43, AT), SALE, mti="0420", remaining_minor=4_000)
    assert message.fields[95] == "000000004000" + "0" * 30
    with pytest.raises(AmountWrong, match="What remains"):
        reversal(MERCHANT, TRACE, SALE, mti="0420", remaining_minor=10_000)


def test_a_reversal_never_carries_pin_or_chip() -> None:
    card = Card("051", track_2=Track2(f"{PAN}=29121010000000000000"))
    message = reversal(MERCHANT, Trace(43, AT), SALE, mti="0420", card=card)
    assert message.fields[35].startswith(PAN)
    assert 2 not in message.fields
    assert 52 not in message.fields
    assert 55 not in message.fields


def test_a_batch_item_tells_the_original_again() -> None:
    message = batch_item(MERCHANT, Trace(50, AT), SALE)
    assert (message.mti, message.fields[11], message.fields[37]) == ("0320", "000050", "606111000042")


def test_an_echo_carries_7_11_and_70() -> None:
    message = network(ECHO, TRACE)
    assert (message.mti, dict(message.fields)) == ("0800", {7: "0302111530", 11: "000042", 70: "301"})


@pytest.mark.parametrize("amount_minor", [0, -1, 10**12])
def test_an_amount_that_does_not_fit_is_refused(amount_minor: int) -> None:
    with pytest.raises(AmountWrong):
        purchase(MERCHANT, CARD, TRACE, amount_minor)


def test_cash_back_of_the_whole_amount_is_refused() -> None:
    with pytest.raises(AmountWrong, match="cash-back"):
        purchase(MERCHANT, CARD, TRACE, 5_000, cash_back_minor=5_000)


def test_a_card_without_a_number_is_refused() -> None:
    with pytest.raises(Invalid, match="track 2"):
        Card("012")


def test_trace_numbers_run_from_1_to_999999_and_begin_again() -> None:
    assert [next_trace_number(last) for last in (None, 0, 1, 999_998, 999_999)] == [1, 1, 2, 999_999, 1]
    with pytest.raises(TraceNumberWrong):
        next_trace_number(1_000_000)
    with pytest.raises(TraceNumberWrong):
        Trace(0, AT)


@settings(deadline=None)
@given(st.integers(0, 999_999))
def test_a_trace_number_is_never_out_of_range(last: int) -> None:
    assert 1 <= next_trace_number(last) <= 999_999


def test_the_retrieval_reference_is_year_day_hour_in_utc_and_the_trace_number() -> None:
    assert retrieval_reference(42, datetime(2026, 12, 31, 23, 59, tzinfo=UTC)) == "636523000042"


def test_a_reply_belongs_to_the_request_with_the_same_trace_terminal_and_moment() -> None:
    request = purchase(MERCHANT, CARD, TRACE, 10_000)
    echoed: dict[int, str | None] = {7: "0302111530", 11: "000042", 41: "TERM0001", 39: "00"}
    awaited = key_of_awaited_reply(request)
    assert key_of_reply(Message.of("0210", echoed)) == awaited
    for other in ({7: "0302111531"}, {11: "000043"}, {41: "TERM0002"}):
        assert key_of_reply(Message.of("0210", echoed | other)) != awaited
    assert key_of_reply(Message.of("0410", echoed)) != awaited


@pytest.mark.parametrize("answered_with", ["0430", "0431"])
def test_a_repeated_reversal_is_answered_by_0430_or_0431(answered_with: str) -> None:
    reply = Message.of(answered_with, {7: "0302111530", 11: "000042", 41: "TERM0001", 39: "00"})
    assert key_of_reply(reply) == key_of_awaited_reply(reversal(MERCHANT, TRACE, SALE, mti="0421"))
