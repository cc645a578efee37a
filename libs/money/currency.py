"""ISO 4217 currencies, with their number of decimal digits taken from the CLDR data that babel ships."""

from dataclasses import dataclass
from functools import lru_cache

from babel.core import get_global
from babel.numbers import get_currency_precision


class UnknownCurrency(ValueError):
    """The code is not an ISO 4217 currency."""


@dataclass(frozen=True, slots=True)
class Currency:
    """An ISO 4217 currency: its three-letter code and how many decimal digits its minor unit has."""

    code: str
    digits: int

    @property
    def minor_per_major(self) -> int:
        """How many minor units make one major unit: 100 for EUR, 1 for JPY."""
        return int(10**self.digits)


# CLDR gives MNT and some others no decimals because nobody pays in them any more; books and tax reports
# (Mongolia's eBarimt among them) still keep two, which is what ISO 4217 says.
_ISO_4217_DIGITS = {"MNT": 2, "HUF": 2, "RSD": 2, "ALL": 2, "AMD": 2, "CRC": 2, "COP": 2, "IDR": 2, "UZS": 2, "PKR": 2}


@lru_cache(maxsize=256)
def currency(code: str) -> Currency:
    """Return the currency of an upper-case ISO 4217 code. Raises UnknownCurrency with what was given."""
    if code not in get_global("all_currencies"):
        raise UnknownCurrency(f"{code!r} is not an ISO 4217 currency code such as EUR, PLN or MNT")
    return Currency(code, _ISO_4217_DIGITS.get(code, get_currency_precision(code)))
