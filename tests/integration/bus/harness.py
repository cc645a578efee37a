"""A small service to try the bus on: it emits numbered messages per key and writes down what its handlers did."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Identity, Integer, MetaData, Table, Text, insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.bus.bus import MessageBus
from libs.bus.consumer import AnyConsumer, CommandConsumer, Consumer, Handler, ProjectionConsumer, Received
from libs.bus.settings import BusSettings
from libs.bus.tables import MessagingTables, messaging_tables
from libs.bus.transport import Transport
from libs.bus.transports.local import LocalTransport
from libs.bus.transports.rabbit import RabbitTransport, remove
from libs.contracts.message import Command, Event, Message, MessageDefinition
from libs.contracts.operations import MessageDead
from libs.persistence import Database, UnitOfWork, create_engine
from libs.persistence.unit_of_work import Clock, utc_now


class Counted(Event):
    """A fact of a test: the `number`-th of its `key`."""

    key: str
    number: int
    note: str = ""


class Echoed(Event):
    """What a handler emits in answer to `Counted`."""

    key: str
    number: int


class Act(Command):
    """An order of a test."""

    key: str
    number: int

    @property
    def route(self) -> str:
        return "testing.act"


# Not with @contract: the registry is that of the product, and other tests list it.
for _model, _name in ((Counted, "counted"), (Echoed, "echoed"), (Act, "act")):
    _model.message = MessageDefinition(
        "testing", "command" if _model is Act else "event", _model, f"tillstream.testing.{_name}.v1", "key", None
    )


@dataclass(frozen=True)
class Tables:
    """The messaging tables of the test's service, and what its handlers wrote."""

    metadata: MetaData
    messaging: MessagingTables
    effects: Table


def tables(schema: str) -> Tables:
    metadata = MetaData(schema=schema)
    effects = Table(
        "effects",
        metadata,
        Column("position", BigInteger, Identity(), primary_key=True),
        Column("consumer", Text, nullable=False),
        Column("key", Text, nullable=False),
        Column("number", Integer, nullable=False),
        Column("message_id", Text, nullable=False),
    )
    return Tables(metadata, messaging_tables(metadata, schema), effects)


async def create_schema(engine: AsyncEngine, made: Tables) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(f"create schema {made.metadata.schema}"))
        await connection.run_sync(made.metadata.create_all)


# The name that tests of other parts know it by.
remove_topology = remove

QUICK = BusSettings(
    relay_poll_s=0.05,
    relay_alone_poll_s=0.05,
    relay_lease_s=2.0,
    relay_retry_s=0.05,
    relay_retry_limit_s=0.3,
    publish_timeout_s=5.0,
    attempts=3,
    attempt_backoff_s=0.1,
    attempt_backoff_limit_s=0.2,
    quick_retry_s=0.01,
    parked_poll_s=0.05,
    parked_lease_s=2.0,
    probe_s=0.1,
    probe_limit_s=0.2,
    stop_timeout_s=3.0,
    reconnect_s=0.05,
    reconnect_limit_s=0.3,
    watchdog_s=1.0,
)
"""Short pauses, so that a test need not wait; everything else as in production."""


def quick_settings(namespace: str, **changes: Any) -> BusSettings:
    return QUICK.model_copy(update={"namespace": namespace, "queue_prefix": f"{namespace}.", **changes})


@dataclass
class Broker:
    """Where a test's messages travel: opens transports, and removes what they made when the test ends."""

    kind: str
    settings: BusSettings
    url: str | None = None
    _local: LocalTransport | None = None
    _transports: list[Transport] = field(default_factory=list)
    _consumers: list[AnyConsumer] = field(default_factory=list)

    async def transport(self, *, url: str | None = None) -> Transport:
        """A transport of one service: a connection of its own on RabbitMQ, the one shared object locally."""
        made: Transport
        if self.kind == "local":
            self._local = made = self._local or LocalTransport(self.settings)
        else:
            assert self.url is not None
            made = RabbitTransport(url or self.url, self.settings, client="test")
        await made.start()
        self._transports.append(made)
        return made

    async def declare(self, consumers: Sequence[AnyConsumer]) -> None:
        self._consumers.extend(consumers)
        await (self._transports[0] if self._transports else await self.transport()).declare(consumers)

    async def close(self) -> None:
        for transport in self._transports:
            await transport.stop()
        if self.url is not None:
            await remove(self.url, self.settings, self._consumers)


