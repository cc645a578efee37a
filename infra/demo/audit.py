"""After the day: do sales, numbers, events, stock and Z reports agree? Each figure is asked of the system itself."""

from __future__ import annotations

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from infra.demo.api import Api, Json
from infra.demo.shop import Shop
from infra.demo.store_pc import StorePc
from libs.money import Quantity

ARRIVES_WITHIN_S = 60.0
SLIP = "slip"
Z_REPORT = "Z REPORT"
_QR_CODE = re.compile(r"\[QR: (.+)\]")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be equal, seen from two sides."""

    name: str
    expected: object
    found: object

    @property
    def holds(self) -> bool:
        """Whether both sides are the same."""
        return self.expected == self.found


async def documents_of(shop: Shop) -> list[Json]:
    """Every document of the day with its lines and tenders, as sales stored it."""
    documents = await shop.office.every("/sales/v1/sales", store_id=shop.store_id)
    return await _whole(shop.office, documents)


async def audit(shop: Shop, sales: Sequence[Json], reports: Sequence[Json]) -> list[Check]:
    """Compare what the cashiers did, what sales stored, what subscribers received and what the Z reports say."""
    checks = [
        Check(
            "documents stored / rung up by the cashiers",
            sum(each.tally.documents for each in shop.cashiers),
            len(sales),
        ),
        Check(
            "turnover stored / rung up, in cents",
            sum(each.tally.total_minor for each in shop.cashiers),
            sum(sale["total_minor"] for sale in sales),
        ),
    ]
    for cashier, report in zip(shop.cashiers, reports, strict=True):
        mine = [sale for sale in sales if sale["till_id"] == cashier.till_id]
        checks += _report_checks(f"till {cashier.till_code}", mine, report)
        held = await shop.office.get(f"/sales/v1/tills/{cashier.till_id}/continuity")
        checks.append(
            Check(
                f"till {cashier.till_code}: numbers held / missing",
                (len(mine), 0),
                (held["held_count"], held["missing_count"]),
            )
        )
    checks += await _subscriber_checks(shop, sales)
    checks.append(await _stock_check(shop, sales))
    return checks


async def _whole(office: Api, documents: Sequence[Json]) -> list[Json]:
    """The documents with their lines, a few requests at a time."""
    gate = asyncio.Semaphore(8)

    async def read(sale_id: str) -> Json:
        async with gate:
            sale: Json = (await office.get(f"/sales/v1/sales/{sale_id}"))["sale"]
            return sale

    return list(await asyncio.gather(*(read(each["sale_id"]) for each in documents)))


def _report_checks(name: str, sales: Sequence[Json], report: Json) -> list[Check]:
    """The Z report against the sum of its receipts."""
    tenders: dict[str, int] = defaultdict(int)
    taxes: dict[tuple[str, int], int] = defaultdict(int)
    for sale in sales:
        for tender in sale["tenders"]:
            tenders[tender["kind"]] += tender["amount_minor"]
        for tax in sale["taxes"]:
            taxes[tax["code"], tax["rate_ppm"]] += tax["tax_minor"]
    numbers = sorted(sale["number"] for sale in sales)
    return [
        Check(f"{name}: Z total = sum of receipts", sum(sale["total_minor"] for sale in sales), report["total_minor"]),
        Check(
            f"{name}: Z tenders = tenders of receipts",
            dict(sorted(tenders.items())),
            {each["kind"]: each["amount_minor"] for each in sorted(report["tenders"], key=lambda each: each["kind"])},
        ),
        Check(
            f"{name}: Z taxes = taxes of receipts",
            dict(sorted(taxes.items())),
            {(each["code"], each["rate_ppm"]): each["tax_minor"] for each in sorted(report["taxes"], key=_tax_key)},
        ),
        Check(
            f"{name}: Z numbers, first and last",
            (numbers[0], numbers[-1]) if numbers else (None, None),
            (report["first_number"], report["last_number"]),
        ),
        Check(f"{name}: Z agrees with itself", [], report["differences"]),
    ]


def _tax_key(tax: Json) -> tuple[str, int]:
    return tax["code"], tax["rate_ppm"]


async def _subscriber_checks(shop: Shop, sales: Sequence[Json]) -> list[Check]:
    expected: dict[str, tuple[int, int]] = {}
    for sale in sales:
        count, total = expected.get(sale["till_id"], (0, 0))
        expected[sale["till_id"]] = (count + 1, total + sale["total_minor"])

    async def received() -> list[Json]:
        tills: list[Json] = await shop.office.get("/subscriber/v1/tills")
        return tills

    tills = await received()
    deadline = asyncio.get_running_loop().time() + ARRIVES_WITHIN_S
    while sum(till["documents"] for till in tills) < len(sales) and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.2)
        tills = await received()
    found = {till["till_id"]: (till["documents"], till["total_minor"]) for till in tills}
    return [
        Check(
            "events at the subscriber = documents, by till", dict(sorted(expected.items())), dict(sorted(found.items()))
        ),
        Check("events that took effect twice at the subscriber", 0, sum(till["repeated"] for till in tills)),
    ]


async def _stock_check(shop: Shop, sales: Sequence[Json]) -> Check:
    """Nothing was in stock in the morning, so what is there in the evening is what was sold, below zero."""
    expected: dict[str, int] = defaultdict(int)
    for sale in sales:
        for line in sale["lines"]:
            expected[line["product_id"]] -= line["quantity_milli"]
    moved = {product: on_hand for product, on_hand in expected.items() if on_hand}

    async def on_hand() -> dict[str, int]:
        rows = await shop.office.every("/catalog/v1/stock", store_id=shop.store_id)
        found = {row["product_id"]: Quantity.of(row["on_hand"]).milli for row in rows}
        return {product: quantity for product, quantity in found.items() if quantity}

    found = await on_hand()
    deadline = asyncio.get_running_loop().time() + ARRIVES_WITHIN_S
    while found != moved and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.2)
        found = await on_hand()
    agreeing = sum(found.get(product) == quantity for product, quantity in moved.items())
    return Check("stock of each product = what was sold and brought back", len(moved | found), agreeing)


async def audit_paper(shop: Shop, pc: StorePc, sales: Sequence[Json]) -> list[Check]:
    """Compare what came out of the printers with what was sold, and with what the gateway says of its jobs."""
    codes = Counter(each["receipt_code"] for each in sales)
    expected = len(sales) + len(shop.cashiers)

    # What the gateway says is printed has left the printer, so this comes first.
    jobs = await _finished_jobs(shop.office, expected)
    # A terminal's slips come beside them, the shop's and sometimes the customer's.
    paper = [piece.text for printer in pc.printers.values() for piece in printer.receipts]
    # A return names the receipt it came from as well, but only a receipt's own code is in its QR code.
    printed = Counter(code for text in paper for code in _QR_CODE.findall(text))
    z_reports = sum(Z_REPORT in text for text in paper)
    states = Counter(job["state"] for job in jobs)
    return [
        Check(
            "pieces of paper: receipts / Z reports",
            (len(sales), len(shop.cashiers)),
            (sum(printed.values()), z_reports),
        ),
        Check("receipts printed once each / not once", (len(codes), 0), _once(printed, codes)),
        Check("print jobs by state at the gateway", {"printed": len(jobs)}, dict(states)),
    ]


def _once(printed: Counter[str], codes: Counter[str]) -> tuple[int, int]:
    once = sum(printed[code] == 1 for code in codes)
    return once, len(codes) - once


async def _finished_jobs(office: Api, expected: int) -> list[Json]:
    """The gateway's jobs, when all are printed and as many as there should be; what there is when they do not come.

    `expected` counts receipts and reports; the slips of card payments come beside them.
    """
    deadline = asyncio.get_running_loop().time() + ARRIVES_WITHIN_S
    while True:
        jobs = await office.every("/gateway/v1/jobs")
        printed = [job for job in jobs if job["state"] == "printed"]
        documents = sum(job["document_kind"] != SLIP for job in printed)
        if (documents >= expected and len(printed) == len(jobs)) or asyncio.get_running_loop().time() > deadline:
            return jobs
        await asyncio.sleep(0.2)
