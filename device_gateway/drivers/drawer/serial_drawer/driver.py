"""Drawers on a serial line of their own: some bytes open them, and an input pin may tell whether they are open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Protocol, runtime_checkable

from pydantic import AfterValidator, Field

from device_gateway.domain.observations import DrawerSeen, Observation
from device_gateway.drivers.interface import Driver
from device_gateway.drivers.lines import Line, ModemInputs, Parity, SerialSettings
from device_gateway.drivers.serial_options import SerialOptions

_READ_BYTES = 64


def _whole_bytes(text: str) -> str:
    try:
        data = bytes.fromhex(text)
    except ValueError as error:
        raise ValueError("write pairs of hexadecimal digits, as in 07 or 1b 70 00 32 32") from error
    if not 1 <= len(data) <= 32:
        raise ValueError("write 1 to 32 bytes in hexadecimal, as in 07 or 1b 70 00 32 32")
    return data.hex()


class SerialDrawerOptions(SerialOptions):
    """Options of a serial drawer."""

    open_bytes: Annotated[str, AfterValidator(_whole_bytes)] = Field(
        default="07", description="what opens it, in hexadecimal: 07 (BEL) for most; 1b 70 00 32 32 for others"
    )
    sensor: Literal["none", "cts", "dsr"] = Field(
        default="none", description="the input pin that tells whether it is open: cts, dsr, or none"
    )
    open_when: Literal["high", "low"] = Field(default="high", description="what that pin is while it is open")
    baud: int = Field(default=9600, ge=300, le=115_200, description="its speed in bits per second")
    data_bits: Literal[7, 8] = 8
    parity: Parity = "none"
    stop_bits: Literal[1, 2] = 1


@runtime_checkable
class LineWithPins(Line, Protocol):
    """A line that has input pins: a serial port."""

    def inputs(self) -> ModemInputs | None:
        """What they say; None where there are none. Raises DeviceAbsent."""


class SerialDrawer:
    """An open line to a drawer."""

    def __init__(self, line: Line, options: SerialDrawerOptions) -> None:
        self._line = line
        self._options = options
        self._reported: DrawerSeen | None = None

    def open_drawer(self) -> None:
        """Open it. Raises DeviceAbsent."""
        self._line.write(bytes.fromhex(self._options.open_bytes))

    def seen(self) -> DrawerSeen | None:
        """What its sensor says; None without one. Raises DeviceAbsent."""
        if self._options.sensor == "none" or not isinstance(self._line, LineWithPins):
            return None
        pins = self._line.inputs()
        if pins is None:
            return None
        high = pins.cts if self._options.sensor == "cts" else pins.dsr
        return DrawerSeen(open=high == (self._options.open_when == "high"))

    def poll(self, timeout_s: float) -> Iterator[Observation]:
        """The drawer, when it was opened or closed. Raises DeviceAbsent."""
        self._line.read(_READ_BYTES, timeout_s)
        seen = self.seen()
        if seen is not None and seen != self._reported:
            self._reported = seen
            yield seen

    def close(self) -> None:
        self._line.close()


def _open(options: SerialDrawerOptions) -> SerialDrawer:
    settings = SerialSettings(options.baud, options.data_bits, options.parity, options.stop_bits)
    return SerialDrawer(options.open(settings), options)


driver = Driver(options=SerialDrawerOptions, open_device=_open)
