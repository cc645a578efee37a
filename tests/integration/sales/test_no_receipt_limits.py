"""What one person gives back without receipt in a day (retail rules 9 and 26)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from libs.contracts.permissions import CASHIER, MANAGER, Permission
from libs.persistence import new_id
from tests.integration.sales.basket_shop import Till, line, till
from tests.integration.sales.shift_shop import Person, Shop, answered, refused

pytestmark = pytest.mark.anyio

PERMISSION = Permission.SALES_RETURN_WITHOUT_RECEIPT


def cash(given_minor: int) -> dict[str, Any]:
    return {"kind": "cash", "given_minor": given_minor}


def goods(price_minor: int) -> dict[str, Any]:
    return {"code": "wine", "quantity": "-1", "price_override_minor": price_minor, "return_reason": "no receipt"}


async def trusted(shop: Shop, **options: Any) -> Person:
    """Somebody with an open shift who may take goods back without receipt, up to 1,000.00."""
    person = await shop.cashier(permissions=CASHIER | {PERMISSION, Permission.SALES_VOID}, **options)
    await person.opens()
    return person


async def test_returns_without_receipt_add_up_over_the_day_until_a_manager_approves(shop: Shop) -> None:
    anna = await trusted(shop)
    await anna.sells([goods(60_000)], cash(-60_000))
    problem = refused(await anna.tries_to_sell([goods(40_100)], cash(-40_100)), 403, "approval-required")
    assert problem["detail"] == (
        "A manager must approve this (401.00 PLN): you have given back 600.00 PLN without receipt today, "
        "and 1000.00 PLN in a day is your limit."
    )
    assert (problem["action"], problem["up_to"]) == (PERMISSION, {"amount_minor": 40_100, "currency": "PLN"})
    await anna.sells([goods(40_000)], cash(-40_000))
    refused(await anna.tries_to_sell([goods(10)], cash(-10)), 403, "approval-required")
    sale_id = str(new_id())
    approval = shop.approval(PERMISSION, sale_id, anna, limits={"refund_minor": 10_000}, up_to=problem["up_to"])
    await anna.sells([goods(10_000)], cash(-10_000), sale_id=sale_id, approvals=[approval])


async def test_the_day_counts_at_every_till_of_the_person_and_for_nobody_else(shop: Shop) -> None:
    anna = await trusted(shop)
    await anna.sells([goods(100_000)], cash(-100_000))
    elsewhere = await trusted(shop, staff_id=anna.staff_id)
    refused(await elsewhere.tries_to_sell([goods(10)], cash(-10)), 403, "approval-required")
    colleague = await trusted(shop)
    await colleague.sells([goods(100_000)], cash(-100_000))


async def test_of_two_tills_of_one_person_at_once_only_one_finds_room(shop: Shop) -> None:
    anna = await trusted(shop)
    tills = [anna, *[await trusted(shop, staff_id=anna.staff_id) for _ in range(3)]]
    answers = await asyncio.gather(*(at.tries_to_sell([goods(60_000)], cash(-60_000)) for at in tills))
    assert sorted(answer.status_code for answer in answers) == [201, 403, 403, 403]


async def test_a_new_business_day_starts_from_nothing_and_a_void_gives_back_its_room(shop: Shop) -> None:
    anna = await trusted(shop)
    returned = await anna.sells([goods(100_000)], cash(-100_000))
    void = {"void_sale_id": str(new_id()), "reason": "wrong goods"}
    answered(await anna.post(f"/sales/{returned['sale_id']}/void", void), 201)
    await anna.sells([goods(99_990)], cash(-99_990))
    # A void of a sale is no return without receipt.
    sold = await anna.sells(["wine"], cash(4_000))
    answered(
        await anna.post(f"/sales/{sold['sale_id']}/void", {"void_sale_id": str(new_id()), "reason": "changed mind"}),
        201,
    )
    await anna.sells([goods(10)], cash(-10))
    refused(await anna.tries_to_sell([goods(10)], cash(-10)), 403, "approval-required")
    async with shop.database.transaction() as work:
        await work.connection.execute(
            text("update shifts set business_date = business_date - 1 where staff_id = :id"), {"id": anna.staff_id}
        )
    tomorrow = await trusted(shop, staff_id=anna.staff_id)
    await tomorrow.sells([goods(50_000)], cash(-50_000))


async def test_goods_with_a_receipt_do_not_count(shop: Shop) -> None:
    anna = await trusted(shop)
    await anna.sells([goods(100_000)], cash(-100_000))
    sold = await anna.sells(["wine"], cash(4_000))
    back = {
        "product_id": sold["lines"][0]["product_id"],
        "quantity": "-1",
        "returns": {"sale_id": sold["sale_id"], "line_id": sold["lines"][0]["line_id"]},
    }
    await anna.sells([back], cash(-4_000))


async def test_whoever_takes_over_a_basket_answers_for_what_it_gives_back_without_receipt(shop: Shop) -> None:
    manager, cashier = await till(shop, permissions=MANAGER), await till(shop)
    answered(await manager.tries_to_scan(**goods(10_000)), 201)
    answered(await manager.post("/suspend"), 200)
    taken = Till(shop, cashier.person, manager.basket_id)
    assert line(answered(await taken.post("/recall"), 200))["approved_by"] is None
    problem = refused(await taken.post("/tenders", cash(-10_000)), 403, "approval-required")
    assert problem["action"] == PERMISSION
