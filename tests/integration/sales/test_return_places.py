"""Where goods come back and how far a cashier may go there (retail rules 3, 9, 11 and 26)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from libs.contracts.permissions import MANAGER, Permission
from tests.integration.sales.basket_shop import price_of, product, publish
from tests.integration.sales.shift_shop import Person, Shop, answered, refused


@pytest.fixture
async def anna(shop: Shop) -> Person:
    person = await shop.cashier()
    await person.opens()
    return person


def cash(given_minor: int) -> dict[str, Any]:
    return {"kind": "cash", "given_minor": given_minor}


def back(document: dict[str, Any], line: int = 0, quantity: str = "-1") -> dict[str, Any]:
    sold = document["lines"][line]
    return {
        "product_id": sold["product_id"],
        "quantity": quantity,
        "returns": {"sale_id": document["sale_id"], "line_id": sold["line_id"]},
    }


async def test_rule_3_goods_do_not_come_back_where_prices_are_taxed_in_another_way(shop: Shop, anna: Person) -> None:
    sold = await anna.sells(["tea"], cash(1_300))
    changes = {"store_id": uuid4(), "code": "X1", "tax_mode": "exclusive"}
    exclusive = shop.store.model_copy(update=changes)
    await shop.hears(exclusive)
    beata = shop.person(await shop.new_till(exclusive), store=exclusive)
    await beata.opens()
    problem = refused(await beata.tries_to_sell([back(sold)], cash(-1_300)), 422, "not-returnable")
    assert problem["detail"] == (
        "The goods were sold with tax in the price, and this store sells with tax on top of the price. "
        "Take them back in a store that prices as the receipt does."
    )
    basket = answered(await beata.post("/baskets", {"currency": "PLN"}), 201)
    refused(await beata.post(f"/baskets/{basket['basket_id']}/lines", back(sold)), 422, "not-returnable")
    await anna.sells([back(sold)], cash(-1_300))


async def test_rule_11_a_gift_card_does_not_come_back_without_receipt_either(shop: Shop) -> None:
    manager = shop.manager(await shop.new_till())
    await manager.opens()
    gift = {
        "product_id": str(shop.products["gift"]),
        "quantity": "-1",
        "price_override_minor": 5_000,
        "return_reason": "Gift",
    }
    refused(await manager.tries_to_sell([gift], cash(-5_000)), 422, "not-returnable", "lines")


async def test_rule_26_a_receipt_brought_back_piece_by_piece_counts_as_a_whole_against_the_limit(shop: Shop) -> None:
    anna = await shop.cashier()
    await anna.opens()
    sold = await anna.sells([{"code": "wine", "quantity": "30"}], cash(119_970))
    await anna.sells([back(sold, quantity="-20")], cash(-79_980))
    sale_id = str(uuid4())
    rest = [back(sold, quantity="-10")]
    sale = {"sale_id": sale_id, "currency": "PLN", "lines": rest, "tenders": [cash(-39_990)]}
    problem = refused(await anna.post("/sales", sale), 403, "approval-required")
    assert problem["permission"] == "sales.return"
    approval = shop.approval(Permission.SALES_RETURN, sale_id, anna, limits={"refund_minor": 119_970})
    answered(await anna.post("/sales", {**sale, "approvals": [approval]}), 201)


async def test_continuity_is_told_to_those_who_work_for_the_store(shop: Shop, anna: Person) -> None:
    other_store = shop.store.model_copy(update={"store_id": uuid4(), "code": "K8"})
    await shop.hears(other_store)
    stranger = shop.person(await shop.new_till(other_store), store=other_store, permissions=MANAGER)
    refused(await stranger.get(f"/tills/{anna.till_id}/continuity"), 403, "forbidden")
    answered(await anna.get(f"/tills/{anna.till_id}/continuity"), 200)


async def test_a_shift_is_closed_before_a_store_sells_in_another_currency(shop: Shop) -> None:
    store = shop.store.model_copy(update={"store_id": uuid4(), "code": "C1"})
    await shop.hears(store)
    anna = shop.person(await shop.new_till(store), store=store)
    await anna.opens()
    await publish(shop, store.model_copy(update={"currency": "EUR"}), sequence=2)
    crate = product("crate")
    await publish(shop, crate, price_of(crate.product_id, 0, currency="EUR"))
    sale = {"sale_id": str(uuid4()), "currency": "EUR", "lines": [{"code": "crate"}], "tenders": []}
    refused(await anna.post("/sales", sale), 409, "no-open-shift")
