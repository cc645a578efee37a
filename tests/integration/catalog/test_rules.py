"""Tax categories, price lists, categories, promotions and layouts: kept, told of, and refused where they are wrong."""

from __future__ import annotations

from uuid import uuid4

import pytest

from libs.pricing import promotion_from_facts
from tests.integration.catalog.office import Office, refused

VAT = {"code": "VAT", "name": "VAT", "percent": "23"}


async def test_rates_are_dated_and_several_taxes_are_one_category(office: Office) -> None:
    """Retail rule 3: several taxes on one line, rates as dated data."""
    rates = [
        {"code": "VAT", "name": "VAT", "percent": "10", "valid_until": "2026-12-31"},
        {"code": "VAT", "name": "VAT", "percent": "12.5", "valid_from": "2027-01-01"},
        {"code": "CITY", "name": "City tax", "percent": 2},
    ]
    created = await office.post("/tax-categories", {"code": "food", "name": "Food", "rates": rates})
    assert [rate["percent"] for rate in created["rates"]] == ["10", "12.5", "2"]
    changed = await office.put("/tax-categories/food", {"version": 1, "name": "Food", "rates": rates[:1]})
    assert (changed["version"], await office.get("/tax-categories/food")) == (2, changed)
    events = await office.events("food")
    assert [(event["type"], event["sequence"], len(event["rates"])) for event in events] == [
        ("tax_category_changed", 1, 3),
        ("tax_category_changed", 2, 1),
    ]
    assert events[0]["rates"][1] == {
        "code": "VAT",
        "name": "VAT",
        "rate_ppm": 125_000,
        "valid_from": "2027-01-01",
        "valid_until": None,
    }


@pytest.mark.parametrize(
    ("rates", "slug", "field"),
    [
        ([VAT, VAT], "invalid", "rates"),
        ([{**VAT, "valid_from": "2026-02-01", "valid_until": "2026-01-01"}], "invalid", "rates"),
        ([{**VAT, "percent": 23.5}], "invalid-request", "rates.0.percent"),
        ([{**VAT, "percent": "-1"}], "invalid-request", "rates.0.percent"),
        ([{**VAT, "valid_from": "01.01.2026"}], "invalid-request", "rates.0.valid_from"),
    ],
)
async def test_rates_that_cannot_hold_together_are_refused(
    office: Office, rates: list[dict[str, object]], slug: str, field: str
) -> None:
    answer = await office.asks("POST", "/tax-categories", json={"code": "x", "name": "x", "rates": rates})
    refused(answer, 422, slug, field)
    assert (await office.get("/tax-categories"))["items"] == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/tax-categories", {"code": "A", "name": "A", "rates": []}),
        ("/price-lists", {"code": "A", "name": "A", "currency": "EUR"}),
        ("/categories", {"code": "A", "name": "A"}),
    ],
)
async def test_a_code_is_taken_once_and_a_stale_version_refused(
    office: Office, path: str, body: dict[str, object]
) -> None:
    created = await office.post(path, body)
    refused(await office.asks("POST", path, json=body), 409, "code-taken", "code")
    one = f"{path}/{created.get('id', 'A')}"
    change = {**body, "name": "B", "version": 1}
    del change["code"]
    assert (await office.put(one, change))["version"] == 2
    assert refused(await office.asks("PUT", one, json=change), 409, "stale-version", "version")["current_version"] == 2
    missing = await office.asks("PUT", f"{path}/{uuid4()}", json=change)
    refused(missing, 404, "not-found")
    assert [item["name"] for item in (await office.get(path))["items"]] == ["B"]


async def test_a_currency_that_does_not_exist_is_refused(office: Office) -> None:
    answer = await office.asks("POST", "/price-lists", json={"code": "A", "name": "A", "currency": "XYZ"})
    refused(answer, 422, "invalid-request", "currency")


async def test_the_tree_of_categories_has_no_circles_and_an_end(office: Office) -> None:
    parents: list[str] = []
    for depth in range(10):
        parent = parents[-1] if parents else None
        body = {"code": f"C{depth}", "name": "x", "parent_id": parent}
        parents.append((await office.post("/categories", body))["id"])
    too_deep = {"code": "deep", "name": "x", "parent_id": parents[-1]}
    refused(await office.asks("POST", "/categories", json=too_deep), 422, "invalid", "parent_id")
    circle = {"version": 1, "name": "x", "parent_id": parents[5]}
    refused(await office.asks("PUT", f"/categories/{parents[2]}", json=circle), 422, "invalid", "parent_id")
    unknown = {"code": "lost", "name": "x", "parent_id": str(uuid4())}
    refused(await office.asks("POST", "/categories", json=unknown), 422, "unknown-category", "parent_id")


