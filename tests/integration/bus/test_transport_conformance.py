"""One suite for every transport: what relays and inboxes rely on, whoever carries the messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Self
from uuid import uuid4

import aio_pika
import pytest

from libs.bus.consumer import CommandConsumer, Consumer
from libs.bus.topology import Topology, event_routing_key, partition_of
from libs.bus.transport import Attachment, Delivery, NotConfirmed, Transport, Unroutable, WireMessage
from libs.bus.transports.local import LocalTransport
from libs.bus.transports.rabbit import RabbitTransport, remove
from tests.integration.bus.harness import Act, Counted, quick_settings, until
from tests.integration.bus.proxy import Proxy

pytestmark = pytest.mark.anyio


async def _nothing(*_: object) -> None:
    """The handlers of these consumers are never called: deliveries go to the test's own sink."""


CONSUMER = Consumer("testing.events", {Counted: _nothing})
SCALED = Consumer("testing.scaled", {Counted: _nothing}, queue_count=4)
OTHER = Consumer("testing.other", {Counted: _nothing})
COMMANDS = CommandConsumer("testing.commands", "testing.act", {Act: _nothing})


def event(key: str, number: int) -> WireMessage:
    routing_key = event_routing_key(Counted.message.type, "s1", partition_of(key))
    headers = {"ce-id": str(uuid4()), "ce-type": Counted.message.type, "key": key, "number": str(number)}
    return WireMessage(headers["ce-id"], "event", routing_key, headers, f"{key} {number}".encode())


def command(number: int, route: str = "testing.act") -> WireMessage:
    headers = {"ce-id": str(uuid4()), "ce-type": Act.message.type, "key": "k", "number": str(number)}
    return WireMessage(headers["ce-id"], "command", route, headers, f"k {number}".encode())


@dataclass
class Collector:
    """A sink that acknowledges at once, or only when told."""

    acknowledging: bool = True
    deliveries: list[Delivery] = field(default_factory=list)

    def __call__(self, delivery: Delivery) -> None:
        self.deliveries.append(delivery)
        if self.acknowledging:
            delivery.ack()

    @property
    def bodies(self) -> list[str]:
        return [delivery.body.decode() for delivery in self.deliveries]

    @property
    def ids(self) -> list[str]:
        return [delivery.headers["ce-id"] for delivery in self.deliveries]

    async def has(self, count: int, *, distinct: bool = False) -> None:
        async def enough() -> bool:
            return len(set(self.ids) if distinct else self.ids) >= count

        await until(enough)


