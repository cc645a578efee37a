"""Card numbers as they may be kept: at most the first six and the last four digits (PCI DSS 4.0, 3.4.1)."""

from __future__ import annotations

import re

_SHOWN_FIRST = 6
_SHOWN_LAST = 4
_SHORTEST_CARD_NUMBER = 12
_ALREADY_MASKED = re.compile(r"^[0-9]{0,6}[*X]{2,15}[0-9]{0,4}$")


def masked_number(told: str) -> str | None:
    """What a terminal told of a card number as it may be kept, or None if it is no card number.

    Terminals mask in many ways (`4276 **** **** 1234`, `xxxxxxxxxxxx1234`) or not at all; whatever they show beyond
    what may be kept is masked here.
    """
    compact = re.sub(r"[\s.-]", "", told).upper().replace("#", "*").replace("•", "*")
    if not re.fullmatch(r"[0-9*X]{2,19}", compact):
        return None
    if _ALREADY_MASKED.match(compact):
        return compact
    if len(compact) < _SHORTEST_CARD_NUMBER:
        return None
    hidden = "*" * (len(compact) - _SHOWN_FIRST - _SHOWN_LAST)
    masked = compact[:_SHOWN_FIRST] + hidden + compact[-_SHOWN_LAST:]
    return masked if _ALREADY_MASKED.match(masked) else "**" + _last_digits(compact)


def _last_digits(compact: str) -> str:
    found = re.search(r"[0-9]{1,4}$", compact)
    return found.group() if found else ""
