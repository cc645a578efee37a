"""X, the blind count and Z over HTTP, with exact values (retail rule 24)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event

from libs.contracts.permissions import CASHIER, Permission
from services.sales.domain.basket import Basket, BasketState
from services.sales.domain.shift import OpenBaskets, ShiftPolicy
from services.sales.storage.baskets import BasketRepository
from tests.integration.sales.shift_shop import Person, Shop, answered, counted, refused

pytestmark = pytest.mark.anyio

ONLY_IN_Z = frozenset({"kind", "z_number", "closed_by", "closed_by_name", "made_at"})


def cash(given_minor: int) -> dict[str, Any]:
    return {"kind": "cash", "given_minor": given_minor}


async def traded(shop: Shop) -> tuple[Person, str, list[dict[str, Any]]]:
    """A shift in which Anna sold three times and took one bread back; its documents."""
    anna = await shop.cashier(permissions=CASHIER | {Permission.SALES_CASH_OUT}, cash_out_minor=10_000)
    shift_id = (await anna.opens(float_minor=20_000))["shift_id"]
    documents = [
        # 9.00 + 39.99 less 10 % = 44.99; 20.00 by bank transfer, 24.99 in cash rounded to 25.00 out of 50.00.
        await anna.sells(
            [{"code": "bread", "quantity": "2"}, {"code": "wine", "discount_percent": "10", "discount_reason": "cork"}],
            {"kind": "bank_transfer", "amount_minor": 2_000, "reference": "T-1"},
            cash(5_000),
        ),
        # 12.98 rounds to 13.00.
        await anna.sells(["tea"], cash(1_300)),
        await anna.sells(["bread"], {"kind": "voucher", "amount_minor": 450, "reference": "V-9"}),
    ]
    bread = documents[0]["lines"][0]
    back = {
        "code": "bread",
        "quantity": "-1",
        "returns": {"sale_id": documents[0]["sale_id"], "line_id": bread["line_id"], "reason": "stale"},
    }
    documents.append(await anna.sells([back], cash(-450)))
    paid_in = {"kind": "cash_in", "currency": "PLN", "amount_minor": 3_000, "reason": "coins"}
    paid_out = {"kind": "cash_out", "currency": "PLN", "amount_minor": 10_000, "reason": "safe"}
    for body in (paid_in, paid_out):
        answered(await anna.post(f"/shifts/{shift_id}/cash-movements", body, f"move-{uuid4()}"), 201)
    return anna, shift_id, documents


# 200.00 + 30.00 - 100.00 + 25.00 + 13.00 - 4.50
EXPECTED_CASH_MINOR = 16_350


async def test_rule_24_z_reconciles_tenders_taxes_discounts_returns_and_numbers_to_the_minor_unit(shop: Shop) -> None:
    anna, shift_id, documents = await traded(shop)
    count = counted("PLN", n10000=1, n5000=1, n1000=1, n200=1, n100=1, n50=0)
    z = answered(await anna.post(f"/shifts/{shift_id}/close", {"counts": [count]}), 200)

    assert z["documents"] == [
        {"kind": "sale", "count": 3, "amount_minor": 6_247},
        {"kind": "return", "count": 1, "amount_minor": -450},
        {"kind": "exchange", "count": 0, "amount_minor": 0},
        {"kind": "void", "count": 0, "amount_minor": 0},
    ]
    assert (z["document_count"], z["total_minor"]) == (4, 5_797)
    assert z["lines"] == [
        {"kind": "sold", "count": 4, "amount_minor": 6_647},
        {"kind": "returned", "count": 1, "amount_minor": -450},
    ]
    assert z["discounts"] == [{"kind": "line_percent", "count": 1, "amount_minor": -400}]
    # 23 %: 35.99 = 29.26 + 6.73 and 12.98 = 10.55 + 2.43.
    # 8 %: 9.00 = 8.33 + 0.67 and 4.50 = 4.17 + 0.33 sold; half of the first came back: 4.50 = 4.16 + 0.34.
    assert [(tax["rate_ppm"], tax["base_minor"], tax["tax_minor"]) for tax in z["taxes"]] == [
        (230_000, 3_981, 916),
        (80_000, 834, 66),
    ]
    assert z["tenders"] == [
        {"kind": "bank_transfer", "count": 1, "amount_minor": 2_000},
        {"kind": "cash", "count": 3, "amount_minor": 3_347},
        {"kind": "voucher", "count": 1, "amount_minor": 450},
    ]
    assert (z["tendered_minor"], z["rounding_minor"]) == (5_797, 3)
    assert z["cash"] == {
        "currency": "PLN",
        "expected_minor": EXPECTED_CASH_MINOR,
        "counted_minor": 16_300,
        "variance_minor": -50,
        "denominations": [
            {"value_minor": 10_000, "count": 1},
            {"value_minor": 5_000, "count": 1},
            {"value_minor": 1_000, "count": 1},
            {"value_minor": 200, "count": 1},
            {"value_minor": 100, "count": 1},
        ],
    }
    numbers = [document["number"] for document in documents]
    assert (z["first_number"], z["last_number"]) == (numbers[0], numbers[-1]) == (1, 4)
    assert (z["z_number"], z["differences"], z["missing_numbers"]) == (1, [], [])
    assert sum(document["total_minor"] for document in documents) == z["total_minor"]


async def test_rule_24_x_right_before_and_z_right_after_the_close_have_the_same_totals(shop: Shop) -> None:
    anna, shift_id, _ = await traded(shop)
    x = answered(await shop.manager(anna.till_id).get(f"/shifts/{shift_id}/x-report"), 200)
    count = counted("PLN", n10000=1, n5000=1, n1000=1, n200=1, n100=1, n50=1)
    z = answered(await anna.post(f"/shifts/{shift_id}/close", {"counts": [count]}), 200)
    assert (x["kind"], x["z_number"], z["kind"], z["z_number"]) == ("x", None, "z", 1)
    assert z["cash"].pop("variance_minor") == 0
    assert z["cash"].pop("counted_minor") == EXPECTED_CASH_MINOR
    del z["cash"]["denominations"]
    assert {key: value for key, value in x["cash"].items() if value is not None} == z["cash"]
    for report in (x, z):
        for key in (*ONLY_IN_Z, "cash"):
            del report[key]
    assert x == z


async def test_rule_24_the_variance_is_posted_and_the_z_report_is_frozen(shop: Shop) -> None:
    anna, shift_id, _ = await traded(shop)
    body = {"counts": [counted("PLN", n20000=1)]}
    z = answered(await anna.post(f"/shifts/{shift_id}/close", body), 200)
    closed = (await shop.events(shift_id))[-1]
    assert closed["type"] == "shift_closed"
    assert (closed["cash_expected_minor"], closed["cash_counted_minor"], closed["cash_variance_minor"]) == (
        EXPECTED_CASH_MINOR,
        20_000,
        3_650,
    )
    assert (closed["document_count"], closed["total_minor"], closed["z_number"]) == (4, 5_797, 1)
    assert closed["z_report"] == z

    renamed = shop.store.model_copy(update={"name": "Renamed"})
    await shop.hears(renamed)
    assert answered(await anna.get(f"/shifts/{shift_id}/z-report"), 200) == z
    text = await anna.get(f"/shifts/{shift_id}/z-report.txt")
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert "Variance: OVER                       36.50\n" in text.text
    assert {len(line) for line in text.text.splitlines()} <= set(range(43))
    shift = answered(await anna.get(f"/shifts/{shift_id}"), 200)
    assert (shift["state"], shift["z_number"], shift["closed_at"]) == ("closed", 1, z["made_at"])


async def test_rule_24_the_count_is_blind_for_a_cashier(shop: Shop) -> None:
    anna, shift_id, _ = await traded(shop)
    problem = refused(await anna.get(f"/shifts/{shift_id}/x-report"), 403, "forbidden")
    assert problem["permission"] == "sales.x_report"
    refused(await anna.get(f"/shifts/{shift_id}/x-report.txt"), 403, "forbidden")
    refused(await anna.get(f"/shifts/{shift_id}/z-report"), 404, "shift-not-closed")
    shift = answered(await anna.get("/shifts/current"), 200)
    assert str(EXPECTED_CASH_MINOR) not in str(shift)
    text = await shop.manager(anna.till_id).get(f"/shifts/{shift_id}/x-report.txt")
    assert "Expected cash                       163.50\n" in text.text


async def test_rule_24_two_closes_at_once_make_one_z_and_give_the_same_answer(shop: Shop) -> None:
    anna, shift_id, _ = await traded(shop)
    body = {"counts": [counted("PLN", n5000=3)]}
    first, second, third = await asyncio.gather(
        *(anna.post(f"/shifts/{shift_id}/close", body, key) for key in ("close-key-1", "close-key-1", None))
    )
    assert answered(first, 200) == answered(second, 200) == answered(third, 200)
    assert [one["type"] for one in await shop.events(shift_id)].count("shift_closed") == 1
    await anna.opens()
    following = answered(await anna.get("/shifts/current"), 200)["shift_id"]
    assert answered(await anna.post(f"/shifts/{following}/close", body), 200)["z_number"] == 2


async def test_rule_24_a_close_sent_again_with_another_count_is_refused(shop: Shop) -> None:
    anna, shift_id, _ = await traded(shop)
    z = answered(await anna.post(f"/shifts/{shift_id}/close", {"counts": [counted("PLN", n5000=3)]}), 200)
    same = {"counts": [counted("PLN", n5000=3, n100=0), counted("EUR")]}
    assert answered(await anna.post(f"/shifts/{shift_id}/close", same), 200) == z
    other = {"counts": [counted("PLN", n5000=3, n100=1)]}
    problem = refused(await anna.post(f"/shifts/{shift_id}/close", other), 409, "counted-differently")
    assert problem["z_number"] == 1
    foreign = {"counts": [counted("PLN", n5000=3), counted("EUR", n500=1)]}
    refused(await anna.post(f"/shifts/{shift_id}/close", foreign), 409, "counted-differently")


async def test_a_closed_shift_takes_no_sale_no_cash_and_no_x(shop: Shop) -> None:
    anna, shift_id, _ = await traded(shop)
    answered(await anna.post(f"/shifts/{shift_id}/close", {"counts": [counted("PLN")]}), 200)
    refused(await anna.tries_to_sell(["bread"], cash(450)), 409, "no-open-shift")
    body = {"kind": "cash_in", "currency": "PLN", "amount_minor": 100, "reason": "late"}
    problem = refused(await anna.post(f"/shifts/{shift_id}/cash-movements", body, "late-0001"), 409, "shift-closed")
    assert problem["detail"] == "The shift of Anna Kowalska was closed with Z 1. Open a new one."
    refused(await shop.manager(anna.till_id).get(f"/shifts/{shift_id}/x-report"), 409, "shift-closed")


async def test_rule_24_counts_name_existing_money_once_and_always_the_stores_currency(shop: Shop) -> None:
    anna = await shop.cashier()
    shift_id = (await anna.opens())["shift_id"]
    path = f"/shifts/{shift_id}/close"
    odd = {"counts": [counted("PLN", n20000=1), counted("EUR", n2000=1, n300=2)]}
    problem = refused(await anna.post(path, odd), 422, "unknown-denomination", "counts.1.denominations.1.value_minor")
    assert problem["denominations_minor"][0] == 50_000
    euros = {"counts": [counted("EUR", n2000=1)]}
    refused(await anna.post(path, euros), 422, "count-missing", "counts")
    twice = {"counts": [counted("PLN"), counted("PLN", n100=1)]}
    refused(await anna.post(path, twice), 422, "counted-twice", "counts.1.currency")
    minus = {"counts": [counted("PLN", n100=-1)]}
    refused(await anna.post(path, minus), 422, "invalid-request", "counts.0.denominations.0.count")
    refused(await anna.post(path, {"counts": []}), 422, "invalid-request", "counts")
    refused(await anna.post(path, {"counts": [counted("ZZZ")]}), 422, "invalid-request", "counts.0.currency")
    assert answered(await anna.get("/shifts/current"), 200)["shift_id"] == shift_id


async def test_rule_16_foreign_notes_are_counted_in_their_own_currency(shop: Shop) -> None:
    office = shop.person(None, "Office", frozenset({Permission.SALES_CONFIGURE, Permission.SALES_READ}))
    answered(await office.asks("PUT", "/exchange-rates/PLN/EUR", {"rate": "4.25"}), 200)
    anna = await shop.cashier()
    shift_id = (await anna.opens(float_minor=20_000))["shift_id"]
    # 39.99 due; 10.00 EUR are 42.50: 2.50 back, the drawer keeps 40.00 for 39.99.
    euros = {"kind": "cash", "foreign_currency": "EUR", "foreign_minor": 1_000}
    sold = await anna.sells(["wine"], euros)
    assert sold["tenders"][0]["change_minor"] == 250
    body = {"counts": [counted("PLN", n10000=1, n5000=1, n2000=2, n500=1), counted("EUR", n500=2)]}
    z = answered(await anna.post(f"/shifts/{shift_id}/close", body), 200)
    # 200.00 in the drawer less 2.50 of change.
    assert (z["cash"]["expected_minor"], z["cash"]["counted_minor"], z["cash"]["variance_minor"]) == (
        19_750,
        19_500,
        -250,
    )
    (foreign,) = z["foreign"]
    assert (foreign["currency"], foreign["expected_minor"], foreign["variance_minor"]) == ("EUR", 1_000, 0)
    assert z["total_minor"] == z["tendered_minor"] == 3_999


async def test_rule_26_closing_a_colleagues_shift_needs_permission_or_an_approval(shop: Shop) -> None:
    anna, shift_id, _ = await traded(shop)
    path = f"/shifts/{shift_id}/close"
    body = {"counts": [counted("PLN", n5000=3)]}
    piotr = shop.person(anna.till_id, "Piotr Zieliński")
    problem = refused(await piotr.post(path, body), 403, "approval-required")
    assert (problem["permission"], problem["bound_to"]) == ("sales.close_any_shift", shift_id)
    elsewhere = shop.approval(Permission.SALES_CLOSE_ANY_SHIFT, str(uuid4()), piotr)
    refused(await piotr.post(path, {**body, "approval": elsewhere}), 403, "approval-does-not-fit")

    approval = shop.approval(Permission.SALES_CLOSE_ANY_SHIFT, shift_id, piotr)
    z = answered(await piotr.post(path, {**body, "approval": approval}), 200)
    assert (z["staff_name"], z["closed_by_name"]) == ("Anna Kowalska", "Piotr Zieliński")
    assert z["approved_by"] is not None
    assert answered(await piotr.post(path, {**body, "approval": approval}), 200) == z
    refused(await piotr.post(path, body), 403, "approval-required")


async def test_rule_26_a_manager_closes_any_shift_of_the_store(shop: Shop) -> None:
    anna, shift_id, _ = await traded(shop)
    maria = shop.manager(await shop.new_till())
    z = answered(await maria.post(f"/shifts/{shift_id}/close", {"counts": [counted("PLN")]}), 200)
    assert (z["closed_by_name"], z["approved_by"]) == ("Maria Nowak", None)
    text = (await maria.get(f"/shifts/{shift_id}/z-report.txt")).text
    assert "Closed by                      Maria Nowak\n" in text
    assert "Variance: SHORT                    -163.50\n" in text
    refused(await anna.get("/shifts/current"), 404, "nobody-signed-on")


async def test_rule_24_close_cuts_off_by_the_tills_own_numbers(shop: Shop) -> None:
    anna = await shop.cashier()
    shift_id = (await anna.opens())["shift_id"]
    path = f"/shifts/{shift_id}/close"
    await anna.sells(["bread"], cash(450), number=1)
    await anna.sells(["bread"], cash(450), number=4)
    body = {"counts": [counted("PLN")], "last_number": 5}
    problem = refused(await anna.post(path, body), 409, "documents-missing", "last_number")
    assert problem["missing_numbers"] == [{"first": 2, "last": 3}, {"first": 5, "last": 5}]
    assert "The documents 2 to 3, 5 of this till have not arrived" in problem["detail"]
    fewer = refused(await anna.post(path, {**body, "last_number": 3}), 409, "documents-missing")
    assert fewer["last_number_held"] == 4
    for number in (2, 3, 5):
        await anna.sells(["bread"], cash(450), number=number)
    z = answered(await anna.post(path, body), 200)
    assert (z["first_number"], z["last_number"], z["document_count"], z["missing_numbers"]) == (1, 5, 5, [])


async def test_rule_24_a_till_that_lost_its_documents_can_still_close_and_z_names_the_gap(shop: Shop) -> None:
    anna = await shop.cashier()
    shift_id = (await anna.opens())["shift_id"]
    await anna.sells(["bread"], cash(450), number=3)
    z = answered(await anna.post(f"/shifts/{shift_id}/close", {"counts": [counted("PLN")]}), 200)
    assert z["missing_numbers"] == [{"first": 1, "last": 2}]
    assert "Not arrived                          1 - 2\n" in (await anna.get(f"/shifts/{shift_id}/z-report.txt")).text


async def rung_up(shop: Shop, anna: Person, state: BasketState) -> UUID:
    """A basket at Anna's till in this state."""
    basket = Basket(uuid4(), shop.store.store_id, anna.till_id, anna.staff_id, "PLN", shop.clock())
    async with shop.database.transaction() as work:
        await BasketRepository(work.connection).add(replace(basket, state=state), 450)
    return basket.basket_id