class Conformance:
    """The suite. A subclass provides `rig`: a transport and ways to break it."""

    rig: type[Rig]

    @pytest.fixture
    async def broken(self, request: pytest.FixtureRequest, broker_namespace: str) -> AsyncIterator[Rig]:
        async with self.rig(request, broker_namespace) as rig:
            yield rig

    async def test_what_is_published_arrives_unchanged(self, broken: Rig) -> None:
        sink = await broken.attach(CONSUMER)
        message = event("a", 1)
        await broken.transport.publish(message)
        await sink.has(1)
        assert sink.deliveries[0].body == b"a 1"
        assert dict(sink.deliveries[0].headers) == dict(message.headers)

    async def test_order_is_kept_per_key(self, broken: Rig) -> None:
        sink = await broken.attach(CONSUMER)

        async def send(key: str) -> None:
            for number in range(30):
                await broken.transport.publish(event(key, number))

        await asyncio.gather(*(send(f"key-{n}") for n in range(8)))
        await sink.has(240)
        for n in range(8):
            expected = [f"key-{n} {number}" for number in range(30)]
            assert [body for body in sink.bodies if body.startswith(f"key-{n} ")] == expected

    async def test_each_consumer_gets_every_event(self, broken: Rig) -> None:
        first, second = await broken.attach(CONSUMER), await broken.attach(OTHER)
        for number in range(3):
            await broken.transport.publish(event("a", number))
        await asyncio.gather(first.has(3), second.has(3))
        assert first.bodies == second.bodies == ["a 0", "a 1", "a 2"]

    async def test_a_consumer_with_several_queues_gets_each_event_once(self, broken: Rig) -> None:
        sink = await broken.attach(SCALED)
        keys = [f"key-{n}" for n in range(40)]
        await asyncio.gather(*(broken.transport.publish(event(key, 1)) for key in keys))
        await sink.has(40)
        await asyncio.sleep(0.1)
        assert sorted(sink.bodies) == sorted(f"{key} 1" for key in keys)

    async def test_a_command_reaches_its_consumer(self, broken: Rig) -> None:
        sink = await broken.attach(COMMANDS)
        await broken.transport.publish(command(7))
        await sink.has(1)
        assert sink.bodies == ["k 7"]

    async def test_a_command_nobody_carries_out_is_refused(self, broken: Rig) -> None:
        with pytest.raises(Unroutable, match=r"testing\.nobody"):
            await broken.transport.publish(command(1, "testing.nobody"))

    async def test_an_event_nobody_consumes_is_confirmed(self, broken: Rig) -> None:
        await broken.transport.publish(event("a", 1))

    async def test_messages_sent_while_no_consumer_is_attached_wait_for_it(self, broken: Rig) -> None:
        await broken.transport.declare([CONSUMER])
        sending = asyncio.create_task(broken.send_in_order("a", range(5)))
        await asyncio.sleep(0.1)
        sink = await broken.attach(CONSUMER)
        await sending
        await sink.has(5)
        assert sink.bodies == ["a 0", "a 1", "a 2", "a 3", "a 4"]

    async def test_redelivery_what_was_not_acknowledged_comes_again_in_order(self, broken: Rig) -> None:
        sink = await broken.attach(CONSUMER, acknowledging=False)
        sending = [asyncio.create_task(broken.send_in_order(f"key-{n}", [n])) for n in range(6)]
        await sink.has(6)
        arrived = sink.bodies
        sink.deliveries[0].ack()
        sink.deliveries[2].ack()
        await broken.detach()

        again = await broken.attach(CONSUMER)
        await again.has(4)
        await asyncio.gather(*sending)

        assert again.bodies == [arrived[1], arrived[3], arrived[4], arrived[5]]

    async def test_redelivery_an_acknowledgement_after_detaching_does_nothing(self, broken: Rig) -> None:
        sink = await broken.attach(CONSUMER, acknowledging=False)
        sending = asyncio.create_task(broken.send_in_order("a", [1]))
        await sink.has(1)
        await broken.detach()
        sink.deliveries[0].ack()
        again = await broken.attach(CONSUMER)
        await again.has(1)
        await sending
        assert again.bodies == ["a 1"]

    async def test_a_second_consumer_of_a_queue_stands_by_until_the_first_leaves(self, broken: Rig) -> None:
        active = await broken.attach(CONSUMER, acknowledging=False)
        standby = await broken.attach(CONSUMER)
        sending = [asyncio.create_task(broken.send_in_order(f"key-{n}", [n])) for n in range(4)]
        await active.has(4)
        assert standby.bodies == []

        await broken.detach(first_only=True)
        await standby.has(4)
        await asyncio.gather(*sending)

        assert standby.bodies == active.bodies

    async def test_confirm_loss_the_sender_learns_of_it_and_nothing_is_lost(self, broken: Rig) -> None:
        sink = await broken.attach(CONSUMER)
        await broken.transport.publish(event("a", 1))
        message = event("a", 2)

        await broken.lose_confirm(message, sink)
        await broken.persist(message)

        await sink.has(2)
        assert sink.bodies[0] == "a 1"
        assert set(sink.bodies[1:]) == {"a 2"}
        assert set(sink.ids[1:]) == {message.id}

    async def test_consumer_cancel_it_attaches_again_by_itself(self, broken: Rig) -> None:
        sink = await broken.attach(CONSUMER)
        await broken.transport.publish(event("a", 1))
        await sink.has(1)

        await broken.cancel_consumer(CONSUMER)

        await until(broken.is_attached)
        await broken.persist(event("a", 2))
        await sink.has(2)
        assert sink.bodies == ["a 1", "a 2"]

    async def test_reconnect_messages_flow_again_after_a_lost_connection(self, broken: Rig) -> None:
        sink = await broken.attach(CONSUMER)
        await broken.transport.publish(event("a", 1))
        await sink.has(1)

        await broken.lose_connection()

        await broken.send_in_order("a", range(2, 6))
        await sink.has(5, distinct=True)
        assert list(dict.fromkeys(sink.bodies)) == ["a 1", "a 2", "a 3", "a 4", "a 5"]
        await until(broken.is_attached)

    async def test_backlog_counts_what_nobody_holds(self, broken: Rig) -> None:
        await broken.transport.declare([CONSUMER])
        sending = [asyncio.create_task(broken.send_in_order(f"key-{n}", [n])) for n in range(3)]

        async def counted() -> bool:
            return await broken.transport.backlog(CONSUMER) == 3

        await until(counted)
        sink = await broken.attach(CONSUMER)
        await sink.has(3)
        await asyncio.gather(*sending)
        assert await broken.transport.backlog(CONSUMER) == 0


