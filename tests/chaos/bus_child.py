"""A process with a small service in it, to be killed: it emits, relays and consumes until all its work is done.

What it has emitted is written in the same transactions, so that after a crash it goes on where it stopped, as a till
does that sends again what was not acknowledged.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, insert, select

from libs.bus.consumer import AnyConsumer, Consumer, Received
from libs.bus.settings import BusSettings
from libs.persistence import UnitOfWork
from libs.persistence.unit_of_work import utc_now
from libs.testkit.faults import FaultInjected, arm_from_environment
from tests.integration.bus.harness import (
    Broker,
    Counted,
    Echoed,
    Node,
    Tables,
    events_consumer,
    projection,
    tables,
)

KEYS = ("a", "b", "c", "d")
NUMBERS = 12
SOURCE = "source"
ECHOING = "testing.echoing"
ECHOES = "testing.echoes"
PROJECTION = "testing.projection"


@dataclass(frozen=True)
class Orders:
    """What a child shall do. `fault` is in the form of TILLSTREAM_FAULT."""

    database_url: str
    schema: str
    kind: str
    broker_url: str | None
    settings: BusSettings
    emits: bool = True
    consumes: bool = True
    fault: str = ""


def consumers(made: Tables) -> Sequence[AnyConsumer]:
    """A chain (each event is answered by another, which a second consumer takes) and a projection beside it."""

    async def echo(received: Received[Counted], work: UnitOfWork) -> None:
        message = received.message
        await work.connection.execute(
            insert(made.effects).values(
                consumer=ECHOING, key=message.key, number=message.number, message_id=received.envelope.id
            )
        )
        work.emit(Echoed(key=message.key, number=message.number), sequence=message.number)

    return [
        Consumer(ECHOING, {Counted: echo}, queue_count=2),
        events_consumer(made, ECHOES, model=Echoed),
        projection(made, PROJECTION, batch_size=10),
    ]


async def emit_all(node: Node) -> None:
    """Emit each key's numbers, one per transaction, from where the committed ones end; repeat what fails."""
    effects = node.tables.effects
    for key in KEYS:
        while True:
            async with node.database.reading() as connection:
                statement = select(func.coalesce(func.max(effects.c.number), 0)).where(
                    effects.c.consumer == SOURCE, effects.c.key == key
                )
                number = int((await connection.execute(statement)).scalar_one()) + 1
            if number > NUMBERS:
                break
            try:
                async with node.database.transaction() as work:
                    await work.connection.execute(
                        insert(effects).values(consumer=SOURCE, key=key, number=number, message_id="")
                    )
                    work.emit(Counted(key=key, number=number), sequence=number)
            except FaultInjected:
                continue


async def work(orders: Orders) -> None:
    """Run a replica; one that emits ends when everything is done, another is ended from outside."""
    made = tables(orders.schema)
    broker = Broker(orders.kind, orders.settings, orders.broker_url)
    transport = await broker.transport()
    node = Node(orders.database_url, made, transport, orders.settings, utc_now)
    await node.bus.start(consumers(made) if orders.consumes else ())
    if orders.emits:
        await emit_all(node)
        await _all_handled(node)
    else:
        await asyncio.Event().wait()
    await node.close()
    await transport.stop()


async def _all_handled(node: Node) -> None:
    """Until every effect is there; `drained` alone does not see what other replicas have in hand."""
    expected = len(KEYS) * NUMBERS * 4
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if sum(len(numbers) for numbers in (await node.effects()).values()) >= expected:
            await node.bus.drained()
            return
        await asyncio.sleep(0.02)
    raise TimeoutError(f"{await node.effects()} {await node.bus.remaining()}")


def main(orders: Orders) -> None:
    """The child process."""
    # The parent's interrupt (Ctrl-C) ends the parent, which ends us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["TILLSTREAM_FAULT"] = orders.fault
    arm_from_environment()
    asyncio.run(work(orders))
