"""ZVT's units of conversation: command, length, data (protocols.md C.2). Bytes only: no I/O."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_DATA_BYTES = 0xFFFF
_HEADER_BYTES = 2
_LONG_LENGTH = 0xFF


@dataclass(frozen=True, slots=True)
class Apdu:
    """`command` is CLASS and INSTR as one number, e.g. 0x0601; `data` what follows the length."""

    command: int
    data: bytes = b""

    def encode(self) -> bytes:
        """The bytes on the line. Raises ValueError for more data than a length can say."""
        size = len(self.data)
        if size > LONGEST_DATA_BYTES:
            raise ValueError(f"an APDU holds at most {LONGEST_DATA_BYTES} bytes, not {size}")
        length = bytes([size]) if size < _LONG_LENGTH else bytes([_LONG_LENGTH]) + size.to_bytes(2, "little")
        return self.command.to_bytes(2, "big") + length + self.data


class ApduReader:
    """Takes bytes in pieces of any size and gives the APDUs that are complete."""

    def __init__(self) -> None:
        self._unread = bytearray()

    @property
    def pending_bytes(self) -> int:
        """How many bytes of an APDU that is not complete have come."""
        return len(self._unread)

    def feed(self, data: bytes) -> list[Apdu]:
        """The APDUs that these bytes complete, in their order."""
        self._unread += data
        found: list[Apdu] = []
        while (measured := self._measure()) is not None:
            start, size = measured
            if len(self._unread) < start + size:
                break
            command = int.from_bytes(self._unread[:_HEADER_BYTES], "big")
            found.append(Apdu(command, bytes(self._unread[start : start + size])))
            del self._unread[: start + size]
        return found

    def _measure(self) -> tuple[int, int] | None:
        """Where the data starts and how long it is; None while that has not come."""
        if len(self._unread) < _HEADER_BYTES + 1:
            return None
        if self._unread[_HEADER_BYTES] != _LONG_LENGTH:
            return _HEADER_BYTES + 1, self._unread[_HEADER_BYTES]
        if len(self._unread) < _HEADER_BYTES + 3:
            return None
        return _HEADER_BYTES + 3, int.from_bytes(self._unread[_HEADER_BYTES + 1 : _HEADER_BYTES + 3], "little")
