"""Document numbers and receipt codes (retail rule 25: one series per till, no gaps, no reuse)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from libs.contracts.refusal import Conflict, Invalid

# Crockford's base 32: no I, L, O or U, so that a person can read a code out over the telephone.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)} | {"I": 1, "L": 1, "O": 0}
_CODE_LENGTH = 26

# A till counts to a few million in its life; a larger number is a mistake that would open an absurd gap.
LARGEST_NUMBER = 1_000_000_000


class NumberTaken(Conflict):
    """The till already used this number for another document."""

    type = "number-taken"


class UnreadableReceiptCode(Invalid):
    """The text is not a receipt code."""

    type = "unreadable-receipt-code"


def receipt_code(sale_id: UUID) -> str:
    """The code printed on the receipt and scanned for a return: the document's id in Crockford's base 32."""
    value = sale_id.int
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(5 * (_CODE_LENGTH - 1), -1, -5))


def sale_id_of(code: str) -> UUID:
    """The document's id inside a receipt code; case, spaces and dashes do not matter. Raises UnreadableReceiptCode."""
    characters = [character for character in code.upper() if character not in " -"]
    value = 0
    for character in characters:
        if character not in _VALUES:
            raise UnreadableReceiptCode(f"A receipt code has no {character!r}. Scan it again.", field="code")
        value = value << 5 | _VALUES[character]
    if len(characters) != _CODE_LENGTH or value >> 128:
        raise UnreadableReceiptCode(
            f"A receipt code has {_CODE_LENGTH} characters; this one has {len(characters)}.", field="code"
        )
    return UUID(int=value)


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers, both inclusive, that a till gave out and whose documents have not arrived."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class GapChange:
    """What taking a number changes: the gap it removes and the gaps it leaves."""

    removed: Gap | None
    added: tuple[Gap, ...]
    last_number: int


def take_number(number: int, last_number: int, gaps: Sequence[Gap]) -> GapChange:
    """Take `number` in a series that holds all numbers up to `last_number` but those in `gaps`.

    Documents of an offline till may arrive late and out of order; each number is held once.
    Raises NumberTaken for one that is held already, Invalid for one outside 1 to LARGEST_NUMBER.
    """
    if not 1 <= number <= LARGEST_NUMBER:
        raise Invalid(f"A document number is between 1 and {LARGEST_NUMBER}.", field="number")
    if number > last_number:
        skipped = (Gap(last_number + 1, number - 1),) if number > last_number + 1 else ()
        return GapChange(None, skipped, number)
    for gap in gaps:
        if gap.first <= number <= gap.last:
            below = (Gap(gap.first, number - 1),) if gap.first < number else ()
            above = (Gap(number + 1, gap.last),) if number < gap.last else ()
            return GapChange(gap, below + above, last_number)
    raise NumberTaken(f"Number {number} is already taken at this till.", field="number", number=number)
