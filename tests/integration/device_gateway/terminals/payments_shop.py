"""Payments with its database and a real gateway on one bus, and at the gateway a terminal of each wiring.

What is compared with a terminal's ledger is what payments' own intents say.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from joserfc.jwk import ECKey, KeySet
from pydantic import SecretStr

from device_gateway.enrolment import EnrolledTill, Enrolment
from device_gateway.service import gateway_at_work
from device_gateway.settings import GatewaySettings
from libs.bus.transports.local import LocalTransport
from libs.contracts.identity import GatewayChanged, TillChanged
from libs.contracts.terminals import TerminalAction
from libs.persistence import new_id
from libs.testkit.databases import DatabaseServer
from libs.testkit.hosting import running
from libs.web.authentication import TokenVerifier
from services.payments.service import definition
from tests.integration.device_gateway.core.stand import QUICK, Keys
from tests.integration.device_gateway.terminals.history import AMOUNT_MINOR, KINDS, SETTLED_WITHIN_S
from tests.integration.device_gateway.terminals.wirings import CuttableTerminal, Direction, Moved, Wiring
from tests.integration.payments.terminal_shop import Clock, TerminalShop, answered

_POLL_S = 0.04
_CUT_IS_OVER_S = 0.04
_UNDECIDED = ("created", "sent", "reversing", "voiding")
_OK = 200


@dataclass
class CardShop(TerminalShop):
    """A shop that pays in one currency."""

    currency: str = "EUR"

    def _tender(self, amount_minor: int) -> dict[str, Any]:
        return {**super()._tender(amount_minor), "currency": self.currency}


class PaymentsTill:
    """A till of a shop with the terminal of one wiring. `intents` are all that it paid by, in order."""

    def __init__(self, shop: CardShop, wiring: Wiring, terminal: CuttableTerminal, name: str) -> None:
        self.shop = shop
        self.wiring = wiring
        self.terminal = terminal
        self.name = name
        self.intents: list[UUID] = []
        self.said: list[Moved] = []
        self.doubted = 0
        self._moved_before = 0
        self._cashier = shop.person()
        self._manager = shop.manager()

    async def lengths(self) -> dict[tuple[TerminalAction, Direction], int]:
        """How many bytes each action takes when nothing goes wrong."""
        await self._do("purchase")
        found: dict[tuple[TerminalAction, Direction], int] = {}
        for action in KINDS:
            earlier = await self._earlier(action)
            heard, said = self.terminal.heard, self.terminal.said
            await self._do(action, earlier)
            found[action, "to_terminal"] = self.terminal.heard - heard
            found[action, "from_terminal"] = self.terminal.said - said
        return found

    async def does(self, action: TerminalAction, cut: tuple[Direction, int] | None = None) -> None:
        """Sell, refund or take back, the line cut at a byte, and compare what the terminal moved with the intents."""
        earlier = await self._earlier(action)
        await asyncio.sleep(_CUT_IS_OVER_S)
        if cut is not None:
            self.terminal.cut(*cut)
        await self._do(action, earlier, f"{self.wiring.name}, {action} cut at {cut}")
        self.terminal.mend()

    async def compare(self) -> None:
        """Each intent by itself: what it says was charged and went back is what the terminal has of it, and no more."""
        assert self.terminal.movements() == self.said
        charged = 0
        for intent_id in self.intents:
            shown = await self._intent(intent_id)
            assert shown["anomaly_count"] == 0, shown["history"]
            sign = -1 if shown["kind"] == "refund" else 1
            kept = shown["state"] in ("approved", "captured", "part_refunded", "refunded")
            charged += sign * shown["approved_minor"] if kept else 0
        signs = {"charge": 1, "refund": -1, "reversal": -1}
        assert sum(signs[kind] * amount_minor for kind, amount_minor in self.terminal.movements()) == charged

    async def _intent(self, intent_id: UUID) -> dict[str, Any]:
        return dict(await self._cashier.get(f"/intents/{intent_id}"))

    async def _earlier(self, action: TerminalAction) -> UUID | None:
        if action == "purchase":
            return None
        while True:
            sale = await self._do("purchase")
            if (await self._intent(sale))["state"] == "approved":
                break
        if action == "refund":
            await self.shop.capture(sale, AMOUNT_MINOR)
        return sale

    async def _do(self, action: TerminalAction, earlier: UUID | None = None, what: str = "") -> UUID:
        self._moved_before = len(self.terminal.movements())
        if action == "purchase":
            intent_id = await self.shop.authorize(AMOUNT_MINOR, instrument=self.name, sent_twice=True)
            self.intents.append(intent_id)
        elif action == "refund":
            intent_id = await self.shop.authorize(
                -AMOUNT_MINOR, instrument=self.name, original_tender_id=earlier, sent_twice=True
            )
            self.intents.append(intent_id)
        else:
            assert earlier is not None
            await self.shop.release(earlier, AMOUNT_MINOR)
            intent_id = earlier
        shown = await self._decided(intent_id)
        done = "reversed" if action == "reversal" else "approved"
        moved = self.terminal.movements()[self._moved_before :]
        said = [(KINDS[action], AMOUNT_MINOR)] if shown["state"] == done else []
        assert moved == said, f"{what}: the intent is {shown['state']}; the terminal moved {moved}"
        self.said += said
        return intent_id

    async def _decided(self, intent_id: UUID) -> dict[str, Any]:
        """The intent, once it is decided: by the terminal, by an inquiry, or by a person who looks at the terminal."""
        deadline = time.monotonic() + SETTLED_WITHIN_S
        asked = 0
        while True:
            shown = await self._intent(intent_id)
            if shown["state"] == "unknown":
                asked += 1
                self.doubted += asked == 1
                if asked > 1 and not self.wiring.answers_inquiries:
                    await self._say_what_the_terminal_shows(shown)
                else:
                    answered(await self._cashier.post(f"/intents/{intent_id}/inquiry"), 200)
            elif shown["state"] == "reversal_refused":
                # Nothing went back: the till takes the tender back once more.
                body = {"reason": "The customer waits"}
                answered(await self._manager.post(f"/intents/{intent_id}/reversal", body), 200)
            elif shown["state"] not in _UNDECIDED:
                return shown
            assert time.monotonic() < deadline, f"{self.wiring.name}: still {shown['state']}: {shown['history']}"
            await asyncio.sleep(_POLL_S)

    async def _say_what_the_terminal_shows(self, shown: dict[str, Any]) -> None:
        """What a person reads in the terminal's own journal."""
        moved = self.terminal.movements()[self._moved_before :]
        assert len(moved) <= 1, f"{self.wiring.name}: {shown['pending']}: the terminal moved {moved}"
        said = {"approval_code": "A77", "last_four": "1234"} if moved else {"outcome": "declined", "note": "Not there"}
        response = await self._manager.post(f"/intents/{shown['intent_id']}/confirmation", said)
        # The answer to an inquiry may have come first.
        assert response.status_code in (200, 409), response.text


