"""Sales' own copy of catalogue, stores and tills: kept by events, whatever their order, and cheap to read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event, text

from libs.contracts.catalog import BarcodeLayoutsChanged, TaxCategoryChanged, TaxRateFacts
from libs.contracts.identity import StaffChanged, StaffLimits, TillChanged
from libs.contracts.message import Message
from libs.contracts.refusal import Refusal
from libs.pricing import ProductSelector, PromotionKind
from services.sales.price_books import CurrentBook, PriceBooks
from tests.integration.sales.basket_shop import LAYOUTS, ean, line, price_of, product, promotion, publish, till
from tests.integration.sales.shift_shop import OPENED, Shop, answered, refused

pytestmark = pytest.mark.anyio


async def price_check(shop: Shop, code: str) -> Any:
    anna = await shop.cashier()
    return await anna.get(f"/price-checks?code={code}")


async def test_an_older_fact_changes_nothing_and_a_repeated_one_neither(shop: Shop) -> None:
    milk = product("milk-1", name="Milk")
    await publish(shop, milk, price_of(milk.product_id, 300), sequence=2)
    await publish(shop, milk.model_copy(update={"name": "Old milk"}), price_of(milk.product_id, 200), sequence=1)
    await publish(shop, milk.model_copy(update={"name": "Same milk"}), price_of(milk.product_id, 250), sequence=2)
    checked = answered(await price_check(shop, "milk-1"), 200)
    assert (checked["name"], checked["total_minor"]) == ("Milk", 300)
    await publish(shop, milk.model_copy(update={"name": "New milk"}), sequence=3)
    await publish(shop, price_of(milk.product_id, 350), sequence=4)
    checked = answered(await price_check(shop, "milk-1"), 200)
    assert (checked["name"], checked["total_minor"]) == ("New milk", 350)


async def test_prices_may_be_told_before_their_product(shop: Shop) -> None:
    cream = product("cream-1")
    await publish(shop, price_of(cream.product_id, 700))
    refused(await price_check(shop, "cream-1"), 404, "unknown-product", "code")
    await publish(shop, cream)
    assert answered(await price_check(shop, "cream-1"), 200)["total_minor"] == 700


async def test_in_one_batch_the_newest_fact_of_a_product_is_kept(shop: Shop) -> None:
    butter = product("butter-1", name="Butter")
    await publish(shop, price_of(butter.product_id, 1), butter, sequence=1)
    await publish(shop, price_of(butter.product_id, 9), price_of(butter.product_id, 11), sequence=2)
    assert answered(await price_check(shop, "butter-1"), 200)["total_minor"] == 9


@pytest.mark.parametrize("taker_first", [True, False])
async def test_a_barcode_moves_to_another_product_in_whichever_order_the_events_come(
    shop: Shop, taker_first: bool
) -> None:
    barcode = ean(f"59000000{uuid4().int % 10_000:04}")
    giver, taker = product(f"giver-{barcode}", barcodes=(barcode,)), product(f"taker-{barcode}", barcodes=(barcode,))
    await publish(shop, price_of(giver.product_id, 100), price_of(taker.product_id, 200))
    without = giver.model_copy(update={"barcodes": ()})
    if taker_first:
        await publish(shop, taker)
        await publish(shop, giver)
        await publish(shop, without, sequence=2)
    else:
        await publish(shop, giver)
        await publish(shop, without, sequence=2)
        await publish(shop, taker)
    assert answered(await price_check(shop, barcode), 200)["total_minor"] == 200


async def test_a_product_with_many_barcodes_keeps_exactly_the_newest_ones(shop: Shop) -> None:
    first, second, third = (ean(f"5911111100{number:02}") for number in range(3))
    soap = product("soap-1", barcodes=(first, second))
    await publish(shop, soap, price_of(soap.product_id, 500))
    await publish(shop, soap.model_copy(update={"barcodes": (second, third)}), sequence=2)
    refused(await price_check(shop, first), 404, "unknown-product", "code")
    for barcode in (second, third):
        assert answered(await price_check(shop, barcode), 200)["product_id"] == str(soap.product_id)


async def test_a_promotion_holds_from_the_next_scan_on_and_ends_when_it_is_switched_off(shop: Shop) -> None:
    rice = product("rice-1")
    selector = ProductSelector(product_ids=frozenset({str(rice.product_id)}))
    half = promotion("Half price", PromotionKind.PERCENT_OFF, products=selector, percent_ppm=500_000)
    await publish(shop, rice, price_of(rice.product_id, 800))
    at = await till(shop)
    assert (await at.scan("rice-1"))["total_minor"] == 800
    await publish(shop, half)
    assert (await at.basket())["total_minor"] == 400
    await publish(shop, half.model_copy(update={"active": False}), sequence=2)
    assert (await at.basket())["total_minor"] == 800


async def test_rule_3_a_tax_rate_changes_on_its_date_without_a_new_product(shop: Shop) -> None:
    today = OPENED.date()
    rates = (
        TaxRateFacts(code="VAT", name="VAT", rate_ppm=230_000, valid_from=None, valid_until=today - timedelta(days=1)),
        TaxRateFacts(code="VAT", name="VAT", rate_ppm=50_000, valid_from=today, valid_until=None),
    )
    await publish(shop, TaxCategoryChanged(code="books", name="Books", rates=rates))
    book = product("book-1", tax_category="books")
    await publish(shop, book, price_of(book.product_id, 1_050))
    taxes = answered(await price_check(shop, "book-1"), 200)["taxes"]
    assert [(tax["rate_ppm"], tax["tax_minor"]) for tax in taxes] == [(50_000, 50)]


async def test_what_no_basket_could_be_priced_with_is_refused_by_the_consumer_and_selling_goes_on(shop: Shop) -> None:
    wrong = promotion("Wrong", PromotionKind.PERCENT_OFF, products=ProductSelector(everything=True), percent_ppm=1)
    broken = wrong.model_copy(update={"facts": {**wrong.facts, "percent_ppm": -5}})
    with pytest.raises(Refusal, match="percent_ppm"):
        await publish(shop, broken)
    rate = TaxRateFacts(code="VAT", name="VAT", rate_ppm=1, valid_from=None, valid_until=None)
    with pytest.raises(Refusal, match="two rates of VAT"):
        await publish(shop, TaxCategoryChanged(code="double", name="Double", rates=(rate, rate)))
    with pytest.raises(Refusal, match="bushel"):
        await publish(shop, product("corn-1", unit="bushel"))
    with pytest.raises(Refusal, match="Mars/Olympus"):
        await publish(shop, shop.store.model_copy(update={"time_zone": "Mars/Olympus"}), sequence=2)
    assert answered(await price_check(shop, "bread"), 200)["total_minor"] == 450


async def test_a_promotion_that_was_kept_and_cannot_be_read_any_more_is_left_out(shop: Shop) -> None:
    gone = promotion("Gone", PromotionKind.PERCENT_OFF, products=ProductSelector(everything=True), percent_ppm=500_000)
    await publish(shop, gone)
    assert answered(await price_check(shop, "tea"), 200)["total_minor"] == 649
    async with shop.database.transaction() as work:
        await work.connection.execute(
            text("update promotions set facts = '{\"name\": 7}' where promotion_id = :id"), {"id": gone.promotion_id}
        )
    # Any change of the book makes every process read it again.
    await publish(shop, BarcodeLayoutsChanged(chain="main", layouts=LAYOUTS), sequence=2)
    assert answered(await price_check(shop, "tea"), 200)["total_minor"] == 1_298
    await publish(shop, gone.model_copy(update={"active": False}), sequence=2)


async def test_a_till_taken_out_of_use_sells_no_more(shop: Shop) -> None:
    at = await till(shop)
    person = at.person
    gone = TillChanged(
        till_id=person.till_id,
        store_id=shop.store.store_id,
        code="99",
        name="Till",
        enrolled=True,
        active=False,
    )
    await publish(shop, gone, sequence=2)
    refused(await person.post("/baskets", {"currency": "PLN"}), 422, "unknown-till")


async def test_a_price_list_of_the_store_goes_before_the_others(shop: Shop) -> None:
    own = shop.store.model_copy(update={"store_id": uuid4(), "code": "W9", "price_list": "airport"})
    await publish(shop, own)
    water = product("water-1")
    standard, airport = price_of(water.product_id, 200), price_of(water.product_id, 900, price_list="airport")
    both = standard.model_copy(update={"prices": (*standard.prices, *airport.prices)})
    await publish(shop, water, both)
    anna = shop.person(await shop.new_till(own), store=own)
    assert answered(await anna.get("/price-checks?code=water-1"), 200)["total_minor"] == 900


@contextmanager
def statements(shop: Shop) -> Iterator[list[str]]:
    """The statements that the service runs meanwhile."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    engine = shop.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def of_sales(seen: list[str]) -> list[str]:
    """Without what the bus does at the same time."""
    return [
        each
        for each in seen
        if not any(table in each for table in ("outbox", "inbox", "leases", "schema_version", "gateways"))
    ]


