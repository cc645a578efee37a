"""Scanners on a serial line, a virtual COM port (USB CDC) or a serial-to-network box."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from device_gateway.domain.observations import Observation
from device_gateway.drivers.interface import DeviceMisconfigured, Driver
from device_gateway.drivers.lines import Line, Parity, SerialSettings
from device_gateway.drivers.scanner.serial_scanner.frames import ScanFrames, Suffix
from device_gateway.drivers.serial_options import SerialOptions

_READ_BYTES = 4096


class SerialScannerOptions(SerialOptions):
    """Options of a serial scanner; the defaults are what most are delivered with."""

    suffix: Suffix = Field(default=Suffix.CR, description="what it sends after each code: cr, lf, crlf or tab")
    baud: int = Field(default=9600, ge=300, le=921_600, description="its speed in bits per second")
    data_bits: Literal[7, 8] = 8
    parity: Parity = "none"
    stop_bits: Literal[1, 2] = 1
    largest_unreadable: int = Field(
        default=5, ge=1, le=1000, description="after how many unreadable codes in a row its settings are called wrong"
    )


class SerialScanner:
    """An open scanner."""

    def __init__(self, line: Line, options: SerialScannerOptions) -> None:
        self._line = line
        self._frames = ScanFrames(options.suffix)
        self._options = options

    def poll(self, timeout_s: float) -> Iterator[Observation]:
        """The codes that have come. Returns as soon as there is a byte, so a scan is passed on at its suffix.

        Raises DeviceAbsent, or DeviceMisconfigured when nothing but noise comes.
        """
        data = self._line.read(_READ_BYTES, timeout_s)
        yield from self._frames.feed(data)
        if self._frames.unreadable >= self._options.largest_unreadable:
            raise DeviceMisconfigured(
                f"The scanner sends nothing readable at {self._options.baud} baud: set its speed, parity and suffix "
                "as in devices.toml, or scan its sheet for factory settings."
            )

    def close(self) -> None:
        self._line.close()


def _open(options: SerialScannerOptions) -> SerialScanner:
    settings = SerialSettings(options.baud, options.data_bits, options.parity, options.stop_bits)
    return SerialScanner(options.open(settings), options)


driver = Driver(options=SerialScannerOptions, open_device=_open)
