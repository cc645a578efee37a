"""Value types that contracts and APIs share: validated on the way in, exact on the way out."""

from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from libs.money import currency


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

Instant = AwareDatetime
"""A point in time with its offset."""


class Part(BaseModel):
    """A part of a message: strict about what it is made of, immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)