async def test_a_scan_costs_the_same_few_statements_however_full_the_basket_is(shop: Shop) -> None:
    at = await till(shop)
    goods = [product(f"good-{number}") for number in range(30)]
    await publish(shop, *goods, *(price_of(good.product_id, 100) for good in goods))
    for good in goods:
        await at.scan(good.code)
    await at.scan("bread")
    with statements(shop) as seen:
        full = await at.scan("bread")
    assert len(full["lines"]) == 32
    # Revision, the locked basket, the product by code, the products of the lines, the basket's new version.
    assert len(of_sales(seen)) == 5, seen
    with statements(shop) as seen:
        await at.scan("bread")
    assert not [each for each in seen if "products.prices" in each], "a product that has not changed is not read again"


async def test_the_price_book_is_compiled_once_until_the_catalogue_changes(shop: Shop) -> None:
    books = PriceBooks()
    async with shop.database.reading() as connection:
        first = await books.current(connection)
        assert await books.current(connection) is first
        await publish(shop, product("thing-1"))
        assert await books.current(connection) is first, "a product is no part of the book"
        await publish(
            shop,
            promotion(
                "New", PromotionKind.PERCENT_OFF, products=ProductSelector(product_ids=frozenset({"x"})), percent_ppm=1
            ),
        )
        second = await books.current(connection)
        assert second is not first
        assert second.revision > first.revision


