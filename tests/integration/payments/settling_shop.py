"""A concentrated shop whose acquirers settle: they add up what they booked, and are told items when that differs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from libs.testkit.databases import DatabaseServer
from services.payments.batch_jobs import Acquirers, settle_batches
from services.payments.domain.concentrator.message import Message
from services.payments.gateways.acquirer import Dialect, read_dialect
from tests.integration.payments.acquirer.host import Books, Host
from tests.integration.payments.concentrated_shop import ACQUIRERS, ConcentratedShop, add_concentrated_terminal
from tests.integration.payments.terminal_shop import Person, another_store, answered, open_terminal_shop, settings_of

_COUNTS_AND_SUMS = {"credit": (74, 86), "credit_reversed": (75, 87), "debit": (76, 88), "debit_reversed": (77, 89)}


@dataclass
class Booked:
    """A transaction as the acquirer has it."""

    kind: str
    amount_minor: int
    reversed: bool = False


class SettlingHost(Host):
    """A host that keeps a batch for each terminal, by trace number, and compares totals with it.

    `tells_totals`: whether its 0510 has its own totals when they differ. `agrees_at_last`: whether its 0530 agrees once
    it was told the items.
    """

    def __init__(self, dialect: Dialect, books: Books) -> None:
        super().__init__(dialect, books)
        self.batches: dict[str, dict[str, Booked]] = {}
        self.told: dict[str, list[Message]] = {}
        self.closed: list[str] = []
        self.said: dict[tuple[str, str, str], Message] = {}
        self.tells_totals = True
        self.agrees_at_last = True
        self.refuses_item: Callable[[Message], bool] = lambda item: False

    def of(self, mti: str, terminal: str) -> list[Message]:
        """What it saw of a kind from one terminal."""
        return [each for each in self.seen if each.mti == mti and each.fields.get(41, "").strip() == terminal]

    async def answer(self, writer: asyncio.StreamWriter, request: Message) -> None:
        """Settle; anything else as any host does, keeping what it approves."""
        fields = request.fields
        terminal = fields.get(41, "").strip()
        batch = self.batches.setdefault(terminal, {})
        if request.mti in ("0500", "0520") and self.code(request) == "00":
            await self.say(writer, self._settled(request, terminal))
            return
        if request.mti == "0320" and self.code(request) == "00":
            self.told.setdefault(terminal, []).append(request)
            code = "12" if self.refuses_item(request) else "00"
            echoed: dict[int, str | None] = {number: fields.get(number) for number in (3, 4, 7, 11, 41, 42)}
            await self.say(writer, Message.of("0330", {**echoed, 39: code}))
            return
        if self.code(request) == "00" and request.mti == "0200":
            batch[fields[11]] = Booked("credit" if fields[3] == "200000" else "debit", int(fields[4]))
        elif request.mti in ("0420", "0421") and fields[90][4:10] in batch:
            batch[fields[90][4:10]].reversed = True
        await super().answer(writer, request)

    async def _handle(self, request: Message, writer: asyncio.StreamWriter) -> None:
        if request.mti in ("0500", "0520") and self.behave(request).startswith("act_and"):
            self._settled(request, request.fields.get(41, "").strip())
            writer.transport.abort()
            return
        await super()._handle(request, writer)

    def _settled(self, request: Message, terminal: str) -> Message:
        """Its reply; a repeat, which has the trace of what it repeats, gets the same one again."""
        key = (terminal, request.mti, request.fields[11])
        if key not in self.said:
            self.said[key] = self._reply(request, terminal)
        return self.said[key]

    def _reply(self, request: Message, terminal: str) -> Message:
        mine = self._totals(terminal)
        same = all(request.fields[number] == text for number, text in mine.items())
        agrees = self.agrees_at_last if request.mti == "0520" else same
        echoed: dict[int, str | None] = {number: request.fields.get(number) for number in (3, 7, 11, 41, 42, 50)}
        told = mine if self.tells_totals and not agrees else {}
        if agrees or request.mti == "0520":
            self.batches[terminal] = {}
            self.closed.append(terminal)
        mti = "0510" if request.mti == "0500" else "0530"
        return Message.of(mti, {**echoed, **told, 39: "00" if agrees else "95", 66: "1" if agrees else "2"})

    def _totals(self, terminal: str) -> dict[int, str]:
        found: dict[int, str] = {}
        booked = self.batches.get(terminal, {}).values()
        for kind, (count, total) in _COUNTS_AND_SUMS.items():
            of_kind = [
                each.amount_minor
                for each in booked
                if each.kind == kind.removesuffix("_reversed") and (each.reversed or not kind.endswith("_reversed"))
            ]
            found |= {count: f"{len(of_kind):010d}", total: f"{sum(of_kind):016d}"}
        return found


@dataclass
class SettlingShop(ConcentratedShop):
    """A store whose one terminal is concentrated, with acquirers that settle."""

    number: str = "KEYED001"
    manager: Person = field(init=False)

    def __post_init__(self) -> None:
        self.manager = self.shop.manager()

    @property
    def first(self) -> SettlingHost:
        assert isinstance(self.primary, SettlingHost)
        return self.primary

    @property
    def second(self) -> SettlingHost:
        assert isinstance(self.other, SettlingHost)
        return self.other

    async def starts_day_end(self) -> dict[str, Any]:
        """Ask for the terminal's end of day; nobody is told of it yet."""
        body = {"terminal_id": str(self.terminal_id), "currency": "PLN"}
        started: dict[str, Any] = answered(await self.manager.post("/settlements", body), 201)
        return started

    async def settles(self, acquirers: Acquirers | None = None, *, seconds: float = 0, **limits: Any) -> None:
        """Let time pass, then tell acquirers of batches that are due."""
        self.shop.clock.advance(seconds)
        settings = settings_of(self.shop).model_copy(update=limits)
        await settle_batches(self.shop.database, acquirers or self.concentrator, settings)
        await self.shop.services.drained()

    async def ends_day(self) -> dict[str, Any]:
        """The settlement, after every acquirer that answers was told."""
        started = await self.starts_day_end()
        await self.settles()
        return await self.settlement(started["settlement_id"])

    async def settlement(self, settlement_id: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.manager.get(f"/settlements/{settlement_id}")
        return found

    async def differences(self, settlement_id: str) -> list[dict[str, Any]]:
        listed = await self.manager.get("/differences", store_id=str(self.shop.store_id), settlement_id=settlement_id)
        items: list[dict[str, Any]] = listed["items"]
        return items

    async def another(self, number: str) -> SettlingShop:
        """A store of its own with a terminal under this number."""
        shop = await another_store(self.shop)
        terminal_id: UUID = await add_concentrated_terminal(shop, "keyed", number)
        return SettlingShop(shop, self.primary, self.backup, self.other, terminal_id, number)


@asynccontextmanager
async def open_settling_shop(server: DatabaseServer, folder: Path) -> AsyncIterator[SettlingShop]:
    """Payments with two acquirers that settle; a test says when what is stored, or a batch, is told."""
    books = Books()
    primary, backup = SettlingHost(read_dialect("ascii"), books), SettlingHost(read_dialect("ascii"), books)
    other = SettlingHost(read_dialect("bcd"), Books())
    for host in (primary, backup, other):
        await host.start()
    file = folder / "acquirers.toml"
    file.write_text(ACQUIRERS.format(primary=primary.port, backup=backup.port, other=other.port), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TILLSTREAM_PAYMENTS_ACQUIRERS_FILE", str(file))
        for timer in ("FORWARD", "BATCHES"):
            patched.setenv(f"TILLSTREAM_PAYMENTS_{timer}_EVERY_S", "3600")
        async with open_terminal_shop(server) as shop:
            terminal_id = await add_concentrated_terminal(shop, "keyed", "KEYED001")
            opened = SettlingShop(shop, primary, backup, other, terminal_id)
            try:
                yield opened
            finally:
                await opened.close()
