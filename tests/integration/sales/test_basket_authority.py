"""What a cashier may do alone and what a manager must approve, when it is entered (retail rules 5 and 26)."""

from __future__ import annotations

import httpx
import pytest

from libs.contracts.permissions import MANAGER, Permission
from tests.integration.sales.basket_shop import Till, line, till, till_without, totals
from tests.integration.sales.shift_shop import Shop, answered, refused

pytestmark = pytest.mark.anyio


async def test_rule_5_line_and_basket_discounts_come_off_in_their_order_each_explained(shop: Shop) -> None:
    at = await till(shop)
    line_id = line(await at.scan("bread", quantity=2))["line_id"]
    await at.scan("wine")
    answered(await at.put(f"/lines/{line_id}/discount", {"percent": 5, "reason": "yesterday's"}), 200)
    basket = answered(await at.put("/discount", {"percent": 3, "reason": "regular"}), 200)
    bread, wine = basket["lines"]
    # 9.00 - 5 % = 8.55; 3 % of 48.54 is 1.46, of which 0.26 on bread and 1.20 on wine.
    assert [(each["name"], each["amount_minor"], each["text"]) for each in bread["adjustments"]] == [
        ("yesterday's", -45, "5 %"),
        ("regular", -26, "3 %"),
    ]
    assert [each["amount_minor"] for each in wine["adjustments"]] == [-120]
    assert totals(basket)[:2] == [4_899, -191]
    assert (basket["total_minor"], basket["discount_reason"]) == (4_708, "regular")
    basket = answered(await at.put("/discount", {}), 200)
    basket = answered(await at.put(f"/lines/{line_id}/discount", {}), 200)
    assert totals(basket)[1] == 0


async def test_rule_26_a_discount_over_the_limit_needs_an_approval_for_this_basket(shop: Shop) -> None:
    at = await till(shop)
    line_id = line(await at.scan("wine"))["line_id"]
    assert answered(await at.put("/discount", {"percent": 10, "reason": "regular"}), 200)["total_minor"] == 3_599
    answered(await at.put("/discount", {}), 200)
    body = {"percent": "10.1", "reason": "broken seal"}
    problem = refused(await at.put(f"/lines/{line_id}/discount", body), 403, "approval-required")
    assert (problem["permission"], problem["bound_to"]) == ("sales.discount", at.basket_id)
    assert (await at.basket())["total_minor"] == 3_999

    approval = at.approval(Permission.SALES_DISCOUNT, discount_ppm=500_000)
    basket = answered(await at.put(f"/lines/{line_id}/discount", {**body, "approval": approval}), 200)
    assert (line(basket)["total_minor"], basket["discount_minor"]) == (3_595, -404)
    manager_id = line(basket)["approved_by"]
    assert manager_id is not None
    # What was approved when it was entered needs no second approval when it is paid.
    answered(await at.post("/tenders", {"kind": "cash", "given_minor": 3_595}), 201)
    document = answered(await at.post("/complete", {}), 201)
    assert (document["total_minor"], document["lines"][0]["approved_by"]) == (3_595, manager_id)


async def test_an_approval_is_spent_once_and_fits_one_basket_one_action_one_asker_and_one_limit(shop: Shop) -> None:
    at = await till(shop)
    line_id = line(await at.scan("wine"))["line_id"]
    path = f"/lines/{line_id}/discount"

    async def attempt(approval: str, percent: int = 30) -> httpx.Response:
        return await at.put(path, {"percent": percent, "reason": "x", "approval": approval})

    other = at.approval(Permission.SALES_DISCOUNT, bound_to="another basket", discount_ppm=500_000)
    refused(await attempt(other), 403, "approval-does-not-fit", "approval")
    price = at.approval(Permission.SALES_OVERRIDE_PRICE, discount_ppm=500_000)
    refused(await attempt(price), 403, "approval-does-not-fit", "approval")
    modest = at.approval(Permission.SALES_DISCOUNT, discount_ppm=299_000)
    refused(await attempt(modest), 403, "approval-does-not-fit", "approval")
    refused(await attempt("rubbish"), 422, "invalid", "approval")
    good = at.approval(Permission.SALES_DISCOUNT, discount_ppm=500_000)
    answered(await attempt(good), 200)
    refused(await attempt(good, 40), 409, "approval-spent", "approval")
    assert (await at.basket())["discount_minor"] == -1_200


