"""Messages on a TCP stream: their length in front, big-endian, and perhaps a TPDU (protocols.md D)."""

from __future__ import annotations

import asyncio

from services.payments.gateways.acquirer.dialect import FramingOfDialect

_TPDU_BYTES = 5


class StreamBroken(Exception):
    """The stream has ended, or what comes is no frame: the connection is of no use any more."""


class Framing:
    """Frames of one acquirer. `largest_bytes` is the longest message that is taken."""

    def __init__(self, framing: FramingOfDialect, largest_bytes: int) -> None:
        self._length_bytes = framing.length_bytes
        self._tpdu = bytes.fromhex(framing.tpdu)
        self._largest_bytes = largest_bytes

    def wrap(self, message: bytes) -> bytes:
        """A message as a frame."""
        content = self._tpdu + message
        return len(content).to_bytes(self._length_bytes, "big") + content

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        """The next message. The addresses of its TPDU are not looked at. Raises StreamBroken."""
        try:
            length = int.from_bytes(await reader.readexactly(self._length_bytes), "big")
            if not len(self._tpdu) <= length <= self._largest_bytes:
                raise StreamBroken(f"A frame of {length} bytes; at most {self._largest_bytes} are taken.")
            content = await reader.readexactly(length)
        except (asyncio.IncompleteReadError, OSError) as error:
            raise StreamBroken("The acquirer has closed the connection.") from error
        return content[_TPDU_BYTES:] if self._tpdu else content
