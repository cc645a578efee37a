"""Card data that may be sent to an acquirer and nowhere else: its types show themselves to no log and no traceback.

PCI DSS 4.0, 3.3.1 and 3.5.1; retail rule 22. They cannot be pickled, formatted or compared by accident.
"""

from __future__ import annotations

import hmac
import re
from typing import NoReturn

from libs.contracts.refusal import Invalid

_PAN = re.compile(r"^[0-9]{12,19}$")
_TRACK_2 = re.compile(r"^[0-9]{12,19}[=D][0-9]{7,20}F?$")
_PIN_BLOCK = re.compile(r"^[0-9A-F]{16}$")
_HEX = re.compile(r"^(?:[0-9A-F]{2}){1,510}$")


class CardDataWrong(Invalid):
    """Card data is not written as it must be; the text never repeats it."""

    type = "card-data-wrong"


class Sensitive:
    """A text that only `reveal` gives away."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the message to the acquirer."""
        return self._text

    def __repr__(self) -> str:
        return f"<{type(self).__name__} withheld>"

    __str__ = __repr__

    def __format__(self, specification: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self) or not isinstance(other, Sensitive):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((type(self), self._text))

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} is not to be stored.")


class CardNumber(Sensitive):
    """A PAN. `masked` may be kept: the first six and the last four digits."""

    __slots__ = ()

    def __init__(self, digits: str) -> None:
        if not _PAN.match(digits) or not _passes_luhn(digits):
            raise CardDataWrong("The card number is wrong. Key it in again.", field="card_number")
        super().__init__(digits)

    @property
    def masked(self) -> str:
        """As it may be shown and kept."""
        return self._text[:6] + "*" * (len(self._text) - 10) + self._text[-4:]

    def __repr__(self) -> str:
        return f"<CardNumber {self.masked}>"

    __str__ = __repr__


class Track2(Sensitive):
    """Track 2, as read from the stripe or the chip, with `=` or `D` after the number."""

    __slots__ = ()

    def __init__(self, text: str) -> None:
        if not _TRACK_2.match(text):
            raise CardDataWrong("The card could not be read. Read it again.", field="track_2")
        super().__init__(text)

    @property
    def card_number(self) -> CardNumber:
        """The number on it. Raises CardDataWrong."""
        return CardNumber(re.split("[=D]", self._text)[0])


class PinBlock(Sensitive):
    """An encrypted PIN block: eight bytes as hexadecimal."""

    __slots__ = ()

    def __init__(self, text: str) -> None:
        if not _PIN_BLOCK.match(text):
            raise CardDataWrong("The PIN block must be sixteen hexadecimal digits.", field="pin_block")
        super().__init__(text)


class ChipData(Sensitive):
    """What the chip said (EMV tags) as hexadecimal."""

    __slots__ = ()

    def __init__(self, text: str) -> None:
        if not _HEX.match(text):
            raise CardDataWrong("The chip data must be hexadecimal, at most 510 bytes.", field="chip_data")
        super().__init__(text)


def _passes_luhn(digits: str) -> bool:
    numbers = [int(digit) for digit in digits]
    doubled = sum(sum(divmod(2 * number, 10)) for number in numbers[-2::-2])
    return (doubled + sum(numbers[-1::-2])) % 10 == 0
