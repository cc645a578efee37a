"""Goods brought back, exchanged and refunded over HTTP (retail rules 1, 2, 6 to 10)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from libs.contracts.catalog import PriceChanged, PriceFacts, ProductChanged, PromotionChanged
from libs.contracts.permissions import CASHIER, Permission
from libs.persistence import new_id
from libs.pricing import BundleGroup, ProductSelector, Promotion, PromotionKind, ReturnPolicy
from libs.testkit.databases import DatabaseServer
from services.sales.use_cases.keep_catalogue import CatalogueChanges, keep_catalogue
from tests.integration.sales.shift_shop import Person, Shop, answered, open_shop, refused

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def shop(postgres_server: DatabaseServer) -> AsyncIterator[Shop]:
    async with open_shop(postgres_server) as opened:
        yield opened


@pytest.fixture
async def anna(shop: Shop) -> Person:
    person = await shop.cashier()
    await person.opens()
    return person


def cash(given_minor: int) -> dict[str, Any]:
    return {"kind": "cash", "given_minor": given_minor}


def transfer(amount_minor: int) -> dict[str, Any]:
    return {"kind": "bank_transfer", "amount_minor": amount_minor, "reference": "T-1"}


def back(document: dict[str, Any], line: int = 0, quantity: str = "-1", reason: str = "") -> dict[str, Any]:
    """A line that brings back so much of a document's line."""
    sold = document["lines"][line]
    return {
        "product_id": sold["product_id"],
        "quantity": quantity,
        "returns": {"sale_id": document["sale_id"], "line_id": sold["line_id"], "reason": reason},
    }


async def left_of(person: Person, document: dict[str, Any]) -> list[str]:
    found = answered(await person.get(f"/sales/by-receipt/{document['receipt_code']}"), 200)
    return [line["left"] for line in found["lines"]]


async def test_rule_2_a_full_return_of_a_rounded_cash_sale_gives_back_what_was_paid(anna: Person) -> None:
    sold = await anna.sells(["tea"], cash(2_000))
    assert (sold["total_minor"], sold["tenders"][0]["change_minor"], sold["rounding_minor"]) == (1_298, 700, 2)
    returned = await anna.sells([back(sold, reason="cold")], cash(-1_300))
    assert (returned["kind"], returned["total_minor"], returned["rounding_minor"]) == ("return", -1_298, -2)
    (tender,) = returned["tenders"]
    assert (tender["given_minor"], tender["amount_minor"]) == (-1_300, -1_298)
    assert tender["original_tender_id"] == sold["tenders"][0]["tender_id"]
    (line,) = returned["lines"]
    assert (line["returns_sale_id"], line["return_reason"]) == (sold["sale_id"], "cold")


async def test_rule_1_the_refund_of_cash_is_its_own_rounded_amount_and_no_other(anna: Person) -> None:
    sold = await anna.sells(["tea"], cash(1_300))
    problem = refused(await anna.tries_to_sell([back(sold)], cash(-1_301)), 422, "tender-refused")
    assert "1300" in problem["detail"]


async def test_rule_2_a_mixed_sale_with_rounded_cash_gives_back_each_part_as_it_was_paid(anna: Person) -> None:
    sold = await anna.sells(["wine"], transfer(1_001), cash(3_000))
    assert (sold["total_minor"], sold["rounding_minor"]) == (3_999, 2)
    assert sold["tenders"][1]["given_minor"] == 3_000
    found = answered(await anna.get(f"/sales/by-receipt/{sold['receipt_code']}"), 200)
    assert {tender["kind"]: tender["refund_minor"] for tender in found["tenders"]} == {
        "cash": 2_998,
        "bank_transfer": 1_001,
    }
    returned = await anna.sells([back(sold)], transfer(-1_001), cash(-3_000))
    paid = sum(tender["given_minor"] or tender["amount_minor"] for tender in sold["tenders"])
    given_back = sum(tender["given_minor"] or tender["amount_minor"] for tender in returned["tenders"])
    assert (paid, given_back) == (4_001, -4_001)


async def test_rule_9_more_than_a_tender_paid_is_not_given_back_to_it(anna: Person) -> None:
    sold = await anna.sells(["wine"], transfer(999), cash(3_000))
    problem = refused(await anna.tries_to_sell([back(sold)], transfer(-1_000), cash(-3_000)), 409, "refund-elsewhere")
    assert problem["detail"] == (
        "These goods were not paid with so much bank transfer. "
        "Money goes back to where it came from (minor units): cash up to 3000."
    )
    assert await left_of(anna, sold) == ["1"]
    await anna.sells([back(sold)], transfer(-999), cash(-3_000))


