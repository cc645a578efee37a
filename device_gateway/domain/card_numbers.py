"""No card number in what is kept or told on: texts of a terminal are looked through once more (PCI DSS 4.0, 3.5.1)."""

from __future__ import annotations

import re

WITHHELD = "[card number]"
# 13 to 19 digits (ISO/IEC 7812-1), alone or in groups. Longer runs are no card numbers, shorter ones are references.
_DIGITS = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")


def without_card_numbers(text: str) -> str:
    """`text` with every whole card number (13 to 19 digits that pass Luhn's check) taken out."""
    return _DIGITS.sub(lambda match: WITHHELD if _passes_luhn(match.group()) else match.group(), text)


def _passes_luhn(text: str) -> bool:
    digits = [int(character) for character in text if character.isdigit()]
    # A row of zeros passes the sum and fills fixed-width fields of slips.
    if not any(digits):
        return False
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return (doubled + sum(digits[-1::-2])) % 10 == 0
