"""A line of bytes to a device: a serial port, a TCP port, a USB printer's character device, or a file.

    line = open_line("/dev/ttyUSB0", serial=SerialSettings(baud=9600), connect_timeout_s=3, write_timeout_s=5)
    line.write(b"...")            # LineBroken says how many bytes had left before it broke
    line.read(64, timeout_s=0.2)  # b"" when nothing came in time, DeviceAbsent when the device is gone

Whatever the operating system says becomes a sentence for the person who stands before the device.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import grp
import os
import select
import socket
import stat
import struct
import termios
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import urlsplit

import serial

from device_gateway.drivers.interface import DeviceAbsent, DeviceMisconfigured
from device_gateway.hotplug import device_file

Parity = Literal["none", "even", "odd"]
FlowControl = Literal["none", "hardware", "software"]

LARGEST_READ_BYTES = 65_536
# A dead network printer is noticed after IDLE + COUNT x INTERVAL, although nobody writes to it.
_KEEPALIVE_IDLE_S = 10
_KEEPALIVE_INTERVAL_S = 5
_KEEPALIVE_COUNT = 3
_EMPTY_READ_PAUSE_S = 0.02
_TCP_SCHEMES = ("tcp", "socket")
_USB_SUBSYSTEMS = ("tty", "usbmisc")


class LineBroken(DeviceAbsent):
    """Not everything was written. `handed_over` bytes of the data were taken by the operating system and may have
    reached the device; the rest certainly did not.
    """

    def __init__(self, sentence: str, handed_over: int) -> None:
        super().__init__(sentence)
        self.handed_over = handed_over

    @property
    def nothing_left(self) -> bool:
        """Whether certainly not one byte of this write has reached the device."""
        return self.handed_over == 0


class LineStalled(LineBroken):
    """The line stands, but took nothing more for `write_timeout_s`: the rest may be written later."""


@dataclass(frozen=True, slots=True)
class SerialSettings:
    """How a serial port is set; both ends must be set alike. `baud` is in bits per second."""

    baud: int = 9600
    data_bits: Literal[7, 8] = 8
    parity: Parity = "none"
    stop_bits: Literal[1, 2] = 1
    flow_control: FlowControl = "none"


NINETY_SIX_HUNDRED = SerialSettings()


@dataclass(frozen=True, slots=True)
class ModemInputs:
    """The input pins of a serial port; true is a positive voltage. Drawers and the like are wired to them."""

    cts: bool
    dsr: bool
    dcd: bool
    ri: bool


_INPUT_PINS = (termios.TIOCM_CTS, termios.TIOCM_DSR, termios.TIOCM_CAR, termios.TIOCM_RNG)


class Line(Protocol):
    """An open line, used by one thread."""

    @property
    def answers(self) -> bool:
        """Whether anything can ever be read from it: not from a file."""

    def write(self, data: bytes) -> None:
        """Hand over all bytes. Raises LineBroken, or LineStalled when nothing moved for the write time-out."""

    def read(self, limit: int, timeout_s: float) -> bytes:
        """What has come, at most `limit` bytes, as soon as there is some; b"" after the time-out.

        Raises DeviceAbsent when the device is gone.
        """

    def unsent(self) -> int:
        """How many bytes that were handed over are certainly still in this PC; 0 where that cannot be known."""

    def close(self) -> None:
        """Let go of it. Never raises."""


def open_line(
    address: str,
    *,
    serial: SerialSettings = NINETY_SIX_HUNDRED,
    connect_timeout_s: float = 3.0,
    write_timeout_s: float = 5.0,
) -> Line:
    """Open a line.

    `address` is a serial device (`/dev/ttyUSB0`, a pseudo-terminal), a USB printer (`/dev/usb/lp0`), `tcp://host:port`
    (or `socket://host:port`), `usb:vendor:product` with `:serial` or `@port` where several are alike, which is found
    wherever it is plugged in, or `file:path`, which is only written to, at its end. `serial` holds for serial devices.
    Raises DeviceAbsent or DeviceMisconfigured.
    """
    address = device_file(address, _USB_SUBSYSTEMS)
    scheme = address.partition(":")[0].lower()
    if scheme in _TCP_SCHEMES:
        return _open_tcp(address, connect_timeout_s, write_timeout_s)
    if scheme == "file":
        return _open_file(address.partition(":")[2], write_timeout_s)
    if address.startswith("/"):
        return _open_device(address, serial, write_timeout_s)
    raise DeviceMisconfigured(
        f"{address!r} is no address of a device: write a device file such as /dev/ttyUSB0 or /dev/usb/lp0, "
        "usb:04b8:0e15 for one that is plugged in anywhere, tcp://192.0.2.20:9100 for one in the network, or "
        "file:receipts.bin."
    )


class DescriptorLine:
    """A line over a file descriptor that does not block; `address` is what it is called in sentences.

    `close` closes the descriptor. `empty_read_is_end`: an empty read means that the device is gone; some character
    devices read empty now and then while they are there.
    """

    def __init__(
        self,
        descriptor: int,
        address: str,
        close: Callable[[], None],
        *,
        write_timeout_s: float,
        answers: bool = True,
        empty_read_is_end: bool = True,
    ) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._address = address
        self._close = close
        self._write_timeout_s = write_timeout_s
        self._answers = answers
        self._empty_read_is_end = empty_read_is_end
        self._open = True

    @property
    def answers(self) -> bool:
        return self._answers

    def write(self, data: bytes) -> None:
        done = 0
        while done < len(data):
            try:
                done += os.write(self._held(), data[done:])
            except BlockingIOError:
                if not self._wait(select.POLLOUT, self._write_timeout_s):
                    raise LineStalled(_stalled(self._address, self._write_timeout_s), done) from None
            except OSError as error:
                raise LineBroken(_gone(self._address, error), done) from error

    def read(self, limit: int, timeout_s: float) -> bytes:
        limit = min(limit, LARGEST_READ_BYTES)
        if not self._answers:
            time.sleep(max(0.0, timeout_s))
            return b""
        deadline = time.monotonic() + timeout_s
        while self._wait(select.POLLIN, deadline - time.monotonic()):
            try:
                data = os.read(self._held(), limit)
            except BlockingIOError:
                continue
            except OSError as error:
                raise DeviceAbsent(_gone(self._address, error)) from error
            if data:
                return data
            if self._empty_read_is_end:
                raise DeviceAbsent(_gone(self._address, None))
            time.sleep(_EMPTY_READ_PAUSE_S)
        return b""

    def unsent(self) -> int:
        try:
            return int(struct.unpack("i", fcntl.ioctl(self._held(), termios.TIOCOUTQ, b"\0" * 4))[0])
        except OSError:
            return 0

    def inputs(self) -> ModemInputs | None:
        """What the serial port's input pins say; None where there are none. Raises DeviceAbsent."""
        try:
            bits = struct.unpack("I", fcntl.ioctl(self._held(), termios.TIOCMGET, b"\0" * 4))[0]
        except OSError as error:
            if error.errno in (errno.EIO, errno.ENODEV, errno.ENXIO):
                raise DeviceAbsent(_gone(self._address, error)) from error
            return None
        return ModemInputs(*(bool(bits & pin) for pin in _INPUT_PINS))

    def close(self) -> None:
        if self._open:
            self._open = False
            with contextlib.suppress(OSError):
                self._close()

    def _wait(self, for_what: int, timeout_s: float) -> bool:
        """Whether the descriptor is ready, or broken, which the following read or write will tell."""
        poller = select.poll()
        poller.register(self._held(), for_what)
        return bool(poller.poll(max(0.0, timeout_s) * 1000))

    def _held(self) -> int:
        if not self._open:
            raise DeviceAbsent(f"The line to {self._address} is closed.")
        return self._descriptor


