"""Card numbers, cash-back, the choice of a terminal, comparison of totals, pauses, and acquirers' files."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.terminals import SchemeTotal
from services.payments.domain.acquirer_file import FileUnreadable, read_acquirer_file
from services.payments.domain.card_data import (
    CardNumberRefused,
    demand_no_card_number,
    has_card_number,
    without_card_numbers,
)
from services.payments.domain.cash_back import CashBackRefused, check_cash_back, limit_minor
from services.payments.domain.schedule import InquirySchedule
from services.payments.domain.settlement import compare
from services.payments.domain.terminal import NoTerminal, Terminal, TerminalKind, choose_terminal


def luhn(digits: str) -> str:
    """The digits with their check digit."""
    total = sum(
        sum(divmod(int(digit) * (2 if place % 2 == 0 else 1), 10)) for place, digit in enumerate(reversed(digits))
    )
    return digits + str(-total % 10)


@given(st.from_regex(r"[1-9][0-9]{11,17}", fullmatch=True), st.sampled_from(["", " ", "-"]))
def test_rule_22_every_card_number_is_recognised_however_it_is_grouped(digits: str, between: str) -> None:
    number = luhn(digits)
    written = between.join(number[place : place + 4] for place in range(0, len(number), 4))
    assert has_card_number(f"card {written}, thanks")
    assert number not in without_card_numbers(f"card {number}, thanks")
    with pytest.raises(CardNumberRefused, match="last four digits"):
        demand_no_card_number(written, "note")


@pytest.mark.parametrize("text", ["4761739001010118", "************0119", "0000000000000000", "123456789012", "A1"])
def test_what_is_no_card_number_stays(text: str) -> None:
    assert without_card_numbers(text) == text


def test_rule_15_limits_of_cash_back_are_data() -> None:
    check_cash_back(0, 0, {}, "EUR")
    check_cash_back(100_000, 1, {}, "PLN")
    with pytest.raises(CashBackRefused, match="At most 100000"):
        check_cash_back(100_001, 1, {}, "PLN")
    with pytest.raises(CashBackRefused, match="No cash-back is given in EUR"):
        check_cash_back(1, 1, {}, "EUR")
    with pytest.raises(CashBackRefused, match="only given with a card purchase"):
        check_cash_back(1, 0, {}, "PLN")
    assert limit_minor({"*": 10, "visa": 20}, "PLN", "Visa") == 20
    assert limit_minor({"visa": 20}, "EUR", "maestro") == 0


STORE, TILL = uuid4(), uuid4()
WIRED = Terminal(uuid4(), STORE, "b-wired", uuid4(), (TILL,), active=True)
SECOND = Terminal(uuid4(), STORE, "c-wired", uuid4(), (TILL,), active=True)
ELSEWHERE = Terminal(uuid4(), STORE, "a-wired", uuid4(), (uuid4(),), active=True)
ALONE = Terminal(uuid4(), STORE, "a-alone", None, (), active=True, kind=TerminalKind.STANDALONE)
ALL = [ALONE, ELSEWHERE, SECOND, WIRED]


def test_a_till_uses_its_own_wired_terminal_unless_told_otherwise() -> None:
    assert choose_terminal(ALL, TILL, None, None) is WIRED
    assert choose_terminal(ALL, TILL, None, ALONE.terminal_id) is ALONE
    assert choose_terminal(ALL, TILL, "c-wired", ALONE.terminal_id) is SECOND
    with pytest.raises(NoTerminal, match="it has: a-alone, b-wired, c-wired"):
        choose_terminal(ALL, TILL, "a-wired", None)
    with pytest.raises(NoTerminal, match="Take another tender"):
        choose_terminal([ALONE, ELSEWHERE], TILL, None, None)


def total(scheme: str, sale: tuple[int, int], refund: tuple[int, int] = (0, 0)) -> SchemeTotal:
    return SchemeTotal(
        scheme=scheme, sale_count=sale[0], sale_minor=sale[1], refund_count=refund[0], refund_minor=refund[1]
    )


def test_rule_21_totals_are_compared_scheme_by_scheme_and_differences_listed_one_by_one() -> None:
    assert compare([total("visa", (2, 500))], [total("VISA", (1, 300)), total("Visa ", (1, 200))]) == []
    found = compare(
        [total("visa", (2, 500)), total("maestro", (1, 100), (1, 50))], [total("visa", (2, 400)), total("amex", (1, 9))]
    )
    assert [(each.scheme, each.kind, each.ours_minor, each.theirs_minor) for each in found] == [
        ("amex", "sale", 0, 9),
        ("maestro", "sale", 100, 0),
        ("maestro", "refund", 50, 0),
        ("visa", "sale", 500, 400),
    ]
    assert len(compare([total("visa", (1, 500))], [total("visa", (2, 500))])) == 1


def test_rule_21_a_terminal_that_tells_one_line_for_all_schemes_is_compared_with_the_sum_of_ours() -> None:
    ours = [total("mir", (2, 500), (1, 100)), total("unknown", (1, 70))]
    assert compare(ours, [total("all", (3, 570), (1, 100))]) == []
    [found] = compare(ours, [total("all", (3, 560), (1, 100))])
    assert (found.scheme, found.kind, found.ours_minor, found.theirs_minor) == ("all", "sale", 570, 560)


def test_pauses_double_up_to_the_longest() -> None:
    schedule = InquirySchedule(5, 60)
    assert [schedule.pause_s(asked) for asked in (1, 2, 3, 4, 5, 1_000_000)] == [5, 10, 20, 40, 60, 60]


def test_each_row_of_an_acquirers_file_is_right_or_refused_with_its_reason() -> None:
    text = (
        "kind;date;currency;amount;retrieval_reference;approval_code;scheme\n"
        "sale;2025-11-19;PLN;40.00;RRN1;A1;VISA\n"
        "refund;2025-11-19;JPY;1000;;A2;\n"
        "\n"
        "gift;2025-11-19;PLN;1.00;RRN2;;\n"
        "sale;19.11.2025;PLN;1.00;RRN2;;\n"
        "sale;2025-11-19;PLN;1.001;RRN2;;\n"
        "sale;2025-11-19;PLN;0.00;RRN2;;\n"
        "sale;2025-11-19;QQQ;1.00;RRN2;;\n"
        "sale;2025-11-19;PLN;1.00;;;\n"
        "sale;2025-11-19;PLN;1.00;4761739001010119;;\n"
        "sale;2025-11-19\n"
    )
    rows = read_acquirer_file("\ufeff" + text, largest_rows=20)
    assert [(row.row_number, row.amount_minor, row.currency, row.day) for row in rows if row.message is None] == [
        (2, 4_000, "PLN", date(2025, 11, 19)),
        (3, 1_000, "JPY", date(2025, 11, 19)),
    ]
    messages = {row.row_number: row.message for row in rows if row.message}
    assert [messages[number].partition(":")[0] for number in (5, 6, 7, 8)] == ["kind", "date", "amount", "amount"]
    assert "QQQ" in (messages[9] or "")
    assert (messages[10] or "").startswith("retrieval_reference or approval_code")
    assert "card number" in (messages[11] or "")
    assert "4761739001010119" not in str(rows)
    assert messages[12] == "2 values instead of 7"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "missing: kind"),
        ("kind,date,currency,amount\nsale,2025-11-19,PLN,1.00\n", "retrieval_reference or approval_code"),
        ("kind,date,currency,amount,approval_code,pan\n", "'pan'"),
        ("kind,date,currency,amount,approval_code\n", "no rows"),
        ("kind,date,currency,amount,approval_code\n" + "sale,2025-11-19,PLN,1.00,A1\n" * 3, "more than 2 rows"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_would_be_right(text: str, says: str) -> None:
    with pytest.raises(FileUnreadable, match=says):
        read_acquirer_file(text, largest_rows=2)
