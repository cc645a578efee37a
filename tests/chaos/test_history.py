"""Eight tills sell over RabbitMQ while requests are doubled and lost, processes are killed and the broker restarts.

How long is set by TILLSTREAM_HISTORY_S (60 for the full check); what goes wrong when follows from a seed that is
printed with a failure and can be given again as TILLSTREAM_HISTORY_SEED.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import httpx
import pytest

from infra.demo.cashier import FLOAT_MINOR
from infra.demo.goods import assortment
from infra.demo.shop import Shop, set_up_shop
from libs.testkit.brokers import ServiceAbsent
from libs.testkit.history import FinalState, History, Outcome, violations
from tests.chaos.broker import Broker, own_broker
from tests.chaos.installation import SALES, SUBSCRIBER, Installation, installation
from tests.chaos.observation import observe
from tests.chaos.tills import OpenApi, Till
from tests.conftest import LEFT_OUT

TILLS = 8
DURATION_S = float(os.environ.get("TILLSTREAM_HISTORY_S", "20"))
SEED = int(os.environ.get("TILLSTREAM_HISTORY_SEED", secrets.randbelow(1_000_000)))
SHOWN_VIOLATIONS = 40
SETTING_UP_TIMEOUT_S = 30.0

pytestmark = pytest.mark.rabbitmq


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker that this test may kill."""
    try:
        with own_broker(tmp_path) as running:
            yield running
    except ServiceAbsent as absent:
        if os.environ.get("TILLSTREAM_REQUIRE_SERVICES") == "1":
            pytest.fail(str(absent))
        pytest.skip(LEFT_OUT + str(absent))


async def test_every_acknowledged_sale_is_kept_and_heard_once_whatever_crashes(
    broker: Broker, redis_url: str, new_database: Callable[..., str]
) -> None:
    database_url = new_database()
    with installation(database_url, broker.url, redis_url) as running:
        try:
            history, final = await trade(running, broker, database_url)
        finally:
            # Shown with a failure only, when it is all there is to go by.
            print(running.output())
    broken = violations(history, final)
    assert not broken, "\n".join(
        [
            f"TILLSTREAM_HISTORY_SEED={SEED} TILLSTREAM_HISTORY_S={DURATION_S:g}: {len(broken)} promises broken",
            *map(str, broken[:SHOWN_VIOLATIONS]),
        ]
    )
    print({outcome.value: history.count(outcome) for outcome in Outcome}, len(final.stored))
    # That nothing broke is worth something only if enough happened.
    assert len(final.stored) >= TILLS * DURATION_S / 4
    assert history.count(Outcome.OK) > len(final.stored)
    assert min(history.count(Outcome.UNKNOWN), history.count(Outcome.FAIL)) > 0


async def trade(running: Installation, broker: Broker, database_url: str) -> tuple[History, FinalState]:
    """Set up a shop, let its tills and the chaos run, and look at what is left."""
    history = History()
    chance = Random(SEED)
    async with (
        httpx.AsyncClient(transport=running.transport(), base_url="http://edge", timeout=SETTING_UP_TIMEOUT_S) as http,
    ):
        shop = await set_up_shop(OpenApi(http), running.secrets, TILLS)
        for cashier in shop.cashiers:
            await cashier.open_shift()
        until_s = asyncio.get_running_loop().time() + DURATION_S
        async with asyncio.TaskGroup() as group:
            group.create_task(chaos(running, broker))
            for till in tills(shop, http, history, chance):
                group.create_task(till.work(until_s))
        shifts = {cashier.till_id: cashier.shift_id for cashier in shop.cashiers}
        return history, await observe(database_url, shop.office, shifts, FLOAT_MINOR)


def tills(shop: Shop, http: httpx.AsyncClient, history: History, chance: Random) -> Iterator[Till]:
    codes = [goods.code for goods in assortment().values() if not goods.weighed]
    for cashier in shop.cashiers:
        assert isinstance(cashier.api, OpenApi)
        yield Till(cashier.till_id, cashier.api.headers, http, history, Random(chance.random()), codes)


async def chaos(running: Installation, broker: Broker) -> None:
    """Kill a consumer, the broker and a replica of sales, one after the other; each comes back while tills sell."""
    pause_s = DURATION_S / 6
    await asyncio.sleep(pause_s)
    running.kill(SUBSCRIBER)
    await asyncio.sleep(pause_s)
    running.start(SUBSCRIBER)
    broker.stop()
    await asyncio.sleep(pause_s / 2)
    await asyncio.to_thread(broker.start)
    running.kill(SALES[1])
    await asyncio.sleep(pause_s / 2)
    running.start(SALES[1])
    for process in (SUBSCRIBER, SALES[1]):
        await asyncio.to_thread(running.wait, process)
