"""A shift over HTTP: sign-on, float, drawer, X, blind count, Z (retail rules 23, 24 and 26)."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from libs.contracts.permissions import CASHIER, Permission
from tests.integration.sales.shift_shop import Shop, answered, counted, refused

pytestmark = pytest.mark.anyio


async def test_rule_23_sign_on_opens_a_shift_with_its_float_on_the_stores_business_date(shop: Shop) -> None:
    anna = await shop.cashier()
    shift = await anna.opens(float_minor=15_050)
    assert {key: shift[key] for key in ("state", "staff_name", "currency", "business_date", "first_number")} == {
        "state": "open",
        "staff_name": "Anna Kowalska",
        "currency": "PLN",
        "business_date": "2025-11-19",
        "first_number": None,
    }
    opened, moved = await shop.events(shift["shift_id"])
    assert (opened["type"], opened["float_minor"], opened["business_date"]) == ("shift_opened", 15_050, "2025-11-19")
    assert (moved["type"], moved["kind"], moved["amount_minor"]) == ("cash_moved", "float", 15_050)
    assert moved["key"] == opened["key"] == shift["shift_id"]
    assert answered(await anna.get("/shifts/current"), 200) == shift
    assert answered(await anna.get(f"/shifts/{shift['shift_id']}"), 200) == shift


async def test_float_may_be_counted_by_denomination(shop: Shop) -> None:
    anna = await shop.cashier()
    body = {
        "float_minor": None,
        "float_denominations": [{"value_minor": 5_000, "count": 3}, {"value_minor": 5, "count": 4}],
    }
    shift = await anna.opens(**body)
    (movement,) = answered(await anna.get(f"/shifts/{shift['shift_id']}/cash-movements"), 200)["items"]
    assert (movement["kind"], movement["amount_minor"]) == ("float", 15_020)


async def test_float_is_said_once_and_in_the_currency_of_the_store(shop: Shop) -> None:
    anna = await shop.cashier()
    both = {"currency": "PLN", "float_minor": 1, "float_denominations": []}
    assert (
        "say the float once" in refused(await anna.post("/shifts", both, "key-00001"), 422, "invalid-request")["detail"]
    )
    euros = {"currency": "EUR", "float_minor": 100}
    refused(await anna.post("/shifts", euros, "key-00002"), 422, "wrong-currency", "currency")
    odd = {"currency": "PLN", "float_denominations": [{"value_minor": 300, "count": 1}]}
    refused(
        await anna.post("/shifts", odd, "key-00003"), 422, "unknown-denomination", "float_denominations.0.value_minor"
    )
    minus = {"currency": "PLN", "float_minor": -1}
    refused(await anna.post("/shifts", minus, "key-00004"), 422, "invalid-request", "float_minor")
    refused(await anna.get("/shifts/current"), 404, "nobody-signed-on")


async def test_second_shift_at_the_same_till_is_refused_and_says_who_is_signed_on(shop: Shop) -> None:
    anna = await shop.cashier()
    shift = await anna.opens()
    piotr = shop.person(anna.till_id, "Piotr")
    problem = refused(
        await piotr.post("/shifts", {"currency": "PLN", "float_minor": 0}, "piotr-0001"), 409, "shift-already-open"
    )
    assert problem["detail"] == "Anna Kowalska is signed on at this till. That shift must be closed first."
    assert problem["shift_id"] == shift["shift_id"]


async def test_two_people_signing_on_at_once_make_one_shift(shop: Shop) -> None:
    till_id = await shop.new_till()
    people = [shop.person(till_id, f"Person {index}") for index in range(4)]
    body = {"currency": "PLN", "float_minor": 0}
    answers = await asyncio.gather(*(person.post("/shifts", body, f"sign-on-{uuid4()}") for person in people))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_sign_on_sent_again_is_the_same_shift(shop: Shop) -> None:
    anna = await shop.cashier()
    shift_id = str(uuid4())
    body = {"shift_id": shift_id, "currency": "PLN", "float_minor": 700}
    first, again = await anna.post("/shifts", body), await anna.post("/shifts", body)
    assert answered(first, 201) == answered(again, 201)
    assert again.headers["Idempotency-Replayed"] == "true"
    refused(await anna.post("/shifts", {**body, "float_minor": 701}), 422, "idempotency-key-reused")
    assert len(await shop.events(shift_id)) == 2


async def test_sign_on_needs_a_known_till_a_person_and_the_permission(shop: Shop) -> None:
    body = {"currency": "PLN", "float_minor": 0}
    refused(await shop.person(uuid4()).post("/shifts", body, "key-00011"), 422, "unknown-till")
    refused(await shop.person(None).post("/shifts", body, "key-00012"), 403, "not-at-a-till")
    retired = await shop.new_till(active=False)
    refused(await shop.person(retired).post("/shifts", body, "key-00013"), 422, "unknown-till")
    device = shop.person(await shop.new_till(), kind="till")
    refused(await device.post("/shifts", body, "key-00014"), 403, "not-at-a-till")
    guest = await shop.cashier(permissions=frozenset({Permission.SALES_READ}))
    refused(await guest.post("/shifts", body, "key-00015"), 403, "forbidden")
    anna = await shop.cashier()
    refused(await anna.post("/shifts", body), 400, "idempotency-key-required")


async def test_rule_23_selling_needs_a_shift_of_ones_own(shop: Shop) -> None:
    anna = await shop.cashier()
    refused(await anna.tries_to_sell(["bread"], {"kind": "cash", "given_minor": 450}), 409, "no-open-shift")
    await anna.opens()
    await anna.sells(["bread"], {"kind": "cash", "given_minor": 450})
    piotr = shop.person(anna.till_id, "Piotr")
    refused(await piotr.tries_to_sell(["bread"], {"kind": "cash", "given_minor": 450}), 409, "no-open-shift")


async def test_rule_23_cash_in_and_out_and_an_opening_without_sale_are_recorded_with_their_reasons(shop: Shop) -> None:
    anna = await shop.cashier()
    shift_id = (await anna.opens(float_minor=20_000))["shift_id"]
    maria = shop.manager(anna.till_id, cash_out_minor=50_000)
    paid_in = {"kind": "cash_in", "currency": "PLN", "amount_minor": 5_000, "reason": "change from the bank"}
    answered(await anna.post(f"/shifts/{shift_id}/cash-movements", paid_in, "cash-in-01"), 201)
    paid_out = {"kind": "cash_out", "currency": "PLN", "amount_minor": 12_300, "reason": " window cleaner "}
    moved = answered(await maria.post(f"/shifts/{shift_id}/cash-movements", paid_out, "cash-out-1"), 201)
    assert (moved["reason"], moved["staff_id"], moved["approved_by"]) == ("window cleaner", str(maria.staff_id), None)
    opening = {"reason": "customer asked for change"}
    answered(await maria.post(f"/shifts/{shift_id}/drawer-openings", opening, "no-sale-01"), 201)

    page = answered(await anna.get(f"/shifts/{shift_id}/cash-movements?limit=3"), 200)
    assert [(item["kind"], item["amount_minor"]) for item in page["items"]] == [
        ("float", 20_000),
        ("cash_in", 5_000),
        ("cash_out", 12_300),
    ]
    rest = answered(await anna.get(f"/shifts/{shift_id}/cash-movements?limit=3&cursor={page['next_cursor']}"), 200)
    assert [(item["kind"], item["amount_minor"], item["reason"]) for item in rest["items"]] == [
        ("no_sale", 0, "customer asked for change")
    ]
    assert rest["next_cursor"] is None

    report = answered(await maria.get(f"/shifts/{shift_id}/x-report"), 200)
    assert report["drawer"] == [
        {"kind": "float", "count": 1, "amount_minor": 20_000},
        {"kind": "cash_in", "count": 1, "amount_minor": 5_000},
        {"kind": "cash_out", "count": 1, "amount_minor": 12_300},
        {"kind": "no_sale", "count": 1, "amount_minor": 0},
    ]
    assert report["cash"]["expected_minor"] == 12_700
    events = [event for event in await shop.events(shift_id) if event["type"] == "cash_moved"]
    assert [(event["kind"], event["amount_minor"]) for event in events] == [
        ("float", 20_000),
        ("cash_in", 5_000),
        ("cash_out", 12_300),
        ("no_sale", 0),
    ]


async def test_rule_26_cash_out_over_the_limit_needs_an_approval_bound_to_the_shift(shop: Shop) -> None:
    may_a_little = CASHIER | {Permission.SALES_CASH_OUT}
    anna = await shop.cashier(permissions=may_a_little, cash_out_minor=5_000)
    shift_id = (await anna.opens())["shift_id"]
    path = f"/shifts/{shift_id}/cash-movements"
    body = {"kind": "cash_out", "currency": "PLN", "amount_minor": 5_000, "reason": "flowers"}
    answered(await anna.post(path, body, "in-limit-01"), 201)

    over = {**body, "amount_minor": 5_001}
    problem = refused(await anna.post(path, over, "over-limit"), 403, "approval-required")
    assert (problem["permission"], problem["bound_to"]) == ("sales.cash_out", shift_id)

    approval = shop.approval(Permission.SALES_CASH_OUT, shift_id, anna)
    moved = answered(await anna.post(path, {**over, "approval": approval}, "approved-01"), 201)
    assert moved["approved_by"] is not None
    assert (await shop.events(shift_id))[-1]["approved_by"] == moved["approved_by"]


async def test_rule_26_an_approval_cannot_be_spent_twice_or_for_another_thing(shop: Shop) -> None:
    anna = await shop.cashier()
    shift_id = (await anna.opens())["shift_id"]
    path = f"/shifts/{shift_id}/cash-movements"
    body = {"kind": "cash_out", "currency": "PLN", "amount_minor": 100, "reason": "stamps"}

    approval = shop.approval(Permission.SALES_CASH_OUT, shift_id, anna)
    first = await anna.post(path, {**body, "approval": approval}, "spend-0001")
    answered(first, 201)
    assert answered(await anna.post(path, {**body, "approval": approval}, "spend-0001"), 201) == first.json()
    refused(await anna.post(path, {**body, "approval": approval}, "spend-0002"), 409, "approval-spent", "approval")

    for wrong in (
        shop.approval(Permission.SALES_NO_SALE, shift_id, anna),
        shop.approval(Permission.SALES_CASH_OUT, str(uuid4()), anna),
        shop.approval(Permission.SALES_CASH_OUT, shift_id, shop.person(anna.till_id)),
        shop.approval(Permission.SALES_CASH_OUT, shift_id, anna, cash_out_minor=99),
    ):
        answer = await anna.post(path, {**body, "approval": wrong}, f"wrong-{uuid4()}")
        refused(answer, 403, "approval-does-not-fit", "approval")
    expired = shop.approval(Permission.SALES_CASH_OUT, shift_id, anna, exp=1)
    refused(await anna.post(path, {**body, "approval": expired}, "expired-01"), 422, "invalid", "approval")
    report = answered(await shop.manager(anna.till_id).get(f"/shifts/{shift_id}/x-report"), 200)
    assert report["drawer"][2] == {"kind": "cash_out", "count": 1, "amount_minor": 100}


async def test_rule_26_one_approval_sent_by_two_requests_at_once_is_spent_by_one(shop: Shop) -> None:
    anna = await shop.cashier()
    shift_id = (await anna.opens())["shift_id"]
    approval = shop.approval(Permission.SALES_NO_SALE, shift_id, anna)
    body = {"reason": "jammed", "approval": approval}
    answers = await asyncio.gather(
        *(anna.post(f"/shifts/{shift_id}/drawer-openings", body, f"at-once-{index}") for index in range(3))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]


async def test_an_approval_is_not_spent_by_a_request_that_is_refused(shop: Shop) -> None:
    anna = await shop.cashier()
    shift_id = (await anna.opens(float_minor=1_000))["shift_id"]
    path = f"/shifts/{shift_id}/cash-movements"
    approval = shop.approval(Permission.SALES_CASH_OUT, shift_id, anna)
    body = {"kind": "cash_out", "currency": "PLN", "reason": "bank", "approval": approval}
    problem = refused(
        await anna.post(path, {**body, "amount_minor": 1_001}, "too-much-1"), 409, "not-enough-cash", "amount_minor"
    )
    assert "1000" not in problem["detail"]
    answered(await anna.post(path, {**body, "amount_minor": 1_000}, "enough-001"), 201)


async def test_bad_cash_movements_are_refused_by_name_of_the_field(shop: Shop) -> None:
    anna = await shop.cashier(permissions=CASHIER | {Permission.SALES_CASH_OUT}, cash_out_minor=10**9)
    shift_id = (await anna.opens())["shift_id"]
    path = f"/shifts/{shift_id}/cash-movements"
    good = {"kind": "cash_in", "currency": "PLN", "amount_minor": 100, "reason": "found"}
    for changes, name in (
        ({"amount_minor": 0}, "amount_minor"),
        ({"amount_minor": -5}, "amount_minor"),
        ({"amount_minor": 1.5}, "amount_minor"),
        ({"amount_minor": 10**12}, "amount_minor"),
        ({"reason": "  "}, "reason"),
        ({"currency": "XXY"}, "currency"),
        ({"aproval": "x"}, "aproval"),
    ):
        refused(await anna.post(path, {**good, **changes}, f"bad-{uuid4()}"), 422, "invalid-request", name)
    wrong_kind = refused(await anna.post(path, {**good, "kind": "no_sale"}, "kind-0001"), 422, "invalid-request")
    assert "drawer-openings" in wrong_kind["detail"]
    refused(await anna.post(path, {**good, "currency": "EUR"}, "euro-0001"), 422, "wrong-currency", "currency")
    refused(await anna.post(f"/shifts/{uuid4()}/cash-movements", good, "none-0001"), 404, "unknown-shift")
    nul = refused(await anna.post(path, {**good, "reason": "a\x00b"}, "nul-00001"), 422, "unstorable-value")
    assert "plain text" in nul["detail"]


async def test_a_movement_sent_again_with_its_own_id_moves_cash_once(shop: Shop) -> None:
    anna = await shop.cashier()
    shift_id = (await anna.opens(float_minor=0))["shift_id"]
    movement_id = str(uuid4())
    body = {"movement_id": movement_id, "kind": "cash_in", "currency": "PLN", "amount_minor": 100, "reason": "x"}
    path = f"/shifts/{shift_id}/cash-movements"
    assert answered(await anna.post(path, body), 201) == answered(await anna.post(path, body), 201)
    refused(await anna.post(path, body, "other-key-1"), 409, "movement-id-taken")
    report = answered(await shop.manager(anna.till_id).get(f"/shifts/{shift_id}/x-report"), 200)
    assert report["cash"]["expected_minor"] == 100


async def test_rule_23_a_colleague_may_not_reach_into_the_drawer(shop: Shop) -> None:
    anna = await shop.cashier()
    shift_id = (await anna.opens())["shift_id"]
    body = {"kind": "cash_in", "currency": "PLN", "amount_minor": 100, "reason": "x"}
    piotr = shop.person(anna.till_id, "Piotr")
    refused(await piotr.post(f"/shifts/{shift_id}/cash-movements", body, "piotr-0002"), 403, "not-your-shift")


async def test_shifts_of_a_store_are_listed_newest_first_page_by_page(shop: Shop) -> None:
    other = shop.store.model_copy(update={"store_id": uuid4(), "code": "W2"})
    await shop.hears(other)
    ids = []
    for _ in range(5):
        person = shop.person(await shop.new_till(other), store=other)
        ids.append((await person.opens())["shift_id"])
    seen, cursor = [], ""
    while cursor is not None:
        page = answered(await person.get(f"/shifts?limit=2{cursor and '&cursor=' + cursor}"), 200)
        seen += [item["shift_id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == ids[::-1]
    anna = await shop.cashier()
    refused(await anna.get(f"/shifts?store_id={other.store_id}"), 403, "forbidden")
    refused(await anna.get("/shifts?cursor=bm90aGluZw"), 422, "invalid", "cursor")


async def test_another_stores_shift_is_not_shown(shop: Shop) -> None:
    anna = await shop.cashier()
    shift_id = (await anna.opens())["shift_id"]
    other = shop.store.model_copy(update={"store_id": uuid4(), "code": "W3"})
    await shop.hears(other)
    stranger = shop.manager(await shop.new_till(other), store=other)
    for path in ("", "/cash-movements", "/x-report", "/z-report"):
        refused(await stranger.get(f"/shifts/{shift_id}{path}"), 403, "forbidden")
    close = {"counts": [counted("PLN")]}
    refused(await stranger.post(f"/shifts/{shift_id}/close", close), 403, "forbidden")


async def test_denominations_of_a_currency_are_there_for_the_counting_screen(shop: Shop) -> None:
    anna = await shop.cashier()
    assert answered(await anna.get("/denominations?currency=CZK"), 200) == {
        "currency": "CZK",
        "denominations_minor": [
            500_000, 200_000, 100_000, 50_000, 20_000, 10_000, 5_000, 2_000, 1_000, 500, 200, 100,
        ],
    }  # fmt: skip