class StandaloneTill:
    """A till beside a terminal without a cable: a person works it and says what its slip says (retail rule 20).

    `slips` are what the terminal really did. What can break is the way of the person's word to payments.
    """

    def __init__(self, shop: CardShop, name: str) -> None:
        self.shop = shop
        self.name = name
        self.slips: list[Moved] = []
        self.said: list[Moved] = []
        self._person = shop.person()

    @classmethod
    async def added(cls, shop: CardShop, name: str) -> StandaloneTill:
        """With a new terminal of that name."""
        body = {"store_id": str(shop.store_id), "name": name}
        answered(await shop.manager().post("/standalone-terminals", body), 201)
        return cls(shop, name)

    async def sells_refunds_and_takes_back(self) -> None:
        """Two sales; one is refunded, the other one taken back; a third card is declined."""
        first, second = await self._does("purchase"), await self._does("purchase")
        await self.shop.capture(first, AMOUNT_MINOR)
        await self.shop.becomes(first, "captured")
        await self._does("refund", first)
        await self._does("reversal", second)
        await self._does("purchase", declined=True)

    async def _does(self, action: TerminalAction, earlier: UUID | None = None, *, declined: bool = False) -> UUID:
        intent_id = earlier
        if action == "reversal" and intent_id is not None:
            await self.shop.release(intent_id, AMOUNT_MINOR)
        else:
            sign = -1 if action == "refund" else 1
            intent_id = await self.shop.authorize(
                sign * AMOUNT_MINOR, instrument=self.name, original_tender_id=earlier, sent_twice=True
            )
        assert intent_id is not None
        await self.shop.becomes(intent_id, "awaiting_confirmation")
        if not declined:
            self.slips.append((KINDS[action], AMOUNT_MINOR))
        state = await self._says(intent_id, declined=declined)
        if state == ("reversed" if action == "reversal" else "approved"):
            self.said.append((KINDS[action], AMOUNT_MINOR))
        return intent_id

    async def _says(self, intent_id: UUID, *, declined: bool) -> str:
        """Say it until it is heard, and once more, because the answer may have been lost."""
        slip = {"outcome": "declined"} if declined else {"approval_code": "A12", "last_four": "0119"}
        key = str(new_id())
        heard, again = [await self._until_heard(f"/intents/{intent_id}/confirmation", slip, key) for _ in range(2)]
        assert again == heard, (heard, again)
        return str(heard["state"])

    async def _until_heard(self, path: str, slip: dict[str, str], key: str) -> dict[str, Any]:
        deadline = time.monotonic() + SETTLED_WITHIN_S
        while (heard := await self._person.post(path, slip, key=key)).status_code != _OK:
            assert time.monotonic() < deadline, heard.text
            await asyncio.sleep(_POLL_S)
        return dict(heard.json())


