"""Crashes at every fault point, by exception and by kill -9: nothing lost, nothing twice, order per key."""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import secrets
import signal
from collections.abc import AsyncIterator
from multiprocessing.context import ForkServerProcess

import pytest

from libs.bus.transports.rabbit import remove
from libs.persistence import create_engine
from libs.persistence.unit_of_work import utc_now
from libs.testkit.faults import BUS_FAULT_POINTS, armed
from tests.chaos.bus_child import (
    ECHOES,
    ECHOING,
    KEYS,
    NUMBERS,
    PROJECTION,
    SOURCE,
    Orders,
    consumers,
    emit_all,
    main,
)
from tests.integration.bus.harness import Broker, Node, create_schema, quick_settings, tables

# The gateway's are struck by the gateway's own tests.
EXPECTED = {key: list(range(1, NUMBERS + 1)) for key in KEYS}
KILLED = -signal.SIGKILL

_processes = multiprocessing.get_context("forkserver")
# Children are forked from a process that has imported everything already: a real process each, within milliseconds.
_processes.set_forkserver_preload(["tests.chaos.bus_child"])


@pytest.fixture(params=["local", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
async def orders(request: pytest.FixtureRequest, database_url: str, broker_namespace: str) -> AsyncIterator[Orders]:
    """A schema and a namespace on the broker for one test."""
    kind: str = request.param
    url = request.getfixturevalue("rabbitmq_url") if kind == "rabbitmq" else None
    schema = f"chaos_{secrets.token_hex(4)}"
    # A killed process cannot give its leases back; let its successor not wait long.
    settings = quick_settings(broker_namespace, relay_lease_s=0.6, parked_lease_s=0.6)
    engine = create_engine(database_url, schema="public")
    made = tables(schema)
    await create_schema(engine, made)
    await engine.dispose()
    if url is not None:
        broker = Broker(kind, settings, url)
        await broker.declare(consumers(made))
        for transport in broker._transports:
            await transport.stop()
    yield Orders(database_url, schema, kind, url, settings)
    if url is not None:
        await remove(url, settings, consumers(made))


def start(orders: Orders, **changes: object) -> ForkServerProcess:
    child = _processes.Process(target=main, args=(Orders(**{**vars(orders), **changes}),), daemon=True)
    child.start()
    return child


async def ended(child: ForkServerProcess, timeout_s: float = 40.0) -> int | None:
    await asyncio.to_thread(child.join, timeout_s)
    return child.exitcode


async def check(orders: Orders) -> None:
    """What was committed was handled by each consumer exactly once and in order."""
    made = tables(orders.schema)
    broker = Broker(orders.kind, orders.settings, orders.broker_url)
    node = Node(orders.database_url, made, await broker.transport(), orders.settings, utc_now)
    try:
        for name in (SOURCE, ECHOING, ECHOES, PROJECTION):
            assert await node.effects(name) == EXPECTED, name
        assert set((await node.inbox()).values()) == {"done"}
        assert len(await node.inbox()) == 3 * len(KEYS) * NUMBERS
    finally:
        await node.close()
        await node.transport.stop()


@pytest.mark.parametrize("point", BUS_FAULT_POINTS)
async def test_kill_9_at_a_fault_point_loses_nothing_and_repeats_nothing(orders: Orders, point: str) -> None:
    assert await ended(start(orders, fault=f"{point}:kill:5")) == KILLED
    assert await ended(start(orders)) == 0
    await check(orders)


@pytest.mark.parametrize("point", BUS_FAULT_POINTS)
async def test_an_exception_at_a_fault_point_loses_nothing_and_repeats_nothing(orders: Orders, point: str) -> None:
    made = tables(orders.schema)
    broker = Broker(orders.kind, orders.settings, orders.broker_url)
    transport = await broker.transport()
    node = Node(orders.database_url, made, transport, orders.settings, utc_now)
    try:
        with armed(point, on_passage=3) as fault:
            await node.bus.start(consumers(made))
            await emit_all(node)
            await node.bus.drained()
        assert fault.struck
    finally:
        await node.close()
        await transport.stop()
    await check(orders)


async def test_a_process_killed_again_and_again_at_any_moment_gets_everything_done_once(orders: Orders) -> None:
    seed = secrets.randbits(32)
    chance = random.Random(seed)
    for _ in range(4):
        child = start(orders)
        await asyncio.sleep(chance.uniform(0.3, 0.9))
        child.kill()
        assert await ended(child) in (KILLED, 0), f"seed {seed}"
    assert await ended(start(orders)) == 0, f"seed {seed}"
    await check(orders)


@pytest.mark.parametrize("orders", [pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)], indirect=True)
async def test_replicas_killed_in_turn_hand_over_without_loss_repetition_or_disorder(orders: Orders) -> None:
    seed = secrets.randbits(32)
    chance = random.Random(seed)
    main_child = start(orders, consumes=False)
    replicas = [start(orders, emits=False), start(orders, emits=False)]
    for _ in range(4):
        await asyncio.sleep(chance.uniform(0.2, 0.5))
        victim = replicas.pop(0)
        victim.kill()
        assert await ended(victim) == KILLED
        replicas.append(start(orders, emits=False))
    exitcode = await ended(main_child)
    for replica in replicas:
        replica.terminate()
        await ended(replica)
    assert exitcode == 0, f"seed {seed}"
    await check(orders)
