"""The few words of an explanation: amounts and percentages, cheap enough to be made for every line."""

from decimal import Decimal

from libs.money import Quantity
from libs.money import currency as currency_of


def amount_text(amount_minor: int, currency: str) -> str:
    """Minor units as a plain decimal of the currency's digits: 1234 EUR is '12.34', 500 JPY is '500'."""
    digits = currency_of(currency).digits
    return f"{Decimal(amount_minor).scaleb(-digits):.{digits}f}"


def percent_text(ppm: int) -> str:
    """Parts per million as a percentage without idle zeros: 100_000 is '10 %', 75_000 is '7.5 %'."""
    whole, rest = divmod(ppm, 10_000)
    return f"{whole}.{rest:04d}".rstrip("0").rstrip(".") + " %" if rest else f"{whole} %"


def quantity_text(milli: int) -> str:
    """Thousandths as a plain number: 2000 is '2', 500 is '0.500'."""
    return str(Quantity(milli))
