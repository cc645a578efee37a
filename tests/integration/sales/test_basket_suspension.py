"""Baskets put aside and taken up at another till, two tills at once, and what others see meanwhile."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from tests.integration.sales.basket_shop import Till, basket_events, line, price_of, product, publish, till
from tests.integration.sales.shift_shop import Shop, answered, refused

pytestmark = pytest.mark.anyio


async def test_a_suspended_basket_goes_on_at_another_till_with_all_that_was_entered(shop: Shop) -> None:
    first, second = await till(shop), await till(shop)
    await first.scan("wine", quantity=2)
    answered(await first.put("/note", {"note": "fetches milk"}), 200)
    answered(await first.post("/coupons", {"code": "BEANS"}), 201)
    suspended = answered(await first.post("/suspend", {"version": 4}), 200)
    assert (suspended["state"], suspended["version"], suspended["total_minor"]) == ("suspended", 5, 7_998)
    taken = Till(shop, second.person, first.basket_id)
    recalled = answered(await taken.post("/recall"), 200)
    changed = {"state": "open", "version": 6, "till_id": str(second.person.till_id)}
    assert recalled == {**suspended, **changed, "staff_id": str(second.person.staff_id), "lines": recalled["lines"]}
    assert recalled["lines"] == suspended["lines"]
    assert (await taken.scan("bread"))["total_minor"] == 8_448
    refused(await first.tries_to_scan(code="bread"), 409, "basket-elsewhere")
    assert [event[1] for event in await basket_events(shop, first.basket_id)][-3:] == ["suspended", "open", "open"]


async def test_of_two_tills_that_recall_one_basket_at_once_one_wins(shop: Shop) -> None:
    first = await till(shop)
    rivals = [await till(shop) for _ in range(4)]
    for _ in range(5):
        await first.open()
        await first.scan("bread")
        answered(await first.post("/suspend"), 200)
        takers = [Till(shop, rival.person, first.basket_id) for rival in rivals]
        answers = await asyncio.gather(*(taker.post("/recall") for taker in takers))
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
        winner = next(taker for taker, answer in zip(takers, answers, strict=True) if answer.status_code == 200)
        for answer in answers:
            if answer.status_code == 409:
                assert refused(answer, 409, "basket-not-open")["state"] == "open"
        basket = await winner.basket()
        assert (basket["till_id"], basket["version"]) == (str(winner.person.till_id), 4)
        assert answered(await winner.post("/recall"), 200) == basket, "the winner's retry is no second recall"


async def test_an_empty_basket_is_not_suspended(shop: Shop) -> None:
    at = await till(shop)
    refused(await at.post("/suspend"), 409, "cannot-suspend")


async def test_a_basket_is_recalled_only_in_its_own_store_and_at_an_open_till(shop: Shop) -> None:
    at = await till(shop)
    await at.scan("bread")
    answered(await at.post("/suspend"), 200)
    closed = Till(shop, (await shop.cashier()), at.basket_id)
    refused(await closed.post("/recall"), 409, "no-open-shift")
    other = shop.store.model_copy(update={"store_id": uuid4(), "code": "W3"})
    await publish(shop, other)
    both = shop.person(await shop.new_till(other), store=other)
    await both.opens()
    refused(await Till(shop, both, at.basket_id).post("/recall"), 403, "forbidden")


async def test_suspended_baskets_of_a_store_are_listed_page_by_page_the_longest_waiting_first(shop: Shop) -> None:
    store = shop.store.model_copy(update={"store_id": uuid4(), "code": "W4"})
    await publish(shop, store)
    people = [shop.person(await shop.new_till(store), store=store) for _ in range(2)]
    at = Till(shop, people[0])
    await at.person.opens()
    waiting = []
    for quantity in range(1, 6):
        await at.open()
        await at.scan("bread", quantity=quantity)
        answered(await at.put("/note", {"note": f"number {quantity}"}), 200)
        answered(await at.post("/suspend"), 200)
        waiting.append(at.basket_id)
    await at.open()
    await at.scan("bread")

    seen, path = [], "/suspended-baskets?limit=2"
    pages = 0
    while path:
        page = answered(await people[1].get(path), 200)
        seen += page["items"]
        pages += 1
        path = page["next_cursor"] and f"/suspended-baskets?limit=2&cursor={page['next_cursor']}"
    assert [each["basket_id"] for each in seen] == waiting
    assert pages == 3
    assert [(each["line_count"], each["total_minor"], each["note"]) for each in seen[:2]] == [
        (1, 450, "number 1"),
        (1, 900, "number 2"),
    ]
    refused(await people[1].get(f"/suspended-baskets?store_id={shop.store.store_id}"), 403, "forbidden")
    refused(await people[1].get("/suspended-baskets?cursor=rubbish"), 422, "invalid", "cursor")


async def test_of_two_changes_of_one_version_the_second_is_told_and_nothing_is_lost(shop: Shop) -> None:
    at = await till(shop)
    await at.scan("bread")
    answers = await asyncio.gather(*(at.tries_to_scan(code=code, version=2) for code in ("wine", "tea", "bread")))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    for answer in answers:
        if answer.status_code == 409:
            problem = refused(answer, 409, "basket-changed", "version")
            assert problem["version"] == 3
    basket = await at.basket()
    assert (basket["version"], len(basket["lines"])) == (3, 2)


async def test_changes_without_a_version_are_all_kept_however_many_come_at_once(shop: Shop) -> None:
    at = await till(shop)
    answers = await asyncio.gather(*(at.tries_to_scan(code="bread") for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    basket = await at.basket()
    assert (basket["version"], basket["total_minor"]) == (9, 8 * 450)
    assert [event[0] for event in await basket_events(shop, at.basket_id)] == list(range(1, 10))


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/suspend"), ("POST", "/cancel"), ("PUT", "/note"), ("PUT", "/discount"), ("DELETE", "/lines/{line}")],
)
async def test_every_change_is_refused_for_a_version_that_is_gone(shop: Shop, method: str, path: str) -> None:
    at = await till(shop)
    line_id = line(await at.scan("bread"))["line_id"]
    body = {"version": 1, **({"note": "x"} if path == "/note" else {})}
    if method == "DELETE":
        answer = await at.person.asks(method, at.path(path.format(line=line_id)) + "?version=1")
    else:
        answer = await at.person.asks(method, at.path(path), body)
    refused(answer, 409, "basket-changed", "version")
    assert (await at.basket())["version"] == 2


async def test_a_cancelled_basket_owes_nothing_and_is_cancelled_once(shop: Shop) -> None:
    at = await till(shop)
    await at.scan("wine")
    cancelled = answered(await at.post("/cancel"), 200)
    assert (cancelled["state"], cancelled["total_minor"], cancelled["due_minor"], cancelled["lines"]) == (
        "cancelled",
        0,
        0,
        [],
    )
    assert answered(await at.post("/cancel"), 200) == cancelled
    assert await basket_events(shop, at.basket_id) == [
        (1, "open", 0, 0),
        (2, "open", 1, 3_999),
        (3, "cancelled", 1, 0),
    ]


async def test_a_basket_with_money_in_it_is_not_cancelled_before_the_money_is_given_back(shop: Shop) -> None:
    at = await till(shop)
    await at.scan("wine")
    paid = answered(await at.post("/tenders", {"kind": "cash", "given_minor": 2_000}), 201)
    tender_id = paid["tenders"][0]["tender_id"]
    problem = refused(await at.post("/cancel"), 409, "money-at-stake")
    assert problem["tender_id"] == tender_id
    answered(await at.person.asks("DELETE", at.path(f"/tenders/{tender_id}")), 200)
    assert answered(await at.post("/cancel"), 200)["state"] == "cancelled"


async def test_a_price_follows_the_catalogue_until_the_first_tender_and_stays_from_then_on(shop: Shop) -> None:
    milk = product("milk")
    await publish(shop, milk, price_of(milk.product_id, 300))
    at = await till(shop)
    assert (await at.scan("milk"))["total_minor"] == 300
    await publish(shop, price_of(milk.product_id, 350), sequence=2)
    assert (await at.basket())["total_minor"] == 350
    answered(await at.post("/tenders", {"kind": "cash", "given_minor": 100}), 201)
    await publish(shop, price_of(milk.product_id, 999), sequence=3)
    basket = await at.basket()
    assert (basket["state"], basket["total_minor"], basket["due_minor"]) == ("paying", 350, 250)