async def test_less_than_what_was_approved_needs_no_second_approval(shop: Shop) -> None:
    at = await till(shop)
    line_id = line(await at.scan("wine"))["line_id"]
    approval = at.approval(Permission.SALES_DISCOUNT, discount_ppm=500_000)
    path = f"/lines/{line_id}/discount"
    answered(await at.put(path, {"percent": 40, "reason": "x", "approval": approval}), 200)
    assert answered(await at.put(path, {"percent": 20, "reason": "x"}), 200)["discount_minor"] == -800
    refused(await at.put(path, {"percent": 30, "reason": "x"}), 403, "approval-required")


async def test_a_line_and_a_basket_discount_do_not_pass_a_limit_together(shop: Shop) -> None:
    at = await till(shop)
    line_id = line(await at.scan("wine"))["line_id"]
    answered(await at.put(f"/lines/{line_id}/discount", {"percent": 8, "reason": "x"}), 200)
    refused(await at.put("/discount", {"percent": 8, "reason": "y"}), 403, "approval-required")
    answered(await at.put("/discount", {"percent": 2, "reason": "y"}), 200)


async def test_an_approved_discount_on_one_line_is_no_licence_for_another(shop: Shop) -> None:
    at = await till(shop)
    first = line(await at.scan("wine"))["line_id"]
    second = line(await at.scan("tea"))["line_id"]
    approval = at.approval(Permission.SALES_DISCOUNT, discount_ppm=500_000)
    answered(await at.put(f"/lines/{first}/discount", {"percent": 40, "reason": "x", "approval": approval}), 200)
    refused(await at.put(f"/lines/{second}/discount", {"percent": 40, "reason": "x"}), 403, "approval-required")
    answered(await at.put(f"/lines/{second}/discount", {"percent": 10, "reason": "x"}), 200)


async def test_an_amount_off_counts_by_its_share_and_grows_when_goods_go(shop: Shop) -> None:
    at = await till(shop)
    line_id = line(await at.scan("tea", quantity=10))["line_id"]
    # 12.98 of 129.80 is 10 %.
    answered(await at.put(f"/lines/{line_id}/discount", {"amount_minor": 1_298, "reason": "x"}), 200)
    fewer = await at.person.asks("PATCH", at.path(f"/lines/{line_id}"), {"quantity": 5})
    refused(fewer, 403, "approval-required")
    more = await at.person.asks("PATCH", at.path(f"/lines/{line_id}"), {"quantity": 11})
    assert answered(more, 200)["total_minor"] == 11 * 1_298 - 1_298


async def test_a_basket_amount_grows_on_what_is_left_when_a_line_goes(shop: Shop) -> None:
    at = await till(shop)
    wine_id = line(await at.scan("wine"))["line_id"]
    await at.scan("bread")
    answered(await at.put("/discount", {"amount_minor": 400, "reason": "x"}), 200)
    refused(await at.person.asks("DELETE", at.path(f"/lines/{wine_id}")), 403, "approval-required")
    answered(await at.put("/discount", {}), 200)
    assert answered(await at.person.asks("DELETE", at.path(f"/lines/{wine_id}")), 200)["total_minor"] == 450