async def test_rule_2_partial_returns_sum_to_the_whole(anna: Person) -> None:
    line = {"code": "tea", "quantity": "3", "discount_minor": 194, "discount_reason": "dented"}
    sold = await anna.sells([line], cash(3_700))
    assert (sold["total_minor"], sold["tax_minor"]) == (3_700, 692)
    returns = [await anna.sells([back(sold)], cash(-1_235)) for _ in range(3)]
    assert [(each["total_minor"], each["tax_minor"]) for each in returns] == [
        (-1_233, -231),
        (-1_234, -230),
        (-1_233, -231),
    ]
    assert sum(each["discount_minor"] for each in returns) == 194
    problem = refused(await anna.tries_to_sell([back(sold)], cash(-1_235)), 409, "already-returned", "quantity")
    assert (problem["left"], problem["detail"]) == ("0", "All of Tea was returned before.")


async def test_rule_7_the_price_paid_then_is_given_back_whatever_it_costs_today(shop: Shop, anna: Person) -> None:
    product = ProductChanged(
        product_id=uuid4(),
        code="lamp",
        name="Lamp",
        category_ids=(),
        kind="goods",
        unit="piece",
        tax_category="standard",
        barcodes=(),
        item_code=None,
        minimum_age_years=None,
        discountable=True,
        image_url=None,
        variant_of=None,
    )
    price = PriceFacts(price_list="standard", currency="PLN", amount_minor=10_000, minimum_quantity_milli=0)
    await shop.hears(product, PriceChanged(product_id=product.product_id, prices=(price,)))
    sold = await anna.sells(["lamp"], cash(10_000))
    dearer = price.model_copy(update={"amount_minor": 15_000})
    gone = product.model_copy(update={"active": False, "name": "Lamp (discontinued)"})
    changes = CatalogueChanges()
    changes.add(gone, 2)
    changes.add(PriceChanged(product_id=product.product_id, prices=(dearer,)), 2)
    async with shop.database.transaction() as work:
        await keep_catalogue(work.connection, changes)
    refused(await anna.tries_to_sell(["lamp"], cash(15_000)), 409, "product-not-sold")
    returned = await anna.sells([back(sold)], cash(-10_000))
    assert returned["total_minor"] == -10_000


