"""How a field set gets to the terminal and its answer back: over HTTP to the DualConnector service, or on a line.

Both send a request once. What they return says how far it got, which decides whether money may have moved.
"""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from device_gateway.drivers.interface import DeviceAbsent, DeviceMisconfigured
from device_gateway.drivers.lines import Line, LineBroken
from device_gateway.drivers.terminal.inpas.fields import FieldSet, is_answer
from device_gateway.drivers.terminal.inpas.framing import (
    ACKNOWLEDGED,
    END_OF_TRANSMISSION,
    NOT_ACKNOWLEDGED,
    Damaged,
    FrameReader,
    Heard,
    Packet,
    UnwritableFields,
    write_frame,
)
from device_gateway.drivers.terminal.inpas.xml_body import LARGEST_BODY_BYTES, WrongBody, read_body, write_body

_PIECE_BYTES = 4096
_MOST_DAMAGED_FRAMES = 3
_LARGEST_DRAIN_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Answered:
    """An intact answer."""

    fields: dict[int, str]


@dataclass(frozen=True, slots=True)
class Lost:
    """The request left, wholly or in part, and no answer that can be read came."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unsent:
    """Not one byte of the request left."""

    reason: str


Exchange = Answered | Lost | Unsent


class Carrier(Protocol):
    """A way to the terminal, used by one thread."""

    def exchange(self, request: FieldSet, timeout_s: float, waiting: Callable[[], None]) -> Exchange:
        """Send once and wait for the answer, at most `timeout_s`; `waiting` is called when the terminal asks us to."""

    def check(self, timeout_s: float) -> None:
        """Wait, and look whether the terminal's end is still there. Raises DeviceAbsent."""

    def close(self) -> None:
        """Let go of it."""


class HttpCarrier:
    """A POST for each request, on a connection of its own."""

    def __init__(self, url: str, *, connect_timeout_s: float, presence_check_s: float) -> None:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port or 80
        except ValueError:
            host, port = None, 0
        if parts.scheme != "http" or not host:
            raise DeviceMisconfigured(f"line: {url!r} must be written as http://127.0.0.1:9015/.")
        self._host = host
        self._port = port
        self._path = parts.path or "/"
        self._connect_timeout_s = connect_timeout_s
        self._presence_check_s = presence_check_s
        self._checked_at = 0.0
        self._look()

    def exchange(self, request: FieldSet, timeout_s: float, waiting: Callable[[], None]) -> Exchange:
        deadline = time.monotonic() + timeout_s
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._connect_timeout_s)
        try:
            connection.connect()
        except OSError as error:
            return Unsent(self._unreachable(error))
        line = connection.sock
        try:
            line.settimeout(timeout_s)
            connection.request("POST", self._path, write_body(request), {"Content-Type": "text/xml; charset=utf-8"})
            response = connection.getresponse()
            body = _read_all(response, line, deadline)
        except (OSError, http.client.HTTPException) as error:
            return Lost(f"The terminal's service did not finish its answer ({type(error).__name__}).")
        finally:
            connection.close()
        if response.status != http.client.OK:
            return Lost(f"The terminal's service answered with HTTP status {response.status}.")
        try:
            return Answered(read_body(body))
        except WrongBody as error:
            return Lost(str(error))

    def check(self, timeout_s: float) -> None:
        time.sleep(max(0.0, timeout_s))
        if time.monotonic() - self._checked_at >= self._presence_check_s:
            self._look()

    def close(self) -> None:
        """Nothing is held between requests."""

    def _look(self) -> None:
        try:
            socket.create_connection((self._host, self._port), self._connect_timeout_s).close()
        except OSError as error:
            raise DeviceAbsent(self._unreachable(error)) from error
        self._checked_at = time.monotonic()

    def _unreachable(self, error: OSError) -> str:
        why = error.strerror or type(error).__name__
        return (
            f"The DualConnector service does not answer at {self._host}:{self._port} ({why}). Check that it runs and "
            "that the terminal is on."
        )


