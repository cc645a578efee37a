"""A basket over HTTP: what a cashier scans, changes and takes away, to the last grosz."""

from __future__ import annotations

from uuid import uuid4

import pytest

from libs.contracts.permissions import Permission
from libs.persistence import new_id
from tests.integration.sales.basket_shop import (
    APPLES_1250_G,
    BEER_EAN,
    CHEESE_FOR_8_47,
    basket_events,
    ean,
    line,
    price_of,
    product,
    publish,
    published_sequences,
    till,
    totals,
)
from tests.integration.sales.shift_shop import Shop, answered, refused

pytestmark = pytest.mark.anyio


async def test_a_basket_is_opened_empty_at_the_till_with_the_id_that_the_till_made(shop: Shop) -> None:
    at = await till(shop)
    basket_id = str(new_id())
    basket = await at.open(basket_id=basket_id)
    assert basket == {
        "basket_id": basket_id,
        "version": 1,
        "state": "open",
        "store_id": str(shop.store.store_id),
        "till_id": str(at.person.till_id),
        "staff_id": str(at.person.staff_id),
        "currency": "PLN",
        "tax_mode": "inclusive",
        "opened_at": basket["opened_at"],
        "lines": [],
        "coupons": [],
        "unused_coupons": [],
        "customer_id": None,
        "customer_groups": [],
        "note": "",
        "age_confirmed_years": 0,
        "receipt_email": None,
        "discount_reason": "",
        "discount_approved_by": None,
        "gross_minor": 0,
        "discount_minor": 0,
        "taxes": [],
        "tax_minor": 0,
        "total_minor": 0,
        "tenders": [],
        "due_minor": 0,
    }
    assert await at.basket() == basket
    assert await at.open(basket_id=basket_id) == basket, "the same request again opens nothing"
    assert await basket_events(shop, basket_id) == [(1, "open", 0, 0)]


async def test_scanned_goods_are_priced_and_taxed_by_the_server(shop: Shop) -> None:
    at = await till(shop)
    basket = await at.scan("bread", quantity=2)
    basket = await at.scan("wine")
    bread, wine = basket["lines"]
    assert (bread["name"], bread["quantity"], bread["unit_price_minor"], bread["total_minor"]) == (
        "Bread",
        "2",
        450,
        900,
    )
    # 9.00 at 8 % inside: 8.33 + 0.67. 39.99 at 23 %: 32.51 + 7.48.
    assert bread["taxes"] == [{"code": "VAT", "name": "VAT", "rate_ppm": 80_000, "base_minor": 833, "tax_minor": 67}]
    assert wine["taxes"] == [{"code": "VAT", "name": "VAT", "rate_ppm": 230_000, "base_minor": 3_251, "tax_minor": 748}]
    assert totals(basket) == [4_899, 0, 815, 4_899]
    assert [(tax["rate_ppm"], tax["tax_minor"]) for tax in basket["taxes"]] == [(80_000, 67), (230_000, 748)]
    assert basket["due_minor"] == 4_899
    assert bread["explanation"] == [
        "price list standard",
        "2 × 4.50 = 9.00",
        "including VAT 8 % on 8.33: 0.67",
        "to pay: 9.00",
    ]
    assert await basket_events(shop, at.basket_id) == [(1, "open", 0, 0), (2, "open", 1, 900), (3, "open", 2, 4_899)]


async def test_goods_are_found_by_barcode_product_code_and_id(shop: Shop) -> None:
    at = await till(shop)
    by_barcode = line(await at.scan(BEER_EAN, age_confirmed_years=18))
    by_code = line(await at.scan("beer"))
    by_id = line(answered(await at.tries_to_scan(product_id=str(shop.products["beer"])), 201))
    assert {each["product_id"] for each in (by_barcode, by_code, by_id)} == {str(shop.products["beer"])}
    assert [each["scanned"] for each in (by_barcode, by_code, by_id)] == [BEER_EAN, "beer", None]
    assert [each["total_minor"] for each in (by_barcode, by_code, by_id)] == [599, 599, 599]


async def test_a_weight_code_says_how_much_and_a_price_code_what_it_costs(shop: Shop) -> None:
    at = await till(shop)
    apples = line(await at.scan(APPLES_1250_G))
    # 1.250 kg at 3.99 is 4.9875.
    assert (apples["quantity"], apples["unit"], apples["total_minor"]) == ("1.250", "kg", 499)
    basket = await at.scan(CHEESE_FOR_8_47)
    cheese = line(basket)
    assert (cheese["total_minor"], cheese["price_from_code"], cheese["approved_by"]) == (847, True, None)
    assert basket["total_minor"] == 1_346


