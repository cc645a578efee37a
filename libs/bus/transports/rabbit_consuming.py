"""Consuming one queue of RabbitMQ, through lost connections, cancelled consumers and deleted queues."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import structlog
from aio_pika.abc import AbstractConnection
from aiormq import spec
from aiormq.abc import AbstractChannel as UnderlayChannel
from aiormq.abc import DeliveredMessage

from libs.bus.backoff import pause_s
from libs.bus.settings import BusSettings
from libs.bus.tasks import end
from libs.bus.topology import Queue, Topology
from libs.bus.transport import Disconnected, Sink
from libs.bus.transports.rabbit_link import (
    CLOSE_TIMEOUT_S,
    LOST,
    Link,
    cancelled_by_others,
    declare_exchanges,
    declare_queue,
)

log = structlog.get_logger(__name__)


class RabbitAttachment:
    """A consumer on one queue, on a channel of its own.

    Closing the channel, not cancelling the consumer, is how messages in hand are given back: RabbitMQ then returns
    them in order and only afterwards lets the next consumer of a single-active-consumer queue have any.
    """

    def __init__(
        self, link: Link, topology: Topology, queue: Queue, sink: Sink, settings: BusSettings, *, prefetch: int
    ) -> None:
        self._link = link
        self._topology = topology
        self._queue = queue
        self._sink = sink
        self._settings = settings
        self._prefetch = prefetch
        self._session: _Session | None = None
        self._task: asyncio.Task[None] | None = None
        self.closed = False

    @property
    def attached(self) -> bool:
        """Whether the broker has accepted the consumer, on a connection that still stands."""
        return self._session is not None

    def start(self) -> None:
        """Begin to attach."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Acknowledge what is due and give the rest back."""
        self.closed = True
        if self._session is not None:
            await self._session.flush()
        if self._task is not None:
            await end([self._task])
            self._task = None

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                await self._consume(await self._link.connection(wait=True))
                failures = 0
            except (*LOST, Disconnected) as error:
                failures += 1
                log.warning("consumer_lost", queue=self._queue.name, failures=failures, error=repr(error))
            except asyncio.CancelledError:
                if cancelled_by_others():
                    raise
            await asyncio.sleep(
                pause_s(max(failures, 1), first_s=self._settings.reconnect_s, limit_s=self._settings.reconnect_limit_s)
            )

    async def _consume(self, connection: AbstractConnection) -> None:
        """Consume until the channel closes or the broker cancels the consumer."""
        lost = asyncio.Event()
        await declare_exchanges(connection, self._topology)
        await declare_queue(connection, self._queue, self._topology)
        channel = connection.channel(publisher_confirms=False)
        await channel.initialize()
        try:
            channel.close_callbacks.add(lambda *_: lost.set())
            await channel.set_qos(self._prefetch)
            underlay = await channel.get_underlay_channel()
            underlay.on_consumer_cancel_callbacks.add(lambda _frame: lost.set())
            session = _Session(underlay, self._sink)
            await underlay.basic_consume(self._queue.name, session.deliver, timeout=self._settings.connect_timeout_s)
            self._session = session
            await lost.wait()
            log.warning("consumer_interrupted", queue=self._queue.name)
        finally:
            self._session = None
            with suppress(*LOST):
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    await channel.close()


class _Session:
    """What is in hand on one channel. Acknowledgements are gathered, so that a batch costs one frame."""

    def __init__(self, channel: UnderlayChannel, sink: Sink) -> None:
        self._channel = channel
        self._sink = sink
        self._in_hand: dict[int, bool] = {}
        self._flushing: asyncio.Task[None] | None = None

    async def deliver(self, message: DeliveredMessage) -> None:
        tag = message.delivery_tag
        if tag is None:
            return
        self._in_hand[tag] = False
        self._sink(_RabbitDelivery(self, tag, message))

    def acknowledge(self, tag: int) -> None:
        if tag not in self._in_hand:
            return
        self._in_hand[tag] = True
        if self._flushing is None and not self._channel.is_closed:
            self._flushing = asyncio.create_task(self.flush())

    async def flush(self) -> None:
        """Send the acknowledgements that are due: one for all up to the oldest message still in hand."""
        self._flushing = None
        done = [tag for tag, acknowledged in self._in_hand.items() if acknowledged]
        oldest_open = next((tag for tag, acknowledged in self._in_hand.items() if not acknowledged), None)
        for tag in done:
            del self._in_hand[tag]
        leading = [tag for tag in done if oldest_open is None or tag < oldest_open]
        # A lost channel has given the messages back already; they come again and are recognised.
        with suppress(*LOST):
            if leading:
                await self._channel.basic_ack(leading[-1], multiple=True, wait=False)
            for tag in done[len(leading) :]:
                await self._channel.basic_ack(tag, wait=False)


class _RabbitDelivery:
    __slots__ = ("_message", "_session", "_tag")

    def __init__(self, session: _Session, tag: int, message: DeliveredMessage) -> None:
        self._session = session
        self._tag = tag
        self._message = message

    @property
    def headers(self) -> Mapping[str, Any]:
        properties: spec.Basic.Properties = self._message.header.properties
        return properties.headers or {}

    @property
    def body(self) -> bytes:
        return self._message.body

    def ack(self) -> None:
        self._session.acknowledge(self._tag)
