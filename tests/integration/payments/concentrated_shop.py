"""A shop whose cards are keyed at the till: payments asks two acquirers' hosts itself, which a test plays."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.testkit.databases import DatabaseServer
from services.payments.domain.terminal import Terminal, TerminalKind
from services.payments.forwarding_jobs import forward
from services.payments.gateways.acquirer import read_dialect
from services.payments.gateways.acquirer.concentrator import Concentrator
from services.payments.storage.acquirer_terminals import AcquirerTerminal, AcquirerTerminalRepository
from services.payments.storage.terminals import TerminalRepository
from tests.integration.payments.acquirer.host import Books, Host
from tests.integration.payments.terminal_shop import TerminalShop, open_terminal_shop, settings_of

TERMINAL = "keyed"
VISA = {"entry": "keyed", "number": "4111111111111111", "expiry": "2912"}
MASTERCARD = {"entry": "keyed", "number": "5555555555554444", "expiry": "2912"}
ACQUIRERS = """
default = "first-bank"

[[acquirer]]
name = "first-bank"
dialect = "ascii"
primary = "127.0.0.1:{primary}"
backup = "127.0.0.1:{backup}"
cards = ["4"]
answer_timeout_s = 0.4
connect_timeout_s = 0.5
echo_timeout_s = 0.3
echo_every_s = 0.2
reconnect_pause_s = 0.05
failures = 2

[[acquirer]]
name = "second-bank"
dialect = "bcd"
primary = "127.0.0.1:{other}"
cards = ["51-55"]
answer_timeout_s = 0.4
reconnect_pause_s = 0.05
"""


@dataclass
class ConcentratedShop:
    """The shop, the hosts of its acquirers, and one terminal that is none of a gateway's."""

    shop: TerminalShop
    primary: Host
    backup: Host
    other: Host
    terminal_id: UUID

    @property
    def books(self) -> Books:
        """What the first acquirer booked, over whichever link it heard of it."""
        return self.primary.books

    @property
    def concentrator(self) -> Concentrator:
        found: Concentrator = self.shop.services.apps["payments"].state.resources[Concentrator]
        return found

    async def awaiting(self, amount_minor: int = 4_000, **facts: Any) -> UUID:
        """A card tender that waits for its card."""
        tender_id = await self.shop.authorize(amount_minor, instrument=TERMINAL, **facts)
        await self.shop.becomes(tender_id, "awaiting_card")
        return tender_id

    async def presents(self, intent_id: UUID, card: dict[str, Any] = VISA, key: str | None = None) -> dict[str, Any]:
        """The till posts the card; the payment as it stands then."""
        response = await self.shop.person().post(f"/intents/{intent_id}/card", card, key)
        assert response.status_code == 200, response.text
        shown: dict[str, Any] = response.json()
        return shown

    async def pays(self, amount_minor: int = 4_000, card: dict[str, Any] = VISA, **facts: Any) -> UUID:
        """A tender that was paid by card and captured."""
        tender_id = await self.awaiting(amount_minor, **facts)
        assert (await self.presents(tender_id, card))["state"] == "approved"
        await self.shop.capture(tender_id, amount_minor)
        await self.shop.becomes(tender_id, "captured")
        return tender_id

    async def forwards(self, seconds: float = 0) -> None:
        """Let time pass, then tell acquirers what is due."""
        self.shop.clock.advance(seconds)
        await forward(self.shop.database, self.concentrator, settings_of(self.shop))
        await self.shop.services.drained()

    async def close(self) -> None:
        for host in (self.primary, self.backup, self.other):
            await host.die()


async def add_concentrated_terminal(shop: TerminalShop, name: str, number: str) -> UUID:
    """A terminal with numbers at both acquirers."""
    terminal = Terminal(uuid4(), shop.store_id, name, None, (), active=True, kind=TerminalKind.CONCENTRATED)
    async with shop.database.transaction() as work:
        assert await TerminalRepository(work.connection).add_unwired(terminal, work.now)
        await AcquirerTerminalRepository(work.connection).replace(
            terminal.terminal_id,
            [
                AcquirerTerminal(terminal.terminal_id, acquirer, number, "MERCHANT0000001", "5411")
                for acquirer in ("first-bank", "second-bank")
            ],
            work.now,
            uuid4(),
        )
    return terminal.terminal_id


@asynccontextmanager
async def open_concentrated_shop(server: DatabaseServer, folder: Path) -> AsyncIterator[ConcentratedShop]:
    """Payments with two acquirers, one of them with two links, and a terminal for keyed cards."""
    books = Books()
    primary, backup = Host(read_dialect("ascii"), books), Host(read_dialect("ascii"), books)
    other = Host(read_dialect("bcd"), Books())
    for host in (primary, backup, other):
        await host.start()
    file = folder / "acquirers.toml"
    file.write_text(ACQUIRERS.format(primary=primary.port, backup=backup.port, other=other.port), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TILLSTREAM_PAYMENTS_ACQUIRERS_FILE", str(file))
        # The tests say when what is stored is told.
        patched.setenv("TILLSTREAM_PAYMENTS_FORWARD_EVERY_S", "3600")
        async with open_terminal_shop(server) as shop:
            terminal_id = await add_concentrated_terminal(shop, TERMINAL, "KEYED001")
            opened = ConcentratedShop(shop, primary, backup, other, terminal_id)
            try:
                yield opened
            finally:
                await opened.close()
