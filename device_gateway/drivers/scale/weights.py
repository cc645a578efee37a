"""Weights as scales write them, in whole grams and without floats."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

LARGEST_G = 1_000_000
_GRAMS = {"g": Decimal(1), "kg": Decimal(1000)}


class WeightUnit(StrEnum):
    """The unit that the scale is set to."""

    KILOGRAM = "kg"
    GRAM = "g"


class UnreadableWeight(ValueError):
    """The scale's text is not a weight that a receipt can carry."""


def whole_grams(digits: str, unit: WeightUnit) -> int:
    """`1.250` in kilograms is 1250. Raises UnreadableWeight for what is no number, finer than a gram, or too large."""
    plain = digits.strip()
    if not plain.isascii() or not plain.replace(".", "", 1).isdecimal():
        raise UnreadableWeight(f"The scale sent {digits!r} where a weight should be.")
    grams = Decimal(plain) * _GRAMS[unit]
    if grams != grams.to_integral_value():
        raise UnreadableWeight(f"The scale sent {plain} {unit}, which is finer than a gram: set it to whole grams.")
    if grams > LARGEST_G:
        raise UnreadableWeight(f"The scale sent {plain} {unit}, which no shop's scale can carry: check its unit.")
    return int(grams)
