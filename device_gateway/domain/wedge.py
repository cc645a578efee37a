"""Tells a scanner that types into the till page from a person at the keyboard: by the pace of the keys. Pure.

A scanner's keys are less than 30 ms apart and end with Enter (protocols.md B); nobody types four keys that fast.
"""

from __future__ import annotations

from dataclasses import dataclass

from device_gateway.domain.observations import Scan

ENTER = "\n"
LARGEST_GAP_MS = 30
SHORTEST_CODE = 4
LONGEST_CODE = 512


@dataclass(frozen=True, slots=True)
class Typed:
    """Keys of a person: they belong into whatever field has the focus. Enter is a line feed."""

    keys: str


@dataclass(frozen=True, slots=True)
class Scanned:
    """A scanner's code, without its Enter."""

    scan: Scan


@dataclass(frozen=True, slots=True)
class Undecided:
    """It may become a scan. Ask `expired` once LARGEST_GAP_MS have passed without a key."""


Heard = Typed | Scanned | Undecided


class WedgeDetector:
    """Collects keys until it is known who pressed them. Times are whole milliseconds of any clock that never jumps."""

    def __init__(self, largest_gap_ms: int = LARGEST_GAP_MS, shortest_code: int = SHORTEST_CODE) -> None:
        self._largest_gap_ms = largest_gap_ms
        self._shortest_code = shortest_code
        self._keys = ""
        self._last_ms = 0

    def key(self, character: str, at_ms: int) -> tuple[Heard, ...]:
        """A key was pressed (Enter as a line feed or carriage return); what that makes known, in order."""
        character = ENTER if character == "\r" else character
        earlier = self._earlier(at_ms)
        self._last_ms = at_ms
        if character != ENTER:
            self._keys += character
            if len(self._keys) <= LONGEST_CODE:
                return (*earlier, Undecided())
            return (*earlier, *self._give_up())
        keys, self._keys = self._keys, ""
        if len(keys) < self._shortest_code:
            return (*earlier, Typed(keys + ENTER))
        return (*earlier, Scanned(Scan(keys)))

    def expired(self, at_ms: int) -> tuple[Typed, ...]:
        """No key has come for a while: keys that wait are a person's."""
        return self._earlier(at_ms)

    def _earlier(self, at_ms: int) -> tuple[Typed, ...]:
        """Keys before a pause are a person's. A clock that goes back counts as a pause."""
        return () if 0 <= at_ms - self._last_ms < self._largest_gap_ms else self._give_up()

    def _give_up(self) -> tuple[Typed, ...]:
        keys, self._keys = self._keys, ""
        return (Typed(keys),) if keys else ()
