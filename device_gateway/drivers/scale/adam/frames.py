"""Answers of a scale by Adam Equipment: pure and incremental.

A line with a number and its unit, such as `   1.250 kg` (protocols.md B [S]); a label may stand in front (`NET`, `G/W`)
[M], and `ST`/`US` for stable and unstable as indicators of many makers print them [M]. A line without any of it is
noise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from device_gateway.drivers.scale.weights import UnreadableWeight, WeightUnit, whole_grams

LONGEST_LINE_BYTES = 64
_LINE = re.compile(
    rb"(?P<label>[A-Za-z/,. :]*?)\s*(?P<sign>[-+]?)\s*(?P<digits>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>kg|g)(?![A-Za-z])\s*",
    re.IGNORECASE,
)
_NET = (b"N", b"NT", b"NET", b"N/W")


@dataclass(frozen=True, slots=True)
class AdamWeight:
    """A weight in grams, negative below zero. `net` and `unstable` as the label in front says."""

    grams: int
    net: bool = False
    unstable: bool = False


class Lines:
    """Cuts a stream of bytes into weights; `unreadable` counts the noise lines since the last good one."""

    def __init__(self) -> None:
        self._begun = b""
        self.unreadable = 0

    def feed(self, data: bytes) -> Iterator[AdamWeight]:
        """The weights that these bytes complete, in order. Never raises."""
        *complete, rest = (self._begun + data).replace(b"\r", b"\n").split(b"\n")
        # A line that never ends is noise. One byte more than a line may have is kept, so that its end is noise too.
        self._begun = rest[: LONGEST_LINE_BYTES + 1]
        yield from self._read(complete)

    def silent(self) -> Iterator[AdamWeight]:
        """Nothing more has come: what has begun is complete, as some models send no end of line [M]."""
        begun, self._begun = self._begun, b""
        yield from self._read([begun])

    def _read(self, lines: list[bytes]) -> Iterator[AdamWeight]:
        for line in lines:
            weight = read_line(line)
            if weight is not None:
                self.unreadable = 0
                yield weight
            elif line.strip():
                self.unreadable += 1


def read_line(line: bytes) -> AdamWeight | None:
    """A line as a weight; None for anything else."""
    found = _LINE.fullmatch(line.strip()) if len(line) <= LONGEST_LINE_BYTES else None
    if found is None:
        return None
    unit = WeightUnit(found["unit"].decode("ascii").lower())
    try:
        grams = whole_grams(found["digits"].decode("ascii"), unit)
    except UnreadableWeight:
        return None
    labels = re.split(rb"[ ,.:]+", found["label"].upper())
    return AdamWeight(
        grams=-grams if found["sign"] == b"-" else grams,
        net=any(label in _NET for label in labels),
        unstable=b"US" in labels,
    )
