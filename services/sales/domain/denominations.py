"""The notes and coins of a currency, so that a count names money that exists."""

from __future__ import annotations

from collections.abc import Iterable

from libs.money import currency

# Minor units. What is still taken back or still turns up in drawers is in: a count must be able to name it.
_DENOMINATIONS: dict[str, tuple[int, ...]] = {
    "AUD": (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000),
    "CAD": (5, 10, 25, 100, 200, 500, 1000, 2000, 5000, 10000),
    "CHF": (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 100000),
    "CNY": (10, 50, 100, 500, 1000, 2000, 5000, 10000),
    "CZK": (100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000),
    "DKK": (50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000),
    "EUR": (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000),
    "GBP": (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000),
    "HUF": (500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000, 2000000),
    "JPY": (1, 5, 10, 50, 100, 500, 1000, 2000, 5000, 10000),
    "KZT": (100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000, 2000000),
    "MNT": (100, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 500000, 1000000, 2000000),
    "NOK": (100, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000),
    "PLN": (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000),
    "RON": (1, 5, 10, 50, 100, 500, 1000, 2000, 5000, 10000, 20000, 50000),
    "RUB": (1, 5, 10, 50, 100, 200, 500, 1000, 2500, 5000, 10000, 20000, 50000, 100000, 200000, 500000),
    "SEK": (100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000),
    "UAH": (10, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000),
    "USD": (1, 5, 10, 25, 50, 100, 200, 500, 1000, 2000, 5000, 10000),
}


def denominations_of(code: str) -> tuple[int, ...]:
    """The notes and coins of the currency in minor units, the largest first.

    For a currency that is not listed: 1, 2 and 5 times each power of ten, up to 100,000 major units.
    """
    listed: Iterable[int] | None = _DENOMINATIONS.get(code)
    if listed is None:
        largest = 100_000 * currency(code).minor_per_major
        powers = [10**exponent for exponent in range(len(str(largest)))]
        listed = (times * power for power in powers for times in (1, 2, 5) if times * power <= largest)
    return tuple(sorted(listed, reverse=True))