async def test_rule_24_open_baskets_are_carried_over_and_z_says_how_many(shop: Shop) -> None:
    anna = await shop.cashier()
    shift_id = (await anna.opens())["shift_id"]
    for state in (BasketState.OPEN, BasketState.OPEN, BasketState.SUSPENDED, BasketState.CANCELLED):
        await rung_up(shop, anna, state)
    await rung_up(shop, await shop.cashier(), BasketState.OPEN)
    z = answered(await anna.post(f"/shifts/{shift_id}/close", {"counts": [counted("PLN")]}), 200)
    assert z["carried_basket_count"] == 2


async def test_rule_24_a_basket_that_is_being_paid_keeps_the_shift_open(shop: Shop) -> None:
    anna = await shop.cashier()
    shift_id = (await anna.opens())["shift_id"]
    paying = await rung_up(shop, anna, BasketState.PAYING)
    problem = refused(
        await anna.post(f"/shifts/{shift_id}/close", {"counts": [counted("PLN")]}), 409, "baskets-unfinished"
    )
    assert problem["basket_ids"] == [str(paying)]


@contextmanager
def statements(shop: Shop) -> Iterator[list[str]]:
    """What is sent to the database meanwhile, apart from the relay's own queries and those of whoever prints."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not any(table in statement for table in ("outbox", "inbox", "leases", "device_gateways")):
            seen.append(statement)

    engine = shop.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def test_close_is_constant_in_receipts(shop: Shop) -> None:
    """However many receipts: the same statements, none of which reads a receipt, over the same few total rows."""
    closes, reports = [], []
    for receipts in (1, 25):
        anna = await shop.cashier()
        shift_id = (await anna.opens())["shift_id"]
        for _ in range(receipts):
            await anna.sells(["bread", "wine"], cash(5_000))
        with statements(shop) as seen:
            z = answered(await anna.post(f"/shifts/{shift_id}/close", {"counts": [counted("PLN")]}), 200)
        assert z["total_minor"] == receipts * 4_449
        closes.append(seen)
        reports.append({key: len(value) for key, value in z.items() if isinstance(value, list)})
    assert closes[0] == closes[1]
    assert not [statement for statement in closes[1] if "sales.sales " in statement or "FROM sales " in statement]
    assert reports[0] == reports[1]


async def test_rule_24_a_sale_that_races_the_close_is_in_z_or_refused(shop: Shop) -> None:
    for _ in range(3):
        anna = await shop.cashier()
        shift_id = (await anna.opens())["shift_id"]
        sales = [anna.tries_to_sell(["bread"], cash(450)) for _ in range(5)]
        close = anna.post(f"/shifts/{shift_id}/close", {"counts": [counted("PLN")]})
        answers = await asyncio.gather(*sales[:3], close, *sales[3:])
        z = answered(answers.pop(3), 200)
        taken = [answer.json() for answer in answers if answer.status_code == 201]
        assert {answer.status_code for answer in answers} <= {201, 409}
        assert (z["document_count"], z["total_minor"]) == (len(taken), 450 * len(taken))
        assert {document["shift_id"] for document in taken} <= {shift_id}


async def test_rule_24_open_baskets_are_refused_where_the_chain_says_so(shop: Shop) -> None:
    anna = await shop.cashier()
    shift_id = (await anna.opens())["shift_id"]
    await rung_up(shop, anna, BasketState.SUSPENDED)
    open_basket = await rung_up(shop, anna, BasketState.OPEN)
    with shop.policy(ShiftPolicy(open_baskets=OpenBaskets.REFUSE)):
        answer = await anna.post(f"/shifts/{shift_id}/close", {"counts": [counted("PLN")]})
    assert refused(answer, 409, "baskets-unfinished")["basket_ids"] == [str(open_basket)]


async def test_a_failed_close_changes_nothing_and_can_be_repeated(shop: Shop) -> None:
    anna, shift_id, _ = await traded(shop)
    path = f"/shifts/{shift_id}/close"
    refused(await anna.post(path, {"counts": [counted("PLN")], "last_number": 9}), 409, "documents-missing")
    assert answered(await anna.get(f"/shifts/{shift_id}"), 200)["state"] == "open"
    z = answered(await anna.post(path, {"counts": [counted("PLN")], "last_number": 4}), 200)
    assert z["z_number"] == 1


async def test_rule_24_a_void_is_reconciled_and_named(shop: Shop) -> None:
    anna, shift_id, documents = await traded(shop)
    maria = shop.manager(anna.till_id, staff_id=anna.staff_id)
    answered(await maria.post(f"/sales/{documents[1]['sale_id']}/void", {"reason": "mistake"}, "void-00001"), 201)
    z = answered(await anna.post(f"/shifts/{shift_id}/close", {"counts": [counted("PLN", n5000=3, n50=1)]}), 200)
    assert [one for one in z["documents"] if one["kind"] == "void"] == [
        {"kind": "void", "count": 1, "amount_minor": -1_298}
    ]
    assert z["voided"] == [{"kind": "sale", "count": 1, "amount_minor": 1_298}]
    assert (z["document_count"], z["last_number"], z["total_minor"]) == (5, 5, 4_499)
    # The 13.00 are given back.
    assert (z["cash"]["expected_minor"], z["cash"]["variance_minor"]) == (15_050, 0)
    assert z["differences"] == []
