"""Which scheme a card belongs to, by the first digits of its number (ISO/IEC 7812 issuer numbers, schemes' own pages).

Only for reports and limits of cash-back; which acquirer a card goes to is the routing table's business.
"""

from __future__ import annotations

from services.payments.domain.concentrator.sensitive import CardNumber

_RANGES = (
    ("4", "4", "visa"),
    ("51", "55", "mastercard"),
    ("2221", "2720", "mastercard"),
    ("34", "34", "american express"),
    ("37", "37", "american express"),
    ("2200", "2204", "mir"),
    ("3528", "3589", "jcb"),
    ("62", "62", "unionpay"),
    ("6011", "6011", "discover"),
    ("65", "65", "discover"),
    ("50", "50", "maestro"),
    ("56", "58", "maestro"),
    ("67", "67", "maestro"),
    ("30", "30", "diners club"),
    ("36", "36", "diners club"),
    ("38", "38", "diners club"),
)


def scheme_of(number: CardNumber) -> str | None:
    """The scheme's name in lower case; None for a card of a scheme that is not listed here."""
    digits = number.reveal()
    for first, last, scheme in _RANGES:
        if first <= digits[: len(first)] <= last:
            return scheme
    return None
