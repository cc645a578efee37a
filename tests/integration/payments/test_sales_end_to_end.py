"""A shop that takes cards: real identity, catalog, sales and payments, and a gateway that answers for the terminal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from time import monotonic
from typing import Any
from uuid import UUID

import httpx
import pytest

from infra.demo.goods import assortment
from infra.demo.shop import Shop, set_up_shop
from libs.bus.transports.local import LocalTransport
from libs.host.registry import service_definition
from libs.persistence import new_id, utc_now
from libs.testkit.databases import DatabaseServer
from libs.testkit.hosting import RunningServices, running
from services.sales.domain.tender import TenderKind
from services.sales.settings import SalesSettings
from tests.chaos.tills import OpenApi
from tests.integration.payments.terminal_shop import (
    DEADLINE_S,
    POLL_S,
    Gateway,
    answered,
    approves,
    declines,
    finds_nothing,
    found,
    loses,
    publish,
    terminal_device,
)

SERVICES = [service_definition(name) for name in ("identity", "catalog", "sales", "payments")]
GOODS = list(assortment().values())


@dataclass
class CardShop:
    """The shop, its terminal, and the cashier of its one till."""

    services: RunningServices
    shop: Shop
    gateway: Gateway

    @property
    def headers(self) -> dict[str, str]:
        api = self.shop.cashiers[0].api
        assert isinstance(api, OpenApi)
        return api.headers

    async def asks(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        headers = {**self.headers, "Idempotency-Key": str(new_id())}
        return await self.services.http.request(method, path, json=body, headers=headers, **options)

    async def basket(self, *codes: str) -> dict[str, Any]:
        """A basket with goods by code; without a code, with the dearest ones that anybody may buy."""
        opened = answered(await self.asks("POST", "/sales/v1/baskets", {"currency": "EUR"}), 201)
        for code in codes or (_DEAREST,):
            opened = answered(
                await self.asks("POST", f"/sales/v1/baskets/{opened['basket_id']}/lines", {"code": code}), 201
            )
        return dict(opened)

    async def tender(self, basket: dict[str, Any], *states: str, **tender: Any) -> dict[str, Any]:
        """A tender of the basket, once it is in one of these states, and the payment as it then is."""
        body = {"tender_id": str(new_id()), "kind": "card", **tender}
        path = f"/sales/v1/baskets/{basket['basket_id']}/tenders"
        asked = await self.asks("POST", path, body)
        assert asked.status_code in (201, 202), asked.text
        return await self.tender_becomes(basket, str(body["tender_id"]), *states)

    async def tender_becomes(self, basket: dict[str, Any], tender_id: str, *states: str) -> dict[str, Any]:
        deadline = monotonic() + DEADLINE_S
        while True:
            payment = answered(await self.asks("GET", f"/sales/v1/baskets/{basket['basket_id']}/tenders"), 200)
            [mine] = [each for each in payment["tenders"] if each["tender_id"] == tender_id]
            if mine["state"] in states:
                return {**payment, "tender": mine}
            assert monotonic() < deadline, mine
            await asyncio.sleep(POLL_S)

    async def completes(self, basket: dict[str, Any]) -> dict[str, Any]:
        document = answered(await self.asks("POST", f"/sales/v1/baskets/{basket['basket_id']}/complete", {}), 201)
        await self.services.drained()
        return dict(document)

    async def intent(self, tender_id: str) -> dict[str, Any]:
        return dict(answered(await self.asks("GET", f"/payments/v1/intents/{tender_id}"), 200))

    async def lost(self, basket: dict[str, Any]) -> dict[str, Any]:
        self.gateway.script |= {"purchase": loses, "inquiry": loses}
        return await self.tender(basket, "unknown", amount_minor=basket["total_minor"])

    async def approval(self, action: str, bound_to: str) -> str:
        body = {
            "approver_code": self.shop.cashiers[0].manager.code,
            "pin": self.shop.cashiers[0].manager.pin,
            "action": action,
            "bound_to": bound_to,
            "reason": "The slip says approved",
        }
        given = answered(await self.asks("POST", "/identity/v1/approvals", body), 201)
        return str(given["approval"])


_FOR_ANYBODY = [each for each in GOODS if not each.minimum_age_years and each.barcode]
_DEAREST = max(_FOR_ANYBODY, key=lambda each: each.price_minor).code


@pytest.fixture(scope="module")
async def card_shop(postgres_server: DatabaseServer) -> AsyncIterator[CardShop]:
    transport = LocalTransport()
    async with running(SERVICES, postgres_server, transport=transport) as services:
        services.apps["sales"].state.resources[SalesSettings] = SalesSettings(tender_kinds=frozenset(TenderKind))
        shop = await set_up_shop(OpenApi(services.http), services.secrets, 1)
        await shop.cashiers[0].open_shift()
        gateway = Gateway(transport, new_id(), utc_now)
        await gateway.listen()
        till_id = UUID(shop.cashiers[0].till_id)
        await publish(transport, terminal_device(UUID(shop.store_id), gateway.gateway_id, [till_id]))
        await services.drained()
        yield CardShop(services, shop, gateway)


@pytest.fixture
def shop(card_shop: CardShop) -> CardShop:
    card_shop.gateway.script.clear()
    card_shop.gateway.asked.clear()
    return card_shop


async def test_a_card_pays_a_basket(shop: CardShop) -> None:
    basket = await shop.basket()
    paid = await shop.tender(basket, "authorized", amount_minor=basket["total_minor"])
    document = await shop.completes(basket)
    tender_id = paid["tender"]["tender_id"]
    await shop.tender_becomes(basket, tender_id, "captured")
    intent = await shop.intent(tender_id)
    assert (intent["state"], intent["captured_minor"]) == ("captured", document["total_minor"])
    assert document["tenders"][0]["reference"] == intent["references"]["approval_code"]
    assert intent["sale_id"] == document["sale_id"]


async def test_card_and_cash_share_a_basket(shop: CardShop) -> None:
    basket = await shop.basket()
    paid = await shop.tender(basket, "authorized", amount_minor=100)
    await shop.tender(basket, "authorized", kind="cash", given_minor=paid["due_minor"] + 1_000)
    document = await shop.completes(basket)
    assert [each["kind"] for each in document["tenders"]] == ["card", "cash"]
    assert (await shop.intent(paid["tender"]["tender_id"]))["captured_minor"] == 100


async def test_rule_18_a_partial_approval_leaves_the_rest_due(shop: CardShop) -> None:
    basket = await shop.basket()
    shop.gateway.script["purchase"] = lambda operation: {**approves(operation), "amount_minor": 50}
    first = await shop.tender(basket, "authorized", amount_minor=basket["total_minor"])
    assert (first["tender"]["amount_minor"], first["due_minor"]) == (50, basket["total_minor"] - 50)
    shop.gateway.script.clear()
    second = await shop.tender(basket, "authorized", amount_minor=first["due_minor"])
    assert second["due_minor"] == 0
    document = await shop.completes(basket)
    assert sum(each["amount_minor"] for each in document["tenders"]) == document["total_minor"]


async def test_a_declined_card_leaves_the_basket_open_for_another(shop: CardShop) -> None:
    basket = await shop.basket()
    shop.gateway.script["purchase"] = declines
    declined = await shop.tender(basket, "declined", amount_minor=basket["total_minor"])
    assert (declined["state"], declined["due_minor"]) == ("open", basket["total_minor"])
    assert declined["tender"]["why"] == {"reason": "Insufficient funds", "reason_code": "51"}
    shop.gateway.script.clear()
    await shop.tender(basket, "authorized", amount_minor=basket["total_minor"])
    await shop.completes(basket)


async def test_a_till_without_the_named_terminal_is_told_which_it_has(shop: CardShop) -> None:
    basket = await shop.basket()
    declined = await shop.tender(basket, "declined", amount_minor=basket["total_minor"], reference="elsewhere")
    assert declined["tender"]["why"] == {
        "reason": "This till has no payment terminal 'elsewhere'; it has: card-terminal.",
        "reason_code": "no-terminal",
    }


async def test_an_unknown_card_is_resolved_by_a_query_at_the_till(shop: CardShop) -> None:
    basket = await shop.basket()
    tender_id = (await shop.lost(basket))["tender"]["tender_id"]
    refusal = await shop.asks("POST", f"/sales/v1/baskets/{basket['basket_id']}/complete", {})
    assert refusal.status_code == 409
    shop.gateway.script["inquiry"] = found
    answered(await shop.asks("POST", f"/payments/v1/intents/{tender_id}/inquiry"), 200)
    await shop.tender_becomes(basket, tender_id, "authorized")
    await shop.completes(basket)
    assert shop.gateway.actions().count("purchase") == 1


async def test_an_unknown_card_that_was_never_charged_is_tried_anew_with_a_new_tender(shop: CardShop) -> None:
    basket = await shop.basket()
    tender_id = (await shop.lost(basket))["tender"]["tender_id"]
    shop.gateway.script |= {"inquiry": finds_nothing, "purchase": approves}
    answered(await shop.asks("POST", f"/payments/v1/intents/{tender_id}/inquiry"), 200)
    await shop.tender_becomes(basket, tender_id, "declined")
    await shop.tender(basket, "authorized", amount_minor=basket["total_minor"])
    await shop.completes(basket)


async def test_an_unknown_card_is_confirmed_with_its_code_and_a_managers_approval(shop: CardShop) -> None:
    basket = await shop.basket()
    tender_id = (await shop.lost(basket))["tender"]["tender_id"]
    path = f"/payments/v1/intents/{tender_id}/confirmation"
    body = {"approval_code": "A77", "last_four": "0119"}
    assert (await shop.asks("POST", path, body)).status_code == 403
    body["approval"] = await shop.approval("payments.confirm", tender_id)
    answered(await shop.asks("POST", path, body), 200)
    paid = await shop.tender_becomes(basket, tender_id, "authorized")
    assert paid["tender"]["reference"] == "A77"
    await shop.completes(basket)
    line = [each for each in (await shop.intent(tender_id))["history"] if each["approved_by_name"]]
    assert [(each["by_name"], each["approved_by_name"]) for each in line] == [("Aoife Byrne", "Maeve O'Brien")]


async def test_an_unknown_card_is_taken_back_and_what_was_charged_goes_back(shop: CardShop) -> None:
    basket = await shop.basket()
    tender_id = (await shop.lost(basket))["tender"]["tender_id"]
    shop.gateway.script["inquiry"] = found
    answered(await shop.asks("DELETE", f"/sales/v1/baskets/{basket['basket_id']}/tenders/{tender_id}"), 200)
    released = await shop.tender_becomes(basket, tender_id, "released")
    assert released["state"] == "open"
    assert (await shop.intent(tender_id))["state"] == "reversed"
    await shop.tender(basket, "authorized", kind="cash", given_minor=basket["total_minor"] + 1_000)
    await shop.completes(basket)


async def test_an_unknown_card_is_reversed_by_the_payments_route(shop: CardShop) -> None:
    basket = await shop.basket()
    tender_id = (await shop.lost(basket))["tender"]["tender_id"]
    shop.gateway.script["inquiry"] = found
    answered(await shop.asks("POST", f"/payments/v1/intents/{tender_id}/reversal", {"reason": "Customer left"}), 200)
    assert (await shop.tender_becomes(basket, tender_id, "declined"))["state"] == "open"


async def test_goods_that_come_back_by_receipt_code_are_refunded_to_their_card(shop: CardShop) -> None:
    basket = await shop.basket()
    await shop.tender(basket, "authorized", amount_minor=basket["total_minor"])
    sold = await shop.completes(basket)
    receipt = answered(await shop.asks("GET", f"/sales/v1/sales/by-receipt/{sold['receipt_code']}"), 200)
    [card] = receipt["document"]["tenders"] if "document" in receipt else receipt["tenders"]
    back = answered(await shop.asks("POST", "/sales/v1/baskets", {"currency": "EUR"}), 201)
    line = sold["lines"][0]
    returned = {
        "product_id": line["product_id"],
        "quantity": "-1",
        "returns": {"sale_id": sold["sale_id"], "line_id": line["line_id"]},
    }
    back = answered(await shop.asks("POST", f"/sales/v1/baskets/{back['basket_id']}/lines", returned), 201)
    refund = await shop.tender(
        back, "authorized", amount_minor=back["total_minor"], original_tender_id=card["tender_id"]
    )
    await shop.completes(back)
    assert refund["tender"]["amount_minor"] == -sold["total_minor"]
    original = await shop.intent(card["tender_id"])
    assert (original["state"], original["refunded_minor"]) == ("refunded", sold["total_minor"])
