"""Amounts so small that the smallest coin makes nothing of them (retail rule 1)."""

from __future__ import annotations

import pytest

from libs.contracts.permissions import MANAGER
from tests.integration.sales.basket_shop import price_of, product, publish
from tests.integration.sales.shift_shop import Person, Shop, answered, refused


@pytest.fixture
async def anna(shop: Shop) -> Person:
    person = shop.person(await shop.new_till(), permissions=MANAGER)
    await person.opens()
    if "bag" not in shop.products:
        bag = product("bag")
        shop.products["bag"] = bag.product_id
        await publish(shop, bag, price_of(bag.product_id, 2))
    return person


async def test_rule_1_what_rounds_to_nothing_is_paid_with_no_cash_at_all(anna: Person) -> None:
    sold = await anna.sells(["bag"], {"kind": "cash", "given_minor": 0})
    assert (sold["total_minor"], sold["rounding_minor"], sold["tenders"][0]["amount_minor"]) == (2, -2, 2)
    back = {
        "product_id": sold["lines"][0]["product_id"],
        "quantity": "-1",
        "returns": {"sale_id": sold["sale_id"], "line_id": sold["lines"][0]["line_id"]},
    }
    returned = await anna.sells([back], {"kind": "cash", "given_minor": 0})
    assert (returned["total_minor"], returned["rounding_minor"]) == (-2, 2)
    counted = {"currency": "PLN", "denominations": [{"value_minor": 20_000, "count": 1}]}
    shift_id = answered(await anna.get("/shifts/current"), 200)["shift_id"]
    report = answered(await anna.post(f"/shifts/{shift_id}/close", {"counts": [counted]}), 200)
    assert (report["cash"]["variance_minor"], report["rounding_minor"], report["differences"]) == (0, 0, [])


async def test_no_cash_at_all_pays_nothing_that_a_coin_can_pay(anna: Person) -> None:
    problem = refused(await anna.tries_to_sell(["bread"], {"kind": "cash", "given_minor": 0}), 422, "tender-refused")
    assert problem["errors"][0]["field"] == "tenders.0.given_minor"
