"""What a person types from the end-of-day slip of a terminal that stands alone. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from libs.money import currency


class WrongTotal(ValueError):
    """A line cannot be used; the text says what would be right."""


@dataclass(frozen=True, slots=True)
class TypedTotal:
    """A line of the slip: how often and how much of one scheme, in minor units; refunds apart."""

    scheme: str
    sale_count: int
    sale_minor: int
    refund_count: int
    refund_minor: int

    def body(self) -> dict[str, str | int]:
        """As payments takes it."""
        return {name: getattr(self, name) for name in self.__slots__}


def typed_total(values: Mapping[str, str], code: str) -> TypedTotal | None:
    """A line from the fields scheme, sale_count, sale, refund_count, refund; None for an empty one.

    Raises WrongTotal.
    """
    given = {name: text.strip() for name, text in values.items()}
    if not any(given.values()):
        return None
    if not given["scheme"]:
        raise WrongTotal("Name the scheme of each line, as the slip does.")
    sale = (_count(given["sale_count"]), _minor(given["sale"], code))
    refund = (_count(given["refund_count"]), _minor(given["refund"], code))
    return TypedTotal(given["scheme"].lower(), *sale, *refund)


def _count(text: str) -> int:
    if text and not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise WrongTotal(f"{text!r} is not a number of payments.")
    return int(text or 0)


def _minor(text: str, code: str) -> int:
    digits = currency(code).digits
    try:
        amount = Decimal(text.replace(",", ".") or 0).scaleb(digits)
    except InvalidOperation as error:
        raise WrongTotal(f"{text!r} is not an amount; one is written as in 1234.50.") from error
    if not amount.is_finite() or amount < 0 or amount != amount.to_integral_value() or amount > 10**15:
        raise WrongTotal(f"{text!r} is not an amount in {code}, which has {digits} decimals.")
    return int(amount)
