"""What a basket refuses, each with a problem that names the field and says what would be right; nothing is lost."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from libs.contracts.permissions import CASHIER, MANAGER, Permission
from libs.persistence import new_id
from tests.integration.sales.basket_shop import Till, ean, line, publish, till
from tests.integration.sales.shift_shop import Shop, answered, refused

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("code", "status", "slug"),
    [
        ("5909999999997", 404, "unknown-product"),
        ("no-such-code", 404, "unknown-product"),
        ("5901234123450", 422, "wrong-check-digit"),
        ("retired", 409, "product-not-sold"),
    ],
)
async def test_goods_that_cannot_be_sold_are_refused_by_their_code(
    shop: Shop, code: str, status: int, slug: str
) -> None:
    at = await till(shop)
    before = await at.basket()
    problem = refused(await at.tries_to_scan(code=code), status, slug)
    assert all(error["field"] == "code" for error in problem["errors"])
    assert await at.basket() == before


async def test_an_in_store_code_of_an_unknown_item_is_refused(shop: Shop) -> None:
    at = await till(shop)
    refused(await at.tries_to_scan(code=ean("27" + "09999" + "01250")), 404, "unknown-product", "code")


async def test_a_product_id_that_nobody_knows_is_refused(shop: Shop) -> None:
    at = await till(shop)
    refused(await at.tries_to_scan(product_id=str(uuid4())), 404, "unknown-product", "product_id")


async def test_goods_without_a_price_here_are_refused(shop: Shop) -> None:
    at = await till(shop)
    problem = refused(await at.tries_to_scan(code="unpriced"), 422, "cannot-be-priced", "product")
    assert "Unpriced has no price" in problem["detail"]


@pytest.mark.parametrize(
    ("quantity", "slug"),
    [
        (0, "absurd-quantity"),
        ("0.5", "absurd-quantity"),
        ("10000", "absurd-quantity"),
        (-10_000, "absurd-quantity"),
        ("1.2345", "invalid-request"),
        (1.5, "invalid-request"),
        ("1e3", "invalid-request"),
        ("many", "invalid-request"),
        (True, "invalid-request"),
    ],
)
async def test_an_absurd_quantity_is_refused_when_scanning_and_when_changing(
    shop: Shop, quantity: Any, slug: str
) -> None:
    at = await till(shop)
    refused(await at.tries_to_scan(code="bread", quantity=quantity), 422, slug, "quantity")
    line_id = line(await at.scan("bread"))["line_id"]
    changed = await at.person.asks("PATCH", at.path(f"/lines/{line_id}"), {"quantity": quantity})
    refused(changed, 422, slug, "quantity")
    assert (await at.basket())["total_minor"] == 450


async def test_a_sold_line_does_not_turn_into_a_returned_one(shop: Shop) -> None:
    at = await till(shop)
    line_id = line(await at.scan("bread"))["line_id"]
    refused(await at.person.asks("PATCH", at.path(f"/lines/{line_id}"), {"quantity": -1}), 422, "invalid", "quantity")


async def test_a_basket_in_another_currency_than_the_stores_is_refused(shop: Shop) -> None:
    at = await till(shop)
    refused(await at.person.post("/baskets", {"currency": "EUR"}), 422, "wrong-currency", "currency")
    refused(await at.person.post("/baskets", {"currency": "XXZ"}), 422, "invalid-request", "currency")


async def test_a_basket_needs_an_open_shift_of_the_cashiers_own(shop: Shop) -> None:
    at = await till(shop, opened=False)
    refused(await at.person.post("/baskets", {"currency": "PLN"}), 409, "no-open-shift")
    await at.person.opens()
    other = shop.person(at.person.till_id, name="Jan Zielinski")
    problem = refused(await other.post("/baskets", {"currency": "PLN"}), 409, "no-open-shift")
    assert "Anna Kowalska" in problem["detail"]


async def test_an_unknown_till_and_a_token_without_a_till_open_no_basket(shop: Shop) -> None:
    stranger = shop.person(uuid4())
    refused(await stranger.post("/baskets", {"currency": "PLN"}), 422, "unknown-till")
    office = shop.person(None)
    refused(await office.post("/baskets", {"currency": "PLN"}), 403, "not-at-a-till")
    retired = shop.person(await shop.new_till(active=False))
    refused(await retired.post("/baskets", {"currency": "PLN"}), 422, "unknown-till")


async def test_a_basket_id_of_another_till_is_refused(shop: Shop) -> None:
    first, second = await till(shop), await till(shop)
    body = {"currency": "PLN", "basket_id": first.basket_id}
    refused(await second.person.post("/baskets", body), 409, "basket-id-taken", "basket_id")


async def test_an_unknown_basket_and_an_unknown_line_are_not_found(shop: Shop) -> None:
    at = await till(shop)
    nowhere = Till(shop, at.person, str(new_id()))
    refused(await at.person.get(nowhere.path("")), 404, "unknown-basket", "basket_id")
    refused(await nowhere.tries_to_scan(code="bread"), 404, "unknown-basket", "basket_id")
    for attempt in (
        at.person.asks("DELETE", at.path(f"/lines/{new_id()}")),
        at.person.asks("PATCH", at.path(f"/lines/{new_id()}"), {"quantity": 1}),
        at.put(f"/lines/{new_id()}/discount", {"percent": 5, "reason": "x"}),
        at.put(f"/lines/{new_id()}/price", {"price_minor": 5, "reason": "x"}),
    ):
        refused(await attempt, 404, "unknown-line", "line_id")
    refused(await at.person.asks("DELETE", at.path("/coupons/NONE")), 404, "unknown-coupon", "code")


async def test_a_line_id_of_another_line_is_refused(shop: Shop) -> None:
    at = await till(shop)
    line_id = str(new_id())
    await at.scan("bread", line_id=line_id)
    refused(await at.tries_to_scan(code="wine", line_id=line_id), 409, "line-id-taken", "line_id")


async def test_a_line_names_one_product_and_no_field_that_does_not_exist(shop: Shop) -> None:
    at = await till(shop)
    refused(await at.tries_to_scan(), 422, "invalid-request")
    refused(await at.tries_to_scan(code="bread", product_id=str(uuid4())), 422, "invalid-request")
    refused(await at.tries_to_scan(code="bread", prise=1), 422, "invalid-request", "prise")


async def test_a_discount_says_why(shop: Shop) -> None:
    at = await till(shop)
    line_id = line(await at.scan("bread"))["line_id"]
    for path in ("/discount", f"/lines/{line_id}/discount"):
        assert "says why" in refused(await at.put(path, {"percent": 5}), 422, "invalid-request")["detail"]
        refused(await at.put(path, {"percent": 101, "reason": "x"}), 422, "invalid-request", "percent")
        refused(await at.put(path, {"amount_minor": -1, "reason": "x"}), 422, "invalid-request", "amount_minor")
    assert (
        "says why"
        in refused(await at.put(f"/lines/{line_id}/price", {"price_minor": 5}), 422, "invalid-request")["detail"]
    )


@pytest.mark.parametrize("state", ["cancelled", "suspended"])
async def test_a_basket_that_is_not_open_changes_no_more(shop: Shop, state: str) -> None:
    at = await till(shop)
    line_id = line(await at.scan("bread"))["line_id"]
    answered(await at.post("/cancel" if state == "cancelled" else "/suspend"), 200)
    attempts = [
        at.tries_to_scan(code="bread"),
        at.person.asks("PATCH", at.path(f"/lines/{line_id}"), {"quantity": 2}),
        at.person.asks("DELETE", at.path(f"/lines/{line_id}")),
        at.put(f"/lines/{line_id}/discount", {"percent": 5, "reason": "x"}),
        at.put(f"/lines/{line_id}/price", {"price_minor": 5, "reason": "x"}),
        at.put("/discount", {"percent": 5, "reason": "x"}),
        at.put("/note", {"note": "x"}),
        at.put("/customer", {"customer_id": None}),
        at.put("/age-confirmation", {"years": 18}),
        at.post("/coupons", {"code": "BEANS"}),
    ]
    for attempt in attempts:
        problem = refused(await attempt, 409, "basket-not-open")
        assert problem["state"] == state


async def test_a_basket_of_another_till_or_store_is_left_alone(shop: Shop) -> None:
    at, elsewhere = await till(shop), await till(shop)
    await at.scan("bread")
    meddler = Till(shop, elsewhere.person, at.basket_id)
    problem = refused(await meddler.tries_to_scan(code="bread"), 409, "basket-elsewhere")
    assert problem["till_id"] == str(at.person.till_id)
    other_store = shop.store.model_copy(update={"store_id": uuid4(), "code": "W2"})
    await publish(shop, other_store)
    stranger = Till(shop, shop.person(await shop.new_till(other_store), store=other_store), at.basket_id)
    refused(await stranger.tries_to_scan(code="bread"), 403, "forbidden")
    refused(await stranger.person.get(stranger.path("")), 403, "forbidden")


async def test_without_the_permission_to_sell_nothing_changes(shop: Shop) -> None:
    at = await till(shop)
    trainee = shop.person(at.person.till_id, permissions=CASHIER - {Permission.SALES_SELL})
    problem = refused(await Till(shop, trainee, at.basket_id).tries_to_scan(code="bread"), 403, "forbidden")
    assert problem["permission"] == "sales.sell"
    refused(await trainee.post("/baskets", {"currency": "PLN"}), 403, "forbidden")
    response = await shop.http.post("/sales/v1/baskets", json={"currency": "PLN"})
    refused(response, 401, "unauthenticated")


async def test_age_restricted_goods_wait_for_a_confirmed_age(shop: Shop) -> None:
    at = await till(shop)
    problem = refused(await at.tries_to_scan(code="beer"), 409, "age-not-confirmed", "age_confirmed_years")
    assert problem["minimum_age_years"] == 18
    assert "18" in problem["detail"]
    answered(await at.put("/age-confirmation", {"years": 18}), 200)
    assert (await at.scan("beer"))["total_minor"] == 599
    refused(await at.tries_to_scan(code="spirits", age_confirmed_years=20), 409, "age-not-confirmed")
    basket = await at.scan("spirits", age_confirmed_years=21)
    assert (basket["age_confirmed_years"], basket["total_minor"]) == (21, 599 + 7_999)
    problem = refused(await at.put("/age-confirmation", {"years": 0}), 409, "age-not-confirmed")
    assert problem["minimum_age_years"] == 21


async def test_who_may_not_judge_an_age_needs_a_manager(shop: Shop) -> None:
    at = await till(shop, permissions=CASHIER - {Permission.SALES_CONFIRM_AGE})
    problem = refused(await at.put("/age-confirmation", {"years": 18}), 403, "approval-required")
    assert (problem["permission"], problem["bound_to"]) == ("sales.confirm_age", at.basket_id)
    refused(await at.tries_to_scan(code="beer", age_confirmed_years=18), 403, "approval-required")
    approval = at.approval(Permission.SALES_CONFIRM_AGE)
    basket = await at.scan("beer", age_confirmed_years=18, approval=approval)
    assert (basket["age_confirmed_years"], basket["total_minor"]) == (18, 599)


async def test_a_value_that_no_database_can_hold_is_refused(shop: Shop) -> None:
    at = await till(shop)
    refused(await at.put("/note", {"note": "a\x00b"}), 422, "unstorable-value")
    broken = await at.person.http.put(
        f"/sales/v1{at.path('/note')}",
        content=b'{"note": "\\ud800"}',
        headers={"Authorization": f"Bearer {at.person.token}", "Content-Type": "application/json"},
    )
    assert broken.status_code == 422, broken.text
    assert (await at.basket())["note"] == ""


async def test_an_absurd_amount_is_refused(shop: Shop) -> None:
    at = await till(shop, permissions=MANAGER)
    goods = {"code": "wine", "quantity": 9_999, "price_override_minor": 10**12}
    refused(await at.tries_to_scan(**goods), 422, "absurd-amount", "lines")
    # 999,900,000,000.00 is absurd by a hair less.
    basket = await at.scan("wine", quantity=9_999, price_override_minor=10**10)
    assert basket["total_minor"] == 99_990_000_000_000
    refused(await at.tries_to_scan(**{**goods, "quantity": 1}), 422, "absurd-amount", "lines")