async def test_goods_by_weight_with_a_price_on_their_label_are_sold_by_the_weight_it_stands_for(shop: Shop) -> None:
    at = await till(shop)
    cheese = line(await at.scan(CHEESE_FOR_8_47))
    # 8.47 at 49.99 per kg is 0.16943 kg; 0.169 kg would be 8.45, but the label says 8.47.
    assert (cheese["quantity"], cheese["unit_price_minor"], cheese["gross_minor"], cheese["total_minor"]) == (
        "0.169",
        4_999,
        847,
        847,
    )
    assert cheese["explanation"][:2] == ["label price 8.47: 0.169 kg at 49.99 per kg", "0.169 for 8.47"]
    two = line(await at.scan(CHEESE_FOR_8_47, quantity=2))
    assert (two["quantity"], two["total_minor"]) == ("0.338", 1_694)
    problem = refused(await at.tries_to_scan(code=CHEESE_FOR_8_47, quantity="0.169"), 422, "invalid", "quantity")
    assert "price of the whole package" in problem["detail"]
    changed = await at.person.asks("PATCH", at.path(f"/lines/{cheese['line_id']}"), {"quantity": "0.5"})
    assert "Scan each package" in refused(changed, 422, "invalid", "quantity")["detail"]
    path = f"/lines/{cheese['line_id']}/discount"
    assert line(answered(await at.put(path, {"percent": 10, "reason": "x"}), 200), 0)["total_minor"] == 762


async def test_a_labelled_package_whose_unit_price_is_not_known_stays_one_piece(shop: Shop) -> None:
    for item_code, prices in (("3333", ()), ("4444", (0,))):
        goods = product(f"ham{item_code}", unit="kg", item_code=item_code)
        await publish(shop, goods, price_of(goods.product_id, *prices))
        at = await till(shop)
        ham = line(await at.scan(ean("28" + f"0{item_code}" + "00500")))
        assert (ham["quantity"], ham["total_minor"], ham["price_override_minor"]) == ("1", 500, 500)


async def test_weighed_goods_are_entered_with_decimals(shop: Shop) -> None:
    at = await till(shop)
    basket = await at.scan("apples", quantity="0.355")
    assert (line(basket)["quantity"], basket["total_minor"]) == ("0.355", 142)


async def test_a_line_changes_its_quantity_and_goes(shop: Shop) -> None:
    at = await till(shop)
    await at.scan("bread")
    wine_id = line(await at.scan("wine"))["line_id"]
    changed = await at.person.asks("PATCH", at.path(f"/lines/{wine_id}"), {"quantity": 3})
    basket = answered(changed, 200)
    assert (line(basket)["quantity"], totals(basket)) == ("3", [12_447, 0, 33 + 2_243, 12_447])
    gone = answered(await at.person.asks("DELETE", at.path(f"/lines/{wine_id}")), 200)
    assert ([each["name"] for each in gone["lines"]], gone["total_minor"], gone["version"]) == (["Bread"], 450, 5)
    assert [event[0] for event in await basket_events(shop, at.basket_id)] == [1, 2, 3, 4, 5]


async def test_a_scan_sent_again_with_its_line_id_adds_nothing(shop: Shop) -> None:
    at = await till(shop)
    line_id = str(new_id())
    first = await at.scan("bread", line_id=line_id, version=1)
    again = await at.scan("bread", line_id=line_id, version=1)
    assert again == first
    assert (len(again["lines"]), again["version"]) == (1, 2)


async def test_a_note_and_a_customer_go_with_the_basket(shop: Shop) -> None:
    at = await till(shop)
    customer_id = str(uuid4())
    await at.scan("bread", quantity=3)
    basket = answered(await at.put("/customer", {"customer_id": customer_id, "customer_groups": ["gold"]}), 200)
    # Bread is 4.00 for gold members.
    assert (basket["customer_id"], totals(basket)[:2], basket["total_minor"]) == (customer_id, [1_350, -150], 1_200)
    assert [(each["name"], each["amount_minor"]) for each in line(basket)["adjustments"]] == [("Gold bread", -150)]
    basket = answered(await at.put("/note", {"note": "delivers to the door"}), 200)
    assert basket["note"] == "delivers to the door"
    basket = answered(await at.put("/customer", {"customer_id": None}), 200)
    assert (basket["customer_id"], basket["customer_groups"], basket["total_minor"]) == (None, [], 1_350)