async def test_a_moved_category_takes_all_below_it_along(office: Office) -> None:
    await office.tax_category()
    ids: dict[str, str] = {}
    for code, parent in (("food", ""), ("dairy", "food"), ("milk", "dairy"), ("fresh", "")):
        body = {"code": code, "name": code, "parent_id": ids.get(parent)}
        ids[code] = (await office.post("/categories", body))["id"]
    product = await office.product("MILK", category_ids=[ids["milk"]])
    await office.put(f"/categories/{ids['dairy']}", {"version": 1, "name": "dairy", "parent_id": ids["fresh"]})
    for code, expected in (("food", []), ("fresh", [product["id"]]), ("dairy", [product["id"]])):
        items = (await office.get("/products", category_id=ids[code]))["items"]
        assert [item["id"] for item in items] == expected


async def test_a_promotion_is_kept_as_the_facts_that_pricing_reads(office: Office) -> None:
    await office.tax_category()
    tea = await office.product("TEA")
    body = {
        "name": "Three for two",
        "kind": "buy_x_get_y",
        "products": {"product_ids": [tea["id"]]},
        "buy_quantity": "2",
        "get_quantity": 1,
        "weekdays": [6, 7],
        "hours_from": "16:00",
        "hours_until": "18:00",
        "starts_on": "2026-05-01",
        "priority": 3,
    }
    created = await office.post("/promotions", body)
    told = (await office.events(created["id"]))[0]
    assert (told["type"], told["sequence"], told["active"]) == ("promotion_changed", 1, True)
    promotion = promotion_from_facts(told["facts"])
    assert (promotion.id, promotion.name, promotion.buy_quantity_milli, promotion.get_quantity_milli) == (
        created["id"],
        "Three for two",
        2_000,
        1_000,
    )
    assert promotion.facts() == told["facts"]
    assert {name: created[name] for name in ("buy_quantity", "weekdays", "hours_from", "starts_on")} == {
        "buy_quantity": "2",
        "weekdays": [6, 7],
        "hours_from": "16:00:00",
        "starts_on": "2026-05-01",
    }
    change = {**body, "version": 1, "active": False}
    assert (await office.put(f"/promotions/{created['id']}", change))["active"] is False
    assert [event["active"] for event in await office.events(created["id"])] == [True, False]
    assert (await office.get("/promotions", active=True))["items"] == []
    assert (await office.put(f"/promotions/{created['id']}", {**change, "version": 2}))["version"] == 2
    refused(await office.asks("PUT", f"/promotions/{created['id']}", json=change), 409, "stale-version", "version")


async def test_bundles_and_percentages_go_through_http_exactly(office: Office) -> None:
    body = {
        "name": "Lunch",
        "kind": "bundle",
        "percent": "7.5",
        "groups": [{"products": {"everything": True}, "quantity": "2"}],
    }
    created = await office.post("/promotions", body)
    assert (created["percent"], created["groups"][0]["quantity"]) == ("7.5", "2")
    assert (await office.events(created["id"]))[0]["facts"]["percent_ppm"] == 75_000


@pytest.mark.parametrize(
    ("change", "slug", "field"),
    [
        ({"percent": None}, "invalid", "percent_ppm"),
        ({"percent": "0"}, "invalid", "percent_ppm"),
        ({"percent": "101"}, "invalid-request", "percent"),
        ({"products": None}, "invalid", "products"),
        ({"products": {"product_ids": [str(uuid4())]}}, "invalid", "products.product_ids"),
        ({"products": {"category_ids": [str(uuid4())]}}, "unknown-category", "products.category_ids"),
        ({"hours_from": "16:00"}, "invalid", "hours_until"),
        ({"starts_on": "2026-05-02", "ends_on": "2026-05-01"}, "invalid", "ends_on"),
        ({"kind": "lottery"}, "invalid-request", "kind"),
        ({"surprise": 1}, "invalid-request", "surprise"),
    ],
)
async def test_a_promotion_that_cannot_work_is_refused_and_the_field_named(
    office: Office, change: dict[str, object], slug: str, field: str
) -> None:
    body = {"name": "Ten off", "kind": "percent_off", "percent": "10", "products": {"everything": True}, **change}
    refused(await office.asks("POST", "/promotions", json=body), 422, slug, field)
    assert (await office.get("/promotions"))["items"] == []


async def test_layouts_of_in_store_codes_are_replaced_whole(office: Office) -> None:
    layout = {"prefix": "27", "item_digits": 5, "value_digits": 5, "value_kind": "weight", "value_decimals": 3}
    assert await office.get("/barcode-layouts") == {"version": 0, "layouts": []}
    stored = await office.put("/barcode-layouts", {"version": 0, "layouts": [layout]})
    assert stored == {"version": 1, "layouts": [{**layout, "price_check_digit": False}]}
    same = await office.put("/barcode-layouts", {"version": 1, "layouts": [layout]})
    assert same["version"] == 1
    assert [(event["sequence"], event["chain"]) for event in await office.events("chain")] == [(1, "chain")]
    wrong = {**layout, "item_digits": 6}
    answer = await office.asks("PUT", "/barcode-layouts", json={"version": 1, "layouts": [layout, wrong]})
    refused(answer, 422, "invalid", "layouts.1.value_digits")
    refused(
        await office.asks("PUT", "/barcode-layouts", json={"version": 0, "layouts": []}),
        409,
        "stale-version",
        "version",
    )
