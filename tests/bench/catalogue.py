"""A catalogue of 100,000 products: CSV import, snapshot for a till, a change until it is seen, barcode look-up.

Everything goes through HTTP except the look-up, which is measured at the use case on a connection (what a till's
request costs before HTTP) and over HTTP beside it. PostgreSQL and the service share this machine.
"""

from __future__ import annotations

import asyncio
import statistics
import time
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

from biip.checksums import gs1_standard_check_digit
from pydantic_core import from_json
from sqlalchemy import text

from libs.testkit.databases import database_server
from services.catalog.use_cases.find_product import find_by_barcode
from tests.integration.catalog.office import Office, answered, open_office

PRODUCTS = 100_000
CHANGES = 20
LOOK_UPS = 2_000
HTTP_LOOK_UPS = 500
SEARCHES = ("prod", "product 77", "zolty ser", "590000", "p04", "m")
LONGEST_IMPORT_S = 300


def run() -> dict[str, Any]:
    """Seconds of import, snapshot and change, milliseconds of look-up and search; each with its budget, if any."""
    return asyncio.run(_measure())


async def _measure() -> dict[str, Any]:
    with database_server() as server:
        async with open_office(server) as office:
            await office.tax_category()
            await office.price_list()
            await office.post("/categories", {"code": "food", "name": "Food"})
            file = _file()
            import_s, told_s = await _import(office, file)
            again_s, _ = await _import(office, file)
            snapshot_s, snapshot_bytes = await _snapshot(office)
            change_s = await _change(office)
            look_up_ms = await _look_ups(office)
            http_ms = await _times_ms(HTTP_LOOK_UPS, lambda index: _look_up_over_http(office, index))
            search_ms = await _times_ms(
                10 * len(SEARCHES), lambda index: _search(office, SEARCHES[index % len(SEARCHES)])
            )
    return {
        "products": PRODUCTS,
        "import_s": round(import_s, 1),
        "budget_at_most_import_s": 60,
        "import_and_all_told_s": round(told_s, 1),
        "import_again_s": round(again_s, 1),
        "snapshot_s": round(snapshot_s, 2),
        "budget_at_most_snapshot_s": 10,
        "snapshot_mb": round(snapshot_bytes / 1e6, 1),
        "change_s": round(change_s, 3),
        "budget_at_most_change_s": 1,
        "look_up_p50_ms": _percentile(look_up_ms, 50),
        "look_up_p99_ms": _percentile(look_up_ms, 99),
        "budget_at_most_look_up_p99_ms": 1,
        "look_up_over_http_p50_ms": _percentile(http_ms, 50),
        "look_up_over_http_p99_ms": _percentile(http_ms, 99),
        "search_over_http_p50_ms": _percentile(search_ms, 50),
        "search_over_http_p99_ms": _percentile(search_ms, 99),
    }


def _barcode(number: int) -> str:
    digits = f"590{number:09d}"
    return digits + str(gs1_standard_check_digit(digits))


def _file() -> bytes:
    lines = ["code,name,name:pl,unit,tax_category,categories,barcodes,minimum_age_years,price,price_list"]
    for number in range(PRODUCTS):
        unit = "kg" if number % 10 == 0 else "piece"
        lines.append(
            f"P{number:06d},Product {number} of the shelf,Żółty ser {number},{unit},standard,food,{_barcode(number)},,"
            f"{number % 100}.{number % 97:02d},retail"
        )
    return "\n".join(lines).encode()


async def _import(office: Office, file: bytes) -> tuple[float, float]:
    """Seconds until every row is in the catalogue, and until every product has been told of."""
    started_s = time.perf_counter()
    response = await office.asks("POST", "/imports", content=file, headers={"Content-Type": "text/csv"})
    report = answered(response, 202)
    while report["state"] not in ("finished", "failed"):
        if time.perf_counter() - started_s > LONGEST_IMPORT_S:
            raise RuntimeError(f"the import takes too long: {report}")
        await asyncio.sleep(0.2)
        report = await office.get(f"/imports/{report['import_id']}")
    if report["done"] != PRODUCTS or report["refused"]:
        raise RuntimeError(f"the import did not take every row: {report}")
    import_s = time.perf_counter() - started_s
    due = "SELECT count(*) FROM product_announcements WHERE product_due OR prices_due"
    while True:
        async with office.database.reading() as connection:
            if not (await connection.execute(text(due))).scalar_one():
                return import_s, time.perf_counter() - started_s
        await asyncio.sleep(0.2)


async def _snapshot(office: Office) -> tuple[float, int]:
    """Seconds until a till holds every product, and the bytes that travelled."""
    started_s = time.perf_counter()
    expander = zlib.decompressobj(16 + zlib.MAX_WBITS)
    travelled, products, rest, last = 0, 0, b"", {}
    request = office.services.http.build_request(
        "GET", "/catalog/v1/snapshot", headers={**office.headers, "Accept-Encoding": "gzip"}
    )
    response = await office.services.http.send(request, stream=True)
    async for chunk in response.aiter_raw():
        travelled += len(chunk)
        *lines, rest = (rest + expander.decompress(chunk)).split(b"\n")
        for line in lines:
            last = from_json(line)
            products += last["kind"] == "product"
    await response.aclose()
    if last.get("kind") != "end" or products != PRODUCTS:
        raise RuntimeError(f"the snapshot is not whole: {products} products, then {last}")
    return time.perf_counter() - started_s, travelled


async def _change(office: Office) -> float:
    """The median of the seconds from sending a new price until a waiting reader of the feed has it."""
    position = (await office.get("/changes", after=0, limit=1))["position"]
    while (page := await office.get("/changes", after=position, limit=2_000))["more"]:
        position = page["position"]
    position = page["position"]
    product = (await office.get("/products", limit=1))["items"][0]
    seconds = []
    for number in range(CHANGES):
        waiting = asyncio.create_task(office.get("/changes", after=position, wait=20))
        await asyncio.sleep(0.05)
        started_s = time.perf_counter()
        prices = [{"price_list": "retail", "amount_minor": 100_000 + number}]
        body = {"version": product["version"] + number, "prices": prices}
        await office.put(f"/products/{product['id']}/prices", body)
        changes = await waiting
        seconds.append(time.perf_counter() - started_s)
        if [price["amount_minor"] for price in changes["items"][0]["prices"]] != [100_000 + number]:
            raise RuntimeError(f"the change did not arrive: {changes}")
        position = changes["position"]
    return statistics.median(seconds)


async def _look_ups(office: Office) -> list[float]:
    async with office.database.reading() as connection:

        async def look_up(index: int) -> None:
            found = await find_by_barcode(connection, _barcode(index * 7_919 % PRODUCTS))
            assert found.product.prices

        return await _times_ms(LOOK_UPS, look_up)


async def _look_up_over_http(office: Office, index: int) -> None:
    await office.get(f"/products/by-barcode/{_barcode(index * 7_919 % PRODUCTS)}")


async def _search(office: Office, typed: str) -> None:
    await office.get("/search", q=typed, limit=20)


async def _times_ms(count: int, action: Callable[[int], Awaitable[None]]) -> list[float]:
    for index in range(min(50, count)):
        await action(index)
    times = []
    for index in range(count):
        started_s = time.perf_counter()
        await action(index)
        times.append((time.perf_counter() - started_s) * 1_000)
    return times


def _percentile(times_ms: list[float], percent: int) -> float:
    return round(statistics.quantiles(times_ms, n=100)[percent - 1], 2)
