"""Cash-back: cash handed out with a card purchase, within limits that are data (retail rule 15)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from libs.contracts.refusal import Invalid

ANY_SCHEME = "*"

DEFAULT_LIMITS_MINOR: Mapping[str, int] = {"PLN": 100_000}
"""By currency, where the chain has set none: Poland's schemes allow 1,000 PLN with one purchase (retail rule 15)."""


@dataclass(frozen=True, slots=True)
class CashBackLimit:
    """The most cash-back with one purchase, for cards of `scheme` or of any (`*`)."""

    currency: str
    scheme: str
    limit_minor: int


class CashBackRefused(Invalid):
    """Cash-back is not given here, or not so much; the sentence says what would be right."""

    type = "cash-back-refused"


def limit_minor(limits: Mapping[str, int], currency: str, scheme: str | None) -> int:
    """The limit for a card: its scheme's, else that for any, else the default; 0 where cash-back is not given.

    `limits` are those that the chain has set for the currency, by scheme. Before the card is read `scheme` is None,
    and the largest of them counts: the terminal and the answer's scheme decide the rest.
    """
    general = limits.get(ANY_SCHEME, DEFAULT_LIMITS_MINOR.get(currency, 0))
    if scheme is None:
        return max([general, *limits.values()])
    return limits.get(scheme.lower(), general)


def check_cash_back(
    cash_back_minor: int, amount_minor: int, limits: Mapping[str, int], currency: str, scheme: str | None = None
) -> None:
    """Raise CashBackRefused unless it comes with a purchase and stays within the limit, as `limit_minor` says it."""
    if cash_back_minor == 0:
        return
    if amount_minor <= 0:
        raise CashBackRefused("Cash-back is only given with a card purchase.", field="cash_back_minor")
    most = limit_minor(limits, currency, scheme)
    if cash_back_minor > most:
        sentence = (
            f"At most {most} minor units of {currency} are given as cash-back."
            if most
            else f"No cash-back is given in {currency} here."
        )
        raise CashBackRefused(sentence, field="cash_back_minor", limit_minor=most)
