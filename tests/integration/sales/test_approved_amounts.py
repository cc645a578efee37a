"""An approval holds for what the manager was shown and no further (retail rule 26)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from libs.contracts.permissions import Permission
from tests.integration.sales.basket_shop import Till, line, till
from tests.integration.sales.shift_shop import Shop, answered, refused

pytestmark = pytest.mark.anyio

MUCH: dict[str, int] = {"discount_ppm": 1_000_000, "refund_minor": 10_000_000}


def pln(amount_minor: int) -> dict[str, Any]:
    return {"amount_minor": amount_minor, "currency": "PLN"}


async def spent(shop: Shop, at: Till) -> list[tuple[Any, Any]]:
    """What was approved and what was needed, of every approval spent on the basket."""
    async with shop.database.reading() as connection:
        rows = await connection.execute(
            text("select approved_up_to, needed from spent_approvals where bound_to = :id order by spent_at"),
            {"id": at.basket_id},
        )
        return [(row.approved_up_to, row.needed) for row in rows]


async def test_who_approved_15_percent_has_not_approved_90(shop: Shop) -> None:
    at = await till(shop)
    path = f"/lines/{line(await at.scan('wine'))['line_id']}/discount"
    problem = refused(await at.put(path, {"percent": 15, "reason": "x"}), 403, "approval-required")
    assert (problem["action"], problem["bound_to"], problem["up_to"]) == (
        "sales.discount",
        at.basket_id,
        {"discount_ppm": 150_000},
    )
    fifteen = at.approval(Permission.SALES_DISCOUNT, up_to=problem["up_to"], limits=MUCH)
    far = await at.put(path, {"percent": 90, "reason": "x", "approval": fifteen})
    problem = refused(far, 403, "approval-does-not-fit", "approval")
    assert problem["detail"] == (
        "This approval was given for up to 15 %, and 89.9725 % is needed. Ask a manager for another."
    )
    assert (problem["approved_up_to"], problem["needed"], problem["up_to"]) == (
        {"discount_ppm": 150_000},
        {"discount_ppm": 899_725},
        {"discount_ppm": 900_000},
    )
    answered(await at.put(path, {"percent": 15, "reason": "x", "approval": fifteen}), 200)
    [(approved, needed)] = await spent(shop, at)
    assert approved == {"discount_ppm": 150_000}
    assert 149_000 < needed["discount_ppm"] <= 150_000


async def test_a_price_was_approved_by_how_much_it_changes_and_for_so_many(shop: Shop) -> None:
    at = await till(shop)
    wine = line(await at.scan("wine", quantity=2))["line_id"]
    path, body = f"/lines/{wine}/price", {"price_minor": 3_000, "reason": "shelf label"}
    problem = refused(await at.put(path, body), 403, "approval-required")
    assert (problem["action"], problem["up_to"]) == ("sales.override_price", pln(1_998))
    assert "(19.98 PLN)" in problem["detail"]
    approval = at.approval(Permission.SALES_OVERRIDE_PRICE, up_to=problem["up_to"])
    refused(await at.put(path, {**body, "price_minor": 2_999, "approval": approval}), 403, "approval-does-not-fit")
    answered(await at.put(path, {**body, "approval": approval}), 200)
    fewer = await at.person.asks("PATCH", at.path(f"/lines/{wine}"), {"quantity": 1})
    assert answered(fewer, 200)["total_minor"] == 3_000
    more = await at.person.asks("PATCH", at.path(f"/lines/{wine}"), {"quantity": 3})
    assert refused(more, 403, "approval-required")["up_to"] == pln(2_997)
    assert await spent(shop, at) == [(pln(1_998), pln(1_998))]


async def test_goods_without_a_list_price_are_approved_at_all_they_cost(shop: Shop) -> None:
    at = await till(shop)
    goods = {"code": "unpriced", "quantity": 2, "price_override_minor": 500, "price_override_reason": "flea market"}
    problem = refused(await at.tries_to_scan(**goods), 403, "approval-required")
    assert problem["up_to"] == pln(1_000)


async def test_a_refund_was_approved_up_to_its_amount_and_in_its_currency(shop: Shop) -> None:
    at = await till(shop)
    goods = {"code": "wine", "quantity": -1, "price_override_minor": 3_000, "return_reason": "no receipt"}
    permission = Permission.SALES_RETURN_WITHOUT_RECEIPT
    problem = refused(await at.tries_to_scan(**goods), 403, "approval-required")
    assert problem["up_to"] == pln(3_000)
    less = at.approval(permission, up_to=pln(2_999), limits=MUCH)
    problem = refused(await at.tries_to_scan(**goods, approval=less), 403, "approval-does-not-fit", "approval")
    assert problem["detail"] == (
        "This approval was given for up to 29.99 PLN, and 30.00 PLN is needed. Ask a manager for another."
    )
    euros = at.approval(permission, up_to={"amount_minor": 3_000, "currency": "EUR"}, limits=MUCH)
    refused(await at.tries_to_scan(**goods, approval=euros), 403, "approval-does-not-fit", "approval")
    open_ended = at.approval(permission, up_to={"discount_ppm": 1_000_000}, limits=MUCH)
    refused(await at.tries_to_scan(**goods, approval=open_ended), 403, "approval-does-not-fit", "approval")
    enough = at.approval(permission, up_to=pln(3_000), limits=MUCH)
    answered(await at.tries_to_scan(**goods, approval=enough), 201)


async def test_an_approval_that_does_not_say_how_far_holds_for_nothing_that_has_a_size(shop: Shop) -> None:
    at = await till(shop)
    path = f"/lines/{line(await at.scan('wine'))['line_id']}/discount"
    silent = shop.approval(Permission.SALES_DISCOUNT, at.basket_id, at.person, limits=MUCH, up_to=None)
    problem = refused(
        await at.put(path, {"percent": 15, "reason": "x", "approval": silent}), 403, "approval-does-not-fit"
    )
    assert problem["approved_up_to"] is None


async def test_who_approved_20_out_of_the_drawer_has_not_approved_50(shop: Shop) -> None:
    anna = await shop.cashier()
    shift_id = (await anna.opens())["shift_id"]
    path = f"/shifts/{shift_id}/cash-movements"
    body = {"kind": "cash_out", "currency": "PLN", "amount_minor": 2_000, "reason": "stamps"}
    problem = refused(await anna.post(path, body, "ask-cash-out"), 403, "approval-required")
    assert (problem["action"], problem["bound_to"], problem["up_to"]) == ("sales.cash_out", shift_id, pln(2_000))
    approval = shop.approval(Permission.SALES_CASH_OUT, shift_id, anna, up_to=problem["up_to"])
    more = await anna.post(path, {**body, "amount_minor": 5_000, "approval": approval}, "more-cash-out")
    refused(more, 403, "approval-does-not-fit", "approval")
    answered(await anna.post(path, {**body, "approval": approval}, "done-cash-out"), 201)
