"""A sale that was answered is answered the same for ever, whatever has changed between the first try and the last."""

from __future__ import annotations

from typing import Any

import pytest

from libs.contracts.catalog import ProductChanged
from libs.contracts.identity import TillChanged
from libs.contracts.permissions import Permission
from libs.persistence import new_id
from tests.integration.sales.basket_shop import price_of, product, publish
from tests.integration.sales.shift_shop import Person, Shop, answered, counted, refused


@pytest.fixture
async def anna(shop: Shop) -> Person:
    """A cashier with an open shift."""
    person = await shop.cashier()
    await person.opens()
    return person


def sale(code: str, **changes: Any) -> dict[str, Any]:
    tender = {"tender_id": str(new_id()), "kind": "cash", "given_minor": 100_000}
    return {"sale_id": str(new_id()), "currency": "PLN", "lines": [{"code": code}], "tenders": [tender], **changes}


async def sold(person: Person, body: dict[str, Any]) -> bytes:
    answer = await person.post("/sales", body)
    answered(answer, 201)
    return answer.content


async def answered_again(person: Person, body: dict[str, Any]) -> bytes:
    again = await person.post("/sales", body)
    answered(again, 201)
    assert again.headers["Idempotency-Replayed"] == "true"
    return again.content


async def seasonal(shop: Shop) -> ProductChanged:
    """Goods that this test alone sells."""
    goods = product(f"seasonal-{new_id()}")
    await publish(shop, goods, price_of(goods.product_id, 1_000))
    return goods


async def test_a_retry_after_the_shift_was_closed_gets_the_first_answer(anna: Person) -> None:
    body = sale("bread")
    first = await sold(anna, body)
    shift_id = answered(await anna.post("/sales", body), 201)["shift_id"]
    answered(await anna.post(f"/shifts/{shift_id}/close", {"counts": [counted("PLN", n20000=1)]}), 200)
    assert await answered_again(anna, body) == first
    refused(await anna.post("/sales", sale("bread")), 409, "no-open-shift")


async def test_a_retry_after_the_goods_were_taken_off_sale_gets_the_first_answer(shop: Shop, anna: Person) -> None:
    goods = await seasonal(shop)
    body = sale(goods.code)
    first = await sold(anna, body)
    await publish(shop, goods.model_copy(update={"active": False}), sequence=2)
    assert await answered_again(anna, body) == first
    refused(await anna.post("/sales", sale(goods.code)), 409, "product-not-sold")


async def test_a_retry_after_the_price_has_changed_gets_the_first_answer(shop: Shop, anna: Person) -> None:
    goods = await seasonal(shop)
    body = sale(goods.code, expected_total_minor=1_000)
    first = await sold(anna, body)
    await publish(shop, price_of(goods.product_id, 2_000), sequence=2)
    assert await answered_again(anna, body) == first
    refused(await anna.post("/sales", sale(goods.code, expected_total_minor=1_000)), 409, "total-differs")


async def test_a_retry_after_the_till_was_taken_out_of_use_gets_the_first_answer(shop: Shop, anna: Person) -> None:
    body = sale("bread")
    first = await sold(anna, body)
    gone = TillChanged(
        till_id=anna.till_id, store_id=shop.store.store_id, code="99", name="Gone", enrolled=True, active=False
    )
    await publish(shop, gone, sequence=2)
    assert await answered_again(anna, body) == first
    refused(await anna.post("/sales", sale("bread")), 422, "unknown-till")


async def test_a_retry_after_the_managers_approval_has_expired_gets_the_first_answer(shop: Shop, anna: Person) -> None:
    body = sale("bread", discount_percent="25", discount_reason="Old")
    limits = {"discount_ppm": 500_000}
    fresh = shop.approval(Permission.SALES_DISCOUNT, body["sale_id"], anna, limits=limits)
    first = await sold(anna, {**body, "approvals": [fresh]})
    expired = shop.approval(
        Permission.SALES_DISCOUNT, body["sale_id"], anna, limits=limits, exp=int(shop.clock().timestamp()) - 3_600
    )
    assert await answered_again(anna, {**body, "approvals": [expired]}) == first
    other = sale("bread", discount_percent="25", discount_reason="Old", approvals=[expired])
    refused(await anna.post("/sales", other), 422, "invalid")
