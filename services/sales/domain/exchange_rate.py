"""What cash in another currency is worth (retail rule 16)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from uuid import UUID

from libs.contracts.refusal import Invalid, NotFound

LARGEST_RATE = Decimal(1_000_000_000)
MOST_DECIMALS = 10


class InvalidExchangeRate(Invalid):
    """The rate is not a positive decimal number of a sane size, or a currency is exchanged for itself."""

    type = "invalid-exchange-rate"


class NoExchangeRate(Invalid):
    """Cash in a currency that is not taken here."""

    type = "no-exchange-rate"


class UnknownExchangeRate(NotFound):
    """There is no rate to remove."""

    type = "unknown-exchange-rate"


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
    """The rate as the chain has set it: local money per unit of the foreign currency, as a plain decimal string.

    A tender freezes it as `libs.pricing.cash.ExchangeRate`, which converts.
    """

    local_currency: str
    foreign_currency: str
    rate: str
    changed_at: datetime
    changed_by: UUID
