"""X and Z cost the same whatever was sold: reports of a shift of 10 and of one of 100,000 receipts, over HTTP.

Ten sales are rung up at each of two tills. The second till's are then copied in the database until there are 100,000
with all that goes with them, so that both Z reports can be checked against each other to the cent.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import httpx
import psycopg

from libs.persistence import new_id
from tests.bench.sales_shop import CURRENCY, SalesShop, sales_shop

RECEIPTS = 10
COPIES = 10_000
LINES = 3
ROUNDS = 40
# Constant in receipts; what is above 1 is the noise of a machine that also does other things.
BUDGET_TIMES_AS_LONG = 1.5

_COPY_SALES = """
insert into sales.sales (sale_id, kind, store_id, till_id, shift_id, number, sequence, receipt_code, business_date,
  completed_at, total_minor, request_hash, document)
select gen_random_uuid(), kind, store_id, till_id, shift_id, number + copy * %(receipts)s, sequence,
  receipt_code || copy, business_date, completed_at, total_minor, request_hash, document
from sales.sales, generate_series(1, %(copies)s - 1) as copy where shift_id = %(shift_id)s
"""
_MULTIPLY_TOTALS = """
update sales.shift_totals
set count = count * %(copies)s, amount_minor = amount_minor * %(copies)s, second_minor = second_minor * %(copies)s
where shift_id = %(shift_id)s and kind <> 'drawer'
"""
_COUNT_NUMBERS = """
with counted as (
  update sales.till_counters set last_number = last_number * %(copies)s, held_count = held_count * %(copies)s
  where till_id = %(till_id)s returning last_number)
update sales.shifts set last_number = counted.last_number from counted where shift_id = %(shift_id)s
"""
_REOPEN = """
update sales.shifts set state = 'open', version = version - 1, closed_at = null, z_number = null, z_report = null
where shift_id = %s
"""


def run() -> dict[str, Any]:
    """Median milliseconds of X and Z for both shifts, and how many times as long the large one takes."""
    with sales_shop(2) as shop, psycopg.connect(shop.database_url, autocommit=True) as connection:
        for token in shop.tokens:
            for number in range(RECEIPTS):
                _sell(shop, token, number)
        _copy(connection, shop.till_ids[1], shop.shift_ids[1])
        with httpx.Client(base_url=shop.urls[0]) as http:
            x = _alternately(lambda at: _x_report(http, shop, at))
            z = _alternately(lambda at: _z_report(http, shop, at, connection))
    return {
        "small_receipts": RECEIPTS,
        "large_receipts": RECEIPTS * COPIES,
        "x_small_ms": _shown(x[0]),
        "x_large_ms": _shown(x[1]),
        "z_small_ms": _shown(z[0]),
        "z_large_ms": _shown(z[1]),
        "x_times_as_long": round(statistics.median(x[1]) / statistics.median(x[0]), 2),
        "budget_x_times_as_long": BUDGET_TIMES_AS_LONG,
        "z_times_as_long": round(statistics.median(z[1]) / statistics.median(z[0]), 2),
        "budget_z_times_as_long": BUDGET_TIMES_AS_LONG,
    }


def _sell(shop: SalesShop, token: str, number: int) -> None:
    """The same ten baskets at both tills."""
    codes = shop.codes[number * LINES : (number + 1) * LINES]
    body = {
        "sale_id": str(new_id()),
        "currency": CURRENCY,
        "lines": [{"code": code} for code in codes],
        "tenders": [{"tender_id": str(new_id()), "kind": "cash", "given_minor": 50_000}],
    }
    httpx.post(f"{shop.urls[0]}/sales/v1/sales", json=body, headers=_bearer(token)).raise_for_status()


def _copy(connection: psycopg.Connection[Any], till_id: UUID, shift_id: UUID) -> None:
    parameters = {"copies": COPIES, "receipts": RECEIPTS, "till_id": till_id, "shift_id": shift_id}
    with connection.transaction():
        for statement in (_COPY_SALES, _MULTIPLY_TOTALS, _COUNT_NUMBERS):
            connection.execute(statement, parameters)
    connection.execute("analyze sales.sales")


def _alternately(ask: Callable[[int], tuple[float, dict[str, Any]]]) -> tuple[list[float], list[float]]:
    """Seconds for the small and for the large shift, asked in turns. Raises RuntimeError for reports that differ."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        small, large = ask(0), ask(1)
        _check(small[1], large[1])
        for index, (taken, _report) in enumerate((small, large)):
            seconds[index].append(taken)
    return seconds


def _check(small: dict[str, Any], large: dict[str, Any]) -> None:
    if (small["differences"], large["differences"]) != ([], []):
        raise RuntimeError(f"a report does not agree with itself: {large['differences']}")
    for name in ("document_count", "total_minor", "tax_minor", "tendered_minor", "last_number"):
        if large[name] != small[name] * COPIES:
            raise RuntimeError(f"{name} is {large[name]}, not {COPIES} times {small[name]}")


def _x_report(http: httpx.Client, shop: SalesShop, at: int) -> tuple[float, dict[str, Any]]:
    started = time.perf_counter()
    response = http.get(f"/sales/v1/shifts/{shop.shift_ids[at]}/x-report", headers=_bearer(shop.tokens[at]))
    taken = time.perf_counter() - started
    response.raise_for_status()
    return taken, response.json()


def _z_report(
    http: httpx.Client, shop: SalesShop, at: int, connection: psycopg.Connection[Any]
) -> tuple[float, dict[str, Any]]:
    """Close the shift, then open it again behind the service's back for the next round."""
    body = {"counts": [{"currency": CURRENCY, "denominations": []}]}
    started = time.perf_counter()
    response = http.post(f"/sales/v1/shifts/{shop.shift_ids[at]}/close", json=body, headers=_bearer(shop.tokens[at]))
    taken = time.perf_counter() - started
    response.raise_for_status()
    connection.execute(_REOPEN, [shop.shift_ids[at]])
    return taken, response.json()


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _shown(seconds: Sequence[float]) -> float:
    return round(statistics.median(seconds) * 1_000, 2)


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
