"""Scales by Adam Equipment: asked with P, they answer when a new weight has come to rest, and else say nothing.

So silence may mean the same weight as before, an empty scale, or a scale that is off. A weight is therefore given out
for a sale once, soon after it came; after that the goods must be lifted and put down again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from pydantic import Field

from device_gateway.domain.observations import Observation, Weighing, WeightState
from device_gateway.drivers.interface import DeviceError, DeviceMisconfigured, Driver
from device_gateway.drivers.lines import Line, SerialSettings
from device_gateway.drivers.scale.adam.frames import AdamWeight, Lines
from device_gateway.drivers.scale.tare import Tare
from device_gateway.drivers.serial_options import SerialOptions

_ASK, _ZERO, _TARE = b"P\r\n", b"Z\r\n", b"T\r\n"
_READ_BYTES = 128
NO_NEW_WEIGHT = Weighing(
    WeightState.MOVING, detail="The scale has no new weight to tell: lift the goods and put them down again."
)


class AdamOptions(SerialOptions):
    """Options of an Adam scale."""

    baud: int = Field(default=4800, ge=300, le=115_200, description="its speed in bits per second")
    ask_every_s: float = Field(default=0.5, ge=0.05, le=10, description="the pause between two questions")
    answer_timeout_s: float = Field(default=0.3, gt=0, le=10, description="how long an answer may take")
    weight_kept_s: float = Field(
        default=5.0,
        gt=0,
        le=60,
        description="how long a weight holds; it is not asked again meanwhile, as some models beep at that",
    )
    command_delay_s: float = Field(default=0.2, ge=0, le=5, description="how long zero and tare take")
    largest_unreadable: int = Field(
        default=5, ge=1, le=1000, description="after how many unreadable lines in a row its settings are called wrong"
    )


class AdamScale:
    """An open scale."""

    def __init__(self, line: Line, options: AdamOptions) -> None:
        self._line = line
        self._options = options
        self._lines = Lines()
        self._tare = Tare()
        self._fresh: Weighing | None = None
        self._fresh_until_s = 0.0
        self._reported: Weighing | None = None
        self._ask_at_s = 0.0

    def poll(self, timeout_s: float) -> Iterator[Observation]:
        """A weight that has come, and once it holds no longer, that there is none. Raises DeviceError."""
        now_s = time.monotonic()
        pause_s = max(self._ask_at_s, self._fresh_until_s) - now_s
        if pause_s > 0:
            # It also speaks when its own print key is pressed.
            weighing = self._heard(min(pause_s, timeout_s))
        else:
            weighing = self._ask()
            self._ask_at_s = time.monotonic() + self._options.ask_every_s
        if weighing is not None:
            self._keep(weighing)
        elif time.monotonic() >= self._fresh_until_s:
            self._fresh = None
            weighing = NO_NEW_WEIGHT
        if weighing is not None and weighing != self._reported:
            self._reported = weighing
            yield weighing

    def weigh(self) -> Weighing:
        """The weight that came a moment ago and was not given out yet, or a new one. Raises DeviceError."""
        fresh = self._fresh if time.monotonic() < self._fresh_until_s else None
        self._fresh = None
        return fresh or self._ask() or NO_NEW_WEIGHT

    def zero(self) -> None:
        """Set the empty scale to zero. Raises DeviceAbsent."""
        self._command(_ZERO)

    def tare(self, grams: int | None) -> None:
        """Take what lies on it as the tare (None), a known weight, or none (0). Raises DeviceError.

        The protocol has no command to clear a tare: the empty scale is tared again (protocols.md B [S]).
        """
        if grams is None:
            weighing = self.weigh()
            if weighing.state is not WeightState.STABLE:
                raise DeviceError("Lift the empty container, put it on the scale, and wait until the weight rests.")
            self._command(_TARE)
            self._tare.taken_by_scale(weighing.gross_g)
        elif grams > 0:
            self._tare.known(grams)
        else:
            if self._tare.on_scale:
                self._command(_TARE)
            self._tare.cleared()

    def close(self) -> None:
        self._line.close()

    def _keep(self, weighing: Weighing) -> None:
        self._fresh = weighing
        self._fresh_until_s = time.monotonic() + self._options.weight_kept_s

    def _ask(self) -> Weighing | None:
        self._line.write(_ASK)
        return self._heard(self._options.answer_timeout_s)

    def _heard(self, timeout_s: float) -> Weighing | None:
        """The last weight that comes within the time; None if none does."""
        deadline_s = time.monotonic() + timeout_s
        while (left_s := deadline_s - time.monotonic()) > 0:
            data = self._line.read(_READ_BYTES, left_s)
            weights = list(self._lines.feed(data) if data else self._lines.silent())
            if weights:
                return self._weighing(weights[-1])
        if self._lines.unreadable >= self._options.largest_unreadable:
            raise DeviceMisconfigured(
                f"The scale sends nothing readable: set it to {self._options.baud} baud, 8 data bits, no parity, "
                "and to print the weight in kg."
            )
        return None

    def _weighing(self, weight: AdamWeight) -> Weighing:
        if weight.unstable:
            return Weighing(WeightState.MOVING, detail="The scale is still moving.")
        return self._tare.weighing(weight.grams, net=weight.net or self._tare.on_scale)

    def _command(self, command: bytes) -> None:
        self._line.write(command)
        self._heard(self._options.command_delay_s)
        self._fresh = None


def _open(options: AdamOptions) -> AdamScale:
    return AdamScale(options.open(SerialSettings(baud=options.baud)), options)


driver = Driver(options=AdamOptions, open_device=_open)
