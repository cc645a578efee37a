"""USB scanners that are keyboards to Linux. The gateway grabs them: their codes come here and type into nothing.

`evdev` is imported only when such a scanner is opened, so that machines without it run everything else.
"""

from __future__ import annotations

import contextlib
import errno
import select
import struct
from collections.abc import Iterator
from types import ModuleType
from typing import Any, Protocol

from pydantic import Field

from device_gateway.domain.observations import Observation
from device_gateway.drivers.interface import DeviceAbsent, DeviceMisconfigured, Driver, DriverOptions
from device_gateway.drivers.lines import Line, open_line
from device_gateway.drivers.scanner.hid_scanner.keymap import Key, KeyedScans
from device_gateway.drivers.serial_options import LineAddress
from device_gateway.hotplug import device_file

# struct input_event of a 64-bit Linux: seconds, microseconds, type, code, value (linux/input.h).
INPUT_EVENT = struct.Struct("@llHHi")
EV_KEY = 0x01
_READ_BYTES = 4096


class HidScannerOptions(DriverOptions):
    """Options of a keyboard scanner."""

    address: LineAddress = Field(
        description='where it is: "usb:05e0:1200" wherever it is plugged in, or a file of /dev/input/by-id ending in '
        "-event-kbd"
    )

    largest_pause_s: float = Field(
        default=1.0, gt=0, le=10, description="how long a code may halt before its beginning is dropped"
    )


class Keys(Protocol):
    """Where keys come from."""

    def read(self, timeout_s: float) -> list[Key]:
        """The keys that have come, as soon as there are some. Raises DeviceAbsent."""

    def close(self) -> None:
        """Let go. Never raises."""


class HidScanner:
    """An open, grabbed scanner."""

    def __init__(self, keys: Keys, options: HidScannerOptions) -> None:
        self._keys = keys
        self._scans = KeyedScans(options.largest_pause_s)

    def poll(self, timeout_s: float) -> Iterator[Observation]:
        """The codes whose Enter has come. Raises DeviceAbsent."""
        for key in self._keys.read(timeout_s):
            yield from self._scans.feed(key)

    def close(self) -> None:
        self._keys.close()


class GrabbedKeys:
    """Keys of an input device that nobody else hears."""

    def __init__(self, device: Any, path: str) -> None:
        self._device = device
        self._path = path

    def read(self, timeout_s: float) -> list[Key]:
        try:
            if not select.select([self._device.fd], [], [], timeout_s)[0]:
                return []
            events = list(self._device.read())
        except BlockingIOError:
            return []
        except (OSError, ValueError) as error:
            raise DeviceAbsent(f"The scanner at {self._path} is gone: plug it in again.") from error
        return [Key(event.code, event.value, event.timestamp()) for event in events if event.type == EV_KEY]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._device.ungrab()
        with contextlib.suppress(OSError):
            self._device.close()


class KeysOnLine:
    """Keys as the kernel's event records on a line: how the simulator sends them, and an input device forwarded."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._rest = b""

    def read(self, timeout_s: float) -> list[Key]:
        data = self._rest + self._line.read(_READ_BYTES, timeout_s)
        whole = len(data) - len(data) % INPUT_EVENT.size
        self._rest = data[whole:]
        return [
            Key(code, value, seconds + micros / 1_000_000)
            for seconds, micros, kind, code, value in INPUT_EVENT.iter_unpack(data[:whole])
            if kind == EV_KEY
        ]

    def close(self) -> None:
        self._line.close()


def _open(options: HidScannerOptions) -> HidScanner:
    path = device_file(options.address, ("input",))
    # A pseudo-terminal or a network line is no input device: event records come over it.
    if path.startswith(("tcp://", "socket://", "/dev/pts/")) or not path.startswith("/dev/"):
        return HidScanner(KeysOnLine(open_line(path)), options)
    return HidScanner(_grab(path), options)


def _grab(path: str) -> GrabbedKeys:
    evdev = _evdev()
    try:
        device = evdev.InputDevice(path)
    except OSError as error:
        raise _cannot_open(path, error) from error
    try:
        device.grab()
    except OSError as error:
        device.close()
        raise DeviceMisconfigured(
            f"The scanner at {path} is held by another program: close it, so that codes come to the till only."
        ) from error
    return GrabbedKeys(device, path)


def _evdev() -> ModuleType:
    try:
        import evdev
    except ImportError as error:
        raise DeviceMisconfigured(
            "Keyboard scanners need Linux and the package evdev, which is not installed here. Set the scanner to "
            "virtual COM port instead and use the driver serial_scanner."
        ) from error
    module: ModuleType = evdev
    return module


def _cannot_open(path: str, error: OSError) -> DeviceAbsent | DeviceMisconfigured:
    match error.errno:
        case errno.EACCES | errno.EPERM:
            return DeviceMisconfigured(
                f"No permission to read {path}: add the gateway's user to the group input "
                "(sudo usermod -aG input USER) and start the gateway again."
            )
        case errno.ENOTTY | errno.EINVAL:
            return DeviceMisconfigured(
                f"{path} is no input device: choose one in /dev/input/by-id, ending in -event-kbd."
            )
        case _:
            return DeviceAbsent(f"There is no scanner at {path}. Plug it in.")


driver = Driver(options=HidScannerOptions, open_device=_open)
