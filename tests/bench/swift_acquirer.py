"""An acquirer's host that is not the limit, as a program of its own: `python -m tests.bench.swift_acquirer`.

It reads the first request of each layout with pyiso8583 and answers all others of that layout by copying bytes from the
same places, so that a client is measured and not its host. It approves everything, keeps nothing, and listens at two
ports, which it prints: at the first it answers at once, at the second after THINKS_S, as a bank's host may.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, cast

import iso8583
import uvloop

from services.payments.domain.concentrator.message import Message
from services.payments.gateways.acquirer import read_dialect
from services.payments.gateways.acquirer.codec import Codec

DIALECT = "ascii"
THINKS_S = 0.05
_LENGTH_BYTES = 2
# The type and both bitmaps.
_HEAD_BYTES = 20
_ECHOED = (3, 4, 7, 11, 37, 41, 42, 49)
_APPROVAL_CODE, _APPROVED = "A00001", "00"


@dataclass(frozen=True)
class _Layout:
    """Where the bytes of a reply are in its request: what stands before field 38, and what after field 39."""

    head: bytes
    before: tuple[slice, ...]
    after: tuple[slice, ...]

    def reply(self, request: bytes) -> bytes:
        parts = [self.head, *(request[each] for each in self.before)]
        return b"".join([*parts, (_APPROVAL_CODE + _APPROVED).encode(), *(request[each] for each in self.after)])


class SwiftHost(asyncio.Protocol):
    """One connection."""

    def __init__(self, pause_s: float) -> None:
        self._pause_s = pause_s
        self._codec = Codec(read_dialect(DIALECT))
        self._spec = read_dialect(DIALECT).specification()
        self._layouts: dict[tuple[bytes, int], _Layout] = {}
        self._pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the methods, but not the class.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every whole message."""
        pending = self._pending + data
        replies = []
        start = 0
        while len(pending) >= (begin := start + _LENGTH_BYTES):
            end = begin + int.from_bytes(pending[start:begin], "big")
            if end > len(pending):
                break
            reply = self._reply(pending[begin:end])
            replies.append(len(reply).to_bytes(_LENGTH_BYTES, "big") + reply)
            start = end
        self._pending = pending[start:]
        if self._pause_s:
            asyncio.get_running_loop().call_later(self._pause_s, self._transport.writelines, replies)
        else:
            self._transport.writelines(replies)

    def _reply(self, request: bytes) -> bytes:
        if request[:4] == b"0800":
            return self._network_reply(request)
        key = (request[:_HEAD_BYTES], len(request))
        if key not in self._layouts:
            self._layouts[key] = self._read_layout(request)
        return self._layouts[key].reply(request)

    def _network_reply(self, request: bytes) -> bytes:
        fields = self._codec.read(request).fields
        echoed: dict[int, str | None] = {number: fields.get(number) for number in (7, 11, 70)}
        return self._codec.write(Message.of("0810", echoed | {39: _APPROVED}))

    def _read_layout(self, request: bytes) -> _Layout:
        _, parts = iso8583.decode(request, self._spec)
        places: dict[int, slice] = {}
        position = 0
        for name in ("h", "t", "p", *(str(number) for number in range(1, 129))):
            part: dict[str, Any] = parts.get(name, {"len": b"", "data": b""})
            end = position + len(part["len"]) + len(part["data"])
            if name.isdecimal():
                places[int(name)] = slice(position, end)
            position = end
        present = {*_ECHOED, 38, 39}
        bitmap = sum(1 << 64 - number for number in present).to_bytes(8, "big")
        before = tuple(places[number] for number in _ECHOED if number < 38)
        return _Layout(b"0210" + bitmap, before, tuple(places[number] for number in _ECHOED if number > 39))


async def serve() -> None:
    """Listen at two ports, print them, and serve until the process is ended."""
    loop = asyncio.get_running_loop()
    servers = [
        await loop.create_server(lambda pause_s=pause_s: SwiftHost(pause_s), "127.0.0.1", 0)  # type: ignore[misc]
        for pause_s in (0.0, THINKS_S)
    ]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())
