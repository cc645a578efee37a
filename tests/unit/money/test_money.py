"""Money, quantities, currencies and rounding: exact values through the public names."""

from decimal import Decimal

import pytest

from libs.money import (
    CurrencyMismatch,
    InvalidQuantity,
    Money,
    Quantity,
    UnknownCurrency,
    currency,
    divide_rounded,
    round_to_increment,
)


@pytest.mark.parametrize(("numerator", "rounded"), [(5, 1), (4, 0), (-5, -1), (-4, 0), (15, 2), (25, 3), (-25, -3)])
def test_halves_are_rounded_away_from_zero(numerator: int, rounded: int) -> None:
    assert divide_rounded(numerator, 10) == rounded
    assert divide_rounded(-numerator, -10) == rounded


@pytest.mark.parametrize(
    ("amount", "increment", "rounded"),
    [(12_935, 10, 12_940), (-12_935, 10, -12_940), (12_932, 5, 12_930), (12_933, 5, 12_935), (149, 100, 100)],
)
def test_rule_1_cash_rounding_rounds_the_magnitude(amount: int, increment: int, rounded: int) -> None:
    assert round_to_increment(amount, increment) == rounded


def test_rule_1_an_increment_is_positive() -> None:
    with pytest.raises(ValueError, match="positive number of minor units, not 0"):
        round_to_increment(1, 0)


def test_money_adds_in_one_currency_only() -> None:
    assert Money(150, "EUR") + Money(50, "EUR") - Money(20, "EUR") == Money(180, "EUR")
    assert Money.total([Money(1, "EUR"), Money(2, "EUR")], "EUR") == Money(3, "EUR")
    with pytest.raises(CurrencyMismatch, match="EUR and PLN"):
        Money(1, "EUR") + Money(1, "PLN")


def test_money_is_whole_minor_units_of_a_currency_that_exists() -> None:
    with pytest.raises(TypeError, match="whole number of minor units"):
        Money(1.5, "EUR")  # type: ignore[arg-type]  # the float is what is tested
    with pytest.raises(UnknownCurrency, match="'eur' is not an ISO 4217"):
        Money(1, "eur")


def test_money_shares_and_splits_exactly() -> None:
    assert Money(1000, "EUR").share(21, 121) == Money(174, "EUR")
    assert [part.amount_minor for part in Money(1000, "EUR").split([1, 1, 1])] == [334, 333, 333]


@pytest.mark.parametrize(
    ("code", "digits", "amount"),
    [("EUR", 2, "12.34"), ("JPY", 0, "1234"), ("KWD", 3, "1.234"), ("MNT", 2, "12.34"), ("HUF", 2, "12.34")],
)
def test_amounts_have_the_digits_the_books_keep(code: str, digits: int, amount: str) -> None:
    assert currency(code).digits == digits
    assert Money(1234, code).decimal() == Decimal(amount)


def test_money_is_written_as_people_of_the_language_do() -> None:
    assert Money(123_456, "EUR").format("en") == "€1,234.56"
    assert Money(123_456, "PLN").format("pl") == "1\xa0234,56\xa0zł"


@pytest.mark.parametrize(("text", "milli"), [("1.250", 1250), (3, 3000), ("-0.5", -500), (Decimal("0.001"), 1)])
def test_a_quantity_is_exact_thousandths(text: str | int | Decimal, milli: int) -> None:
    assert Quantity.of(text).milli == milli


@pytest.mark.parametrize("wrong", [1.5, True, "1.2345", "many", "NaN", "Infinity"])
def test_what_is_no_quantity_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidQuantity):
        Quantity.of(wrong)


@pytest.mark.parametrize(
    ("milli", "text"), [(1250, "1.250"), (2000, "2"), (100_000, "100"), (0, "0"), (-500, "-0.500")]
)
def test_a_quantity_is_written_so_that_it_reads_back(milli: int, text: str) -> None:
    assert str(Quantity(milli)) == text
    assert Quantity.of(text).milli == milli


def test_a_quantity_is_priced_to_the_nearest_minor_unit_on_both_sides_of_zero() -> None:
    assert Quantity(335).price(1999) == 670
    assert (-Quantity(335)).price(1999) == -670
