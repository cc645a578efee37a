"""Scales that speak the Mettler Toledo 8217 protocol: asked with W, they answer with a weight or why there is none."""

from __future__ import annotations

import time
from collections.abc import Iterator

from pydantic import Field

from device_gateway.domain.observations import Observation, Weighing, WeightState
from device_gateway.drivers.interface import DeviceAbsent, DeviceError, DeviceMisconfigured, Driver
from device_gateway.drivers.lines import Line, SerialSettings
from device_gateway.drivers.scale.mettler_8217.frames import (
    Answer,
    Answers,
    StatusAnswer,
    WeightAnswer,
    weighing_of_status,
)
from device_gateway.drivers.scale.tare import Tare
from device_gateway.drivers.scale.weights import WeightUnit
from device_gateway.drivers.serial_options import SerialOptions

SETTINGS = SerialSettings(baud=9600, data_bits=7, parity="even", stop_bits=1)
_ASK, _ZERO, _TARE, _CLEAR = b"W", b"Z", b"T", b"C"
_PROBE, _PROBED, _END_OF_PROBE = b"Ehello", b"\x02E\rhello", b"F"
_READ_BYTES = 64
# More noise than this is not an answer that is still coming.
_LONGEST_NOISE_BYTES = 256


class Mettler8217Options(SerialOptions):
    """Options of an 8217 scale."""

    unit: WeightUnit = Field(default=WeightUnit.KILOGRAM, description="the unit the scale is set to: kg or g")
    baud: int = Field(default=9600, ge=300, le=115_200, description="its speed in bits per second")
    ask_every_s: float = Field(default=0.2, ge=0.05, le=10, description="the pause between two questions")
    answer_timeout_s: float = Field(default=3.0, gt=0, le=30, description="after which it is called absent")
    command_delay_s: float = Field(default=0.2, ge=0, le=5, description="how long zero and tare take")


class Mettler8217:
    """An open scale. One question at a time: the protocol does not say which one an answer belongs to."""

    def __init__(self, line: Line, options: Mettler8217Options) -> None:
        self._line = line
        self._options = options
        self._tare = Tare()
        self._reported: Weighing | None = None
        self._ask_at_s = 0.0

    def probe(self) -> None:
        """See that such a scale is there: by its echo mode, or by any answer where it has none. Raises DeviceError."""
        self._line.write(_PROBE)
        heard = b""
        deadline_s = time.monotonic() + min(1.0, self._options.answer_timeout_s)
        while _PROBED not in heard and len(heard) < _LONGEST_NOISE_BYTES and time.monotonic() < deadline_s:
            heard += self._line.read(_READ_BYTES, max(0.0, deadline_s - time.monotonic()))
        self._line.write(_END_OF_PROBE)
        if _PROBED not in heard:
            self._asked()

    def poll(self, timeout_s: float) -> Iterator[Observation]:
        """What the load has become, if it has changed. Raises DeviceAbsent or DeviceMisconfigured."""
        pause_s = self._ask_at_s - time.monotonic()
        if pause_s > 0:
            # Only waiting: nothing is expected, and what comes unasked is of the past.
            self._line.read(_READ_BYTES, min(pause_s, timeout_s))
            if pause_s > timeout_s:
                return
        weighing = self.weigh()
        if weighing != self._reported:
            self._reported = weighing
            yield weighing

    def weigh(self) -> Weighing:
        """Ask for the weight now. Raises DeviceAbsent or DeviceMisconfigured."""
        answer = self._asked()
        self._ask_at_s = time.monotonic() + self._options.ask_every_s
        if isinstance(answer, WeightAnswer):
            return self._tare.weighing(answer.grams, net=answer.net)
        if isinstance(answer, StatusAnswer):
            return weighing_of_status(answer.bits)
        return Weighing(WeightState.FAULT, detail=f"The scale's answer cannot be read: {answer.text}")

    def zero(self) -> None:
        """Set the empty scale to zero. Raises DeviceError."""
        self._command(_ZERO)

    def tare(self, grams: int | None) -> None:
        """Take what lies on it as the tare (None), a known weight, or none (0). Raises DeviceError."""
        if grams is None:
            if self._tare.on_scale:
                self._command(_CLEAR)
                self._tare.cleared()
            gross = self._asked()
            if not isinstance(gross, WeightAnswer):
                raise DeviceError("Put the empty container on the scale and wait until the weight rests.")
            self._command(_TARE)
            self._tare.taken_by_scale(None if gross.net else gross.grams)
        elif grams > 0:
            self._tare.known(grams)
        else:
            self._command(_CLEAR)
            self._tare.cleared()

    def close(self) -> None:
        self._line.close()

    def _asked(self) -> Answer:
        """Ask once and wait for the answer."""
        self._drop_old()
        self._line.write(_ASK)
        answers = Answers(self._options.unit)
        deadline_s = time.monotonic() + self._options.answer_timeout_s
        noise_bytes = 0
        while (left_s := deadline_s - time.monotonic()) > 0 and noise_bytes < _LONGEST_NOISE_BYTES:
            data = self._line.read(_READ_BYTES, left_s)
            for answer in answers.feed(data):
                return answer
            noise_bytes += len(data)
        if noise_bytes:
            raise DeviceMisconfigured(
                f"The scale sends nothing readable: set it to the protocol 8217 with {self._options.baud} baud, 7 data "
                "bits and even parity."
            )
        raise DeviceAbsent("The scale does not answer. Switch it on and check its cable.")

    def _command(self, command: bytes) -> None:
        self._drop_old()
        self._line.write(command)
        answers = Answers(self._options.unit)
        deadline_s = time.monotonic() + self._options.command_delay_s
        while (left_s := deadline_s - time.monotonic()) > 0:
            for answer in answers.feed(self._line.read(_READ_BYTES, left_s)):
                if isinstance(answer, StatusAnswer) and weighing_of_status(answer.bits).state is WeightState.FAULT:
                    raise DeviceError("The scale cannot do this now: take everything off it and try again.")

    def _drop_old(self) -> None:
        for _ in range(_LONGEST_NOISE_BYTES):
            if not self._line.read(_READ_BYTES, 0.0):
                return


def _open(options: Mettler8217Options) -> Mettler8217:
    settings = SerialSettings(options.baud, SETTINGS.data_bits, SETTINGS.parity, SETTINGS.stop_bits)
    scale = Mettler8217(options.open(settings), options)
    try:
        scale.probe()
    except DeviceError:
        scale.close()
        raise
    return scale


driver = Driver(options=Mettler8217Options, open_device=_open)
