"""No card number in anything that is stored (retail rule 22; PCI DSS 4.0, 3.5.1)."""

from __future__ import annotations

import re

from libs.contracts.refusal import Invalid

WITHHELD = "[card number]"
# 13 to 19 digits (ISO/IEC 7812-1), alone or in groups. Longer runs are no card numbers, shorter ones are references.
_DIGITS = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")


class CardNumberRefused(Invalid):
    """Something that looks like a full card number was sent for storage."""

    type = "card-number-refused"


def has_card_number(text: str) -> bool:
    """Whether 13 to 19 digits in `text` pass Luhn's check."""
    return any(_passes_luhn(match.group()) for match in _DIGITS.finditer(text))


def without_card_numbers(text: str) -> str:
    """`text` with every full card number taken out."""
    return _DIGITS.sub(lambda match: WITHHELD if _passes_luhn(match.group()) else match.group(), text)


def demand_no_card_number(text: str | None, field: str) -> None:
    """Raise CardNumberRefused, naming the field, if `text` holds a full card number."""
    if text is not None and has_card_number(text):
        raise CardNumberRefused(
            "This looks like a full card number, which is never stored. Give the approval code and the last four"
            " digits only.",
            field=field,
        )


def _passes_luhn(text: str) -> bool:
    digits = [int(character) for character in text if character.isdigit()]
    # A row of zeros passes the sum and fills fixed-width fields of slips.
    if not any(digits):
        return False
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return (doubled + sum(digits[-1::-2])) % 10 == 0
