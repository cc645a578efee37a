"""Scanners that type into whatever has the focus: the till page tells their keys from a person's and reports the codes.

There is nothing to open; the entry in devices.toml names the scanner for its tills, and /scans reports for it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from device_gateway.domain.observations import Observation
from device_gateway.drivers.interface import Driver, DriverOptions


class WedgeScanner:
    """A scanner without a line of its own."""

    def __init__(self) -> None:
        self._closed = threading.Event()

    def poll(self, timeout_s: float) -> Iterable[Observation]:
        """Nothing ever: its codes come over HTTP."""
        self._closed.wait(timeout_s)
        return ()

    def close(self) -> None:
        self._closed.set()


def _open(options: DriverOptions) -> WedgeScanner:
    return WedgeScanner()


driver = Driver(options=DriverOptions, open_device=_open)
