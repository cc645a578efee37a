"""The money kernel: integer minor units, exact quantities, rounding and allocation. Pure: no I/O, no clock."""

from libs.money.allocation import allocate, round_to_sum
from libs.money.currency import Currency, UnknownCurrency, currency
from libs.money.money import CurrencyMismatch, Money
from libs.money.quantity import InvalidQuantity, Quantity, Unit
from libs.money.rounding import divide_rounded, round_to_increment

__all__ = [
    "Currency",
    "CurrencyMismatch",
    "InvalidQuantity",
    "Money",
    "Quantity",
    "Unit",
    "UnknownCurrency",
    "allocate",
    "currency",
    "divide_rounded",
    "round_to_increment",
    "round_to_sum",
]
