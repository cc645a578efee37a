"""What cash in another currency is worth (retail rule 16)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from uuid import UUID

from libs.contracts.refusal import Invalid, NotFound
from libs.money import currency, divide_rounded

LARGEST_RATE = Decimal(1_000_000_000)
MOST_DECIMALS = 10


class InvalidExchangeRate(Invalid):
    """The rate is not a positive decimal number of a sane size."""

    type = "invalid-exchange-rate"


class NoExchangeRate(NotFound):
    """The currency is not taken here."""

    type = "no-exchange-rate"


def parse_rate(text: str, *, field: str = "rate") -> Decimal:
    """The rate in `text`, a positive decimal string such as "4.2537". Raises InvalidExchangeRate, naming `field`."""
    try:
        rate = Decimal(text)
    except InvalidOperation:
        rate = Decimal(0)
    if not rate.is_finite() or not 0 < rate <= LARGEST_RATE or -int(rate.as_tuple().exponent) > MOST_DECIMALS:
        raise InvalidExchangeRate(
            f"{field}: a positive decimal number with at most {MOST_DECIMALS} decimals such as '4.2537', not {text!r}",
            field=field,
        )
    return rate


@dataclass(frozen=True, slots=True)
class ExchangeRate:
    """How much local money one unit of the foreign currency is worth, as a decimal string."""

    local_currency: str
    foreign_currency: str
    rate: str
    changed_at: datetime
    changed_by: UUID

    def local_minor(self, foreign_minor: int) -> int:
        """The worth of `foreign_minor` in minor units of the local currency, rounded half away from zero."""
        worth = (
            Fraction(parse_rate(self.rate))
            * foreign_minor
            * currency(self.local_currency).minor_per_major
            / currency(self.foreign_currency).minor_per_major
        )
        return divide_rounded(worth.numerator, worth.denominator)
