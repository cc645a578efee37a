"""Rules of shifts that need no database: business dates, counts, authority, rates."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID, uuid4

import pytest

from libs.contracts.permissions import Permission
from libs.web.principal import Approval, Limits, Principal
from services.sales.domain.authority import ApprovalDoesNotFit, ApprovalRequired, check_approval, may_alone
from services.sales.domain.cash_count import CashCount, CountedDenomination, CountedTwice, UnknownDenomination
from services.sales.domain.denominations import denominations_of
from services.sales.domain.exchange_rate import InvalidExchangeRate, parse_rate
from services.sales.domain.shift import Shift, ShiftIsClosed, ShiftPolicy, ShiftState, WrongCurrency

ANNA, MARIA, SHIFT_ID = uuid4(), uuid4(), uuid4()


def caller(*permissions: Permission, cash_out_minor: int = 0) -> Principal:
    return Principal(
        id=ANNA,
        kind="staff",
        name="Anna",
        permissions=frozenset(permissions),
        limits=Limits(cash_out_minor=cash_out_minor),
    )


def approval(
    action: str = Permission.SALES_CASH_OUT,
    bound_to: UUID = SHIFT_ID,
    requested_by: UUID = ANNA,
    cash_out_minor: int = 100_000,
) -> Approval:
    return Approval(uuid4(), action, str(bound_to), MARIA, "Maria", requested_by, Limits(cash_out_minor=cash_out_minor))


@pytest.mark.parametrize(
    ("moment", "zone", "day"),
    [
        # 03:59 and 04:00 in Warsaw (UTC+1 in winter): the day changes at four.
        (datetime(2025, 11, 20, 2, 59, tzinfo=UTC), "Europe/Warsaw", date(2025, 11, 19)),
        (datetime(2025, 11, 20, 3, 0, tzinfo=UTC), "Europe/Warsaw", date(2025, 11, 20)),
        # Summer time: four o'clock is 02:00 UTC.
        (datetime(2025, 7, 20, 1, 59, tzinfo=UTC), "Europe/Warsaw", date(2025, 7, 19)),
        (datetime(2025, 7, 20, 2, 0, tzinfo=UTC), "Europe/Warsaw", date(2025, 7, 20)),
        # It is already tomorrow in Ulaanbaatar when it is still today in London.
        (datetime(2025, 11, 19, 22, 0, tzinfo=UTC), "Asia/Ulaanbaatar", date(2025, 11, 20)),
    ],
)
def test_business_date_is_the_stores_own_and_changes_at_the_set_hour(moment: datetime, zone: str, day: date) -> None:
    assert ShiftPolicy(day_starts_at_hour=4).business_date(moment, zone) == day


def test_business_date_with_a_day_that_starts_at_midnight() -> None:
    policy = ShiftPolicy(day_starts_at_hour=0)
    assert policy.business_date(datetime(2025, 11, 19, 23, 0, tzinfo=UTC), "Europe/Warsaw") == date(2025, 11, 20)


def shift() -> Shift:
    return Shift(
        SHIFT_ID, uuid4(), uuid4(), ANNA, "Anna", "PLN", date(2025, 11, 19), datetime(2025, 11, 19, tzinfo=UTC)
    )


def test_a_shift_is_closed_once() -> None:
    closed = shift().closed(z_number=7, at=datetime(2025, 11, 19, 20, tzinfo=UTC))
    assert (closed.state, closed.version, closed.z_number) == (ShiftState.CLOSED, 2, 7)
    with pytest.raises(ShiftIsClosed, match="closed with Z 7"):
        closed.closed(z_number=8, at=datetime(2025, 11, 19, 21, tzinfo=UTC))


def test_a_till_counts_in_the_currency_of_its_store() -> None:
    with pytest.raises(WrongCurrency, match="counts in PLN, not in EUR") as refused:
        shift().demand_currency("EUR")
    assert refused.value.field == "currency"


def test_rule_24_count_by_denomination_comes_to_the_exact_amount() -> None:
    count = CashCount.of("EUR", [(1, 3), (50_000, 1), (200, 7), (5, 0)], field="counts.0.denominations")
    assert count.amount_minor == 51_403
    assert count.denominations == (
        CountedDenomination(50_000, 1),
        CountedDenomination(200, 7),
        CountedDenomination(1, 3),
    )


def test_rule_24_a_note_that_does_not_exist_is_refused_by_name_of_its_field() -> None:
    with pytest.raises(UnknownDenomination, match="EUR has no note or coin of 300 minor units") as refused:
        CashCount.of("EUR", [(200, 1), (300, 1)], field="counts.0.denominations")
    assert refused.value.field == "counts.0.denominations.1.value_minor"
    assert refused.value.facts["denominations_minor"][:3] == [50_000, 20_000, 10_000]


def test_rule_24_a_denomination_counted_twice_is_refused() -> None:
    with pytest.raises(CountedTwice, match="200 EUR minor units are counted twice"):
        CashCount.of("EUR", [(200, 1), (200, 2)], field="counts.0.denominations")


@pytest.mark.parametrize(
    ("code", "largest", "smallest"),
    [("PLN", 50_000, 1), ("MNT", 2_000_000, 100), ("JPY", 10_000, 1), ("CHF", 100_000, 5), ("KWD", 100_000_000, 1)],
)
def test_denominations_are_those_of_the_currency(code: str, largest: int, smallest: int) -> None:
    known = denominations_of(code)
    assert (known[0], known[-1]) == (largest, smallest)
    assert list(known) == sorted(set(known), reverse=True)


def test_rule_26_permission_alone_is_not_enough_over_the_limit() -> None:
    anna = caller(Permission.SALES_CASH_OUT, cash_out_minor=5_000)
    assert may_alone(anna, Permission.SALES_CASH_OUT, lambda limits: limits.cash_out_minor >= 5_000)
    assert not may_alone(anna, Permission.SALES_CASH_OUT, lambda limits: limits.cash_out_minor >= 5_001)
    assert not may_alone(anna, Permission.SALES_VOID, None)


def test_rule_26_a_limit_without_the_permission_is_worth_nothing() -> None:
    assert not may_alone(caller(cash_out_minor=5_000), Permission.SALES_CASH_OUT, lambda limits: True)


ASKED_FOR = {"action": "sales.cash_out", "permission": "sales.cash_out", "bound_to": str(SHIFT_ID)}


def test_rule_26_an_approval_that_fits_is_given_back() -> None:
    fitting = approval()
    found = check_approval(
        fitting, caller(), Permission.SALES_CASH_OUT, str(SHIFT_ID), lambda limits: limits.cash_out_minor >= 100_000
    )
    assert found is fitting


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (approval(action=Permission.SALES_VOID), "is for sales.void, not for sales.cash_out"),
        (approval(bound_to=UUID(int=1)), "was given for 00000000-0000-0000-0000-000000000001"),
        (approval(requested_by=UUID(int=2)), "was not asked for by Anna"),
        (approval(cash_out_minor=99_999), "goes beyond what Maria may allow"),
    ],
)
def test_rule_26_an_approval_for_something_else_is_refused(given: Approval, why: str) -> None:
    with pytest.raises(ApprovalDoesNotFit, match=why) as refused:
        check_approval(
            given, caller(), Permission.SALES_CASH_OUT, str(SHIFT_ID), lambda limits: limits.cash_out_minor >= 100_000
        )
    assert refused.value.facts == ASKED_FOR


def test_rule_26_without_an_approval_the_refusal_says_which_one_to_ask_for() -> None:
    with pytest.raises(ApprovalRequired, match=r"the permission sales\.cash_out is missing") as refused:
        check_approval(None, caller(), Permission.SALES_CASH_OUT, str(SHIFT_ID), None)
    assert refused.value.facts == ASKED_FOR
    with pytest.raises(ApprovalRequired, match="it is over your limit"):
        check_approval(None, caller(Permission.SALES_CASH_OUT), Permission.SALES_CASH_OUT, str(SHIFT_ID), None)


@pytest.mark.parametrize("text", ["4.2537", "0.0000000001", "1000000000", "1e2"])
def test_rule_16_rates_are_positive_decimals(text: str) -> None:
    assert parse_rate(text) > 0


@pytest.mark.parametrize("text", ["0", "-1", "NaN", "Infinity", "four", "", "0.00000000001", "1000000001", "1e400"])
def test_rule_16_anything_else_is_no_rate(text: str) -> None:
    with pytest.raises(InvalidExchangeRate) as refused:
        parse_rate(text)
    assert refused.value.field == "rate"
