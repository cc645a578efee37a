"""From the keys of a scanner to its characters: pure, for the US layout that scanners type in unless told otherwise.

Key codes are those of Linux (linux/input-event-codes.h). FNC1 comes as Ctrl+], or as Alt with 029 on the number pad,
the two ways in which scanners send ASCII 29 (GS) as a keyboard [M].
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from device_gateway.domain.observations import Scan
from device_gateway.drivers.scanner.serial_scanner.frames import LONGEST_FRAME_BYTES, ScanFrames, Suffix

ENTER, TAB, KEYPAD_ENTER = 28, 15, 96
_SHIFTS = frozenset({42, 54})
_CONTROLS = frozenset({29, 97})
_ALTS = frozenset({56, 100})
_UP, _DOWN = 0, 1

_ROWS: tuple[tuple[int, str, str], ...] = (
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    (55, "*", "*"),
    (57, " ", " "),
    (71, "789-456+1230.", "789-456+1230."),
    (98, "/", "/"),
)
_KEYPAD_DIGITS = {code: digit for code, digit in zip(range(71, 83), "789-456+1230", strict=True) if digit.isdecimal()}


def _keys(shifted: bool) -> dict[int, str]:
    return {
        first + place: character
        for first, plain, with_shift in _ROWS
        for place, character in enumerate(with_shift if shifted else plain)
    }


PLAIN, SHIFTED = _keys(shifted=False), _keys(shifted=True)


@dataclass(frozen=True, slots=True)
class Key:
    """A key went down (1) or up (0); 2 is the repetition of one held down. `at_s` is the kernel's time."""

    code: int
    value: int
    at_s: float = 0.0


class KeyedScans:
    """Makes scans of keys: characters until Enter. Keys left from a scan that broke off are dropped after a pause."""

    def __init__(self, largest_pause_s: float = 1.0) -> None:
        self._frames = ScanFrames(Suffix.CR, LONGEST_FRAME_BYTES)
        self._held: set[int] = set()
        self._number = ""
        self._largest_pause_s = largest_pause_s
        self._last_s: float | None = None

    def feed(self, key: Key) -> Iterator[Scan]:
        """The scan that this key completes, if any. Never raises."""
        if self._last_s is not None and key.at_s - self._last_s > self._largest_pause_s:
            self._frames.forget()
        self._last_s = key.at_s
        if key.code in _SHIFTS | _CONTROLS | _ALTS:
            yield from self._modifier(key)
        elif key.value == _DOWN:
            yield from self._character(key.code)

    def _modifier(self, key: Key) -> Iterator[Scan]:
        if key.value != _UP:
            self._held.add(key.code)
            return
        self._held.discard(key.code)
        if key.code in _ALTS and self._number:
            number, self._number = int(self._number), ""
            if number < 256:
                yield from self._frames.feed(bytes([number]))

    def _character(self, code: int) -> Iterator[Scan]:
        if self._held & _ALTS:
            self._number = (self._number + _KEYPAD_DIGITS.get(code, ""))[:4]
            return
        if code in (ENTER, KEYPAD_ENTER):
            yield from self._frames.feed(b"\r")
            return
        character = (SHIFTED if self._held & _SHIFTS else PLAIN).get(code, "")
        if self._held & _CONTROLS and character:
            # Ctrl takes the upper three bits away, as on every terminal since ASCII: Ctrl+] is 29.
            character = chr(ord(character.upper()) & 0x1F)
        yield from self._frames.feed(character.encode("ascii"))
