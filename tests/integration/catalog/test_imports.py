"""CSV in and out: every row checked, reported, done once, and read back unchanged."""

from __future__ import annotations

import asyncio
import csv
import io
from typing import Any

import pytest

from services.catalog.storage.imports import ImportRepository
from services.catalog.use_cases import run_import as running_imports
from services.catalog.use_cases.import_batch import import_batch
from services.catalog.use_cases.run_import import ImportLimits, run_import
from tests.integration.catalog.files import FILE, by_code, counts, finished, imported, refusals, shop, uploaded
from tests.integration.catalog.office import Office, answered, refused

LIMITS = ImportLimits(batch_rows=3, largest_refusals=100, largest_rows=1_000)


async def test_products_and_prices_are_imported_and_told_of(office: Office) -> None:
    await shop(office)
    report = await imported(office, FILE)
    assert (report["state"], report["total"], report["done"], counts(report)) == ("finished", 3, 3, (3, 0, 0, 0))
    products = await by_code(office)
    milk, ham, wine = products["MILK"], products["HAM"], products["WINE"]
    assert (milk["name"], milk["names"], milk["barcodes"]) == (
        "Milk 1 l",
        {"pl": "Mleko 1 l"},
        ["5901234123457", "036000291452"],
    )
    assert len(milk["category_ids"]) == 2
    assert (ham["unit"], ham["item_code"], ham["prices"][0]["amount_minor"]) == ("kg", "42", 1_290)
    assert (wine["name"], wine["minimum_age_years"]) == ("Wine, red", 18)
    await office.announces()
    events = await office.events(wine["id"])
    assert [(event["type"], event["sequence"]) for event in events] == [("product_changed", 1), ("price_changed", 2)]
    assert events[1]["prices"][0]["amount_minor"] == 2_400


async def test_the_same_file_again_changes_nothing_and_tells_nobody(office: Office) -> None:
    await shop(office)
    await imported(office, FILE)
    await office.announces()
    before, events = await by_code(office), await office.events()
    report = await imported(office, FILE)
    assert counts(report) == (0, 0, 3, 0)
    assert await office.announces() == 0
    assert (await by_code(office), await office.events()) == (before, events)


async def test_only_what_the_file_says_is_changed(office: Office) -> None:
    await shop(office)
    await imported(office, FILE)
    await office.announces()
    before = await by_code(office)
    report = await imported(office, "code;price;price_list\nMILK;1,39;retail\nHAM;12,90;retail\n")
    assert counts(report) == (0, 1, 1, 0)
    await office.announces()
    milk = (await by_code(office))["MILK"]
    assert milk["prices"][0]["amount_minor"] == 139
    assert milk["version"] == before["MILK"]["version"] + 1
    assert {**milk, "prices": [], "version": 0} == {**before["MILK"], "prices": [], "version": 0}
    assert [(event["type"], event["sequence"]) for event in await office.events(milk["id"])] == [
        ("product_changed", 1),
        ("price_changed", 2),
        ("price_changed", 3),
    ]
    report = await imported(office, "code,barcodes\nMILK,\n")
    assert counts(report) == (0, 1, 0, 0)
    assert (await by_code(office))["MILK"]["barcodes"] == []
    refused(await office.asks("GET", "/products/by-barcode/5901234123457"), 404, "unknown-barcode", "barcode")


