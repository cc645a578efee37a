"""The money kernel: allocation, rounding to a sum, tax splits and cash rounding, for any amounts."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.money import Money, Quantity, allocate, divide_rounded, round_to_increment, round_to_sum
from libs.pricing import ExchangeRate, cash_due, pay_cash, pay_foreign_cash

fast = settings(max_examples=200, deadline=None, derandomize=True)
amounts = st.integers(-(10**12), 10**12)
increments = st.sampled_from([1, 2, 5, 10, 25, 50, 100])


@fast
@given(amounts, st.lists(st.integers(0, 10**6), min_size=1, max_size=30))
def test_rule_4_an_allocation_sums_to_its_amount_and_mirrors(amount: int, weights: list[int]) -> None:
    parts = allocate(amount, weights)
    assert sum(parts) == amount
    assert allocate(-amount, weights) == [-part for part in parts]
    if sum(weights):
        assert all(
            abs(Fraction(amount * weight, sum(weights)) - part) < 1 for part, weight in zip(parts, weights, strict=True)
        )


@fast
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=30), st.data())
def test_rule_4_a_discount_within_the_goods_never_takes_a_line_below_zero(nets: list[int], data: st.DataObject) -> None:
    discount = data.draw(st.integers(0, sum(nets)))
    assert all(share <= net for share, net in zip(allocate(discount, nets), nets, strict=True))


@fast
@given(st.lists(amounts, min_size=1, max_size=30), st.integers(1, 10**7))
def test_rule_3_rounding_to_the_receipts_sum_is_exact_and_mirrors(numerators: list[int], denominator: int) -> None:
    target = divide_rounded(sum(numerators), denominator)
    parts = round_to_sum(target, numerators, denominator)
    assert sum(parts) == target
    assert all(abs(Fraction(each, denominator) - part) < 1 for each, part in zip(numerators, parts, strict=True))
    assert round_to_sum(-target, [-each for each in numerators], denominator) == [-part for part in parts]


@fast
@given(amounts, increments)
def test_rule_1_cash_rounding_is_symmetric_and_within_half_a_coin(amount: int, increment: int) -> None:
    due = cash_due(amount, increment)
    assert due.payable_minor == due.due_minor + due.rounding_minor
    assert due.payable_minor % increment == 0
    assert 2 * abs(due.rounding_minor) <= increment
    assert cash_due(-amount, increment).payable_minor == -due.payable_minor
    assert round_to_increment(due.payable_minor, increment) == due.payable_minor


@fast
@given(st.integers(0, 10**9), st.integers(0, 10**9), increments)
def test_cash_given_is_applied_or_given_back(due: int, tendered: int, increment: int) -> None:
    paid = pay_cash(due, tendered, increment)
    assert paid.applied_minor + paid.change_minor == tendered
    assert paid.applied_minor == due + paid.rounding_minor - paid.remaining_minor
    assert paid.change_minor >= 0
    assert paid.remaining_minor >= 0
    assert not (paid.remaining_minor and (paid.change_minor or paid.rounding_minor))


@fast
@given(
    st.integers(0, 10**7),
    st.integers(0, 10**7),
    st.decimals("0.0001", "9999", places=4, allow_nan=False),
    st.sampled_from(["EUR", "JPY", "KWD"]),
    increments,
)
def test_rule_16_foreign_cash_is_exact_and_change_is_payable(
    due: int, tendered: int, rate: Decimal, foreign: str, increment: int
) -> None:
    exchange = ExchangeRate(foreign, "PLN", rate)
    paid = pay_foreign_cash(due, tendered, exchange, increment).payment
    assert paid.applied_minor + paid.change_minor == paid.tendered_minor == exchange.to_local(tendered)
    assert paid.applied_minor == due + paid.rounding_minor - paid.remaining_minor
    if paid.tendered_minor > due:
        assert paid.change_minor % increment == 0
        assert paid.applied_minor >= 0
        assert abs(paid.rounding_minor) <= increment


@fast
@given(st.integers(-(10**9), 10**9), st.lists(st.integers(1, 100), min_size=1, max_size=10))
def test_money_split_sums_to_the_whole(amount: int, weights: list[int]) -> None:
    money = Money(amount, "EUR")
    assert Money.total(money.split(weights), "EUR") == money


@fast
@given(st.integers(-(10**9), 10**9), st.integers(0, 10**6))
def test_a_price_of_a_negative_quantity_is_the_mirror(milli: int, unit_price: int) -> None:
    assert Quantity(-milli).price(unit_price) == -Quantity(milli).price(unit_price)
    assert Quantity.of(str(Quantity(milli))) == Quantity(milli)
