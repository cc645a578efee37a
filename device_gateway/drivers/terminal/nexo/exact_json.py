"""JSON whose numbers stay exact: read as Decimal and int, written digit by digit, never as binary fractions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from libs.money import UnknownCurrency, currency

_LARGEST_EXPONENT = 15


class NotJson(ValueError):
    """The text is no JSON, or holds a number that is none."""


class WrongAmount(ValueError):
    """The amount is no amount of that currency; the text says why."""


def write_json(value: object) -> str:
    """JSON text of mappings, sequences, texts, whole numbers, Decimals, truth values and None, without blanks."""
    match value:
        case None | bool() | str() | int():
            return json.dumps(value, ensure_ascii=False)
        case Decimal():
            if not value.is_finite():
                raise ValueError(f"{value} cannot be written as a JSON number")
            return format(value, "f")
        case Mapping():
            return "{" + ",".join(f"{write_json(str(key))}:{write_json(held)}" for key, held in value.items()) + "}"
        case list() | tuple():
            return "[" + ",".join(write_json(held) for held in value) + "]"
        case _:
            raise TypeError(f"{type(value).__name__} cannot be written as exact JSON")


def read_json(text: str | bytes) -> Any:
    """The value, with fractions as Decimal. Raises NotJson, also for NaN and Infinity."""
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise NotJson(f"this is no JSON ({error})") from error


def _no_number(name: str) -> object:
    raise ValueError(f"{name} is no number")


def amount(minor: int, code: str) -> Decimal:
    """Minor units as the decimal amount that nexo writes, with as many digits as the currency has: 1099 -> 10.99."""
    return Decimal(minor).scaleb(-currency(code).digits)


def minor_units(value: object, code: str) -> int:
    """The minor units of an amount as nexo wrote it, a number or a text holding one.

    Raises WrongAmount for something else, for fractions of a minor unit, and for amounts beyond all reason.
    """
    try:
        digits = currency(code).digits
    except UnknownCurrency as error:
        raise WrongAmount(str(error)) from error
    minor = _number(value).scaleb(digits)
    if minor != minor.to_integral_value():
        raise WrongAmount(f"{value!r} has fractions of a minor unit of {code}")
    return int(minor)


def whole_number(value: object) -> int:
    """A count, written as a number or as a text. Raises WrongAmount."""
    number = _number(value)
    if number != number.to_integral_value():
        raise WrongAmount(f"{value!r} is no whole number")
    return int(number)


def _number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise WrongAmount(f"{value!r} is no amount")
    try:
        number = Decimal(value)
    except ArithmeticError as error:
        raise WrongAmount(f"{value!r} is no amount") from error
    if not number:
        return Decimal(0)
    # 1E+999999 is a number too, and would fill the memory once it is written out.
    if not number.is_finite() or abs(number.adjusted()) > _LARGEST_EXPONENT:
        raise WrongAmount(f"{value!r} is no amount")
    return number