async def test_every_wrong_row_is_reported_with_its_column_and_what_would_be_right(office: Office) -> None:
    await shop(office)
    await office.product("OLD", barcodes=["4006381333931"], item_code="7")
    file = """\
code,name,tax_category,categories,barcodes,item_code,minimum_age_years,price,price_list,minimum_quantity,active
A1,Fine,standard,,,,,1.00,retail,,true
,No code,standard,,,,,1.00,retail,,true
A3,,standard,,,,,1.00,retail,,true
A4,No tax,luxury,,,,,1.00,retail,,true
A5,No category,standard,toys,,,,1.00,retail,,true
A6,Check digit,standard,,5901234123458,,,1.00,retail,,true
A7,Taken barcode,standard,,04006381333931,,,1.00,retail,,true
A8,Taken item code,standard,,,007,,1.00,retail,,true
A9,Young,standard,,,,0,1.00,retail,,true
A10,Decimals,standard,,,,,1.005,retail,,true
A11,Thousands,standard,,,,,"1,000.00",retail,,true
A12,No list,standard,,,,,1.00,wholesale,,true
A13,Half a piece,standard,,,,,1.00,retail,1.5,true
A14,Flag,standard,,,,,1.00,retail,,maybe
A1,Twice,standard,,,,,1.00,retail,,true
A16,Short row,standard
A17,Barcode twice,standard,,5901234123457,,,1.00,retail,,true
A18,Barcode twice,standard,,05901234123457,,,1.00,retail,,true
"""
    report = await imported(office, file)
    assert counts(report) == (2, 0, 0, 16)
    assert set(await by_code(office)) == {"OLD", "A1", "A17"}
    found = await refusals(office, report)
    assert [(row, column, value) for row, column, value, _ in found] == [
        (3, "code", ""),
        (4, "name", ""),
        (5, "tax_category", "luxury"),
        (6, "categories", "toys"),
        (7, "barcodes", "5901234123458"),
        (8, "barcodes", "4006381333931"),
        (9, "item_code", "7"),
        (10, "minimum_age_years", "0"),
        (11, "price", "1.005"),
        (12, "price", "1,000.00"),
        (13, "price_list", "wholesale"),
        (14, "minimum_quantity", "1.5"),
        (15, "active", "maybe"),
        (16, "code", "A1"),
        (17, "", "A16,Short row,standard"),
        (19, "barcodes", "05901234123457"),
    ]
    messages = {row: message for row, _, _, message in found}
    assert "5901234123457" in messages[7]
    assert "belongs to OLD" in messages[8]
    assert messages[11] == "EUR has 2 decimals at most"
    assert messages[16] == "row 2 is about this product already"
    assert messages[17] == "the row has 3 cells and the header 11"


async def test_the_report_can_be_downloaded_and_holds_no_formula(office: Office) -> None:
    await shop(office)
    report = await imported(office, "code,name,tax_category,minimum_age_years\nA,Tea,standard,=1+1\n")
    response = await office.asks("GET", f"/imports/{report['import_id']}/refusals.csv")
    assert response.headers["content-type"].startswith("text/csv")
    rows = list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert rows == [
        ["row", "column", "value", "message"],
        ["2", "minimum_age_years", "'=1+1", "write an age of 1 to 99 years, or nothing"],
    ]


@pytest.mark.parametrize(
    ("content", "params", "field", "words"),
    [
        ("code,name\nA,Żółty\n".encode("windows-1250"), {}, "encoding", "byte 13, in line 2, is 0xAF"),
        ("code,name\nA,x\n".encode("utf-16"), {}, "encoding", "encoding=utf-16"),
        (b"code,name\nA,x\x00\n", {}, "encoding", "zero byte in line 2"),
        (b"code,name\nA,x\n", {"encoding": "ebcdic"}, "encoding", "is one of"),
        (b"code,name\nA,x\n", {"delimiter": "pipe"}, "delimiter", "is one of"),
        (b"code,na;me\nA,x\n", {}, "delimiter", "does not tell"),
        (b"name,unit\nTea,piece\n", {}, "file", "no column 'code'"),
        (b"code,colour\nA,red\n", {}, "file", "no column 'colour'"),
        (b"code,name,Name\nA,B,C\n", {}, "file", "there twice"),
        (b"code,name\n", {}, "file", "nothing below"),
        (b"", {}, "file", "empty"),
        (b'code,name\nA,"open\n', {}, "file", "quote"),
        (b"code,price\nA,1.00\n", {}, "price_list", "which price list"),
        (b"code,starts_at\nA,\n", {}, "file", "no column 'price'"),
    ],
)
async def test_a_file_that_cannot_be_read_is_refused_at_once(
    office: Office, content: bytes, params: dict[str, str], field: str, words: str
) -> None:
    response = await office.asks(
        "POST", "/imports", content=content, params=params, headers={"Content-Type": "text/csv"}
    )
    problem = refused(response, 422, "import-unreadable", field)
    assert words in problem["detail"]
    assert (await office.get("/imports"))["items"] == []


