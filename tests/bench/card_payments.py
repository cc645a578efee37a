"""What the promises cost a card: payments over HTTP against a bare client of the acquirer and bare psycopg.

Sixteen tills key a card each at payments as `tillstream run payments` runs it, one replica for each processor.
Each payment is stored in one transaction, authorised by the acquirer's host, and recorded in another one, with relays
that publish it to RabbitMQ. The bare side writes the same rows in as many transactions over as many connections, and
asks the same host. What payments adds to a host's own time is measured with few tills, at a host that thinks for 50 ms.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import uvloop

from services.payments.domain.concentrator.requests import GOODS, NORMAL
from services.payments.gateways.acquirer import read_dialect
from tests.bench.authorisations import CARD, MERCHANT, swift_host
from tests.bench.bare_acquirer_link import BareLink
from tests.bench.bare_payments import Captured, capture, replay
from tests.bench.card_shop import CardShop, card_shop
from tests.bench.swift_acquirer import DIALECT, THINKS_S

TILLS = 16
FEW_TILLS = 4
# One for each processor, as a Python process keeps one busy; the design scales a service by adding replicas.
REPLICAS = os.cpu_count() or 1
# As many as all replicas together have.
CONNECTIONS = 8 * REPLICAS
ROUNDS = 5
WARM_UP_S = 0.5
ROUND_S = 3.0
# More than are paid in a round, by either side.
PREPARED_PER_TILL = 400
PREPARED_PER_SLOW_TILL = 100
BUDGET_RATIO = 0.1


def run() -> dict[str, Any]:
    """Payments per second and their ratio, and milliseconds added to the host's own time."""
    ours: list[float] = []
    bare: list[float] = []
    with (
        tempfile.TemporaryDirectory(prefix="tillstream-bench-") as folder,
        swift_host() as (swift, thinking),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        with card_shop(TILLS, swift, Path(folder), replicas=REPLICAS) as shop:
            _pay(shop, PREPARED_PER_TILL)
            captured = capture(shop.database_url)
            for _ in range(ROUNDS):
                # In turns, so that whatever else this machine does slows both down.
                ours.append(len(_pay(shop, PREPARED_PER_TILL)) / ROUND_S)
                bare.append(runner.run(_bare(shop, captured, swift)))
        with card_shop(FEW_TILLS, thinking, Path(folder), replicas=1) as shop:
            seconds = [each for _ in range(ROUNDS) for each in _pay(shop, PREPARED_PER_SLOW_TILL)]
    cuts = statistics.quantiles(seconds, n=100)
    return {
        "tills": TILLS,
        "replicas": REPLICAS,
        "bare_pyiso8583_and_psycopg_per_s": round(statistics.median(bare)),
        "http_payments_per_s": round(statistics.median(ours)),
        "ratio": round(statistics.median(rate / theirs for rate, theirs in zip(ours, bare, strict=True)), 3),
        "budget_ratio": BUDGET_RATIO,
        "added_p50_ms": round((cuts[49] - THINKS_S) * 1_000, 1),
        "added_p99_ms": round((cuts[98] - THINKS_S) * 1_000, 1),
    }


def _pay(shop: CardShop, prepared: int) -> list[float]:
    load = {
        "urls": shop.urls,
        "token": shop.token,
        "tenders": shop.prepare(prepared),
        "warm_up_s": WARM_UP_S,
        "measured_s": ROUND_S,
    }
    finished = subprocess.run(
        [sys.executable, "-m", "tests.bench.card_load"],
        input=json.dumps(load),
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode:
        raise RuntimeError(f"the tills failed:\n{finished.stderr}")
    seconds: list[float] = json.loads(finished.stdout)["seconds_each"]
    return seconds


async def _bare(shop: CardShop, captured: Captured, port: int) -> float:
    texts = {**MERCHANT.fields, **CARD.fields, 3: GOODS, 25: NORMAL}
    constant = {str(number): text for number, text in texts.items() if text is not None}
    link = await BareLink.connect(port, read_dialect(DIALECT).specification(), constant)
    try:
        return await replay(shop.database_url, link, captured, shop.prepare(PREPARED_PER_TILL), CONNECTIONS, ROUND_S)
    finally:
        await link.close()


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
