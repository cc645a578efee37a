"""The fields of ZVT messages: BCD numbers, bitmap fields (BMPs) with their lengths, and TLV objects (C.2).

Lengths of BMPs as in Portalum.Zvt's BmpParser and in PA00P015 13.08 [S].
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

TLV_CONTAINER = 0x06
_FIXED_BYTES = {
    **dict.fromkeys((0x01, 0x02, 0x03, 0x05, 0x19, 0x27, 0x8A, 0x8C, 0xA0, 0xD0, 0xD2, 0xD3), 1),
    **dict.fromkeys((0x0D, 0x0E, 0x17, 0x3A, 0x49, 0x87), 2),
    **dict.fromkeys((0x0B, 0x0C, 0x37, 0x3D, 0x88, 0xAA), 3),
    0x29: 4,
    0xBA: 5,
    0x04: 6,
    0x3B: 8,
    0x2A: 15,
}
_TWO_DIGITS = frozenset({0x22, 0x23, 0x2D, 0x8B, 0xA7, 0xD1, *range(0xE1, 0xE9), *range(0xF1, 0xF9)})
_THREE_DIGITS = frozenset({0x24, 0x2E, 0x3C, 0x60, 0x9A, 0xAF})
_MORE_TAG_FOLLOWS = 0x1F
_CONSTRUCTED = 0x20
_DEEPEST_TLV = 8


class MalformedFields(ValueError):
    """The bytes are no ZVT fields; the text says which field is wrong."""


def bcd(number: int, size: int) -> bytes:
    """A number as `size` bytes of two decimal digits each. Raises ValueError if it is negative or too large."""
    digits = str(number)
    if number < 0 or len(digits) > 2 * size:
        raise ValueError(f"{number} does not fit into {2 * size} decimal digits")
    return bytes.fromhex(digits.rjust(2 * size, "0"))


def bcd_number(data: bytes) -> int:
    """The number in BCD bytes. Raises MalformedFields for a digit above 9."""
    return int(bcd_digits(data))


def bcd_digits(data: bytes) -> str:
    """The digits in BCD bytes with leading zeros. Raises MalformedFields for a digit above 9."""
    text = data.hex()
    if not (text.isascii() and text.isdecimal()):
        raise MalformedFields(f"{text!r} is no decimal number")
    return text


def card_digits(data: bytes) -> str:
    """A card number: E stands for a masked digit and becomes `*`, F is padding and is left out."""
    text = data.hex().replace("f", "").replace("e", "*")
    if not all(character.isdecimal() or character == "*" for character in text):
        raise MalformedFields("the card number holds something else than digits")
    return text


def read_fields(data: bytes) -> dict[int, bytes]:
    """BMPs by number; of a repeated one the last. Raises MalformedFields."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        tag = data[at]
        start, size = _measure(tag, data, at + 1)
        if start + size > len(data):
            raise MalformedFields(f"field {tag:02X} says {size} bytes, and {max(0, len(data) - start)} are left")
        found[tag] = data[start : start + size]
        at = start + size
    return found


def write_fields(fields: Mapping[int, bytes]) -> bytes:
    """BMPs one after the other, in the mapping's order. Raises ValueError for a wrong or unknown length."""
    return b"".join(bytes([tag]) + _length(tag, len(value)) + value for tag, value in fields.items())


def _measure(tag: int, data: bytes, at: int) -> tuple[int, int]:
    """Where the value of a field starts and how long it is."""
    if tag in _FIXED_BYTES:
        return at, _FIXED_BYTES[tag]
    if tag == TLV_CONTAINER:
        return _tlv_length(data, at)
    digits = 2 if tag in _TWO_DIGITS else 3 if tag in _THREE_DIGITS else 0
    if not digits:
        raise MalformedFields(f"field {tag:02X} is not known, so its length is not")
    written = data[at : at + digits]
    if len(written) < digits or any(byte & 0xF0 != 0xF0 or byte & 0x0F > 9 for byte in written):
        raise MalformedFields(f"the length of field {tag:02X} is not {digits} digits of the form Fx")
    return at + digits, int("".join(str(byte & 0x0F) for byte in written))


