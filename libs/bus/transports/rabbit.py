"""RabbitMQ by aio-pika: confirmed, persistent publishing on one connection, consuming on another.

Connections, channels and consumers that are lost are opened again here, with growing pauses, and what they need is
declared anew, so a queue that was deleted under its consumer comes back. The hot paths use the channel below
aio-pika's, which spares building a message object for each delivery.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import aio_pika
import structlog
from aio_pika.abc import AbstractConnection
from aiormq import spec
from aiormq.abc import AbstractChannel as UnderlayChannel

from libs.bus.consumer import AnyConsumer
from libs.bus.envelope import CONTENT_TYPE
from libs.bus.settings import BusSettings
from libs.bus.tasks import end
from libs.bus.topology import Topology, concurrency
from libs.bus.transport import Attachment, Disconnected, NotConfirmed, Sink, Unroutable, Unsendable, WireMessage
from libs.bus.transports.rabbit_consuming import RabbitAttachment
from libs.bus.transports.rabbit_link import LOST, Link, cancelled_by_others, declare_exchanges, declare_queue

log = structlog.get_logger(__name__)

PERSISTENT = 2


class RabbitTransport:
    """One service's connections to a RabbitMQ. `client` names them in the broker's lists."""

    name = "rabbitmq"

    def __init__(self, url: str, settings: BusSettings, *, client: str) -> None:
        self._settings = settings
        self._topology = Topology(settings)
        self._publishing = Link(url, settings, f"{client} publishing")
        self._consuming = Link(url, settings, f"{client} consuming")
        self._channel: UnderlayChannel | None = None
        self._channel_ready = asyncio.Event()
        self._channel_task: asyncio.Task[None] | None = None
        self._attachments: list[RabbitAttachment] = []

    async def start(self) -> None:
        """Begin to connect; a broker that is away is tried until it is there."""
        self._publishing.start()
        self._consuming.start()
        self._channel_task = asyncio.create_task(self._keep_channel())

    async def stop(self) -> None:
        """Give back what is in hand and close both connections."""
        await asyncio.gather(*(attachment.close() for attachment in self._attachments))
        self._attachments.clear()
        if self._channel_task is not None:
            await end([self._channel_task])
            self._channel_task = None
        await self._publishing.stop()
        await self._consuming.stop()

    async def declare(self, consumers: Sequence[AnyConsumer]) -> None:
        """Create exchanges, streams and the consumers' queues. Raises Disconnected if the broker cannot be reached."""
        try:
            connection = await self._consuming.connection()
            await declare_exchanges(connection, self._topology)
            # The streams are the installation's; whoever declares nothing has no use for them either.
            for queue in [] if self._topology.expected else self._topology.streams():
                await declare_queue(connection, queue, self._topology)
            for consumer in consumers:
                for queue in self._topology.queues(consumer):
                    await declare_queue(connection, queue, self._topology)
        except LOST as error:
            raise Disconnected(f"declaring queues: {error!r}") from error

    async def publish(self, message: WireMessage) -> None:
        """Send a message and wait for the broker's confirm, i.e. until every queue has it on disk."""
        command = message.kind == "command"
        properties = spec.Basic.Properties(
            content_type=CONTENT_TYPE,
            delivery_mode=PERSISTENT,
            headers=dict(message.headers),
            message_id=message.id,
        )
        channel = self._channel or await self._wait_for_channel()
        try:
            await channel.basic_publish(
                message.body,
                exchange=self._topology.commands if command else self._topology.events,
                routing_key=message.routing_key,
                properties=properties,
                mandatory=command,
                timeout=self._settings.publish_timeout_s,
            )
        except aio_pika.exceptions.PublishError as error:
            raise Unroutable(f"no queue is bound to {message.routing_key}") from error
        except aio_pika.exceptions.DeliveryError as error:
            raise NotConfirmed(f"the broker refused {message.id}: {error!r}") from error
        except TimeoutError as error:
            timeout_s = self._settings.publish_timeout_s
            raise NotConfirmed(f"{message.id} was not confirmed within {timeout_s} s") from error
        except LOST as error:
            raise Disconnected(f"the connection was lost before {message.id} was confirmed: {error!r}") from error
        except asyncio.CancelledError as error:
            if cancelled_by_others():
                raise
            raise Disconnected(f"the channel was closed before {message.id} was confirmed") from error
        except (ValueError, TypeError, OverflowError) as error:
            raise Unsendable(f"{message.id} cannot be encoded: {error}") from error

    async def attach(self, consumer: AnyConsumer, sink: Sink) -> Sequence[Attachment]:
        """Consume the consumer's queues; each attachment attaches again by itself after any loss."""
        created = [
            RabbitAttachment(
                self._consuming, self._topology, queue, sink, self._settings, prefetch=concurrency(consumer)
            )
            for queue in self._topology.queues(consumer)
        ]
        self._attachments = [attachment for attachment in self._attachments if not attachment.closed]
        self._attachments.extend(created)
        for attachment in created:
            attachment.start()
        return created

    async def backlog(self, consumer: AnyConsumer) -> int:
        """How many messages the broker holds ready in the consumer's queues."""
        connection = await self._consuming.connection()
        total = 0
        async with connection.channel() as channel:
            for name in self._topology.queue_names(consumer):
                queue = await channel.declare_queue(name, passive=True)
                total += queue.declaration_result.message_count or 0
        return total

    async def _wait_for_channel(self) -> UnderlayChannel:
        try:
            async with asyncio.timeout(self._settings.connect_timeout_s):
                await self._channel_ready.wait()
        except TimeoutError as error:
            raise Disconnected("no connection to the broker") from error
        if self._channel is None:
            raise Disconnected("the connection to the broker was lost")
        return self._channel

    async def _keep_channel(self) -> None:
        """Keep a confirming channel open for publishing, on whatever connection there is."""
        while True:
            try:
                await self._use_channel(await self._publishing.connection(wait=True))
            except LOST as error:
                log.warning("publishing_channel_lost", error=repr(error))
            except asyncio.CancelledError:
                if cancelled_by_others():
                    raise
            await asyncio.sleep(self._settings.reconnect_s)

    async def _use_channel(self, connection: AbstractConnection) -> None:
        lost = asyncio.Event()
        await declare_exchanges(connection, self._topology)
        async with connection.channel(publisher_confirms=True, on_return_raises=True) as channel:
            channel.close_callbacks.add(lambda *_: lost.set())
            self._channel = await channel.get_underlay_channel()
            self._channel_ready.set()
            try:
                await lost.wait()
            finally:
                self._channel = None
                self._channel_ready.clear()


async def declare(url: str, settings: BusSettings, consumers: Sequence[AnyConsumer]) -> None:
    """Create everything on the broker for all consumers of an installation, before any service starts.

    Raises Disconnected if the broker cannot be reached within `settings.connect_timeout_s`.
    """
    transport = RabbitTransport(url, settings, client="migrate")
    await transport.start()
    try:
        await transport.declare(consumers)
    finally:
        with suppress(Disconnected):
            await transport.stop()


async def remove(url: str, settings: BusSettings, consumers: Sequence[AnyConsumer]) -> None:
    """Delete what `declare` made for these consumers, with every message in it: for installations made for a test."""
    topology = Topology(settings)
    queues = [queue.name for queue in topology.streams()]
    queues += [name for consumer in consumers for name in topology.queue_names(consumer)]
    async with await aio_pika.connect(url) as connection, connection.channel() as channel:
        for name in dict.fromkeys(queues):
            await channel.queue_delete(name)
        for name in topology.exchanges():
            await channel.exchange_delete(name)
