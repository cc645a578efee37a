"""From the basket to the card and back: identity, catalog, sales and payments, a gateway, and a ZVT terminal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr

from device_gateway.configuration import ConfiguredDevice
from device_gateway.domain.placement import PlacedDevice
from device_gateway.drivers.terminal.simulated_ledger import Decline
from device_gateway.drivers.terminal.zvt.driver import ZvtOptions
from device_gateway.drivers.terminal.zvt.driver import driver as zvt_driver
from device_gateway.drivers.terminal.zvt.simulator import ZvtSimulator, ZvtSimulatorOptions
from device_gateway.enrolment import EnrolledTill, Enrolment
from device_gateway.service import RunningGateway, gateway_at_work
from device_gateway.settings import GatewaySettings
from device_gateway.simulators import AnswerLostAfterEffect, Faults
from infra.demo.goods import assortment
from infra.demo.shop import Shop, set_up_shop
from libs.bus.transports.local import LocalTransport
from libs.host.registry import service_definition
from libs.persistence import new_id
from libs.testkit.databases import DatabaseServer
from libs.testkit.hosting import RunningServices, running
from services.sales.domain.tender import TenderKind
from services.sales.settings import SalesSettings
from tests.chaos.tills import OpenApi
from tests.integration.device_gateway.core.stand import QUICK, Keys
from tests.integration.device_gateway.terminals.gateway_stand import NAME, QUICK_ZVT, moved, next_card, on_a_line

pytestmark = pytest.mark.anyio

SERVICES = [service_definition(name) for name in ("identity", "catalog", "sales", "payments")]
DEADLINE_S = 15.0
_FOR_ANYBODY = [each for each in assortment().values() if not each.minimum_age_years and each.barcode]
_DEAREST = max(_FOR_ANYBODY, key=lambda each: each.price_minor).code


@dataclass
class CardShop:
    """A shop with one till, whose terminal is on a line behind a gateway."""

    services: RunningServices
    shop: Shop
    gateway: RunningGateway
    terminal: ZvtSimulator

    async def asks(self, method: str, path: str, body: Any = None) -> httpx.Response:
        api = self.shop.cashiers[0].api
        assert isinstance(api, OpenApi)
        headers = {**api.headers, "Idempotency-Key": str(new_id())}
        return await self.services.http.request(method, path, json=body, headers=headers)

    async def gets(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of an answer that is no refusal."""
        response = await self.asks(method, path, body)
        assert response.is_success, response.text
        return response.json()

    async def basket(self) -> dict[str, Any]:
        opened = await self.gets("POST", "/sales/v1/baskets", {"currency": "EUR"})
        lines = f"/sales/v1/baskets/{opened['basket_id']}/lines"
        return dict(await self.gets("POST", lines, {"code": _DEAREST}))

    async def pays_by_card(self, basket: dict[str, Any], state: str) -> dict[str, Any]:
        """A card tender of the whole basket, once it is in this state."""
        tender_id = str(new_id())
        body = {"tender_id": tender_id, "kind": "card", "amount_minor": basket["total_minor"]}
        await self.gets("POST", f"/sales/v1/baskets/{basket['basket_id']}/tenders", body)
        return await self.tender_becomes(basket, tender_id, state)

    async def tender_becomes(self, basket: dict[str, Any], tender_id: str, state: str) -> dict[str, Any]:
        deadline = monotonic() + DEADLINE_S
        while True:
            payment = await self.gets("GET", f"/sales/v1/baskets/{basket['basket_id']}/tenders")
            [mine] = [each for each in payment["tenders"] if each["tender_id"] == tender_id]
            if mine["state"] == state:
                return dict(mine)
            assert monotonic() < deadline, mine
            await asyncio.sleep(0.02)

    async def completes(self, basket: dict[str, Any]) -> dict[str, Any]:
        return dict(await self.gets("POST", f"/sales/v1/baskets/{basket['basket_id']}/complete", {}))

    def new_movements(self, before: int) -> list[tuple[str, int]]:
        return moved(self.terminal)[before:]