class Node:
    """One replica of the test's service."""

    def __init__(
        self,
        url: str,
        made: Tables,
        transport: Transport,
        settings: BusSettings,
        clock: Clock,
        holder: str | None = None,
    ) -> None:
        assert made.metadata.schema is not None
        self.engine = create_engine(url, schema=made.metadata.schema)
        self.database = Database(self.engine, clock=clock)
        self.tables = made
        self.transport = transport
        self.bus = MessageBus("testing", self.database, made.messaging, transport, settings, holder=holder)

    async def emit(self, key: str, numbers: Iterable[int], *, note: str = "") -> None:
        """One transaction that emits events."""
        async with self.database.transaction() as work:
            for number in numbers:
                work.emit(Counted(key=key, number=number, note=note), sequence=number)

    async def send(self, key: str, number: int, *, expires_at: datetime | None = None) -> None:
        async with self.database.transaction() as work:
            work.send(Act(key=key, number=number), sequence=number, expires_at=expires_at)

    async def effects(self, consumer: str | None = None) -> dict[str, list[int]]:
        """The numbers that were handled, by key, in the order in which their transactions wrote."""
        effects = self.tables.effects
        statement = select(effects.c.key, effects.c.number).order_by(effects.c.position)
        if consumer is not None:
            statement = statement.where(effects.c.consumer == consumer)
        found: dict[str, list[int]] = {}
        async with self.database.reading() as connection:
            for row in await connection.execute(statement):
                found.setdefault(row.key, []).append(row.number)
        return found

    async def inbox(self) -> dict[tuple[str, str], str]:
        """The status of every inbox row by (message id, consumer)."""
        inbox = self.tables.messaging.inbox
        async with self.database.reading() as connection:
            rows = await connection.execute(select(inbox.c.message_id, inbox.c.consumer, inbox.c.status))
            return {(row.message_id, row.consumer): row.status for row in rows}

    async def dead_news(self) -> list[MessageDead]:
        """The `operations.message_dead` events in the outbox."""
        outbox = self.tables.messaging.outbox
        async with self.database.reading() as connection:
            rows = await connection.execute(
                select(outbox.c.body).where(outbox.c.type == MessageDead.message.type).order_by(outbox.c.seq)
            )
            return [MessageDead.parse(row.body) for row in rows]

    async def close(self) -> None:
        await self.bus.stop()
        await self.engine.dispose()


def recorder(made: Tables, consumer: str, before: Callable[[Received[Any]], Awaitable[None]] | None = None) -> Handler:
    """A handler that writes down what it was given, after `before`, which may fail or wait."""

    async def handle(received: Received[Any], work: UnitOfWork) -> None:
        if before is not None:
            await before(received)
        await work.connection.execute(insert(made.effects), _effect(consumer, received))

    return handle


def _effect(consumer: str, received: Received[Any]) -> dict[str, Any]:
    message = received.message
    return {
        "consumer": consumer,
        "key": message.key,
        "number": message.number,
        "message_id": received.envelope.id,
    }


def events_consumer(
    made: Tables,
    name: str = "testing.events",
    *,
    before: Callable[[Received[Any]], Awaitable[None]] | None = None,
    queue_count: int = 1,
    model: type[Message] = Counted,
) -> Consumer:
    return Consumer(name, {model: recorder(made, name, before)}, queue_count=queue_count)


def commands_consumer(
    made: Tables,
    name: str = "testing.commands",
    *,
    before: Callable[[Received[Any]], Awaitable[None]] | None = None,
) -> CommandConsumer:
    return CommandConsumer(name, "testing.act", {Act: recorder(made, name, before)})


def projection(
    made: Tables,
    name: str = "testing.projection",
    *,
    before: Callable[[Received[Any]], Awaitable[None]] | None = None,
    batch_size: int = 200,
) -> ProjectionConsumer:
    async def handle(batch: Sequence[Received[Any]], work: UnitOfWork) -> None:
        if before is not None:
            for received in batch:
                await before(received)
        await work.connection.execute(insert(made.effects), [_effect(name, received) for received in batch])

    return ProjectionConsumer(name, [Counted], handle, batch_size=batch_size, batch_wait_s=0.02)


@dataclass
class Stand:
    """A database schema and a broker for one test; makes nodes and closes them."""

    url: str
    tables: Tables
    broker: Broker
    _nodes: list[Node] = field(default_factory=list)

    async def node(
        self,
        consumers: Sequence[AnyConsumer] = (),
        *,
        settings: BusSettings | None = None,
        clock: Clock = utc_now,
        holder: str | None = None,
        url: str | None = None,
    ) -> Node:
        """A running replica."""
        await self.broker.declare(consumers)
        transport = await self.broker.transport()
        node = Node(url or self.url, self.tables, transport, settings or self.broker.settings, clock, holder)
        self._nodes.append(node)
        await node.bus.start(consumers)
        return node


@asynccontextmanager
async def stand(url: str, broker: Broker) -> AsyncIterator[Stand]:
    made = tables(f"test_{secrets.token_hex(4)}")
    engine = create_engine(url, schema="public")
    await create_schema(engine, made)
    opened = Stand(url, made, broker)
    try:
        yield opened
    finally:
        for node in opened._nodes:
            await node.close()
        await broker.close()
        await engine.dispose()


async def until(condition: Callable[[], Awaitable[bool]], timeout_s: float = 10.0) -> None:
    """Wait for a condition; AssertionError if it does not come true in time."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while not await condition():
        assert asyncio.get_running_loop().time() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.02)
