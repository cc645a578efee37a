"""How APDUs get over a line: as they are over TCP, framed and acknowledged over a serial port (C.2)."""

from __future__ import annotations

import time
from collections import deque
from typing import Protocol

from device_gateway.drivers.interface import DeviceAbsent
from device_gateway.drivers.lines import Line
from device_gateway.drivers.terminal.zvt.apdu import Apdu, ApduReader
from device_gateway.drivers.terminal.zvt.serial_frames import ACK, NAK, Framed, FrameReader, Sign, frame

_PIECE_BYTES = 4096


class NotTaken(DeviceAbsent):
    """The terminal did not acknowledge what was sent to it over a serial line."""


class Carrier(Protocol):
    """An open line that carries APDUs, used by one thread."""

    def send(self, apdu: Apdu, *, repeatable: bool) -> None:
        """Hand an APDU over; only a `repeatable` one is sent again when the terminal asks for it.

        Raises LineBroken, or NotTaken where the line has acknowledgements and none came.
        """

    def receive(self, timeout_s: float) -> Apdu | None:
        """The next APDU, or None after the time-out. Raises DeviceAbsent."""

    def close(self) -> None:
        """Let go of the line. Never raises."""


class PlainCarrier:
    """APDUs as they are."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._reader = ApduReader()
        self._come: deque[Apdu] = deque()

    def send(self, apdu: Apdu, *, repeatable: bool) -> None:
        self._line.write(apdu.encode())

    def receive(self, timeout_s: float) -> Apdu | None:
        deadline = time.monotonic() + timeout_s
        while not self._come:
            data = self._line.read(_PIECE_BYTES, max(0.0, deadline - time.monotonic()))
            if not data:
                return None
            self._come += self._reader.feed(data)
        return self._come.popleft()

    def close(self) -> None:
        self._line.close()


class SerialCarrier:
    """APDUs in frames. A frame that came broken is asked for again; ours are sent again on NAK if that is harmless."""

    def __init__(self, line: Line, *, acknowledge_timeout_s: float, character_timeout_s: float, attempts: int) -> None:
        self._line = line
        self._acknowledge_timeout_s = acknowledge_timeout_s
        self._character_timeout_s = character_timeout_s
        self._attempts = attempts
        self._reader = FrameReader()
        self._come: deque[Apdu] = deque()
        self._signs: deque[Sign] = deque()

    def send(self, apdu: Apdu, *, repeatable: bool) -> None:
        framed = frame(apdu.encode())
        self._signs.clear()
        self._line.write(framed)
        # From here on the request has left: whatever breaks now, also while we acknowledge a frame of the terminal's
        # own, must not look as if it had not.
        try:
            for attempt in range(self._attempts if repeatable else 1):
                if attempt:
                    self._signs.clear()
                    self._line.write(framed)
                if self._sign() is Sign.ACKNOWLEDGED:
                    return
        except DeviceAbsent as error:
            raise NotTaken(str(error)) from error
        raise NotTaken("The terminal does not acknowledge what it is sent: check the serial cable and its speed.")

    def _sign(self) -> Sign | None:
        deadline = time.monotonic() + self._acknowledge_timeout_s
        while not self._signs:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return None
            self._read(left_s)
        return self._signs.popleft()

    def receive(self, timeout_s: float) -> Apdu | None:
        deadline = time.monotonic() + timeout_s
        while not self._come:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return None
            self._read(left_s)
        return self._come.popleft()

    def _read(self, timeout_s: float) -> None:
        wait_s = min(timeout_s, self._character_timeout_s) if self._reader.in_a_frame else timeout_s
        data = self._line.read(_PIECE_BYTES, wait_s)
        if not data and self._reader.in_a_frame:
            self._reader.give_up()
            self._line.write(bytes([NAK]))
        for found in self._reader.feed(data):
            if isinstance(found, Framed):
                self._line.write(bytes([ACK]))
                self._come += ApduReader().feed(found.apdu)
            elif found is Sign.BROKEN:
                self._line.write(bytes([NAK]))
            else:
                self._signs.append(found)

    def close(self) -> None:
        self._line.close()
