"""CSV out, and back in unchanged."""

from __future__ import annotations

import csv
import io

from sqlalchemy import text

from tests.integration.catalog.files import FILE, by_code, counts, imported, shop
from tests.integration.catalog.office import Office


async def test_an_export_is_read_back_unchanged_and_holds_no_formula(office: Office) -> None:
    await shop(office)
    shirt = await office.product("=SHIRT", name="@Shirt", names={"pl": "-Koszula"})
    await office.product(
        "'s-M", name='\'=M; "quoted"', variant_of=shirt["id"], options={"size": "M", "+fit": "slim"}, active=False
    )
    await office.product("CARD", kind="gift_card", tax_category=None, tracks_stock=False)
    await imported(office, FILE)
    await imported(
        office, "code,price_list,price,minimum_quantity,starts_at\nMILK,retail,1.19,6,2026-12-01T00:00:00+01:00\n"
    )
    before = await by_code(office)
    await office.announces()
    for path in ("/exports/products", "/exports/prices"):
        for delimiter in ("comma", "semicolon"):
            response = await office.asks("GET", path, params={"delimiter": delimiter})
            file = response.content
            cells = [cell for row in csv.reader(io.StringIO(file.decode("utf-8-sig"))) for cell in row]
            assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
            report = await imported(office, file)
            assert (report["created"], report["changed"], report["refused"]) == (0, 0, 0), report
            assert report["unchanged"] == report["total"]
    assert await by_code(office) == before
    assert await office.announces() == 0


async def test_an_export_fills_an_empty_catalogue_with_the_same_products(office: Office) -> None:
    await shop(office)
    await imported(office, FILE)
    products = (await office.asks("GET", "/exports/products")).content
    prices = (await office.asks("GET", "/exports/prices")).content
    before = await by_code(office)
    async with office.database.transaction() as work:
        for table in (
            "prices",
            "product_barcodes",
            "product_categories",
            "product_announcements",
            "products",
        ):
            await work.connection.execute(text(f"DELETE FROM {table}"))
    assert counts(await imported(office, products)) == (3, 0, 0, 0)
    assert counts(await imported(office, prices)) == (0, 3, 0, 0)
    after = await by_code(office)
    assert {code: {**product, "id": "", "version": 0} for code, product in after.items()} == {
        code: {**product, "id": "", "version": 0} for code, product in before.items()
    }
