"""A field set as a frame on a serial line (protocols.md C.4, serial [S]). Pure.

`02`, length of the fields (u16, little-endian), per field its number (u8), length (u16, little-endian) and text, then
CRC-16/BUYPASS, big-endian, over everything from `02` on: read in two independent sources, not tried on a device.
"""

from __future__ import annotations

from dataclasses import dataclass

from device_gateway.drivers.terminal.inpas.fields import FieldSet

START = 0x02
END_OF_TRANSMISSION = 0x04
ACKNOWLEDGED = 0x06
NOT_ACKNOWLEDGED = 0x15
LARGEST_FRAME_BYTES = 32_768
_HEAD_BYTES = 3
_CHECKSUM_BYTES = 2
_POLYNOMIAL = 0x8005


@dataclass(frozen=True, slots=True)
class Packet:
    """An intact frame."""

    fields: dict[int, str]


@dataclass(frozen=True, slots=True)
class Damaged:
    """A frame whose checksum or structure is wrong."""


@dataclass(frozen=True, slots=True)
class Control:
    """A single control byte: ACKNOWLEDGED, NOT_ACKNOWLEDGED or END_OF_TRANSMISSION."""

    byte: int


Heard = Packet | Damaged | Control


class UnwritableFields(ValueError):
    """A field cannot be put into a frame: its number, its length or its characters."""


def checksum(data: bytes) -> int:
    """CRC-16/BUYPASS: polynomial 0x8005, start 0, nothing reflected. `checksum(b"123456789") == 0xFEE8`."""
    remainder = 0
    for byte in data:
        remainder ^= byte << 8
        for _ in range(8):
            remainder = (remainder << 1) ^ _POLYNOMIAL if remainder & 0x8000 else remainder << 1
            remainder &= 0xFFFF
    return remainder


def write_frame(fields: FieldSet, encoding: str) -> bytes:
    """A frame with the fields in order of their numbers. Raises UnwritableFields."""
    content = bytearray()
    for number, text in sorted(fields.items()):
        try:
            value = text.encode(encoding)
        except UnicodeEncodeError as error:
            raise UnwritableFields(f"Field {number} has characters that {encoding} has not.") from error
        if not 0 <= number <= 0xFF:
            raise UnwritableFields(f"{number} is no number of a field.")
        content += bytes((number,)) + len(value).to_bytes(2, "little") + value
    if len(content) > LARGEST_FRAME_BYTES:
        raise UnwritableFields(f"{len(content)} bytes are more than a frame takes ({LARGEST_FRAME_BYTES}).")
    frame = bytes((START,)) + len(content).to_bytes(2, "little") + bytes(content)
    return frame + checksum(frame).to_bytes(2, "big")


class FrameReader:
    """Frames and control bytes out of what comes in pieces of any size. Never raises for what comes."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._pending = bytearray()

    @property
    def half_read(self) -> bool:
        """Whether a frame has begun and not ended."""
        return bool(self._pending)

    def forget(self) -> None:
        """Give up the frame that has begun: nothing came for too long."""
        self._pending.clear()

    def feed(self, data: bytes) -> list[Heard]:
        """What has become complete with these bytes."""
        self._pending += data
        heard: list[Heard] = []
        while self._pending:
            first = self._pending[0]
            if first != START:
                del self._pending[0]
                if first in (ACKNOWLEDGED, NOT_ACKNOWLEDGED, END_OF_TRANSMISSION):
                    heard.append(Control(first))
                continue
            if len(self._pending) < _HEAD_BYTES:
                break
            length = int.from_bytes(self._pending[1:_HEAD_BYTES], "little")
            if length > LARGEST_FRAME_BYTES:
                del self._pending[0]
                heard.append(Damaged())
                continue
            whole = _HEAD_BYTES + length + _CHECKSUM_BYTES
            if len(self._pending) < whole:
                break
            frame = bytes(self._pending[:whole])
            packet = self._packet(frame)
            # A damaged frame goes as a whole too: what is inside it must not be taken for control bytes.
            del self._pending[:whole]
            heard.append(packet or Damaged())
        return heard

    def _packet(self, frame: bytes) -> Packet | None:
        if checksum(frame[:-_CHECKSUM_BYTES]) != int.from_bytes(frame[-_CHECKSUM_BYTES:], "big"):
            return None
        fields: dict[int, str] = {}
        rest = frame[_HEAD_BYTES:-_CHECKSUM_BYTES]
        while rest:
            length = int.from_bytes(rest[1:3], "little")
            if len(rest) < 3 + length or rest[0] in fields:
                return None
            fields[rest[0]] = rest[3 : 3 + length].decode(self._encoding, "replace")
            rest = rest[3 + length :]
        return Packet(fields)
