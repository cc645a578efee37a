"""Value types that contracts and APIs share: validated on the way in, exact on the way out."""

import re
from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
)

from libs.money import Quantity, currency


def _known_currency(code: str) -> str:
    return currency(code).code


CurrencyCode = Annotated[
    str, StringConstraints(pattern=r"^[A-Z]{3}$"), AfterValidator(_known_currency), Field(examples=["EUR"])
]
"""An ISO 4217 code."""

# 2^53: beyond it a JSON number loses digits in most readers (RFC 8259, section 6).
LARGEST_MINOR = 9_007_199_254_740_991

MinorAmount = Annotated[int, Field(strict=True, ge=-LARGEST_MINOR, le=LARGEST_MINOR, examples=[1299])]
"""A signed amount in minor units of the document's currency."""

MilliQuantity = Annotated[int, Field(strict=True, ge=-LARGEST_MINOR, le=LARGEST_MINOR, examples=[1000])]
"""A signed quantity in thousandths of the product's unit."""

PartsPerMillion = Annotated[int, Field(strict=True, ge=0, le=10_000_000, examples=[230_000])]
"""A rate: 23 % is 230,000."""


def _instant(value: object) -> object:
    # pydantic would take numbers, also in quotes, for seconds or milliseconds since 1970, whichever looks likelier.
    if not isinstance(value, datetime) and not (isinstance(value, str) and _INSTANT.match(value)):
        raise ValueError("a point in time is written as in 2026-03-02T12:00:00+01:00")
    return value


def _day(value: object) -> object:
    if not isinstance(value, date) and not (isinstance(value, str) and _DAY.match(value)):
        raise ValueError("a date is written as in 2026-03-02")
    return value


_INSTANT = re.compile(r"^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:")
_DAY = re.compile(r"^\d{4}-\d{2}-\d{2}$")

Instant = Annotated[AwareDatetime, BeforeValidator(_instant)]
"""A point in time with its offset, written as RFC 3339 has it; never a number."""

Day = Annotated[date, BeforeValidator(_day), Field(examples=["2026-03-02"])]
"""A date of the calendar, e.g. a business date; never a number."""


def _hour(value: object) -> object:
    if isinstance(value, time):
        return value
    if not isinstance(value, str) or not _LOCAL_TIME.match(value):
        raise ValueError("a time of day is written as in 16:00, without a zone: it is the store's own")
    return value


_LOCAL_TIME = re.compile(r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$")

LocalTime = Annotated[
    time,
    BeforeValidator(_hour),
    WithJsonSchema({"type": "string", "pattern": _LOCAL_TIME.pattern, "examples": ["16:00"]}),
]
"""A time of day where the store is."""


class Part(BaseModel):
    """A part of a message: strict about what it is made of, immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _quantity(value: object) -> Quantity:
    if isinstance(value, Quantity):
        return value
    if isinstance(value, bool | float) or not isinstance(value, int | str):
        raise ValueError("a quantity is a whole number or a decimal string such as '1.250'")
    if isinstance(value, str) and not _DECIMAL.match(value):
        raise ValueError("a quantity is a decimal string such as '1.250', with at most three decimals")
    return Quantity.of(value)


def _percent_ppm(value: object) -> int:
    if isinstance(value, bool | float) or not isinstance(value, int | str):
        raise ValueError("a percentage is a whole number or a decimal string such as '7.5'")
    if isinstance(value, str) and not _DECIMAL.match(value):
        raise ValueError("a percentage is a decimal string such as '7.5', with at most three decimals")
    ppm = int(Decimal(value) * 10_000)
    if not 0 <= ppm <= 1_000_000:
        raise ValueError("a percentage is between 0 and 100")
    return ppm


_DECIMAL = re.compile(r"^-?[0-9]{1,9}(\.[0-9]{1,3})?$")
_QUANTITY_SCHEMA = {
    "anyOf": [{"type": "string", "pattern": _DECIMAL.pattern}, {"type": "integer", "minimum": -LARGEST_MINOR}],
    "examples": ["1.250", 2],
}
_PERCENT_SCHEMA = {
    "anyOf": [
        {"type": "string", "pattern": r"^[0-9]{1,3}(\.[0-9]{1,3})?$"},
        {"type": "integer", "minimum": 0, "maximum": 100},
    ],
    "examples": ["7.5", 10],
}

QuantityText = Annotated[
    Quantity,
    PlainValidator(_quantity, json_schema_input_type=str | int),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(_QUANTITY_SCHEMA),
]
"""A quantity in HTTP: a decimal string ("1.250") or a whole number, never a float; a `Quantity` inside."""

PercentText = Annotated[
    int,
    PlainValidator(_percent_ppm, json_schema_input_type=str | int),
    PlainSerializer(lambda ppm: f"{Decimal(ppm) / 10_000:f}", return_type=str),
    WithJsonSchema(_PERCENT_SCHEMA),
]
"""A percentage in HTTP, "7.5" or 10; parts per million inside."""