def _open_tcp(address: str, connect_timeout_s: float, write_timeout_s: float) -> Line:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or not port or parts.path.strip("/") or parts.query:
        raise DeviceMisconfigured(
            f"{address!r} is no network address: write it as tcp://192.0.2.20:9100, with the port after the colon."
        )
    try:
        connection = socket.create_connection((host, port), timeout=connect_timeout_s)
    except socket.gaierror as error:
        raise DeviceAbsent(
            f"{address}: nobody in this network is called {host!r}. Check the name, or write the device's IP address."
        ) from error
    except TimeoutError as error:
        raise DeviceAbsent(
            f"{address} does not answer within {connect_timeout_s:g} s. Check that the device is on, that its network "
            "cable is plugged in, and that the address on its self-test print is this one."
        ) from error
    except ConnectionRefusedError as error:
        raise DeviceAbsent(
            f"{address} refuses the connection. Check that the device is on and that {port} is its port; one that "
            "serves a single program may be in use by another."
        ) from error
    except OSError as error:
        raise DeviceAbsent(f"{address} cannot be reached ({error.strerror}). Check network and address.") from error
    _watch_over(connection)
    return DescriptorLine(connection.fileno(), address, connection.close, write_timeout_s=write_timeout_s)


def _watch_over(connection: socket.socket) -> None:
    """Send at once, and notice a device that has vanished from the network."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE_IDLE_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _KEEPALIVE_INTERVAL_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _KEEPALIVE_COUNT)


def _open_file(path: str, write_timeout_s: float) -> Line:
    if not path:
        raise DeviceMisconfigured("file: needs a path after it, as in file:receipts.bin.")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK, 0o640)
    except OSError as error:
        raise DeviceMisconfigured(
            f"The file {path} cannot be written ({error.strerror}): choose a path in a folder that exists and that "
            "the gateway's user may write to."
        ) from error
    return DescriptorLine(
        descriptor, path, lambda: os.close(descriptor), write_timeout_s=write_timeout_s, answers=False
    )


def _open_device(path: str, settings: SerialSettings, write_timeout_s: float) -> Line:
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise _cannot_open(path, error) from error
    if not stat.S_ISCHR(mode):
        raise DeviceMisconfigured(f"{path} is no device. To write to a file, put file: before its path.")
    return _open_serial(path, settings, write_timeout_s) if _is_terminal(path) else _open_usb(path, write_timeout_s)


def _is_terminal(path: str) -> bool:
    """Whether it is a serial port, by the names that Linux gives: a USB printer is /dev/usb/lp0 or /dev/lp0."""
    return not Path(path).resolve().name.startswith("lp")


def _open_usb(path: str, write_timeout_s: float) -> Line:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        raise _cannot_open(path, error) from error
    return DescriptorLine(
        descriptor, path, lambda: os.close(descriptor), write_timeout_s=write_timeout_s, empty_read_is_end=False
    )


_PSEUDO_TERMINALS = Path("/dev/pts")
_PARITIES = {"none": serial.PARITY_NONE, "even": serial.PARITY_EVEN, "odd": serial.PARITY_ODD}


def _open_serial(path: str, settings: SerialSettings, write_timeout_s: float) -> Line:
    if Path(path).resolve().parent == _PSEUDO_TERMINALS:
        # It carries whole bytes and no parity, and says EINVAL to who insists.
        settings = replace(settings, data_bits=8, parity="none")
    try:
        port = serial.Serial(
            path,
            baudrate=settings.baud,
            bytesize=settings.data_bits,
            parity=_PARITIES[settings.parity],
            stopbits=settings.stop_bits,
            rtscts=settings.flow_control == "hardware",
            xonxoff=settings.flow_control == "software",
            exclusive=True,
        )
    except serial.SerialException as error:
        raise _cannot_open(path, error) from error
    except (ValueError, termios.error) as error:
        raise DeviceMisconfigured(f"{path} cannot be set as configured ({error}). Check speed and parity.") from error
    return DescriptorLine(port.fileno(), path, port.close, write_timeout_s=write_timeout_s)


def _cannot_open(path: str, error: OSError) -> DeviceAbsent | DeviceMisconfigured:
    match error.errno:
        case errno.ENOENT | errno.ENODEV | errno.ENXIO | errno.ENOTDIR:
            return DeviceAbsent(f"There is no device at {path}. Plug it in and switch it on.")
        case errno.EACCES | errno.EPERM:
            return DeviceMisconfigured(_no_permission(path))
        case errno.EBUSY | errno.EAGAIN:
            return DeviceMisconfigured(f"{path} is in use by another program. Close that program, or correct the path.")
        case errno.EIO:
            return DeviceAbsent(f"{path} does not work (input/output error). Unplug the device and plug it in again.")
        case None:
            # pyserial found that it has no speed or parity to be set.
            return DeviceMisconfigured(f"{path} is not a serial port. Check the path.")
        case _:
            return DeviceMisconfigured(f"{path} cannot be opened ({os.strerror(error.errno)}). Check the path.")


def _no_permission(path: str) -> str:
    try:
        group = grp.getgrgid(os.stat(path).st_gid).gr_name
    except (OSError, KeyError):
        group = ""
    if group in ("", "root"):
        return f"No permission to use {path}: allow the gateway's user to read and write it."
    return (
        f"No permission to use {path}: it belongs to the group {group}. Add the gateway's user to it "
        f"(sudo usermod -aG {group} USER) and start the gateway again."
    )


def _stalled(address: str, write_timeout_s: float) -> str:
    return (
        f"{address} has taken nothing for {write_timeout_s:g} s. Check paper, cover and cable, and that the device is "
        "on."
    )


def _gone(address: str, error: OSError | None) -> str:
    because = f" ({error.strerror})" if error is not None and error.strerror else ""
    return f"{address} is gone{because}. Check cable and power."
