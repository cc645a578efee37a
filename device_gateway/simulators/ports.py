"""The two ends that a simulated device can be plugged into: a pseudo-terminal and a TCP port of this machine."""

from __future__ import annotations

import contextlib
import os
import pty
import socket
import struct
import tty
from pathlib import Path
from typing import Protocol

_PIECE_BYTES = 4096


class PortInUse(OSError):
    """The link or TCP port cannot be had; the text says why and what to do."""


class Port(Protocol):
    """A place to be plugged into. Every method is called by the serving thread, except `address`."""

    @property
    def address(self) -> str:
        """Where the gateway finds the device: a path, or tcp://127.0.0.1:PORT."""

    def plug_in(self) -> None:
        """Make it appear. Raises PortInUse."""

    def unplug(self) -> None:
        """Make it vanish, with whatever was on the line."""

    def waiting(self) -> int | None:
        """A file descriptor that becomes readable when somebody connects; None if nobody can."""

    def accept(self) -> None:
        """Take the connection that waits."""

    def connection(self) -> int | None:
        """The file descriptor of the line; None without one."""

    def read(self) -> bytes:
        """What has come; empty when the other end has gone."""

    def write(self, data: bytes) -> int:
        """Say bytes without waiting; returns how many went out. Raises OSError when the line is gone."""

    def drop(self) -> None:
        """Let go of this connection; the next may come."""

    def close(self) -> None:
        """Make it vanish for good."""


class PtyPort:
    """A pseudo-terminal. Without `link` each plugging in gives it another path, as with a real USB adapter.

    We hold the gateway's side open too: else the kernel reports the line as gone between two openings.
    """

    def __init__(self, link: Path | None) -> None:
        self._link = link
        self._ours: int | None = None
        self._theirs: int | None = None
        self._path = ""

    @property
    def address(self) -> str:
        return str(self._link) if self._link else self._path

    def plug_in(self) -> None:
        if self._ours is not None:
            return
        self._ours, self._theirs = pty.openpty()
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        self._path = os.ttyname(self._theirs)
        if self._link:
            self._make_link(self._link)

    def _make_link(self, link: Path) -> None:
        try:
            if link.is_symlink():
                link.unlink()
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(self._path)
        except OSError as error:
            raise PortInUse(f"The link {link} cannot be made ({error.strerror}): choose another path.") from error

    def unplug(self) -> None:
        if self._link and self._link.is_symlink() and os.readlink(self._link) == self._path:
            self._link.unlink()
        for descriptor in (self._theirs, self._ours):
            if descriptor is not None:
                os.close(descriptor)
        self._ours = self._theirs = None

    def close(self) -> None:
        self.unplug()

    def waiting(self) -> int | None:
        return None

    def accept(self) -> None:
        """Nobody connects to a pseudo-terminal: it is a line from the start."""

    def connection(self) -> int | None:
        return self._ours

    def read(self) -> bytes:
        if self._ours is None:
            return b""
        try:
            return os.read(self._ours, _PIECE_BYTES)
        except OSError:
            return b""

    def write(self, data: bytes) -> int:
        if self._ours is None:
            return len(data)
        try:
            return os.write(self._ours, data)
        except BlockingIOError:
            return 0

    def drop(self) -> None:
        self.unplug()


class TcpDevicePort:
    """A TCP port on 127.0.0.1 that serves one connection at a time, as printers do; the next waits."""

    def __init__(self, port: int) -> None:
        self._port = port
        # Bound and never listening: while the device is unplugged nobody else is given its port.
        self._reserved: socket.socket | None = None
        self._listener: socket.socket | None = None
        self._connection: socket.socket | None = None

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self._port}"

    def plug_in(self) -> None:
        if self._listener is not None:
            return
        if self._reserved is None:
            self._reserved = self._bound()
            self._port = self._reserved.getsockname()[1]
        _share(self._reserved, True)
        self._listener = self._bound()
        self._listener.listen(4)
        _share(self._reserved, False)

    def _bound(self) -> socket.socket:
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        _share(bound, True)
        try:
            bound.bind(("127.0.0.1", self._port))
        except OSError as error:
            bound.close()
            raise PortInUse(f"Port {self._port} cannot be had ({error.strerror}): choose another, or 0.") from error
        return bound

    def unplug(self) -> None:
        self.drop()
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def close(self) -> None:
        """Let go of the port."""
        self.unplug()
        if self._reserved is not None:
            self._reserved.close()
            self._reserved = None

    def waiting(self) -> int | None:
        return self._listener.fileno() if self._listener is not None and self._connection is None else None

    def accept(self) -> None:
        if self._listener is not None and self._connection is None:
            with contextlib.suppress(OSError):
                self._connection, _ = self._listener.accept()
                self._connection.setblocking(False)
                self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection(self) -> int | None:
        return self._connection.fileno() if self._connection is not None else None

    def read(self) -> bytes:
        if self._connection is None:
            return b""
        try:
            return self._connection.recv(_PIECE_BYTES)
        except OSError:
            return b""

    def write(self, data: bytes) -> int:
        if self._connection is None:
            return len(data)
        try:
            return self._connection.send(data)
        except BlockingIOError:
            return 0

    def drop(self) -> None:
        if self._connection is not None:
            # Reset instead of a farewell: a cut cable says no goodbye, and nothing lingers in buffers.
            with contextlib.suppress(OSError):
                self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._connection.close()
            self._connection = None


def _share(bound: socket.socket, allowed: bool) -> None:
    """Whether another socket may be bound to the same port; a closed connection that lingers there never hinders."""
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(allowed))
