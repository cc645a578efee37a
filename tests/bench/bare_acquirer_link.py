"""An acquirer's client without us: a socket of asyncio, pyiso8583, and replies matched by their trace number alone.

No time-outs, no links to switch, no check of what a reply belongs to: what nobody would run, to measure against.
"""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime
from typing import Any

import iso8583

from services.payments.domain.concentrator.numbers import LARGEST_TRACE_NUMBER

_LENGTH_BYTES = 2


class BareLink:
    """One connection with many outstanding. `constant` are the fields that every request has."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        spec: dict[str, dict[str, Any]],
        constant: dict[str, str],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._spec = spec
        self._constant = constant
        self._numbers = itertools.cycle(range(1, LARGEST_TRACE_NUMBER + 1))
        self._awaited: dict[str, asyncio.Future[dict[str, str]]] = {}
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def connect(cls, port: int, spec: dict[str, dict[str, Any]], constant: dict[str, str]) -> BareLink:
        """To a host on this machine."""
        return cls(*await asyncio.open_connection("127.0.0.1", port), spec, constant)

    async def pay(self, amount_minor: int = 10_000) -> None:
        """One purchase. Raises RuntimeError when it is not approved."""
        number = f"{next(self._numbers):06d}"
        now = datetime.now(UTC)
        request = {
            **self._constant,
            "t": "0200",
            "4": f"{amount_minor:012d}",
            "7": now.strftime("%m%d%H%M%S"),
            "11": number,
            "12": now.strftime("%H%M%S"),
            "13": now.strftime("%m%d"),
            "37": f"{now.year % 10}{now.timetuple().tm_yday:03d}{now.hour:02d}{number}",
        }
        data, _ = iso8583.encode(request, self._spec)
        awaited: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()
        self._awaited[number] = awaited
        self._writer.write(len(data).to_bytes(_LENGTH_BYTES, "big") + data)
        reply = await awaited
        if reply["39"] != "00":
            raise RuntimeError(f"declined with {reply['39']}")

    async def close(self) -> None:
        """Close the connection."""
        self._reading.cancel()
        self._writer.close()
        await self._writer.wait_closed()

    async def _read(self) -> None:
        try:
            while True:
                length = int.from_bytes(await self._reader.readexactly(_LENGTH_BYTES), "big")
                reply, _ = iso8583.decode(await self._reader.readexactly(length), self._spec)
                self._awaited.pop(reply["11"]).set_result(reply)
        finally:
            for awaited in self._awaited.values():
                if not awaited.done():
                    awaited.set_exception(ConnectionError("the host has closed the connection"))