async def test_other_encodings_and_delimiters_are_read_when_chosen(office: Office) -> None:
    await shop(office)
    file = "code\tname\ttax_category\nA\tŻółty ser\tstandard\n".encode("windows-1250")
    assert counts(await imported(office, file, encoding="windows-1250")) == (1, 0, 0, 0)
    with_mark = "\ufeffcode;name;tax_category\nB;Żółty ser;standard\n".encode()
    assert counts(await imported(office, with_mark)) == (1, 0, 0, 0)
    assert {product["name"] for product in (await by_code(office)).values()} == {"Żółty ser"}


async def test_a_form_upload_works_and_keeps_the_file_name(office: Office) -> None:
    await shop(office)
    response = await office.asks("POST", "/imports", files={"file": ("autumn.csv", FILE.encode(), "text/csv")})
    accepted = answered(response, 202)
    assert accepted["file_name"] == "autumn.csv"
    assert response.headers["location"] == f"/catalog/v1/imports/{accepted['import_id']}"
    assert counts(await finished(office, accepted["import_id"])) == (3, 0, 0, 0)


async def test_a_dry_run_reports_the_same_and_changes_nothing(office: Office) -> None:
    await shop(office)
    file = (
        "code,name,tax_category,variant_of,option:size\n"
        "SHIRT-M,Shirt M,standard,SHIRT,M\nSHIRT,Shirt,standard,,\nX,X,luxury,,\nY,Y,standard,NONE,\n"
    )
    dry = await imported(office, file, dry_run=True)
    assert (counts(dry), await by_code(office), await office.announces()) == ((2, 0, 0, 2), {}, 0)
    wet = await imported(office, file)
    assert counts(wet) == counts(dry)
    assert await refusals(office, wet) == await refusals(office, dry)
    products = await by_code(office)
    assert products["SHIRT-M"]["variant_of"] == products["SHIRT"]["id"]
    assert products["SHIRT-M"]["options"] == {"size": "M"}


async def test_prices_alone_may_name_a_product_many_times(office: Office) -> None:
    await shop(office)
    await office.price_list("yen", "JPY")
    await imported(office, FILE)
    file = """\
code,price_list,price,currency,minimum_quantity,starts_at,ends_at
MILK,retail,1.19,EUR,6,,
MILK,retail,0.99,EUR,,2026-12-01T00:00:00+01:00,2026-12-24T00:00:00+01:00
MILK,yen,200,JPY,,,
MILK,yen,200.5,JPY,2,,
MILK,yen,200,EUR,3,,
MILK,retail,1.09,EUR,6,,
NONE,retail,1.00,EUR,,,
HAM,retail,,EUR,,,
"""
    report = await imported(office, file)
    assert counts(report) == (0, 3, 0, 5)
    assert [(row, column, message) for row, column, _, message in await refusals(office, report)] == [
        (5, "price", "JPY has 0 decimals at most"),
        (6, "currency", "the price list yen is in JPY"),
        (7, "price", "row 2 has the price for this already"),
        (8, "code", "there is no product with this code; import it first"),
        (9, "price", "write a price"),
    ]
    prices = (await by_code(office))["MILK"]["prices"]
    assert [(price["price_list"], price["amount_minor"], price["minimum_quantity"]) for price in prices] == [
        ("retail", 129, "0"),
        ("retail", 119, "6"),
        ("retail", 99, "0"),
        ("yen", 200, "0"),
    ]
    assert prices[2]["ends_at"] == "2026-12-23T23:00:00Z"


