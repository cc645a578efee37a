"""Products, prices and what is told of them, over HTTP on PostgreSQL."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from tests.integration.catalog.office import Office, answered, refused


async def test_a_product_is_stored_in_one_form_and_told_of(office: Office) -> None:
    await office.tax_category()
    dairy = await office.post("/categories", {"code": "dairy", "name": "Dairy"})
    milk = await office.post("/categories", {"code": "milk", "name": "Milk", "parent_id": dairy["id"]})
    created = await office.product(
        "MILK-1L",
        name="Milk 1 l",
        names={"pl": "Mleko 1 l"},
        category_ids=[milk["id"]],
        barcodes=["]E05901234123457", "0036000291452"],
        minimum_age_years=18,
        image_url="https://images.example/milk.jpg",
    )
    assert created["version"] == 1
    assert created["barcodes"] == ["5901234123457", "036000291452"]
    assert created["prices"] == []
    assert await office.get(f"/products/{created['id']}") == created
    assert await office.events(created["id"]) == [
        {
            "type": "product_changed",
            "sequence": 1,
            "product_id": created["id"],
            "code": "MILK-1L",
            "name": "Milk 1 l",
            "names": {"pl": "Mleko 1 l"},
            "category_ids": sorted([dairy["id"], milk["id"]]),
            "kind": "goods",
            "unit": "piece",
            "tax_category": "standard",
            "barcodes": ["5901234123457", "036000291452"],
            "item_code": None,
            "minimum_age_years": 18,
            "discountable": True,
            "image_url": "https://images.example/milk.jpg",
            "variant_of": None,
            "options": {},
            "tracks_stock": True,
            "active": True,
        }
    ]


async def test_prices_are_replaced_whole_and_told_of_with_their_lists_restrictions(office: Office) -> None:
    await office.tax_category()
    store = str(uuid4())
    await office.price_list()
    await office.price_list(
        "gold", store_ids=[store], customer_groups=["gold"], priority=5, starts_at="2026-01-01T00:00:00Z"
    )
    product = await office.product("TEA")
    prices = [
        {"price_list": "retail", "amount_minor": 499},
        {"price_list": "retail", "amount_minor": 449, "minimum_quantity": "6"},
        {"price_list": "gold", "amount_minor": 399, "ends_at": "2026-02-01T00:00:00Z"},
    ]
    answer = await office.put(f"/products/{product['id']}/prices", {"version": 1, "prices": prices})
    assert answer["version"] == 2
    assert [(price["price_list"], price["amount_minor"], price["minimum_quantity"]) for price in answer["prices"]] == [
        ("retail", 499, "0"),
        ("retail", 449, "6"),
        ("gold", 399, "0"),
    ]
    told = (await office.events(product["id"]))[-1]
    assert (told["type"], told["sequence"]) == ("price_changed", 2)
    assert told["prices"][1]["minimum_quantity_milli"] == 6_000
    assert told["prices"][2] == {
        "price_list": "gold",
        "currency": "EUR",
        "amount_minor": 399,
        "minimum_quantity_milli": 0,
        "store_ids": [store],
        "customer_groups": ["gold"],
        "starts_at": "2026-01-01T00:00:00Z",
        "ends_at": "2026-02-01T00:00:00Z",
        "priority": 5,
    }


async def test_a_change_that_changes_nothing_is_not_told_of(office: Office) -> None:
    await office.tax_category()
    product = await office.product("TEA", barcodes=["4006381333931"])
    body = {**{name: value for name, value in product.items() if name not in ("id", "prices")}, "version": 1}
    same = await office.put(f"/products/{product['id']}", body)
    assert same["version"] == 1
    assert len(await office.events(product["id"])) == 1


async def test_two_people_editing_at_once_one_is_told_to_read_again(office: Office) -> None:
    await office.tax_category()
    product = await office.product("TEA")
    bodies = [
        {"version": 1, "code": "TEA", "name": name, "tax_category": "standard"} for name in ("Green tea", "Black tea")
    ]
    answers = await asyncio.gather(*(office.asks("PUT", f"/products/{product['id']}", json=body) for body in bodies))
    winner, loser = sorted(answers, key=lambda answer: answer.status_code)
    assert answered(winner, 200)["version"] == 2
    problem = refused(loser, 409, "stale-version", "version")
    assert problem["current_version"] == 2
    assert (await office.get(f"/products/{product['id']}"))["name"] == winner.json()["name"]


async def test_a_barcode_belongs_to_one_product_of_the_chain(office: Office) -> None:
    await office.tax_category()
    tea = await office.product("TEA", barcodes=["4006381333931"])
    taken = await office.asks(
        "POST",
        "/products",
        json={"code": "TEA2", "name": "Tea", "tax_category": "standard", "barcodes": ["04006381333931"]},
    )
    problem = refused(taken, 409, "duplicate-barcode", "barcodes.0")
    assert (problem["product_id"], problem["product_code"]) == (tea["id"], "TEA")
    assert (await office.get("/products"))["items"] == [tea]


async def test_two_products_claiming_one_barcode_at_once_one_gets_it(office: Office) -> None:
    await office.tax_category()
    answers = await asyncio.gather(
        *(
            office.asks(
                "POST",
                "/products",
                json={"code": code, "name": code, "tax_category": "standard", "barcodes": ["4006381333931"]},
            )
            for code in ("A", "B", "C")
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    assert len((await office.get("/products"))["items"]) == 1


async def test_a_barcode_given_up_is_free_for_another_product(office: Office) -> None:
    await office.tax_category()
    tea = await office.product("TEA", barcodes=["4006381333931"])
    await office.put(f"/products/{tea['id']}", {"version": 1, "code": "TEA", "name": "TEA", "tax_category": "standard"})
    coffee = await office.product("COFFEE", barcodes=["4006381333931"])
    found = await office.get("/products/by-barcode/4006381333931")
    assert found["product"]["id"] == coffee["id"]


@pytest.mark.parametrize(
    ("change", "status", "slug", "field"),
    [
        ({"barcodes": ["4006381333932"]}, 422, "wrong-check-digit", "barcodes.0"),
        ({"barcodes": ["4006381333931", "04006381333931"]}, 422, "invalid", "barcodes.1"),
        ({"barcodes": ["\u0105"]}, 422, "unreadable-barcode", "barcodes.0"),
        ({"tax_category": "luxury"}, 422, "unknown-tax-category", "tax_category"),
        ({"tax_category": None}, 422, "invalid", "tax_category"),
        ({"category_ids": [str(uuid4())]}, 422, "unknown-category", "category_ids"),
        ({"variant_of": str(uuid4())}, 422, "invalid", "variant_of"),
        ({"options": {"size": "M"}}, 422, "invalid", "options"),
        ({"code": "TEA"}, 409, "code-taken", "code"),
        ({"item_code": "0042"}, 409, "code-taken", "item_code"),
        ({"item_code": "abc"}, 422, "unreadable-barcode", "item_code"),
        ({"unit": "pound"}, 422, "invalid-request", "unit"),
        ({"minimum_age_years": 0}, 422, "invalid-request", "minimum_age_years"),
        ({"image_url": "ftp://images.example/1"}, 422, "invalid", "image_url"),
        ({"names": {"PL": "x"}}, 422, "invalid", "names"),
        ({"name": "two\nlines"}, 422, "invalid", "name"),
        ({"colour": "green"}, 422, "invalid-request", "colour"),
    ],
)
async def test_a_wrong_product_is_refused_and_the_field_named(
    office: Office, change: dict[str, object], status: int, slug: str, field: str
) -> None:
    await office.tax_category()
    await office.product("TEA", item_code="42")
    body = {"code": "NEW", "name": "New", "tax_category": "standard", **change}
    refused(await office.asks("POST", "/products", json=body), status, slug, field)
    assert [product["code"] for product in (await office.get("/products"))["items"]] == ["TEA"]


@pytest.mark.parametrize(
    ("price", "slug", "field"),
    [
        ({"price_list": "none", "amount_minor": 1}, "unknown-price-list", "prices.0.price_list"),
        ({"price_list": "retail", "amount_minor": -1}, "invalid-request", "prices.0.amount_minor"),
        ({"price_list": "retail", "amount_minor": 1.5}, "invalid-request", "prices.0.amount_minor"),
        (
            {"price_list": "retail", "amount_minor": 1, "minimum_quantity": "1.5"},
            "invalid",
            "prices.0.minimum_quantity",
        ),
        (
            {
                "price_list": "retail",
                "amount_minor": 1,
                "starts_at": "2026-02-01T00:00:00Z",
                "ends_at": "2026-01-01T00:00:00Z",
            },
            "invalid",
            "prices.0.ends_at",
        ),
    ],
)
async def test_a_wrong_price_is_refused_and_the_field_named(
    office: Office, price: dict[str, object], slug: str, field: str
) -> None:
    await office.tax_category()
    await office.price_list()
    product = await office.product("TEA")
    answer = await office.asks("PUT", f"/products/{product['id']}/prices", json={"version": 1, "prices": [price]})
    refused(answer, 422, slug, field)
    assert (await office.get(f"/products/{product['id']}"))["version"] == 1


async def test_two_prices_for_the_same_quantity_are_refused(office: Office) -> None:
    await office.tax_category()
    await office.price_list()
    product = await office.product("TEA")
    prices = [{"price_list": "retail", "amount_minor": amount} for amount in (100, 200)]
    answer = await office.asks("PUT", f"/products/{product['id']}/prices", json={"version": 1, "prices": prices})
    refused(answer, 422, "invalid", "prices.1")


async def test_variants_name_their_parent_and_lie_one_deep(office: Office) -> None:
    await office.tax_category()
    shirt = await office.product("SHIRT")
    medium = await office.product("SHIRT-M", variant_of=shirt["id"], options={"size": "M"})
    assert (await office.get("/products", variant_of=shirt["id"]))["items"] == [medium]
    deeper = {"code": "X", "name": "X", "tax_category": "standard", "variant_of": medium["id"]}
    refused(await office.asks("POST", "/products", json=deeper), 422, "invalid", "variant_of")
    upside_down = {
        "version": 1,
        "code": "SHIRT",
        "name": "SHIRT",
        "tax_category": "standard",
        "variant_of": medium["id"],
    }
    refused(await office.asks("PUT", f"/products/{shirt['id']}", json=upside_down), 422, "invalid", "variant_of")


async def test_products_are_paged_by_code_and_filtered_by_category_with_those_below(office: Office) -> None:
    await office.tax_category()
    food = await office.post("/categories", {"code": "food", "name": "Food"})
    dairy = await office.post("/categories", {"code": "dairy", "name": "Dairy", "parent_id": food["id"]})
    for code in ("C", "A", "B"):
        await office.product(code, category_ids=[dairy["id"]])
    await office.product("D", active=False)
    first = await office.get("/products", limit=2, category_id=food["id"])
    assert [product["code"] for product in first["items"]] == ["A", "B"]
    second = await office.get("/products", limit=2, category_id=food["id"], cursor=first["next_cursor"])
    assert ([product["code"] for product in second["items"]], second["next_cursor"]) == (["C"], None)
    assert [product["code"] for product in (await office.get("/products", active=False))["items"]] == ["D"]


async def test_without_the_permission_nothing_is_read_or_written(office: Office) -> None:
    nobody = office.someone(frozenset())
    reader = office.someone(frozenset({"catalog.read"}))
    assert refused(await nobody.asks("GET", "/products"), 403, "forbidden")["permission"] == "catalog.read"
    body = {"code": "X", "name": "X", "tax_category": "standard"}
    assert refused(await reader.asks("POST", "/products", json=body), 403, "forbidden")["permission"] == "catalog.write"
    refused(await office.services.http.get("/catalog/v1/products"), 401, "unauthenticated")
