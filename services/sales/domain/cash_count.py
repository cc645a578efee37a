"""Counting a drawer: how many of which note or coin (retail rule 24)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from libs.contracts.refusal import Invalid
from services.sales.domain.denominations import denominations_of


class UnknownDenomination(Invalid):
    """The currency has no such note or coin."""

    type = "unknown-denomination"


class CountedTwice(Invalid):
    """A denomination or a currency appears twice in one count."""

    type = "counted-twice"


@dataclass(frozen=True, slots=True)
class CountedDenomination:
    """`count` notes or coins worth `value_minor` each."""

    value_minor: int
    count: int


@dataclass(frozen=True, slots=True)
class CashCount:
    """What was counted in one currency, the largest denomination first, none with a count of zero."""

    currency: str
    denominations: tuple[CountedDenomination, ...]

    @classmethod
    def of(cls, currency: str, counted: Iterable[tuple[int, int]], *, field: str) -> CashCount:
        """Make a count from (value_minor, count) pairs; counts are not negative, as the edge has checked.

        `field` is the path of the list in the request. Raises UnknownDenomination or CountedTwice.
        """
        known = denominations_of(currency)
        seen: dict[int, int] = {}
        for index, (value_minor, count) in enumerate(counted):
            path = f"{field}.{index}.value_minor"
            if value_minor not in known:
                raise UnknownDenomination(
                    f"{currency} has no note or coin of {value_minor} minor units.",
                    field=path,
                    denominations_minor=list(known),
                )
            if value_minor in seen:
                raise CountedTwice(f"{value_minor} {currency} minor units are counted twice.", field=path)
            seen[value_minor] = count
        ordered = (CountedDenomination(value, seen[value]) for value in known if seen.get(value))
        return cls(currency, tuple(ordered))

    @property
    def amount_minor(self) -> int:
        """What it comes to."""
        return sum(one.value_minor * one.count for one in self.denominations)
