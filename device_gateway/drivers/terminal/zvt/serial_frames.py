"""How ZVT travels over a serial line: frames with doubled DLE and a CRC, each answered by ACK or NAK (C.2).

The CRC is CRC-16/KERMIT over the undoubled APDU and the closing 03, low byte first; `80 00 00` gives `F5 1F`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

ACK = 0x06
NAK = 0x15
_DLE = 0x10
_STX = 0x02
_ETX = 0x03
_POLYNOMIAL = 0x8408
LONGEST_FRAME_BYTES = 0xFFFF + 5


def checksum(data: bytes) -> int:
    """CRC-16/KERMIT: reflected polynomial 0x8408, starting from 0."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ _POLYNOMIAL if crc & 1 else crc >> 1
    return crc


def frame(apdu: bytes) -> bytes:
    """An encoded APDU as it goes over the line."""
    doubled = apdu.replace(bytes([_DLE]), bytes([_DLE, _DLE]))
    crc = checksum(apdu + bytes([_ETX])).to_bytes(2, "little")
    return bytes([_DLE, _STX]) + doubled + bytes([_DLE, _ETX]) + crc


class Sign(Enum):
    """What the other end said of our frame, or what we must say of its own."""

    ACKNOWLEDGED = auto()
    NOT_ACKNOWLEDGED = auto()
    BROKEN = auto()


@dataclass(frozen=True, slots=True)
class Framed:
    """A frame that came whole: the encoded APDU inside."""

    apdu: bytes


class _Place(Enum):
    BETWEEN = auto()
    MAYBE_START = auto()
    INSIDE = auto()
    AFTER_DLE = auto()
    CHECKSUM = auto()


class FrameReader:
    """Takes bytes in pieces of any size and gives frames and signs. Noise between frames is passed over."""

    def __init__(self) -> None:
        self._place = _Place.BETWEEN
        self._inside = bytearray()
        self._checksum = bytearray()

    @property
    def in_a_frame(self) -> bool:
        """Whether a frame has begun and not ended: silence now means that its end is lost."""
        return self._place is not _Place.BETWEEN

    def give_up(self) -> None:
        """Forget the frame that has begun."""
        self._place = _Place.BETWEEN
        self._inside.clear()
        self._checksum.clear()

    def feed(self, data: bytes) -> list[Framed | Sign]:
        """What these bytes complete, in its order; `Sign.BROKEN` is a frame that must be sent again."""
        found: list[Framed | Sign] = []
        for byte in data:
            sign = self._take(byte)
            if sign is not None:
                found.append(sign)
        return found

    def _take(self, byte: int) -> Framed | Sign | None:
        match self._place:
            case _Place.BETWEEN:
                if byte == _DLE:
                    self._place = _Place.MAYBE_START
                return {ACK: Sign.ACKNOWLEDGED, NAK: Sign.NOT_ACKNOWLEDGED}.get(byte)
            case _Place.MAYBE_START:
                self.give_up()
                if byte == _STX:
                    self._place = _Place.INSIDE
            case _Place.INSIDE:
                if byte == _DLE:
                    self._place = _Place.AFTER_DLE
                else:
                    return self._keep(byte)
            case _Place.AFTER_DLE:
                return self._take_after_dle(byte)
            case _Place.CHECKSUM:
                self._checksum.append(byte)
                if len(self._checksum) == 2:
                    return self._finish()
        return None

    def _take_after_dle(self, byte: int) -> Sign | None:
        if byte == _DLE:
            self._place = _Place.INSIDE
            return self._keep(byte)
        if byte == _ETX:
            self._place = _Place.CHECKSUM
            return None
        self.give_up()
        if byte == _STX:
            # The frame before lost its end, and this one begins: its own checksum decides.
            self._place = _Place.INSIDE
            return None
        return Sign.BROKEN

    def _keep(self, byte: int) -> Sign | None:
        self._inside.append(byte)
        if len(self._inside) <= LONGEST_FRAME_BYTES:
            return None
        self.give_up()
        return Sign.BROKEN

    def _finish(self) -> Framed | Sign:
        apdu = bytes(self._inside)
        right = checksum(apdu + bytes([_ETX])).to_bytes(2, "little") == bytes(self._checksum)
        self.give_up()
        return Framed(apdu) if right else Sign.BROKEN