async def test_an_import_that_was_stopped_goes_on_behind_its_last_batch(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop(office)
    rows = "".join(f"P{number},Product {number},standard\n" for number in range(10))
    passages = 0
    real = import_batch

    async def killed_at_the_third(*arguments: Any, **options: Any) -> bool:
        nonlocal passages
        passages += 1
        if passages == 3:
            raise RuntimeError("the process was killed")
        return await real(*arguments, **options)

    await office.stops_job("import")
    accepted = await uploaded(office, "code,name,tax_category\n" + rows)
    async with office.database.reading() as connection:
        progress = await ImportRepository(connection).next_open()
    assert progress is not None
    monkeypatch.setattr(running_imports, "import_batch", killed_at_the_third)
    with pytest.raises(RuntimeError, match="killed"):
        await run_import(office.database, progress, LIMITS)
    stopped = await office.get(f"/imports/{accepted['import_id']}")
    assert (stopped["state"], stopped["done"], stopped["created"]) == ("running", 6, 6)
    async with office.database.reading() as connection:
        progress = await ImportRepository(connection).next_open()
    assert progress is not None
    await run_import(office.database, progress, LIMITS)
    ended = await office.get(f"/imports/{accepted['import_id']}")
    assert (ended["state"], ended["done"], counts(ended)) == ("finished", 10, (10, 0, 0, 0))
    assert len(await by_code(office)) == 10


async def test_two_replicas_on_one_import_do_it_once(office: Office) -> None:
    await shop(office)
    await office.stops_job("import")
    rows = "".join(f"P{number},Product {number},standard\n" for number in range(20))
    accepted = await uploaded(office, "code,name,tax_category\n" + rows)
    async with office.database.reading() as connection:
        progress = await ImportRepository(connection).next_open()
    assert progress is not None
    await asyncio.gather(*(run_import(office.database, progress, LIMITS) for _ in range(2)))
    async with office.database.reading() as connection:
        left = await ImportRepository(connection).next_open()
    if left is not None:
        await run_import(office.database, left, LIMITS)
    ended = await office.get(f"/imports/{accepted['import_id']}")
    assert (ended["state"], ended["done"], counts(ended)) == ("finished", 20, (20, 0, 0, 0))


async def test_progress_can_be_watched_until_the_end(office: Office) -> None:
    await shop(office)
    accepted = await uploaded(office, FILE)
    response = await office.asks("GET", f"/imports/{accepted['import_id']}/progress")
    assert response.headers["content-type"].startswith("text/event-stream")
    last = response.text.strip().split("\n\n")[-1]
    assert "event: progress" in last
    assert '"state":"finished"' in last.replace(" ", "")


async def test_a_file_over_the_limit_is_too_large(office: Office) -> None:
    body = b"code,name\n" + b"A" * (64 * 1024 * 1024)
    response = await office.asks("POST", "/imports", content=body, headers={"Content-Type": "text/csv"})
    assert response.status_code == 413
    assert (await office.get("/imports"))["items"] == []


async def test_importing_needs_its_permission(office: Office) -> None:
    writer = office.someone(frozenset({"catalog.write", "catalog.read"}))
    response = await writer.asks("POST", "/imports", content=FILE.encode(), headers={"Content-Type": "text/csv"})
    assert refused(response, 403, "forbidden")["permission"] == "catalog.import"


async def test_a_misspelt_parameter_is_refused_because_it_might_be_the_dry_run(office: Office) -> None:
    await shop(office)
    response = await office.asks(
        "POST", "/imports", content=FILE.encode(), params={"dryrun": "true"}, headers={"Content-Type": "text/csv"}
    )
    refused(response, 422, "invalid-request", "query.dryrun")
    assert (await office.get("/imports"))["items"] == []