def _length(tag: int, size: int) -> bytes:
    if tag in _FIXED_BYTES:
        if size != _FIXED_BYTES[tag]:
            raise ValueError(f"field {tag:02X} takes {_FIXED_BYTES[tag]} bytes, not {size}")
        return b""
    if tag == TLV_CONTAINER:
        return _write_tlv_length(size)
    digits = 2 if tag in _TWO_DIGITS else 3 if tag in _THREE_DIGITS else 0
    text = str(size).rjust(digits, "0")
    if not digits or len(text) > digits:
        raise ValueError(f"field {tag:02X} cannot take {size} bytes")
    return bytes(0xF0 | int(digit) for digit in text)


@dataclass(frozen=True, slots=True)
class Tlv:
    """A TLV object: `tag` as one number (0x1F07), `value` its bytes, which are objects again if constructed."""

    tag: int
    value: bytes

    @property
    def constructed(self) -> bool:
        """Whether the value is made of TLV objects."""
        leading = self.tag >> (8 * ((self.tag.bit_length() - 1) // 8)) if self.tag else 0
        return bool(leading & _CONSTRUCTED)

    def encode(self) -> bytes:
        """The bytes of tag, length and value."""
        tag = self.tag.to_bytes(max(1, (self.tag.bit_length() + 7) // 8), "big")
        return tag + _write_tlv_length(len(self.value)) + self.value


def read_tlv(data: bytes) -> list[Tlv]:
    """The TLV objects in their order, not looking into constructed ones. Raises MalformedFields."""
    found: list[Tlv] = []
    at = 0
    while at < len(data):
        start = _end_of_tag(data, at)
        tag = int.from_bytes(data[at:start], "big")
        value, size = _tlv_length(data, start)
        if value + size > len(data):
            raise MalformedFields(f"TLV object {tag:X} says {size} bytes, and fewer are left")
        found.append(Tlv(tag, data[value : value + size]))
        at = value + size
    return found


def read_tags(data: bytes) -> list[int]:
    """Tags of TLV objects that are listed one behind the other, without lengths and values."""
    found: list[int] = []
    at = 0
    while at < len(data):
        end = _end_of_tag(data, at)
        found.append(int.from_bytes(data[at:end], "big"))
        at = end
    return found


def _end_of_tag(data: bytes, at: int) -> int:
    """Where the tag that starts there is over."""
    end = at + 1
    if data[at] & _MORE_TAG_FOLLOWS == _MORE_TAG_FOLLOWS:
        while end < len(data) and data[end] & 0x80:
            end += 1
        end += 1
    return end


def every_tlv(data: bytes, depth: int = 0) -> Iterator[Tlv]:
    """The TLV objects and those inside them, in their order. Raises MalformedFields."""
    if depth > _DEEPEST_TLV:
        raise MalformedFields(f"TLV objects are nested more than {_DEEPEST_TLV} deep")
    for found in read_tlv(data):
        yield found
        if found.constructed:
            yield from every_tlv(found.value, depth + 1)


def _tlv_length(data: bytes, at: int) -> tuple[int, int]:
    """Where the value starts and how long it is: one byte, or 81 and one, or 82 and two."""
    if at >= len(data):
        raise MalformedFields("a TLV length is missing")
    first = data[at]
    if first < 0x80:
        return at + 1, first
    more = {0x81: 1, 0x82: 2}.get(first, 0)
    if not more or at + 1 + more > len(data):
        raise MalformedFields(f"a TLV length begins with {first:02X}")
    return at + 1 + more, int.from_bytes(data[at + 1 : at + 1 + more], "big")


def _write_tlv_length(size: int) -> bytes:
    if size < 0x80:
        return bytes([size])
    if size <= 0xFF:
        return bytes([0x81, size])
    if size <= 0xFFFF:
        return b"\x82" + size.to_bytes(2, "big")
    raise ValueError(f"a TLV object holds at most 65535 bytes, not {size}")