@asynccontextmanager
async def tills_of_payments(
    server: DatabaseServer, folder: Path, wirings: Sequence[Wiring]
) -> AsyncIterator[list[PaymentsTill]]:
    """One shop with one gateway, and at it a terminal of each wiring."""
    clock, transport = Clock(), LocalTransport()
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)

    async def fetch_keys() -> dict[str, Any]:
        return dict(KeySet([key]).as_dict(private=False))

    store_id, till_id, gateway_id = new_id(), new_id(), new_id()
    enrolment = Enrolment(
        gateway_id=gateway_id,
        store_id=store_id,
        secret=SecretStr("secret"),
        tills=(EnrolledTill(till_id=till_id, code="1"),),
    )
    async with running([definition], server, clock=clock, transport=transport) as services:
        for app in services.apps.values():
            app.state.context = replace(app.state.context, verifier=TokenVerifier(fetch_keys, clock))
        with ExitStack() as lines:
            tills, devices = [], []
            for wiring in wirings:
                own = folder / wiring.name
                terminal = lines.enter_context(wiring.serve(own))
                # No gateway answers for the test: there is a real one.
                shop = CardShop(
                    services,
                    transport,
                    cast("Any", None),
                    key,
                    clock,
                    store_id,
                    till_id,
                    new_id(),
                    currency=wiring.currency,
                )
                tills.append(PaymentsTill(shop, wiring, terminal, own.name))
                devices.append(wiring.device(terminal.address, own.name, own, till_id))
            till = TillChanged(till_id=till_id, store_id=store_id, code="1", name="Till 1", enrolled=True, active=True)
            gateway = GatewayChanged(
                gateway_id=gateway_id,
                store_id=store_id,
                code="g1",
                name="Store PC",
                till_ids=(till_id,),
                enrolled=True,
                active=True,
            )
            await tills[0].shop.hears(till, gateway)
            async with gateway_at_work(
                enrolment=enrolment,
                devices=devices,
                data_folder=folder,
                transport=transport,
                verifier=Keys().verifier,
                settings=GatewaySettings(**QUICK),
                clock=clock,
            ):
                await _known(tills[0].shop, {till.name for till in tills})
                yield tills


async def _known(shop: CardShop, names: set[str]) -> None:
    """Wait until payments has heard of every terminal from the gateway."""
    deadline = time.monotonic() + SETTLED_WITHIN_S
    while True:
        known = await shop.manager().get("/terminals", store_id=str(shop.store_id))
        if names <= {each["name"] for each in known["items"] if each["state"] == "ready"}:
            return
        assert time.monotonic() < deadline, known
        await asyncio.sleep(_POLL_S)
