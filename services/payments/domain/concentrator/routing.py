"""Which acquirer a card goes to, by the first digits of its number (BIN routing)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from libs.contracts.refusal import Invalid
from services.payments.domain.concentrator.sensitive import CardNumber

_WIDTH = 11


class RoutesWrong(ValueError):
    """The routing table is wrong; the text says which line and what would be right."""


class NoRoute(Invalid):
    """No acquirer takes this card."""

    type = "no-acquirer-for-card"


@dataclass(frozen=True, slots=True)
class Route:
    """Cards whose number begins with `first` to `last` (the same number of digits, at most eleven)."""

    first: str
    last: str
    acquirer: str

    def __post_init__(self) -> None:
        digits = all(text.isascii() and text.isdecimal() and len(text) <= _WIDTH for text in (self.first, self.last))
        if not digits or len(self.first) != len(self.last) or self.first > self.last:
            raise RoutesWrong(
                f"{self.first}-{self.last}: a range is two numbers of the same length, at most {_WIDTH} digits, the "
                "smaller one first, as in 400000-499999."
            )


class Routes:
    """The table. The longest range of first digits that fits decides; `default` takes the rest, if there is one."""

    def __init__(self, routes: Iterable[Route], default: str | None = None) -> None:
        self._routes = sorted(routes, key=lambda route: (-len(route.first), route.first))
        self._default = default
        for one, other in zip(self._routes, self._routes[1:], strict=False):
            if len(one.first) == len(other.first) and other.first <= one.last and one.acquirer != other.acquirer:
                raise RoutesWrong(
                    f"{one.first}-{one.last} goes to {one.acquirer} and {other.first}-{other.last} to "
                    f"{other.acquirer}: they overlap. Make one of them narrower."
                )

    def acquirer_for(self, number: CardNumber) -> str:
        """The name of the acquirer. Raises NoRoute."""
        digits = number.reveal()
        for route in self._routes:
            if route.first <= digits[: len(route.first)] <= route.last:
                return route.acquirer
        if self._default is None:
            raise NoRoute(f"No acquirer here takes cards that begin with {digits[:6]}. Ask for another card.")
        return self._default
