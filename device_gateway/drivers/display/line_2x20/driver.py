"""Line displays that speak the commands of Epson's DM-D class [M]: two rows, usually of twenty characters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from device_gateway.domain.observations import Observation
from device_gateway.drivers.display.line_2x20.code_pages import NUMBERS, CodePage, line_of
from device_gateway.drivers.interface import Driver
from device_gateway.drivers.lines import Line, Parity, SerialSettings
from device_gateway.drivers.serial_options import SerialOptions

_INITIALISE = b"\x1b\x40"
_OVERWRITE = b"\x1f\x01"
_SELECT_DISPLAY, _SELECT_PRINTER = b"\x1b\x3d\x02", b"\x1b\x3d\x01"
_READ_BYTES = 64


class LineDisplayOptions(SerialOptions):
    """Options of a line display."""

    width: int = Field(default=20, ge=8, le=40, description="characters in a row")
    code_page: CodePage = Field(default=CodePage.CP437, description="the code page it has for your language")
    code_page_number: int | None = Field(
        default=None, ge=0, le=255, description="the number of that code page where the display numbers them otherwise"
    )
    through_printer: bool = Field(default=False, description="true: it is plugged in between the PC and the printer")
    baud: int = Field(default=9600, ge=300, le=115_200, description="its speed in bits per second")
    data_bits: Literal[7, 8] = 8
    parity: Parity = "none"
    stop_bits: Literal[1, 2] = 1


class LineDisplay:
    """An open display."""

    def __init__(self, line: Line, options: LineDisplayOptions) -> None:
        self._line = line
        self._options = options

    def prepare(self) -> None:
        """Clear it and choose the code page. Raises DeviceAbsent."""
        number = self._options.code_page_number
        page = NUMBERS[self._options.code_page] if number is None else number
        self._send(_INITIALISE + b"\x1b\x74" + bytes([page]) + _OVERWRITE + b"\x0c")

    def show(self, upper: str, lower: str) -> None:
        """Show two lines, cut to its width. Raises DeviceAbsent."""
        rows = enumerate((upper, lower), 1)
        width, page = self._options.width, self._options.code_page
        # Each row is placed and filled up, so nothing is cleared first and nothing flickers.
        self._send(b"".join(b"\x1f\x24\x01" + bytes([row]) + line_of(text, width, page) for row, text in rows))

    def poll(self, timeout_s: float) -> Iterable[Observation]:
        """It tells nothing; that it is gone is noticed. Raises DeviceAbsent."""
        self._line.read(_READ_BYTES, timeout_s)
        return ()

    def close(self) -> None:
        self._line.close()

    def _send(self, data: bytes) -> None:
        if self._options.through_printer:
            data = _SELECT_DISPLAY + data + _SELECT_PRINTER
        self._line.write(data)


def _open(options: LineDisplayOptions) -> LineDisplay:
    settings = SerialSettings(options.baud, options.data_bits, options.parity, options.stop_bits)
    display = LineDisplay(options.open(settings), options)
    display.prepare()
    return display


driver = Driver(options=LineDisplayOptions, open_device=_open)
