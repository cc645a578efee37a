"""Tenders that are taken back or sent late: by whom, and what becomes of the basket's price."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from libs.persistence import new_id
from tests.integration.sales.basket_shop import basket_events
from tests.integration.sales.shift_shop import Person, Shop, answered, refused


@pytest.fixture
async def anna(shop: Shop) -> Person:
    person = await shop.cashier()
    await person.opens()
    return person


async def basket_of(person: Person, *codes: str) -> str:
    basket_id = str(answered(await person.post("/baskets", {"currency": "PLN"}), 201)["basket_id"])
    for code in codes:
        answered(await person.post(f"/baskets/{basket_id}/lines", {"code": code}), 201)
    return basket_id


async def pays(person: Person, basket_id: str, **tender: Any) -> dict[str, Any]:
    return dict(answered(await person.post(f"/baskets/{basket_id}/tenders", tender), 201))


async def test_a_late_repeat_of_a_tender_taken_back_freezes_no_price(anna: Person) -> None:
    basket_id = await basket_of(anna, "bread")
    voucher = {"tender_id": str(new_id()), "kind": "voucher", "amount_minor": 100}
    await pays(anna, basket_id, **voucher)
    answered(await anna.asks("DELETE", f"/baskets/{basket_id}/tenders/{voucher['tender_id']}"), 200)
    late = await pays(anna, basket_id, **voucher)
    assert (late["state"], late["tenders"][0]["state"]) == ("open", "released")
    answered(await anna.post(f"/baskets/{basket_id}/lines", {"code": "wine"}), 201)
    paid = await pays(anna, basket_id, kind="cash", given_minor=4_450)
    assert (paid["total_minor"], paid["due_minor"]) == (4_449, 0)
    document = answered(await anna.post(f"/baskets/{basket_id}/complete", {}), 201)
    assert [line["product_code"] for line in document["lines"]] == ["bread", "wine"]


async def test_a_tender_is_taken_back_where_its_basket_is_and_by_nobody_else(shop: Shop, anna: Person) -> None:
    basket_id = await basket_of(anna, "bread")
    tender_id = (await pays(anna, basket_id, kind="voucher", amount_minor=100))["tenders"][0]["tender_id"]
    path = f"/baskets/{basket_id}/tenders/{tender_id}"
    beata = await shop.cashier(name="Beata Lis")
    refused(await beata.asks("DELETE", path), 409, "no-open-shift")
    await beata.opens()
    refused(await beata.asks("DELETE", path), 409, "basket-elsewhere")
    other_store = shop.store.model_copy(update={"store_id": uuid4(), "code": "K9"})
    await shop.hears(other_store)
    stranger = shop.person(await shop.new_till(other_store), store=other_store)
    await stranger.opens()
    refused(await stranger.asks("DELETE", path), 409, "basket-elsewhere")
    shown = answered(await anna.get(f"/baskets/{basket_id}/tenders"), 200)
    assert shown["tenders"][0]["state"] == "authorized"


async def test_a_basket_that_is_open_again_is_published_with_what_it_comes_to(shop: Shop, anna: Person) -> None:
    basket_id = await basket_of(anna, "bread")
    tender_id = (await pays(anna, basket_id, kind="voucher", amount_minor=100))["tenders"][0]["tender_id"]
    released = answered(await anna.asks("DELETE", f"/baskets/{basket_id}/tenders/{tender_id}"), 200)
    assert (released["total_minor"], released["due_minor"]) == (450, 450)
    assert (await basket_events(shop, basket_id))[-1][1:] == ("open", 1, 450)


async def test_another_amount_under_the_id_of_a_tender_is_refused(anna: Person) -> None:
    basket_id = await basket_of(anna, "wine")
    cash = {"tender_id": str(new_id()), "kind": "cash", "given_minor": 1_000}
    await pays(anna, basket_id, **cash)
    other = {**cash, "given_minor": 3_000}
    refused(await anna.post(f"/baskets/{basket_id}/tenders", other), 409, "tender-id-taken", "tender_id")


async def test_a_basket_is_not_sold_past_itself_in_one_call(shop: Shop, anna: Person) -> None:
    """The basket's events have counted on: a document with a number of its own would come twice, or never arrive."""
    basket_id = await basket_of(anna, "bread")
    posted = await anna.tries_to_sell(["bread"], {"kind": "cash", "given_minor": 450}, sale_id=basket_id)
    refused(posted, 409, "sale-id-taken", "sale_id")
    await pays(anna, basket_id, kind="cash", given_minor=450)
    answered(await anna.post(f"/baskets/{basket_id}/complete", {}), 201)
    posted = await anna.tries_to_sell(["bread"], {"kind": "cash", "given_minor": 450}, sale_id=basket_id)
    refused(posted, 409, "completed-differently", "sale_id")


async def test_no_basket_is_opened_with_the_id_of_a_finished_sale(shop: Shop, anna: Person) -> None:
    sold = await anna.sells(["bread"], {"kind": "cash", "given_minor": 450})
    opened = await anna.post("/baskets", {"basket_id": sold["sale_id"], "currency": "PLN"})
    refused(opened, 409, "basket-id-taken", "basket_id")
    async with shop.database.reading() as connection:
        found = await connection.execute(text("select 1 from baskets where basket_id = :id"), {"id": sold["sale_id"]})
        assert found.first() is None


async def test_a_recall_and_a_payment_at_one_till_do_not_wait_for_each_other(shop: Shop, anna: Person) -> None:
    basket_id = await basket_of(anna, "bread")
    answered(await anna.post(f"/baskets/{basket_id}/suspend"), 200)

    async def waiting(count: int) -> None:
        query = text(
            "select count(*) from pg_locks where not granted and pid in (select pid from pg_stat_activity"
            " where datname = current_database())"
        )
        async with shop.database.reading() as connection:
            while (await connection.execute(query)).scalar_one() < count:
                await asyncio.sleep(0.01)

    async with shop.database.transaction() as work:
        query = text("select 1 from baskets where basket_id = :id for update")
        await work.connection.execute(query, {"id": basket_id})
        recalled = asyncio.ensure_future(anna.post(f"/baskets/{basket_id}/recall"))
        await asyncio.wait_for(waiting(1), 10)
        cash = {"kind": "cash", "given_minor": 450}
        paid = asyncio.ensure_future(anna.post(f"/baskets/{basket_id}/tenders", cash))
        await asyncio.wait_for(waiting(2), 10)
    answered(await recalled, 200)
    assert answered(await paid, 201)["due_minor"] == 0