class Rig:
    """A transport under test and the ways in which it can be disturbed."""

    transport: Transport

    def __init__(self, request: pytest.FixtureRequest, namespace: str) -> None:
        self.settings = quick_settings(namespace)
        self.request = request
        self.attachments: list[Sequence[Attachment]] = []

    async def __aenter__(self) -> Self:
        raise NotImplementedError

    async def __aexit__(self, *_: object) -> None:
        raise NotImplementedError

    async def attach(self, consumer: Consumer | CommandConsumer, *, acknowledging: bool = True) -> Collector:
        sink = Collector(acknowledging)
        attachments = await self.transport.attach(consumer, sink)
        self.attachments.append(attachments)

        async def attached() -> bool:
            return all(attachment.attached for attachment in attachments)

        await until(attached)
        return sink

    async def is_attached(self) -> bool:
        return all(attachment.attached for attachments in self.attachments for attachment in attachments)

    async def detach(self, *, first_only: bool = False) -> None:
        for attachments in self.attachments[: 1 if first_only else None]:
            for attachment in attachments:
                await attachment.close()
        del self.attachments[: 1 if first_only else None]

    async def persist(self, message: WireMessage) -> None:
        """Send until confirmed, as a relay does."""
        while True:
            try:
                async with asyncio.timeout(2):
                    return await self.transport.publish(message)
            except (NotConfirmed, TimeoutError):
                await asyncio.sleep(0.05)

    async def send_in_order(self, key: str, numbers: Sequence[int]) -> None:
        for number in numbers:
            await self.persist(event(key, number))

    async def lose_confirm(self, message: WireMessage, sink: Collector) -> None:
        raise NotImplementedError

    async def cancel_consumer(self, consumer: Consumer) -> None:
        raise NotImplementedError

    async def lose_connection(self) -> None:
        raise NotImplementedError


class LocalRig(Rig):
    async def __aenter__(self) -> Self:
        self.transport = LocalTransport(self.settings)
        await self.transport.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.transport.stop()

    async def lose_confirm(self, message: WireMessage, sink: Collector) -> None:
        """The consumer has the message, and the sender is gone before it hears so."""
        sink.acknowledging = False
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await self.transport.publish(message)
        sink.acknowledging = True

    async def cancel_consumer(self, consumer: Consumer) -> None:
        """Nobody but the consumer itself can end its attachment; so it does, and attaches anew."""
        sink = self.attachments[0][0]._sink  # type: ignore[attr-defined] # the rig knows its own transport
        await self.detach()
        self.attachments.append(await self.transport.attach(consumer, sink))

    async def lose_connection(self) -> None:
        await self.transport.stop()
        with pytest.raises(NotConfirmed):
            await self.transport.publish(event("a", 0))
        await self.transport.start()


class RabbitRig(Rig):
    proxy: Proxy

    async def __aenter__(self) -> Self:
        self.broker_url: str = self.request.getfixturevalue("rabbitmq_url")
        self.proxy = await Proxy(self.broker_url, 5672).__aenter__()
        self.transport = RabbitTransport(self.proxy.url, self.settings, client="conformance")
        await self.transport.start()
        await self.transport.declare([])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.transport.stop()
        await self.proxy.__aexit__()
        await remove(self.broker_url, self.settings, [CONSUMER, SCALED, OTHER, COMMANDS])

    async def lose_confirm(self, message: WireMessage, sink: Collector) -> None:
        """The broker has the message; its confirm, and then the connection, are lost on the way back."""
        self.proxy.swallowing = True
        publishing = asyncio.create_task(self.transport.publish(message))
        await asyncio.sleep(0.2)
        assert not publishing.done()
        self.proxy.cut()
        self.proxy.swallowing = False
        with pytest.raises(NotConfirmed):
            await publishing

    async def cancel_consumer(self, consumer: Consumer) -> None:
        """Deleting the queue makes the broker cancel the consumer; queue and binding come back with it."""
        async with await aio_pika.connect(self.broker_url) as connection, connection.channel() as channel:
            for name in Topology(self.settings).queue_names(consumer):
                await channel.queue_delete(name)

        async def noticed() -> bool:
            return not await self.is_attached()

        await until(noticed)

    async def lose_connection(self) -> None:
        self.proxy.refusing = True
        self.proxy.cut()
        await asyncio.sleep(0.2)
        assert not await self.is_attached()
        self.proxy.refusing = False


class TestLocalTransport(Conformance):
    rig = LocalRig


@pytest.mark.rabbitmq
class TestRabbitTransport(Conformance):
    rig = RabbitRig

    async def test_an_existing_queue_with_other_limits_does_not_stop_the_consumer(self, broken: Rig) -> None:
        await broken.transport.declare([CONSUMER])
        other = broken.settings.model_copy(update={"queue_length_limit_messages": 17})
        transport = RabbitTransport(broken.request.getfixturevalue("rabbitmq_url"), other, client="conformance")
        await transport.start()
        await transport.declare([CONSUMER])
        await transport.stop()

    async def test_a_full_queue_refuses_and_the_sender_learns_of_it(self, broken: Rig) -> None:
        small = broken.settings.model_copy(update={"queue_length_limit_messages": 2})
        transport = RabbitTransport(broken.request.getfixturevalue("rabbitmq_url"), small, client="conformance")
        await transport.start()
        await transport.declare([CONSUMER])

        async def fill() -> None:
            for number in range(20):
                await transport.publish(event("a", number))

        with pytest.raises(NotConfirmed, match="refused"):
            await fill()
        await transport.stop()
