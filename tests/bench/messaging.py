"""How much the guarantees of outbox and inbox cost: outbox to consumer over RabbitMQ against bare aio-pika.

Both sides move the same bodies through quorum queues of the same broker in the same run, confirmed and persistent,
published concurrently and acknowledged. The bus also reads and marks its outbox, keeps order per key, writes the log
stream and records every message in the inbox; the bare side does nothing but publish and consume.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Sequence
from typing import Any

import aio_pika
import uvloop
from aio_pika.abc import AbstractIncomingMessage
from sqlalchemy import MetaData, text

from libs.bus.bus import MessageBus
from libs.bus.consumer import ProjectionConsumer, Received
from libs.bus.settings import BusSettings
from libs.bus.tables import messaging_tables
from libs.bus.transports.rabbit import RabbitTransport, remove
from libs.contracts.message import Event, MessageDefinition
from libs.persistence import Database, UnitOfWork, create_engine
from libs.testkit.brokers import rabbitmq_server
from libs.testkit.databases import database_server

MESSAGES = 10_000
KEYS = 500
MESSAGES_PER_TRANSACTION = 100
PADDING_CHARACTERS = 600
BARE_WINDOW = 1_000
BARE_PREFETCH = 400
ROUNDS = 2
BUDGET = 0.5


class Measured(Event):
    """About as large as a sale of a few lines."""

    key: str
    number: int
    padding: str


Measured.message = MessageDefinition("bench", "event", Measured, "tillstream.bench.measured.v1", "key", None)


def run() -> dict[str, Any]:
    """Rates in messages per second and their ratio (the best of ROUNDS each, taken in turns)."""
    with database_server() as database, rabbitmq_server() as broker_url:
        database_url = database.create()
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                return runner.run(_measure(database_url, broker_url))
        finally:
            database.drop(database_url)


async def _measure(database_url: str, broker_url: str) -> dict[str, Any]:
    events = [
        Measured(key=f"key-{number % KEYS}", number=number // KEYS + 1, padding="x" * PADDING_CHARACTERS)
        for number in range(MESSAGES)
    ]
    bare, bus = [], []
    for _ in range(ROUNDS):
        bare.append(await _bare(broker_url, [event.body() for event in events]))
        bus.append(await _bus(database_url, broker_url, events))
    return {
        "messages": MESSAGES,
        "body_bytes": len(events[0].body()),
        "bare_aio_pika_messages_per_s": round(max(bare)),
        "outbox_to_consumer_messages_per_s": round(max(bus)),
        "ratio": round(max(bus) / max(bare), 3),
        "budget_ratio": BUDGET,
    }


async def _bare(url: str, bodies: Sequence[bytes]) -> float:
    name = f"bench-{secrets.token_hex(4)}"
    consumed = 0
    finished = asyncio.Event()

    async def consume(message: AbstractIncomingMessage) -> None:
        nonlocal consumed
        await message.ack()
        consumed += 1
        if consumed == len(bodies):
            finished.set()

    async with await aio_pika.connect(url) as publishing, await aio_pika.connect(url) as consuming:
        channel = await publishing.channel()
        exchange = await channel.declare_exchange(name, "topic", durable=True)
        receiving = await consuming.channel()
        await receiving.set_qos(BARE_PREFETCH)
        queue = await receiving.declare_queue(name, durable=True, arguments={"x-queue-type": "quorum"})
        await queue.bind(exchange, "#")
        await queue.consume(consume)
        window = asyncio.Semaphore(BARE_WINDOW)

        async def publish(body: bytes) -> None:
            message = aio_pika.Message(body, delivery_mode=2, content_type="application/json")
            try:
                await exchange.publish(message, "measured", mandatory=False)
            finally:
                window.release()

        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for body in bodies:
                await window.acquire()
                group.create_task(publish(body))
        await finished.wait()
        elapsed_s = time.perf_counter() - started
        await queue.delete(if_unused=False, if_empty=False)
        await exchange.delete()
    return len(bodies) / elapsed_s


async def _bus(database_url: str, broker_url: str, events: Sequence[Measured]) -> float:
    name = f"bench_{secrets.token_hex(4)}"
    settings = BusSettings(namespace=name, queue_prefix=f"{name}.")
    metadata = MetaData(schema=name)
    tables = messaging_tables(metadata, name)
    engine = create_engine(database_url, schema=name)
    async with engine.begin() as connection:
        await connection.execute(text(f"create schema {name}"))
        await connection.run_sync(metadata.create_all)
    transport = RabbitTransport(broker_url, settings, client="bench")
    await transport.start()
    database = Database(engine)
    bus = MessageBus("bench", database, tables, transport, settings)
    handled = 0
    finished = asyncio.Event()

    async def project(batch: Sequence[Received[Any]], work: UnitOfWork) -> None:
        nonlocal handled
        handled += len(batch)
        if handled == len(events):
            work.after_commit(finished.set)

    consumer = ProjectionConsumer("bench.projection", [Measured], project)
    await transport.declare([consumer])
    for start in range(0, len(events), MESSAGES_PER_TRANSACTION):
        async with database.transaction() as work:
            for event in events[start : start + MESSAGES_PER_TRANSACTION]:
                work.emit(event, sequence=event.number)
    started = time.perf_counter()
    await bus.start([consumer])
    await finished.wait()
    elapsed_s = time.perf_counter() - started
    await bus.drained()
    await bus.stop()
    await transport.stop()
    await engine.dispose()
    await remove(broker_url, settings, [consumer])
    return len(events) / elapsed_s


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