@pytest.fixture(scope="module")
async def card_shop(
    postgres_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[CardShop]:
    folder: Path = tmp_path_factory.mktemp("gateway")
    transport = LocalTransport()
    terminal = ZvtSimulator(ZvtSimulatorOptions())
    async with running(SERVICES, postgres_server, transport=transport) as services:
        services.apps["sales"].state.resources[SalesSettings] = SalesSettings(tender_kinds=frozenset(TenderKind))
        shop = await set_up_shop(OpenApi(services.http), services.secrets, 1)
        await shop.cashiers[0].open_shift()
        till_id = UUID(shop.cashiers[0].till_id)
        enrolment = Enrolment(
            gateway_id=new_id(),
            store_id=UUID(shop.store_id),
            secret=SecretStr("secret"),
            tills=(EnrolledTill(till_id=till_id, code="1"),),
        )
        with on_a_line(terminal) as address:
            options = {"address": address, **QUICK_ZVT, "answer_timeout_s": 2, "memory_file": folder / "memory"}
            placed = PlacedDevice(NAME, "terminal", "zvt", (till_id,))
            async with gateway_at_work(
                enrolment=enrolment,
                devices=[ConfiguredDevice(placed, zvt_driver, ZvtOptions.model_validate(options))],
                data_folder=folder,
                transport=transport,
                verifier=Keys().verifier,
                settings=GatewaySettings(**QUICK),
            ) as gateway:
                ready = CardShop(services, shop, gateway, terminal)
                await _terminal_is_known(ready)
                yield ready


async def _terminal_is_known(shop: CardShop) -> None:
    """Wait until payments has heard of the terminal, from the gateway itself."""
    deadline = monotonic() + DEADLINE_S
    while True:
        known = await shop.shop.office.get("/payments/v1/terminals", store_id=shop.shop.store_id)
        if any(each["name"] == NAME and each["state"] == "ready" for each in known["items"]):
            return
        assert monotonic() < deadline, known
        await asyncio.sleep(0.02)


async def test_a_basket_paid_by_card_at_the_terminal_completes(card_shop: CardShop) -> None:
    before = len(moved(card_shop.terminal))
    basket = await card_shop.basket()
    tender = await card_shop.pays_by_card(basket, "authorized")
    document = await card_shop.completes(basket)
    await card_shop.tender_becomes(basket, tender["tender_id"], "captured")
    assert document["total_minor"] == basket["total_minor"]
    assert document["tenders"][0]["kind"] == "card"
    assert card_shop.new_movements(before) == [("charge", basket["total_minor"])]
    intent = await card_shop.gets("GET", f"/payments/v1/intents/{tender['tender_id']}")
    assert (intent["state"], intent["card"]["masked_number"]) == ("captured", "443056******1234")


async def test_a_card_that_the_terminal_declines_leaves_the_basket_open(card_shop: CardShop) -> None:
    before = len(moved(card_shop.terminal))
    basket = await card_shop.basket()
    next_card(card_shop.terminal, Decline("6C"))
    await card_shop.pays_by_card(basket, "declined")
    assert card_shop.new_movements(before) == []
    await card_shop.pays_by_card(basket, "authorized")
    await card_shop.completes(basket)
    assert card_shop.new_movements(before) == [("charge", basket["total_minor"])]


async def test_an_answer_lost_after_the_effect_is_unknown_then_found_by_an_inquiry_and_charged_once(
    card_shop: CardShop,
) -> None:
    before = len(moved(card_shop.terminal))
    basket = await card_shop.basket()
    card_shop.terminal.faults = Faults([AnswerLostAfterEffect()])
    tender = await card_shop.pays_by_card(basket, "unknown")
    refusal = await card_shop.asks("POST", f"/sales/v1/baskets/{basket['basket_id']}/complete", {})
    assert refusal.status_code == 409
    card_shop.terminal.faults = Faults()
    await card_shop.gets("POST", f"/payments/v1/intents/{tender['tender_id']}/inquiry")
    await card_shop.tender_becomes(basket, tender["tender_id"], "authorized")
    document = await card_shop.completes(basket)
    assert document["total_minor"] == basket["total_minor"]
    assert card_shop.new_movements(before) == [("charge", basket["total_minor"])]