async def test_rule_26_a_price_is_overridden_only_with_permission_or_approval(shop: Shop) -> None:
    at = await till(shop)
    line_id = line(await at.scan("wine", quantity=2))["line_id"]
    path, body = f"/lines/{line_id}/price", {"price_minor": 3_000, "reason": "shelf label"}
    problem = refused(await at.put(path, body), 403, "approval-required")
    assert (problem["permission"], problem["bound_to"]) == ("sales.override_price", at.basket_id)
    approval = at.approval(Permission.SALES_OVERRIDE_PRICE)
    basket = answered(await at.put(path, {**body, "approval": approval}), 200)
    wine = line(basket)
    assert (wine["unit_price_minor"], wine["list_price_minor"], wine["total_minor"]) == (3_000, 3_999, 6_000)
    assert "price changed from 39.99 to 30.00 by hand: shelf label" in wine["explanation"]
    refused(await at.put(path, {**body, "price_minor": 1}), 403, "approval-required")
    undone = answered(await at.put(path, {"price_minor": None}), 200)
    assert (line(undone)["total_minor"], line(undone)["approved_by"]) == (7_998, None)


async def test_a_manager_at_the_till_needs_nobody(shop: Shop) -> None:
    at = await till(shop, permissions=MANAGER)
    line_id = line(await at.scan("wine"))["line_id"]
    basket = answered(await at.put(f"/lines/{line_id}/price", {"price_minor": 1, "reason": "staff"}), 200)
    assert (basket["total_minor"], line(basket)["approved_by"]) == (1, None)


async def test_rule_9_goods_without_receipt_come_back_only_with_a_managers_approval(shop: Shop) -> None:
    at = await till(shop)
    goods = {"code": "wine", "quantity": -1, "price_override_minor": 2_000, "return_reason": "no receipt"}
    problem = refused(await at.tries_to_scan(**goods), 403, "approval-required")
    assert problem["permission"] == "sales.return_without_receipt"
    too_little = at.approval(Permission.SALES_RETURN_WITHOUT_RECEIPT, refund_minor=1_999)
    refused(await at.tries_to_scan(**goods, approval=too_little), 403, "approval-does-not-fit")
    enough = at.approval(Permission.SALES_RETURN_WITHOUT_RECEIPT, refund_minor=2_000)
    basket = answered(await at.tries_to_scan(**goods, approval=enough), 201)
    assert (basket["total_minor"], line(basket)["approved_by"] is None) == (-2_000, False)
    more = await at.person.asks("PATCH", at.path(f"/lines/{line(basket)['line_id']}"), {"quantity": -2})
    refused(more, 403, "approval-required")


async def test_without_the_permission_no_discount_is_too_small_to_ask_for(shop: Shop) -> None:
    at = await till_without(shop, Permission.SALES_DISCOUNT)
    line_id = line(await at.scan("wine"))["line_id"]
    refused(await at.put(f"/lines/{line_id}/discount", {"percent": 1, "reason": "x"}), 403, "approval-required")


async def test_what_a_manager_allowed_stays_allowed_when_a_cashier_takes_over(shop: Shop) -> None:
    manager, cashier = await till(shop, permissions=MANAGER), await till(shop)
    line_id = line(await manager.scan("wine"))["line_id"]
    answered(await manager.put(f"/lines/{line_id}/price", {"price_minor": 2_000, "reason": "damaged"}), 200)
    answered(await manager.post("/suspend"), 200)
    taken = Till(shop, cashier.person, manager.basket_id)
    basket = answered(await taken.post("/recall"), 200)
    assert (basket["staff_id"], line(basket)["approved_by"]) == (
        str(cashier.person.staff_id),
        str(manager.person.staff_id),
    )
    assert (await taken.scan("bread"))["total_minor"] == 2_450
    refused(await taken.put(f"/lines/{line_id}/price", {"price_minor": 1, "reason": "x"}), 403, "approval-required")
    answered(await taken.post("/tenders", {"kind": "cash", "given_minor": 2_450}), 201)
    document = answered(await taken.post("/complete", {}), 201)
    assert (document["total_minor"], document["lines"][0]["approved_by"]) == (2_450, str(manager.person.staff_id))
