"""Answers of a scale that speaks the Mettler Toledo 8217 protocol: pure and incremental.

`02 <digits . > [N] 0D` is a weight that the scale calls stable, with N a net one; `02 3F <status> 0D` says why there
is none (protocols.md B [S]). The bits of the status byte are read in public drivers of other systems [S]: 1 in motion,
2 over capacity, 4 under zero, 8 outside the zero capture range, 10 centre of zero, 20 net weight, 40 bad command; 80 is
parity. Byte 02 begins an answer anew, so noise costs one answer and no more; after `?` it may be the status of an
overload. Bit 40 may stand beside others, as if only to make a letter of them: then they count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from device_gateway.domain.observations import Weighing, WeightState
from device_gateway.drivers.scale.weights import UnreadableWeight, WeightUnit, whole_grams

LONGEST_ANSWER_BYTES = 32
_START, _END = 0x02, 0x0D
_WEIGHT = re.compile(rb" *([0-9]+(?:\.[0-9]+)?|\.[0-9]+) *(N?)")
_STATUS = re.compile(rb"\?([\x00-\xff])", re.DOTALL)
_IN_MOTION, _OVER_CAPACITY, _UNDER_ZERO, _OUTSIDE_ZERO, _CENTRE_OF_ZERO, _NET, _BAD_COMMAND = (
    1 << bit for bit in range(7)
)


@dataclass(frozen=True, slots=True)
class WeightAnswer:
    """A stable weight in grams. `net`: the scale has taken a tare off it."""

    grams: int
    net: bool


@dataclass(frozen=True, slots=True)
class StatusAnswer:
    """No weight, and why: the bits without parity."""

    bits: int


@dataclass(frozen=True, slots=True)
class OtherAnswer:
    """Something between start and end that is neither: noise, or an answer to another command."""

    text: str


Answer = WeightAnswer | StatusAnswer | OtherAnswer


class Answers:
    """Cuts a stream of bytes into answers."""

    def __init__(self, unit: WeightUnit = WeightUnit.KILOGRAM) -> None:
        self._unit = unit
        self._begun: bytes | None = None

    def feed(self, data: bytes) -> Iterator[Answer]:
        """The answers that these bytes complete, in order. Never raises."""
        for byte in data:
            if self._begun == b"?\x02" and byte != _END:
                # The status was none: that byte began an answer.
                self._begun = b""
            if byte == _START and self._begun != b"?":
                self._begun = b""
            elif self._begun is None:
                continue
            elif byte == _END and self._begun != b"?":
                answer, self._begun = self._begun, None
                yield read_answer(answer, self._unit)
            elif len(self._begun) < LONGEST_ANSWER_BYTES:
                self._begun += bytes([byte])
            else:
                self._begun = None


def read_answer(body: bytes, unit: WeightUnit) -> Answer:
    """What stands between start and end."""
    status = _STATUS.fullmatch(body)
    if status:
        return StatusAnswer(status.group(1)[0] & 0x7F)
    weight = _WEIGHT.fullmatch(body)
    if weight is None:
        return OtherAnswer(body.decode("ascii", "backslashreplace"))
    try:
        return WeightAnswer(whole_grams(weight.group(1).decode("ascii"), unit), net=bool(weight.group(2)))
    except UnreadableWeight as error:
        return OtherAnswer(str(error))


def weighing_of_status(bits: int) -> Weighing:
    """Why there is no weight. What is wrong with the load comes before what is merely the case."""
    if bits & _OVER_CAPACITY:
        return Weighing(WeightState.OVER_CAPACITY, detail="The load is too heavy for the scale.")
    if bits & _UNDER_ZERO:
        return Weighing(WeightState.BELOW_ZERO, detail="The scale shows less than nothing.")
    if bits & _IN_MOTION:
        return Weighing(WeightState.MOVING, detail="The scale is still moving.")
    if bits & _CENTRE_OF_ZERO:
        return Weighing(WeightState.ZERO)
    if bits & _OUTSIDE_ZERO:
        return Weighing(WeightState.FAULT, detail="The scale cannot find its zero with this load on it.")
    if bits & _BAD_COMMAND:
        return Weighing(WeightState.FAULT, detail="The scale does not understand what it is asked.")
    return Weighing(WeightState.MOVING, detail="The scale has no weight to tell.")
