"""What the promises cost: sales over HTTP against bare psycopg that inserts the same rows, in the same run.

Sixteen tills post finished baskets of ten scanned lines, paid in cash, to sales as `tillstream run sales` runs it, one
replica for each processor, with relays that publish every sale to RabbitMQ; PostgreSQL, the broker, the service and
the tills share this machine. Bare psycopg then replays the rows of one of these sales with new ids over sixteen
connections, one transaction each.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
from typing import Any

import uvloop

from tests.bench.bare_sales import capture, replay
from tests.bench.sales_shop import CURRENCY, SalesShop, sales_shop

TILLS = 16
# One for each processor, as a Python process keeps one busy; the design scales a service by adding replicas.
REPLICAS = os.cpu_count() or 1
LINES = 10
ROUNDS = 3
WARM_UP_S = 1.5
ROUND_S = 5.0
PREPARED_PER_TILL = 200
BUDGET_RATIO = 0.2
BUDGET_P99_OVER_P50 = 5.0


def run() -> dict[str, Any]:
    """Rates in sales per second and their ratio, p50 and p99 of the call in milliseconds and their ratio."""
    seconds: list[float] = []
    bare: list[float] = []
    with sales_shop(TILLS, replicas=REPLICAS) as shop, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        _sell(shop)
        captured = capture(shop.database_url)
        for _ in range(ROUNDS):
            # In turns, so that whatever else this machine does slows both down.
            seconds += _sell(shop)
            bare.append(runner.run(replay(shop.database_url, captured, shop.till_ids, shop.shift_ids, ROUND_S)))
    rate, bare_rate = len(seconds) / (ROUNDS * ROUND_S), statistics.mean(bare)
    cuts = statistics.quantiles(seconds, n=100)
    p50_ms, p99_ms = cuts[49] * 1_000, cuts[98] * 1_000
    return {
        "tills": TILLS,
        "replicas": REPLICAS,
        "lines": LINES,
        "bare_psycopg_sales_per_s": round(bare_rate),
        "http_sales_per_s": round(rate),
        "ratio": round(rate / bare_rate, 3),
        "budget_ratio": BUDGET_RATIO,
        "p50_ms": round(p50_ms, 1),
        "p99_ms": round(p99_ms, 1),
        "p99_over_p50": round(p99_ms / p50_ms, 2),
        "budget_p99_over_p50": BUDGET_P99_OVER_P50,
    }


def _sell(shop: SalesShop) -> list[float]:
    load = {
        "urls": shop.urls,
        "tokens": shop.tokens,
        "codes": shop.codes,
        "currency": CURRENCY,
        "lines": LINES,
        "prepared": PREPARED_PER_TILL,
        "warm_up_s": WARM_UP_S,
        "measured_s": ROUND_S,
    }
    finished = subprocess.run(
        [sys.executable, "-m", "tests.bench.till_load"],
        input=json.dumps(load),
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode:
        raise RuntimeError(f"the tills failed:\n{finished.stderr}")
    seconds: list[float] = json.loads(finished.stdout)["seconds_each"]
    return seconds


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
