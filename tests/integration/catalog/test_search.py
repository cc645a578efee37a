"""Search as you type, and what barcodes find."""

from __future__ import annotations

import pytest

from tests.integration.catalog.office import Office, refused


async def found(office: Office, typed: str, **params: object) -> list[str]:
    return [product["code"] for product in (await office.get("/search", q=typed, **params))["items"]]


@pytest.fixture
async def shelf(office: Office) -> Office:
    await office.tax_category()
    await office.product("MILK-1L", name="Milk 1 l", names={"pl": "Mleko świeże"}, barcodes=["5901234123457"])
    await office.product("MILK-CHOC", name="Chocolate, with milk", barcodes=["4006381333931"])
    await office.product("MILLET", name="Millet")
    await office.product("CHEESE", name="Żółty ser Łódź 40%", item_code="42")
    await office.product("OLD", name="Milk of yesterday", active=False)
    return office


async def test_what_begins_with_the_text_comes_before_what_holds_it(shelf: Office) -> None:
    assert await found(shelf, "milk") == ["MILK-1L", "MILK-CHOC"]
    assert await found(shelf, "mil") == ["MILK-1L", "MILLET", "MILK-CHOC"]
    assert await found(shelf, "choc mil") == ["MILK-CHOC"]


@pytest.mark.parametrize("typed", ["zolty", "ŻÓŁTY", "Żółty s", "lodz ser", "42"])
async def test_accents_and_capitals_do_not_matter(shelf: Office, typed: str) -> None:
    assert await found(shelf, typed) == ["CHEESE"]


@pytest.mark.parametrize("typed", ["590123", "5901234123457", "05901234123457", "mleko swie", "milk-1l", "MILK-1L"])
async def test_code_barcode_and_other_languages_are_searched(shelf: Office, typed: str) -> None:
    assert (await found(shelf, typed))[0] == "MILK-1L"


async def test_an_exact_code_comes_first(shelf: Office) -> None:
    await shelf.product("MILK", name="Zebra")
    assert (await found(shelf, "MILK"))[0] == "MILK"


@pytest.mark.parametrize("typed", ["!!!", "'; drop table products --", "a & b | !c", ":*", "\\", "zebra milk"])
async def test_signs_of_a_query_language_are_only_text(shelf: Office, typed: str) -> None:
    assert await found(shelf, typed) == []


async def test_inactive_products_are_found_only_when_asked_for(shelf: Office) -> None:
    assert await found(shelf, "milk yesterday") == []
    assert await found(shelf, "milk yesterday", active=False) == ["OLD"]


async def test_pages_follow_each_other_without_repeats(shelf: Office) -> None:
    for number in range(7):
        await shelf.product(f"TEA{number}", name=f"Tea {number}")
    seen: list[str] = []
    page = await shelf.get("/search", q="tea", limit=3)
    seen += [product["code"] for product in page["items"]]
    while page["next_cursor"]:
        page = await shelf.get("/search", q="tea", limit=3, cursor=page["next_cursor"])
        seen += [product["code"] for product in page["items"]]
    assert seen == [f"TEA{number}" for number in range(7)]
    refused(await shelf.asks("GET", "/search", params={"q": "tea", "cursor": "x"}), 422, "invalid", "cursor")


async def test_changed_names_and_barcodes_are_found_and_old_ones_are_not(shelf: Office) -> None:
    product = (await shelf.get("/products/by-barcode/4006381333931"))["product"]
    body = {"version": 1, "code": "MILK-CHOC", "name": "Cocoa", "tax_category": "standard", "barcodes": ["96385074"]}
    await shelf.put(f"/products/{product['id']}", body)
    assert await found(shelf, "cocoa") == ["MILK-CHOC"]
    assert await found(shelf, "9638") == ["MILK-CHOC"]
    assert await found(shelf, "chocolate") == []
    assert await found(shelf, "400638") == []


async def test_a_weight_code_finds_the_product_and_its_weight(shelf: Office) -> None:
    layout = {"prefix": "27", "item_digits": 5, "value_digits": 5, "value_kind": "weight", "value_decimals": 3}
    await shelf.put("/barcode-layouts", {"version": 0, "layouts": [layout]})
    answer = await shelf.get("/products/by-barcode/2700042012501")
    assert answer["product"]["code"] == "CHEESE"
    assert (answer["scan"]["kind"], answer["scan"]["quantity"], answer["scan"]["item_code"]) == (
        "in_store_weight",
        "1.250",
        "42",
    )


async def test_a_price_code_finds_the_product_and_its_price(shelf: Office) -> None:
    layout = {"prefix": "21", "item_digits": 5, "value_digits": 5, "value_kind": "price", "value_decimals": 2}
    await shelf.put("/barcode-layouts", {"version": 0, "layouts": [layout]})
    answer = await shelf.get("/products/by-barcode/2100042012998", currency="EUR")
    assert (answer["product"]["code"], answer["scan"]["price_minor"]) == ("CHEESE", 1_299)


@pytest.mark.parametrize(
    "text",
    [
        "]C1010590123412345710LOT-7%1D21SER9",
        "https%3A%2F%2Fid.gs1.org%2F01%2F05901234123457%2F10%2FLOT-7%3F17%3D261231",
        "(01)05901234123457(10)LOT-7",
    ],
)
async def test_gs1_codes_find_the_product_and_its_lot(shelf: Office, text: str) -> None:
    answer = await shelf.get(f"/products/by-barcode/{text}")
    assert (answer["product"]["code"], answer["scan"]["lot"]) == ("MILK-1L", "LOT-7")


async def test_a_code_of_the_shop_finds_the_product_by_its_code(shelf: Office) -> None:
    assert (await shelf.get("/products/by-barcode/MILLET"))["product"]["code"] == "MILLET"


@pytest.mark.parametrize(
    ("text", "status", "slug"),
    [
        ("5901234123458", 422, "wrong-check-digit"),
        ("4006381333948", 404, "unknown-barcode"),
        ("NOBODY", 404, "unknown-barcode"),
        ("%C4%85", 422, "unreadable-barcode"),
        ("2700043012500", 404, "unknown-barcode"),
    ],
)
async def test_what_finds_nothing_says_why(shelf: Office, text: str, status: int, slug: str) -> None:
    refused(await shelf.asks("GET", f"/products/by-barcode/{text}"), status, slug, "barcode")