def _read_all(response: http.client.HTTPResponse, line: socket.socket, deadline: float) -> bytes:
    """The whole body. Raises OSError or HTTPException where it does not come whole and in time."""
    body = b""
    while len(body) <= LARGEST_BODY_BYTES:
        remaining_s = deadline - time.monotonic()
        if remaining_s <= 0:
            raise TimeoutError("The answer takes too long.")
        if line.fileno() >= 0:
            line.settimeout(remaining_s)
        piece = response.read1(_PIECE_BYTES)
        if not piece:
            break
        body += piece
    if response.length:
        raise http.client.IncompleteRead(body, response.length)
    return body


class LineCarrier:
    """Frames on a serial line (or its like over TCP)."""

    def __init__(self, line: Line, *, encoding: str, acknowledge_timeout_s: float, between_bytes_s: float) -> None:
        self._line = line
        self._encoding = encoding
        self._acknowledge_timeout_s = acknowledge_timeout_s
        self._between_bytes_s = between_bytes_s

    def exchange(self, request: FieldSet, timeout_s: float, waiting: Callable[[], None]) -> Exchange:
        try:
            frame = write_frame(request, self._encoding)
            self._drain()
        except (UnwritableFields, DeviceAbsent) as error:
            return Unsent(str(error))
        try:
            self._line.write(frame)
        except LineBroken as error:
            return Unsent(str(error)) if error.nothing_left else Lost(str(error))
        try:
            return self._answer(request, time.monotonic() + timeout_s, waiting)
        except DeviceAbsent as error:
            return Lost(str(error))

    def check(self, timeout_s: float) -> None:
        self._line.read(_PIECE_BYTES, timeout_s)

    def close(self) -> None:
        self._line.close()

    def _drain(self) -> None:
        """Throw away what came unasked: a late answer to an earlier request must not be taken for ours."""
        drained = 0
        while drained < _LARGEST_DRAIN_BYTES and (piece := self._line.read(_PIECE_BYTES, 0)):
            drained += len(piece)

    def _answer(self, request: FieldSet, deadline: float, waiting: Callable[[], None]) -> Exchange:
        reader = FrameReader(self._encoding)
        damaged = 0
        acknowledged = False
        anything_until = min(deadline, time.monotonic() + self._acknowledge_timeout_s)
        while True:
            end = deadline if anything_until is None else anything_until
            remaining_s = end - time.monotonic()
            if remaining_s <= 0:
                return Lost("The terminal did not answer in time.")
            heard = self._hear(reader, remaining_s)
            for item in heard:
                anything_until = deadline
                if isinstance(item, Damaged):
                    damaged += 1
                    if damaged > _MOST_DAMAGED_FRAMES:
                        return Lost("What the terminal says is damaged. Check the cable and the speed of the line.")
                    self._line.write(bytes((NOT_ACKNOWLEDGED,)))
                elif isinstance(item, Packet):
                    acknowledged = True
                    self._line.write(bytes((ACKNOWLEDGED,)))
                    if is_answer(request, item.fields):
                        return Answered(item.fields)
                    waiting()
                elif item.byte == NOT_ACKNOWLEDGED:
                    return Lost("The terminal did not understand the request.")
                elif item.byte == ACKNOWLEDGED:
                    acknowledged = True
                elif item.byte == END_OF_TRANSMISSION and acknowledged:
                    # Before that it is the late end of the exchange before ours.
                    return Lost("The terminal ended the exchange without an outcome.")

    def _hear(self, reader: FrameReader, remaining_s: float) -> list[Heard]:
        wait_s = min(remaining_s, self._between_bytes_s) if reader.half_read else remaining_s
        data = self._line.read(_PIECE_BYTES, wait_s)
        if data:
            return reader.feed(data)
        if not reader.half_read:
            return []
        reader.forget()
        return [Damaged()]