async def test_rule_8_of_two_tills_returning_the_same_line_at_once_one_succeeds(shop: Shop, anna: Person) -> None:
    sold = await anna.sells(["tea"], cash(1_300))
    others = [await shop.cashier(name=f"Cashier {number}") for number in range(4)]
    for person in others:
        await person.opens()
    answers = await asyncio.gather(*(person.tries_to_sell([back(sold)], cash(-1_300)) for person in (anna, *others)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    for answer in answers:
        if answer.status_code != 201:
            refused(answer, 409, "already-returned")
    assert await left_of(anna, sold) == ["0"]


async def test_rule_8_two_tills_share_what_is_left_to_the_last_unit(shop: Shop, anna: Person) -> None:
    sold = await anna.sells([{"code": "tea", "quantity": "5"}], cash(6_490))
    ewa = await shop.cashier(name="Ewa")
    await ewa.opens()
    answers = await asyncio.gather(
        *(person.tries_to_sell([back(sold, quantity="-2")], cash(-2_595)) for person in (anna, ewa, anna, ewa))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409]
    assert {answer.json()["left"] for answer in answers if answer.status_code == 409} == {"1"}
    last = await ewa.sells([back(sold)], cash(-1_300))
    totals = [answer.json()["total_minor"] for answer in answers if answer.status_code == 201]
    assert sum(totals) + last["total_minor"] == -sold["total_minor"] == -6_490


async def test_a_retried_return_is_one_return(anna: Person) -> None:
    sold = await anna.sells([{"code": "tea", "quantity": "2"}], cash(2_600))
    body = {
        "sale_id": str(new_id()),
        "currency": "PLN",
        "lines": [back(sold)],
        "tenders": [cash(-1_300)],
    }
    answers = await asyncio.gather(*(anna.post("/sales", body) for _ in range(3)))
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert len({answer.text for answer in answers}) == 1
    assert await left_of(anna, sold) == ["1"]


async def test_a_return_is_taken_at_any_store(shop: Shop, anna: Person) -> None:
    sold = await anna.sells(["tea"], cash(1_300))
    elsewhere = shop.store.model_copy(update={"store_id": uuid4(), "code": "W2", "name": "Far Grocery"})
    await shop.hears(elsewhere)
    ola = shop.person(await shop.new_till(elsewhere), name="Ola", store=elsewhere)
    await ola.opens()
    found = answered(await ola.get(f"/sales/by-receipt/{sold['receipt_code'].lower()}"), 200)
    assert (found["store_id"], found["refund_minor"]) == (str(shop.store.store_id), 1_298)
    returned = await ola.sells([back(sold)], cash(-1_300))
    assert returned["store_id"] == str(elsewhere.store_id)
    refused(await ola.get(f"/sales/{sold['sale_id']}"), 403, "forbidden")


async def test_rule_10_an_exchange_is_one_document_with_a_sign_for_each_line(anna: Person) -> None:
    sold = await anna.sells(["tea"], cash(1_300))
    exchange = await anna.sells([back(sold), "wine"], cash(2_700))
    assert (exchange["kind"], exchange["total_minor"]) == ("exchange", 3_999 - 1_298)
    assert [line["total_minor"] for line in exchange["lines"]] == [-1_298, 3_999]
    (tax,) = exchange["taxes"]
    assert tax["tax_minor"] == 748 - 243
    found = answered(await anna.get(f"/sales/by-receipt/{exchange['receipt_code']}"), 200)
    assert (found["refund_minor"], found["uncovered_minor"]) == (3_999, 0)
    # Cash of today, and cash that once paid for the tea: 12.98 of it.
    assert [(each["kind"], each["paid_minor"]) for each in found["tenders"]] == [("cash", 2_701), ("cash", 1_298)]
    assert "brought back by this receipt" in found["lines"][0]["why_not"]
    dearer = await anna.sells([back(exchange, line=1)], cash(-4_000))
    assert dearer["total_minor"] == -3_999


async def test_rule_6_a_bundle_sold_whole_comes_back_whole(shop: Shop, anna: Person) -> None:
    products = [shop.products["tea"], shop.products["bread"]]
    groups = tuple(BundleGroup(ProductSelector(product_ids=frozenset({str(each)})), 1000) for each in products)
    promotion = Promotion(
        str(uuid4()),
        "Breakfast",
        PromotionKind.BUNDLE,
        groups=groups,
        amount_minor=1_400,
        currency="PLN",
        coupon_code="WHOLE",
        return_policy=ReturnPolicy.WHOLE_BUNDLE,
    )
    await shop.hears(
        PromotionChanged(promotion_id=promotion.id, name=promotion.name, facts=promotion.facts(), active=True)
    )
    sold = await anna.sells(["tea", "bread"], cash(1_400), coupons=["WHOLE"])
    assert sold["total_minor"] == 1_400
    problem = refused(await anna.tries_to_sell([back(sold)], cash(-1_040)), 409, "bundle-broken", "lines")
    assert problem["detail"] == "'Breakfast' was a price for goods together: Tea, Bread come back only as a whole."
    returned = await anna.sells([back(sold, 0), back(sold, 1)], cash(-1_400))
    assert returned["total_minor"] == -1_400


async def test_rule_6_what_is_kept_is_priced_again_by_the_promotion_as_it_was_then(shop: Shop, anna: Person) -> None:
    promotion = Promotion(
        str(uuid4()),
        "Three for two",
        PromotionKind.BUY_X_GET_Y,
        ProductSelector(product_ids=frozenset({str(shop.products["tea"])})),
        buy_quantity_milli=2_000,
        get_quantity_milli=1_000,
        coupon_code="THREE",
        return_policy=ReturnPolicy.RECOMPUTE,
    )
    told = PromotionChanged(promotion_id=promotion.id, name=promotion.name, facts=promotion.facts(), active=True)
    await shop.hears(told)
    sold = await anna.sells([{"code": "tea", "quantity": "3"}], cash(2_595), coupons=["THREE"])
    assert sold["total_minor"] == 2_596
    changes = CatalogueChanges()
    changes.add(told.model_copy(update={"active": False}), 2)
    async with shop.database.transaction() as work:
        await keep_catalogue(work.connection, changes)
    first = await anna.sells([back(sold)])
    assert (first["total_minor"], first["gross_minor"], first["discount_minor"]) == (0, -1_298, 1_298)
    second = await anna.sells([back(sold, quantity="-2")], cash(-2_595))
    assert second["total_minor"] == -2_596
    assert first["tax_minor"] + second["tax_minor"] == -sold["tax_minor"]


async def test_rule_6_holds_for_a_basket_that_was_paid_tender_by_tender(shop: Shop, anna: Person) -> None:
    promotion = Promotion(
        str(uuid4()),
        "Second half price",
        PromotionKind.BUY_X_GET_Y,
        ProductSelector(product_ids=frozenset({str(shop.products["tea"])})),
        buy_quantity_milli=1_000,
        get_quantity_milli=1_000,
        percent_ppm=500_000,
        coupon_code="HALF",
        return_policy=ReturnPolicy.RECOMPUTE,
    )
    await shop.hears(
        PromotionChanged(promotion_id=promotion.id, name=promotion.name, facts=promotion.facts(), active=True)
    )
    basket = answered(await anna.post("/baskets", {"currency": "PLN"}), 201)
    path = f"/baskets/{basket['basket_id']}"
    answered(await anna.post(f"{path}/lines", {"code": "tea", "quantity": "2"}), 201)
    answered(await anna.post(f"{path}/coupons", {"code": "HALF"}), 201)
    answered(await anna.post(f"{path}/tenders", cash(1_945)), 201)
    sold = answered(await anna.post(f"{path}/complete", {}), 201)
    assert sold["total_minor"] == 1_947
    returned = await anna.sells([back(sold)], cash(-650))
    assert returned["total_minor"] == -649


async def test_rule_9_a_return_without_receipt_needs_a_manager_and_is_marked(shop: Shop, anna: Person) -> None:
    line = {"code": "tea", "quantity": "-1", "price_override_minor": 1_000, "return_reason": "no receipt"}
    problem = refused(await anna.tries_to_sell([line], cash(-1_000)), 403, "approval-required")
    assert problem["permission"] == "sales.return_without_receipt"
    sale_id = str(new_id())
    approval = shop.approval(Permission.SALES_RETURN_WITHOUT_RECEIPT, sale_id, anna, limits={"refund_minor": 5_000})
    returned = await anna.sells([line], cash(-1_000), sale_id=sale_id, approvals=[approval])
    assert (returned["kind"], returned["total_minor"], returned["lines"][0]["returns_sale_id"]) == (
        "return",
        -1_000,
        None,
    )
    assert returned["approved_by"] is not None


async def test_a_return_needs_its_permission(shop: Shop, anna: Person) -> None:
    sold = await anna.sells(["tea"], cash(1_300))
    trainee = await shop.cashier(name="Trainee", permissions=CASHIER - {Permission.SALES_RETURN})
    await trainee.opens()
    problem = refused(await trainee.tries_to_sell([back(sold)], cash(-1_300)), 403, "approval-required")
    assert problem["permission"] == "sales.return"
    refused(await trainee.get(f"/sales/by-receipt/{sold['receipt_code']}"), 403, "forbidden")


async def test_a_returned_line_names_the_goods_that_were_sold(shop: Shop, anna: Person) -> None:
    sold = await anna.sells(["tea"], cash(1_300))
    other = {**back(sold), "product_id": str(shop.products["wine"])}
    refused(await anna.tries_to_sell([other], cash(-1_300)), 422, "not-returnable", "returns.line_id")
    unknown = back(sold)
    unknown["returns"] = {**unknown["returns"], "sale_id": str(new_id())}
    refused(await anna.tries_to_sell([unknown], cash(-1_300)), 404, "unknown-receipt", "returns.sale_id")
    positive = {**back(sold), "quantity": "1"}
    refused(await anna.tries_to_sell([positive], cash(1_300)), 422, "invalid", "quantity")


@pytest.mark.parametrize(
    ("code", "status", "slug"),
    [
        ("0123", 422, "unreadable-receipt-code"),
        ("U" * 26, 422, "unreadable-receipt-code"),
        ("Z" * 26, 422, "unreadable-receipt-code"),
        ("0" * 26, 404, "unknown-receipt"),
    ],
)
async def test_a_wrong_receipt_code_says_what_is_wrong(anna: Person, code: str, status: int, slug: str) -> None:
    refused(await anna.get(f"/sales/by-receipt/{code}"), status, slug, "code")


async def test_documents_are_listed_by_shift_till_store_and_day(shop: Shop) -> None:
    store = shop.store.model_copy(update={"store_id": uuid4(), "code": "L1"})
    await shop.hears(store)
    person = shop.person(await shop.new_till(store), name="Lena", store=store)
    shift = await person.opens()
    sold = [await person.sells(["bread"], cash(450)) for _ in range(3)]
    ids = [each["sale_id"] for each in sold]

    async def listed(query: str) -> list[str]:
        found: list[str] = []
        cursor = ""
        while True:
            page = answered(await person.get(f"/sales?limit=2&{query}{cursor}"), 200)
            found += [item["sale_id"] for item in page["items"]]
            if page["next_cursor"] is None:
                return found
            cursor = f"&cursor={page['next_cursor']}"

    assert await listed(f"shift_id={shift['shift_id']}") == ids
    assert await listed(f"till_id={person.till_id}") == ids[::-1]
    assert await listed(f"store_id={store.store_id}") == ids[::-1]
    assert await listed(f"store_id={store.store_id}&business_date=2025-11-19&till_id={person.till_id}") == ids[::-1]
    assert await listed(f"store_id={store.store_id}&business_date=2025-11-18") == []
    stranger = await shop.cashier(name="Stranger")
    assert answered(await stranger.get(f"/sales?shift_id={shift['shift_id']}"), 200)["items"] == []
    refused(await stranger.get(f"/sales?store_id={store.store_id}"), 403, "forbidden")
    refused(await stranger.get("/sales"), 422, "invalid", "query.store_id")
    refused(await stranger.get("/sales?business_date=2025-11-19"), 422, "invalid", "query.business_date")
    for nonsense in ("bm9uc2Vuc2U", "W0luZmluaXR5XQ", "WyJ4Il0"):  # not JSON, [Infinity], ["x"]
        refused(await person.get(f"/sales?till_id={person.till_id}&cursor={nonsense}"), 422, "invalid", "cursor")
    stored = answered(await person.get(f"/sales/{ids[0]}"), 200)
    assert stored == {"sale": sold[0], "voided_by_sale_id": None}
    refused(await person.get(f"/sales/{new_id()}"), 404, "unknown-receipt", "sale_id")


async def test_rule_9_an_exchange_makes_no_cash_of_a_bank_transfer(anna: Person) -> None:
    sold = await anna.sells(["wine"], transfer(3_999))
    exchange = await anna.sells([back(sold), "wine"])
    assert (exchange["total_minor"], exchange["tenders"]) == (0, [])
    [carried] = exchange["carried_tenders"]
    assert (carried["tender_id"], carried["kind"], carried["amount_minor"], carried["reference"]) == (
        sold["tenders"][0]["tender_id"],
        "bank_transfer",
        3_999,
        "T-1",
    )
    again = await anna.sells([back(exchange, line=1), "wine"])
    found = answered(await anna.get(f"/sales/by-receipt/{again['receipt_code']}"), 200)
    assert [(each["kind"], each["refund_minor"]) for each in found["tenders"]] == [("bank_transfer", 3_999)]
    refused(await anna.tries_to_sell([back(again, line=1)], cash(-4_000)), 409, "refund-elsewhere")
    returned = await anna.sells([back(again, line=1)], transfer(-3_999))
    assert returned["tenders"][0]["original_tender_id"] == sold["tenders"][0]["tender_id"]


async def test_a_voided_exchange_gives_its_credit_back_to_the_receipt_it_came_from(shop: Shop) -> None:
    manager = await shop.cashier(permissions=CASHIER | {Permission.SALES_VOID})
    await manager.opens()
    sold = await manager.sells(["wine"], transfer(3_999))
    exchange = await manager.sells([back(sold), "tea"], transfer(-2_701))
    assert [each["amount_minor"] for each in exchange["carried_tenders"]] == [1_298]
    void = {"void_sale_id": str(new_id()), "reason": "wrong goods"}
    answered(await manager.post(f"/sales/{exchange['sale_id']}/void", void), 201)
    found = answered(await manager.get(f"/sales/by-receipt/{sold['receipt_code']}"), 200)
    assert [each["left_minor"] for each in found["tenders"]] == [3_999]
    await manager.sells([back(sold)], transfer(-3_999))
