"""Quantities: exact thousandths of a unit, so that 1.250 kg is never 1.2499999."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from libs.money.rounding import divide_rounded

MILLI = 1000


class InvalidQuantity(ValueError):
    """The text is not a quantity with at most three decimals."""


class Unit(StrEnum):
    """What a quantity counts."""

    PIECE = "piece"
    KILOGRAM = "kg"
    LITRE = "l"
    METRE = "m"


@dataclass(frozen=True, slots=True, order=True)
class Quantity:
    """A signed quantity in thousandths: `Quantity(1250)` is 1.250. The unit is the product's."""

    milli: int

    @classmethod
    def of(cls, value: int | str | Decimal) -> Quantity:
        """Parse a whole number, a decimal string or a Decimal with at most three decimals; floats are refused.

        Raises InvalidQuantity with what would be right.
        """
        if isinstance(value, bool | float):
            raise InvalidQuantity(f"a quantity is a whole number or a decimal string such as '1.250', not {value!r}")
        try:
            scaled = Decimal(value) * MILLI
        except InvalidOperation as error:
            raise InvalidQuantity(f"a quantity is a decimal string such as '1.250', not {value!r}") from error
        if not scaled.is_finite() or scaled != scaled.to_integral_value():
            raise InvalidQuantity(f"a quantity has at most three decimals: {value}")
        return cls(int(scaled))

    @property
    def is_whole(self) -> bool:
        """Whether it counts whole pieces."""
        return self.milli % MILLI == 0

    def __neg__(self) -> Quantity:
        return Quantity(-self.milli)

    def __add__(self, other: Quantity) -> Quantity:
        return Quantity(self.milli + other.milli)

    def __sub__(self, other: Quantity) -> Quantity:
        return Quantity(self.milli - other.milli)

    def __bool__(self) -> bool:
        return self.milli != 0

    def price(self, unit_price_minor: int) -> int:
        """What this quantity costs at `unit_price_minor` per unit, in minor units, rounded half away from zero."""
        return divide_rounded(unit_price_minor * self.milli, MILLI)

    def decimal(self) -> Decimal:
        """The quantity as an exact decimal number of units."""
        return Decimal(self.milli).scaleb(-3)

    def __str__(self) -> str:
        text = f"{self.decimal():.3f}"
        return text.rstrip("0").rstrip(".") if self.is_whole else text
