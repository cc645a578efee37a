"""The demo's bank: a simulated acquirer host that speaks ISO 8583, for cards that are keyed in at the till.

It keeps a ledger of what it booked. What it does wrong is up to the card, as test hosts have it: by its expiry it is
declined, or the line breaks before it is booked, or after. At the day's end it compares its own totals with the shop's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

from device_gateway.drivers.terminal.simulated_ledger import Ledger, LedgerEntry
from infra.demo.terminals import CURRENCY
from services.payments.domain.concentrator.message import Message, WrongMessage
from services.payments.gateways.acquirer import read_dialect
from services.payments.gateways.acquirer.codec import Codec
from services.payments.gateways.acquirer.framing import Framing, StreamBroken

ACQUIRER: Final = "first-bank"
DIALECT: Final = "ascii"
LARGEST_MESSAGE_BYTES: Final = 65_536
GOOD, WITHOUT_MONEY, LOST_BEFORE, LOST_AFTER = "2912", "2901", "2902", "2903"
"""The expiries of its test cards."""
_ECHOED: Final = (2, 3, 4, 7, 11, 32, 37, 41, 42, 49, 70)
_APPROVED, _DECLINED, _OUT_OF_BALANCE = "00", "51", "95"


class AcquirerHost:
    """The host behind the terminal `keyed-terminal`, which is no device: payments asks the host itself."""

    kind = "concentrator"
    name = "keyed-terminal"
    place = "all tills"

    def __init__(self) -> None:
        dialect = read_dialect(DIALECT)
        self._codec = Codec(dialect)
        self._framing = Framing(dialect.framing, LARGEST_MESSAGE_BYTES)
        self._ledger = Ledger()
        self._booked: dict[tuple[str, str], LedgerEntry] = {}

    @property
    def ledger(self) -> Sequence[LedgerEntry]:
        """What it booked and reversed, oldest first."""
        return self._ledger.entries

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        """Listen on this machine for the block; yields the port."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(StreamBroken, OSError):
            while True:
                try:
                    request = self._codec.read(await self._framing.read(reader))
                except WrongMessage:
                    continue
                if not request.is_request:
                    continue
                expiry = request.fields.get(14) if request.mti == "0200" else None
                if expiry == LOST_BEFORE:
                    break
                reply = self._reply(request, expiry)
                if expiry == LOST_AFTER:
                    break
                writer.write(self._framing.wrap(self._codec.write(reply)))
                await writer.drain()
        writer.transport.abort()

    def _reply(self, request: Message, expiry: str | None) -> Message:
        """Do what is asked, and the answer."""
        code, approval_code = (_DECLINED, None) if expiry == WITHOUT_MONEY else self._act(request)
        fields: dict[int, str | None] = {number: request.fields.get(number) for number in _ECHOED}
        fields |= {39: code, 38: approval_code}
        return Message.of(f"{request.mti[:2]}{int(request.mti[2]) + 1}0", fields)

    def _act(self, request: Message) -> tuple[str, str | None]:
        terminal = request.fields.get(41, "")
        if request.mti == "0200":
            entry = self._ledger.add("charge", int(request.fields[4]), CURRENCY, "")
            self._booked[terminal, request.fields[11]] = entry
            return _APPROVED, f"K{entry.number:05d}"
        if request.mti in ("0420", "0421"):
            # Told until it is confirmed, so it may come more than once; and what was never booked needs no undoing.
            booked = self._booked.get((terminal, request.fields[90][4:10]))
            if booked is not None and not self._ledger.is_reversed(booked.number):
                self._ledger.add("reversal", booked.amount_minor, CURRENCY, "", booked.number)
        if request.mti == "0500" and self._standing != _told(request):
            return _OUT_OF_BALANCE, None
        return _APPROVED, None

    @property
    def _standing(self) -> tuple[int, int]:
        """Count and sum of what was booked and not reversed."""
        standing = [
            entry.amount_minor
            for entry in self.ledger
            if entry.kind == "charge" and not self._ledger.is_reversed(entry.number)
        ]
        return len(standing), sum(standing)


def _told(settlement: Message) -> tuple[int, int]:
    """The same as the shop has it: its debits less the reversed ones (fields 76, 77, 88 and 89)."""
    fields = settlement.fields
    return int(fields[76]) - int(fields[77]), int(fields[88]) - int(fields[89])


def acquirers_file(port: int) -> str:
    """What stands in acquirers.toml: all cards go to this host."""
    return (
        f'default = "{ACQUIRER}"\n\n[[acquirer]]\nname = "{ACQUIRER}"\ndialect = "{DIALECT}"\n'
        f'primary = "127.0.0.1:{port}"\nreconnect_pause_s = 0.1\n'
    )


def numbers() -> list[dict[str, str]]:
    """What the terminal is known by at the acquirer."""
    return [{"acquirer": ACQUIRER, "terminal_number": "DEMO0001", "merchant_number": "CORNERSHOP", "category": "5411"}]
