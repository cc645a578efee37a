"""Tills whose cards are keyed, at two replicas of payments: they try again, elsewhere, until they know."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID

import httpx

from libs.contracts.tenders import AuthorizeTender, CaptureTender, ReleaseTender
from libs.persistence import new_id
from services.payments.use_cases.authorize_tender import authorize_tender
from services.payments.use_cases.capture_tender import capture_tender
from services.payments.use_cases.release_tender import release_tender
from tests.integration.payments.concentrated_shop import VISA
from tests.integration.payments.terminal_shop import Person, TerminalShop, settings_of

TRIES = 40
PAUSE_S = 0.1
RELEASED_SHARE = 0.15


@dataclass(frozen=True)
class Paid:
    """A payment as its till knew it at last, and in which phase of the test the card was presented."""

    intent_id: UUID
    till: int
    phase: str
    state: str
    released: bool


@dataclass
class CardTill:
    """A till at the terminal of that name. `replicas` are the same cashier at each replica of payments."""

    number: int
    shop: TerminalShop
    terminal: str
    replicas: Sequence[Person]
    chance: Random
    phase: list[str]
    paid: list[Paid] = field(default_factory=list)
    stopped: bool = False

    async def work(self) -> None:
        """Take payments until it is stopped."""
        while not self.stopped:
            await self._pay()

    async def _pay(self) -> None:
        shop, limits = self.shop, settings_of(self.shop).limits
        facts: dict[str, Any] = {
            "tender_id": new_id(),
            "sale_id": new_id(),
            "store_id": shop.store_id,
            "till_id": shop.till_id,
            "kind": "card",
            "currency": "PLN",
            "amount_minor": self.chance.randrange(100, 20_000),
        }
        # What sales would command over the bus, in the transactions of its handlers.
        async with shop.database.transaction() as work:
            await authorize_tender(work, AuthorizeTender(**facts, instrument=self.terminal), limits)
        phase = self.phase[-1]
        state = await self._present(facts["tender_id"])
        released = False
        if state == "approved":
            released = self.chance.random() < RELEASED_SHARE
            async with shop.database.transaction() as work:
                if released:
                    await release_tender(work, ReleaseTender(**facts, reason="taken back"), limits)
                else:
                    await capture_tender(work, CaptureTender(**facts))
        self.paid.append(Paid(facts["tender_id"], self.number, phase, state, released))

    async def _present(self, intent_id: UUID) -> str:
        """The state that a replica answers; a till that is not answered tries the same with another one."""
        key = f"card-of-{intent_id}"
        turn = self.chance.randrange(len(self.replicas))
        for number in range(TRIES):
            person = self.replicas[(turn + number) % len(self.replicas)]
            try:
                response = await person.post(f"/intents/{intent_id}/card", VISA, key)
            except httpx.TransportError:
                await asyncio.sleep(PAUSE_S)
                continue
            if response.status_code == httpx.codes.OK:
                return str(response.json()["state"])
            assert response.is_server_error, response.text
            await asyncio.sleep(PAUSE_S)
        raise AssertionError(f"no replica has answered {TRIES} times")
