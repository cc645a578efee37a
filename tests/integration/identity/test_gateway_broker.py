"""A gateway's account, made by the management API of a real RabbitMQ: what it can do there, and what it cannot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import UUID, uuid4

import aio_pika
import httpx
import pytest
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import AMQPError, ChannelClosed, ProbableAuthenticationError

from libs.bus.consumer import CommandConsumer
from libs.bus.settings import BusSettings
from libs.bus.transport import Delivery, WireMessage
from libs.bus.transports.rabbit import RabbitTransport
from libs.contracts.gateway import gateway_route
from libs.testkit.brokers import ServiceAbsent
from services.identity.gateways.broker_accounts import BrokerAccounts, BrokerAddress
from tests.chaos.broker import Broker, own_broker

ANSWER_LIMIT_S = 30.0
EVENT = "gateway.print_job_changed.v1.store.p03"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    try:
        with own_broker(tmp_path_factory.mktemp("broker"), management=True) as started:
            yield started
    except ServiceAbsent as error:
        pytest.skip(str(error))


@pytest.fixture
async def accounts(broker: Broker) -> AsyncIterator[BrokerAccounts]:
    await management_answers(broker)
    async with await aio_pika.connect(broker.url) as owner:
        channel = await owner.channel()
        await channel.declare_exchange("tillstream.events", "topic", durable=True)
        await channel.declare_exchange("tillstream.commands", "direct", durable=True)
        await channel.declare_exchange("tillstream.dead", "topic", durable=True)
    public = broker.url.replace("guest:guest@", "").rstrip("/")
    made = BrokerAccounts(BrokerAddress(broker.management_url, public, "/", 10.0), BusSettings())
    yield made
    await made.close()


async def management_answers(broker: Broker) -> None:
    async with httpx.AsyncClient() as http, asyncio.timeout(ANSWER_LIMIT_S):
        while True:
            try:
                if (await http.get(f"{broker.management_url}/api/overview")).is_success:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.1)


async def sent_to(broker: Broker, gateway_id: UUID, body: bytes) -> None:
    async with await aio_pika.connect(broker.url) as owner:
        channel = await owner.channel(publisher_confirms=True, on_return_raises=True)
        exchange = await channel.get_exchange("tillstream.commands", ensure=False)
        await exchange.publish(aio_pika.Message(body), routing_key=f"gateway.{gateway_id}", mandatory=True)


async def one_message(connection: AbstractConnection, queue_name: str) -> bytes:
    channel = await connection.channel()
    queue = await channel.get_queue(queue_name, ensure=False)
    async with asyncio.timeout(ANSWER_LIMIT_S), queue.iterator() as messages:
        async for message in messages:
            await message.ack()
            return message.body
    raise AssertionError("the queue ended")


async def refused(connection: AbstractConnection, exchange_name: str, routing_key: str) -> bool:
    channel = await connection.channel(publisher_confirms=True)
    exchange = await channel.get_exchange(exchange_name, ensure=False)
    try:
        await exchange.publish(
            aio_pika.Message(b"{}"), routing_key=routing_key, mandatory=False, timeout=ANSWER_LIMIT_S
        )
    except ChannelClosed as error:
        return "ACCESS_REFUSED" in str(error)
    return False


async def test_a_gateway_receives_its_commands_and_speaks_for_itself_only(
    broker: Broker, accounts: BrokerAccounts
) -> None:
    gateway_id, other_id = uuid4(), uuid4()
    url = await accounts.open(gateway_id)
    await accounts.open(other_id)
    await sent_to(broker, gateway_id, b"print this")
    async with await aio_pika.connect(url) as gateway:
        assert await one_message(gateway, f"gateway.{gateway_id}.1") == b"print this"
        assert not await refused(gateway, "tillstream.events", EVENT)
        assert await refused(gateway, "tillstream.events", "sales.sale_completed.v1.store.p03")
        assert await refused(gateway, "tillstream.commands", f"gateway.{other_id}")
        for forbidden in (f"gateway.{other_id}.1",):
            with pytest.raises(ChannelClosed, match="ACCESS_REFUSED"):
                await one_message(gateway, forbidden)
        channel = await gateway.channel()
        with pytest.raises(ChannelClosed, match="ACCESS_REFUSED"):
            await channel.declare_queue("mine", durable=True)


async def test_enrolling_anew_shuts_the_pc_before_out_and_keeps_its_commands(
    broker: Broker, accounts: BrokerAccounts
) -> None:
    gateway_id = uuid4()
    old = await accounts.open(gateway_id)
    before = await aio_pika.connect(old)
    closed = asyncio.Event()
    before.close_callbacks.add(lambda *_: closed.set())
    await sent_to(broker, gateway_id, b"while it was away")
    new = await accounts.open(gateway_id)
    async with asyncio.timeout(ANSWER_LIMIT_S):
        await closed.wait()
    with pytest.raises((ProbableAuthenticationError, AMQPError)):
        await aio_pika.connect(old)
    async with await aio_pika.connect(new) as gateway:
        assert await one_message(gateway, f"gateway.{gateway_id}.1") == b"while it was away"


async def test_a_removed_account_cannot_connect_and_can_be_made_again(broker: Broker, accounts: BrokerAccounts) -> None:
    gateway_id = uuid4()
    old = await accounts.open(gateway_id)
    await accounts.remove(gateway_id)
    await accounts.remove(gateway_id)
    with pytest.raises((ProbableAuthenticationError, AMQPError)):
        await aio_pika.connect(old)
    async with await aio_pika.connect(await accounts.open(gateway_id)):
        pass


async def test_the_bus_of_a_gateway_works_with_these_rights(broker: Broker, accounts: BrokerAccounts) -> None:
    """As a gateway connects: it declares nothing, hears its commands and publishes its events."""
    gateway_id = uuid4()
    url = await accounts.open(gateway_id)
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    def take(delivery: Delivery) -> None:
        delivery.ack()
        heard.put_nowait(delivery.body)

    async with await aio_pika.connect(broker.url) as owner:
        channel = await owner.channel()
        listening = await channel.declare_queue(exclusive=True)
        await listening.bind("tillstream.events", "gateway.#")
        transport = RabbitTransport(url, BusSettings(topology_expected=True), client="gateway")
        await transport.start()
        try:
            consumer = CommandConsumer(name=f"gateway.{gateway_id}", route=gateway_route(gateway_id), handlers={})
            await transport.attach(consumer, take)
            await sent_to(broker, gateway_id, b"print this")
            async with asyncio.timeout(ANSWER_LIMIT_S):
                assert await heard.get() == b"print this"
                await transport.publish(WireMessage(str(uuid4()), "event", EVENT, {}, b"printed"))
                reported = await listening.get(timeout=ANSWER_LIMIT_S)
            assert reported is not None
            assert reported.body == b"printed"
        finally:
            await transport.stop()