async def test_a_coupon_waits_unused_with_its_reason_until_its_goods_are_there(shop: Shop) -> None:
    at = await till(shop)
    await at.scan("bread")
    basket = answered(await at.post("/coupons", {"code": "BEANS"}), 201)
    [unused] = basket["unused_coupons"]
    assert unused["code"] == "BEANS"
    assert unused["reason"]
    assert basket["total_minor"] == 450
    basket = await at.scan("coffee")
    assert (basket["unused_coupons"], basket["total_minor"]) == ([], 450 + 1_600)
    assert [(each["name"], each["amount_minor"]) for each in line(basket)["adjustments"]] == [("Coffee coupon", -400)]
    basket = answered(await at.post("/coupons", {"code": "NOSUCH"}), 201)
    assert [each["code"] for each in basket["unused_coupons"]] == ["NOSUCH"]
    basket = answered(await at.person.asks("DELETE", at.path("/coupons/BEANS")), 200)
    assert (basket["coupons"], basket["total_minor"]) == (["NOSUCH"], 2_450)


async def test_a_product_is_named_in_the_language_of_the_store(shop: Shop) -> None:
    at = await till(shop)
    assert line(await at.scan("coffee"))["name"] == "Coffee beans"


async def test_rule_11_a_gift_card_bears_no_tax_and_no_discount(shop: Shop) -> None:
    at = await till(shop)
    await at.scan("gift")
    basket = answered(await at.put("/discount", {"percent": 10, "reason": "regular"}), 200)
    assert totals(basket) == [5_000, 0, 0, 5_000]
    assert "no discount: Gift is never discounted" in line(basket)["explanation"]


async def test_rule_10_goods_sold_and_brought_back_in_one_basket_keep_their_signs(shop: Shop) -> None:
    at = await till(shop)
    await at.scan("wine")
    approval = at.approval(Permission.SALES_RETURN_WITHOUT_RECEIPT, refund_minor=100_000)
    basket = await at.scan(
        "tea", quantity=-1, price_override_minor=1_000, return_reason="lost receipt", approval=approval
    )
    assert [each["total_minor"] for each in basket["lines"]] == [3_999, -1_000]
    # 10.00 at 23 %: 8.13 + 1.87, given back.
    assert [each["taxes"][0]["tax_minor"] for each in basket["lines"]] == [748, -187]
    assert (basket["total_minor"], basket["tax_minor"], basket["due_minor"]) == (2_999, 561, 2_999)


async def test_rule_7_goods_of_a_receipt_come_back_at_the_price_paid_even_when_not_sold_any_more(shop: Shop) -> None:
    lamp = product("lamp")
    await publish(shop, lamp, price_of(lamp.product_id, 5_000))
    at = await till(shop)
    sold = await at.person.sells(["lamp", "bread"], {"kind": "cash", "given_minor": 5_450})
    await publish(shop, lamp.model_copy(update={"active": False}), price_of(lamp.product_id, 100), sequence=2)
    lamp_line = next(each["line_id"] for each in sold["lines"] if each["product_code"] == "lamp")
    returns = {"sale_id": sold["sale_id"], "line_id": lamp_line, "reason": "does not shine"}
    refused(await at.tries_to_scan(code="lamp", returns=returns), 422, "invalid", "quantity")
    refused(await at.tries_to_scan(code="lamp", quantity=-2, returns=returns), 409, "already-returned", "quantity")
    basket = await at.scan("lamp", quantity=-1, returns=returns)
    assert (basket["total_minor"], line(basket)["unit_price_minor"]) == (-5_000, 5_000)
    assert line(basket)["returns"] == returns
    basket = await at.scan("wine")
    assert basket["due_minor"] == 3_999 - 5_000


async def test_a_completed_basket_is_the_sale_with_its_id_and_changes_no_more(shop: Shop) -> None:
    at = await till(shop)
    await at.scan("bread", quantity=2)
    paid = answered(await at.post("/tenders", {"kind": "cash", "given_minor": 1_000}), 201)
    assert (paid["due_minor"], paid["tenders"][0]["change_minor"]) == (0, 100)
    paying = await at.basket()
    assert (paying["state"], paying["total_minor"], paying["due_minor"]) == ("paying", 900, 0)
    document = answered(await at.post("/complete", {}), 201)
    assert (document["sale_id"], document["total_minor"]) == (at.basket_id, 900)
    assert (await at.basket())["state"] == "completed"
    problem = answered(await at.tries_to_scan(code="bread"), 409)
    assert (problem["type"].rpartition("/")[2], problem["state"]) == ("basket-not-open", "completed")
    # The document's event carries the number after the basket's last, so that one subject counts without gaps.
    assert await basket_events(shop, at.basket_id) == [(1, "open", 0, 0), (2, "open", 1, 900), (3, "paying", 1, 900)]
    assert await published_sequences(shop, at.basket_id) == [1, 2, 3, 4]
