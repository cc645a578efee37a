"""What tills read: a snapshot and the changes since; together exactly the catalogue, however changes commit."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

from pydantic_core import from_json
from sqlalchemy import text

from services.catalog.use_cases.announce_products import announce_change
from services.catalog.use_cases.read_feed import read_changes
from tests.integration.catalog.office import Office, refused

LAYOUT = {
    "prefix": "27",
    "item_digits": 5,
    "value_digits": 5,
    "value_kind": "weight",
    "price_check_digit": False,
    "value_decimals": 3,
}


async def snapshot(office: Office) -> list[dict[str, Any]]:
    response = await office.asks("GET", "/snapshot")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("application/x-ndjson")
    return [from_json(line) for line in response.content.splitlines()]


async def test_a_snapshot_holds_everything_in_the_words_of_the_events(office: Office) -> None:
    await office.tax_category()
    await office.price_list()
    await office.put("/barcode-layouts", {"version": 0, "layouts": [LAYOUT]})
    promotion = await office.post(
        "/promotions", {"name": "Ten off", "kind": "percent_off", "percent": "10", "products": {"everything": True}}
    )
    tea = await office.product("TEA", barcodes=["4006381333931"])
    await office.put(
        f"/products/{tea['id']}/prices", {"version": 1, "prices": [{"price_list": "retail", "amount_minor": 499}]}
    )
    lines = await snapshot(office)
    assert [line["kind"] for line in lines] == [
        "start",
        "tax_category",
        "promotion",
        "barcode_layouts",
        "product",
        "end",
    ]
    assert (lines[0]["position"], lines[-1]) == (5, {"kind": "end", "position": 5, "products": 1})
    assert lines[1]["tax_category"]["rates"][0]["rate_ppm"] == 230_000
    assert lines[2]["promotion"]["facts"]["percent_ppm"] == 100_000
    assert lines[2]["promotion"]["promotion_id"] == promotion["id"]
    assert lines[3]["barcode_layouts"] == {"chain": "chain", "layouts": [LAYOUT]}
    events = {event["type"]: event for event in await office.events(tea["id"])}
    for kind in ("product_changed", "price_changed"):
        del events[kind]["type"], events[kind]["sequence"]
    assert lines[4]["product"] == events["product_changed"]
    assert lines[4]["prices"] == events["price_changed"]["prices"]


async def test_changes_come_in_order_each_thing_once_in_its_latest_state(office: Office) -> None:
    await office.tax_category()
    tea = await office.product("TEA")
    coffee = await office.product("COFFEE")
    for version, name in ((1, "Green tea"), (2, "Black tea")):
        await office.put(
            f"/products/{tea['id']}",
            {"version": version, "code": "TEA", "name": name, "tax_category": "standard"},
        )
    changes = await office.get("/changes", after=0)
    assert [(item["position"], item["kind"], item.get("product", {}).get("name")) for item in changes["items"]] == [
        (1, "tax_category", None),
        (3, "product", "COFFEE"),
        (5, "product", "Black tea"),
    ]
    assert (changes["position"], changes["more"]) == (5, False)
    assert (await office.get("/changes", after=5))["items"] == []
    first = await office.get("/changes", after=0, limit=2)
    assert (len(first["items"]), first["position"], first["more"]) == (2, 3, True)
    second = await office.get("/changes", after=first["position"], limit=2)
    assert ([item["product"]["product_id"] for item in second["items"]], second["more"]) == ([tea["id"]], False)
    assert coffee["id"] == first["items"][1]["product"]["product_id"]


async def test_no_change_is_skipped_when_transactions_commit_out_of_order(office: Office) -> None:
    """Whoever takes a number keeps the next one out until it has committed, so no reader passes an open one."""
    await office.tax_category()
    tea, coffee = await office.product("TEA"), await office.product("COFFEE")
    start = (await office.get("/changes", after=0))["position"]

    async def change(product_id: str, hold: asyncio.Event, took: asyncio.Event) -> None:
        async with office.database.transaction() as work:
            await announce_change(work, product_id, product=True, prices=False)  # type: ignore[arg-type]  # as text
            took.set()
            await hold.wait()

    first_may_commit, second_may_commit = asyncio.Event(), asyncio.Event()
    first_took, second_took = asyncio.Event(), asyncio.Event()
    first = asyncio.create_task(change(tea["id"], first_may_commit, first_took))
    await first_took.wait()
    second = asyncio.create_task(change(coffee["id"], second_may_commit, second_took))
    second_may_commit.set()
    await asyncio.sleep(0.3)
    assert not second_took.is_set()
    assert (await office.get("/changes", after=start))["items"] == []
    first_may_commit.set()
    await asyncio.gather(first, second)
    changes = await office.get("/changes", after=start)
    assert [item["product"]["code"] for item in changes["items"]] == ["TEA", "COFFEE"]


async def test_a_reader_beside_many_writers_ends_with_exactly_what_is_stored(office: Office) -> None:
    await office.tax_category()
    products = [await office.product(f"P{number}") for number in range(8)]
    known: dict[str, str] = {}
    writing = True

    async def write(product: dict[str, Any]) -> None:
        for version in range(1, 9):
            body = {"version": version, "code": product["code"], "name": f"v{version}", "tax_category": "standard"}
            await office.put(f"/products/{product['id']}", body)

    async def read() -> None:
        position = 0
        while True:
            last_round = not writing
            async with office.database.reading() as connection:
                changes = await read_changes(connection, position, 3)
            for item in map(from_json, changes.items):
                if item["kind"] == "product":
                    known[item["product"]["code"]] = item["product"]["name"]
            position = changes.position
            if last_round and not changes.more:
                return
            await asyncio.sleep(0)

    reader = asyncio.create_task(read())
    await asyncio.gather(*(write(product) for product in products))
    writing = False
    await reader
    assert known == {f"P{number}": "v8" for number in range(8)}


async def test_whoever_waits_for_a_change_gets_it_at_once(office: Office) -> None:
    await office.tax_category()
    waiting = asyncio.create_task(office.get("/changes", after=1, wait=20))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await office.product("TEA")
    async with asyncio.timeout(5):
        changes = await waiting
    assert [item["product"]["code"] for item in changes["items"]] == ["TEA"]


async def test_nothing_new_is_said_with_304_and_a_large_answer_compressed(office: Office) -> None:
    await office.tax_category()
    first = await office.asks("GET", "/snapshot", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in first.headers
    again = await office.asks("GET", "/snapshot", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    await office.product("TEA")
    request = office.services.http.build_request(
        "GET",
        "/catalog/v1/snapshot",
        headers={**office.headers, "Accept-Encoding": "gzip", "If-None-Match": first.headers["etag"]},
    )
    changed = await office.services.http.send(request, stream=True)
    assert (changed.status_code, changed.headers["content-encoding"]) == (200, "gzip")
    raw = b"".join([chunk async for chunk in changed.aiter_raw()])
    assert gzip.decompress(raw).endswith(b'{"kind":"end","position":2,"products":1}\n')


async def test_a_reader_ahead_of_a_restored_catalogue_is_told_to_start_again(office: Office) -> None:
    await office.tax_category()
    problem = refused(await office.asks("GET", "/changes", params={"after": 7}), 409, "position-ahead", "after")
    assert problem["current_position"] == 1


async def test_a_changed_price_list_and_a_moved_category_are_told_of_for_each_product(office: Office) -> None:
    await office.stops_job("announce")
    await office.tax_category()
    await office.price_list()
    food = await office.post("/categories", {"code": "food", "name": "Food"})
    drinks = await office.post("/categories", {"code": "drinks", "name": "Drinks"})
    tea = await office.product("TEA", category_ids=[drinks["id"]])
    other = await office.product("SOAP")
    await office.put(
        f"/products/{tea['id']}/prices", {"version": 1, "prices": [{"price_list": "retail", "amount_minor": 499}]}
    )
    start = (await office.get("/changes", after=0))["position"]
    await office.put(
        "/price-lists/retail", {"version": 1, "name": "Retail", "currency": "EUR", "customer_groups": ["gold"]}
    )
    await office.put(f"/categories/{drinks['id']}", {"version": 1, "name": "Drinks", "parent_id": food["id"]})
    await office.announces()
    events = await office.events(tea["id"])
    assert [(event["type"], event["sequence"]) for event in events] == [
        ("product_changed", 1),
        ("price_changed", 2),
        ("product_changed", 3),
        ("price_changed", 4),
    ]
    latest = (await office.get("/changes", after=start))["items"][-1]
    assert latest["product"]["category_ids"] == sorted([food["id"], drinks["id"]])
    assert latest["prices"][0]["customer_groups"] == ["gold"]
    assert len(await office.events(other["id"])) == 1


async def test_a_deactivated_price_list_takes_its_prices_away(office: Office) -> None:
    await office.tax_category()
    await office.price_list()
    tea = await office.product("TEA")
    await office.put(
        f"/products/{tea['id']}/prices", {"version": 1, "prices": [{"price_list": "retail", "amount_minor": 499}]}
    )
    await office.put("/price-lists/retail", {"version": 1, "name": "Retail", "currency": "EUR", "active": False})
    await office.announces()
    assert (await office.events(tea["id"]))[-1]["prices"] == []
    answer = await office.asks("PUT", "/price-lists/retail", json={"version": 2, "name": "R", "currency": "PLN"})
    refused(answer, 422, "invalid", "currency")


async def test_bulk_changes_are_told_of_by_the_service_itself(office: Office) -> None:
    await office.tax_category()
    file = b"code,name,tax_category\nTEA,Tea,standard\n"
    await office.asks("POST", "/imports", content=file, headers={"Content-Type": "text/csv"})
    async with asyncio.timeout(20):
        changes = await office.get("/changes", after=1, wait=20)
    assert [item["product"]["code"] for item in changes["items"]] == ["TEA"]
    async with office.database.reading() as connection:
        due = await connection.execute(text("SELECT count(*) FROM product_announcements WHERE product_due"))
        assert due.scalar_one() == 0