async def test_a_text_that_is_a_barcode_and_a_code_means_the_barcode(shop: Shop) -> None:
    barcode = ean("592222222222")
    by_barcode, by_code = product("plain-1", barcodes=(barcode,)), product(barcode)
    await publish(shop, by_barcode, by_code, price_of(by_barcode.product_id, 111), price_of(by_code.product_id, 222))
    at = await till(shop)
    assert line(await at.scan(barcode))["total_minor"] == 111


async def test_staff_and_tills_are_no_reason_to_compile_the_price_book_again(shop: Shop) -> None:
    books = PriceBooks()
    ola = StaffChanged(
        staff_id=uuid4(),
        code="ola",
        name="Ola",
        language=None,
        store_ids=(),
        roles=("cashier",),
        permissions=(),
        limits=StaffLimits(),
        active=True,
    )

    async def after(message: Message, sequence: int) -> CurrentBook:
        await publish(shop, message, sequence=sequence)
        async with shop.database.reading() as connection:
            return await books.current(connection)

    hired = await after(ola, 1)
    renamed = await after(ola.model_copy(update={"name": "Ola Nowak"}), 2)
    assert renamed is hired
    gone = await after(ola.model_copy(update={"active": False}), 3)
    assert (ola.staff_id in gone.withdrawn_staff, gone.book is hired.book) == (True, True)
    late = await after(ola, 2)
    assert late is gone
    new_till = TillChanged(
        till_id=uuid4(), store_id=shop.store.store_id, code="77", name="Till", enrolled=True, active=True
    )
    with_till = await after(new_till, 1)
    assert (new_till.till_id in with_till.tills, with_till.book is hired.book) == (True, True)
    selector = ProductSelector(product_ids=frozenset({str(shop.products["tea"])}))
    dearer = promotion("Tea week", PromotionKind.PERCENT_OFF, products=selector, percent_ppm=1, coupon_code="TEAWEEK")
    assert (await after(dearer, 1)).book is not hired.book
