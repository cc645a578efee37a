"""Files for tests of imports and exports, uploaded and followed to their end."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.integration.catalog.office import Office, answered


async def uploaded(office: Office, file: str | bytes, **params: Any) -> Any:
    """The import of a file, accepted and still waiting."""
    content = file.encode() if isinstance(file, str) else file
    response = await office.asks(
        "POST", "/imports", content=content, params=params, headers={"Content-Type": "text/csv"}
    )
    return answered(response, 202)


async def finished(office: Office, import_id: str) -> Any:
    """The import when it is over; the service's own job carries it out."""
    async with asyncio.timeout(20):
        while (found := await office.get(f"/imports/{import_id}"))["state"] not in ("finished", "failed"):
            await asyncio.sleep(0.1)
        return found


async def imported(office: Office, file: str | bytes, **params: Any) -> Any:
    accepted = await uploaded(office, file, **params)
    return await finished(office, accepted["import_id"])


def counts(report: dict[str, Any]) -> tuple[int, int, int, int]:
    return report["created"], report["changed"], report["unchanged"], report["refused"]


async def refusals(office: Office, report: dict[str, Any]) -> list[tuple[int, str, str, str]]:
    items = (await office.get(f"/imports/{report['import_id']}/refusals"))["items"]
    return [(item["row"], item["column"], item["value"], item["message"]) for item in items]


async def by_code(office: Office) -> dict[str, Any]:
    return {product["code"]: product for product in (await office.get("/products", limit=500))["items"]}


FILE = """\
code,name,name:pl,unit,tax_category,categories,barcodes,item_code,minimum_age_years,price,price_list
MILK,Milk 1 l,Mleko 1 l,piece,standard,food|dairy,5901234123457|036000291452,,,1.29,retail
HAM,Ham,,kg,standard,food,,00042,,12.90,retail
WINE,"Wine, red",,piece,standard,,4006381333931,,18,24.00,retail
"""


async def shop(office: Office) -> None:
    await office.tax_category()
    await office.price_list()
    food = await office.post("/categories", {"code": "food", "name": "Food"})
    await office.post("/categories", {"code": "dairy", "name": "Dairy", "parent_id": food["id"]})
