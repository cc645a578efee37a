"""The link to the bus: over RabbitMQ with few rights, cut off and back, and what is no command."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import aio_pika
import pytest

from device_gateway.bus_link import commands_of
from libs.bus.consumer import AnyConsumer
from libs.bus.settings import BusSettings
from libs.bus.topology import Topology
from libs.bus.transport import WireMessage
from libs.bus.transports.local import LocalTransport
from libs.bus.transports.rabbit import RabbitTransport, declare, remove
from libs.contracts.gateway import gateway_route
from libs.persistence import new_id
from tests.integration.bus.harness import quick_settings
from tests.integration.bus.proxy import Proxy
from tests.integration.device_gateway.core.fakes import FakePrinter
from tests.integration.device_gateway.core.stand import GATEWAY, REPORTS, TILL, Stand, later, receipt, stand, until

pytestmark = pytest.mark.anyio

AWAY_S = float(os.environ.get("TILLSTREAM_TEST_AWAY_S", "0.5"))
"""How long the broker is away; half a second in every run, a minute by hand: TILLSTREAM_TEST_AWAY_S=60."""


@asynccontextmanager
async def on_rabbitmq(
    folder: Path, printer: FakePrinter, url: str, settings: BusSettings
) -> AsyncIterator[tuple[Stand, Proxy]]:
    """A gateway that may only use what was made for it, behind a proxy that can be cut; the server is beside it."""
    made: list[AnyConsumer] = [commands_of(GATEWAY), REPORTS]
    await declare(url, settings, made)
    server = RabbitTransport(url, settings, client="server")
    await server.start()
    async with Proxy(url, 5672) as proxy:
        expected = settings.model_copy(update={"topology_expected": True})
        transport = RabbitTransport(proxy.url, expected, client="gateway")
        await transport.start()
        try:
            async with stand(
                folder, [printer.configured("printer", TILL)], transport=transport, server_transport=server
            ) as shop:
                await until(lambda: shop.gateway.parts.link.measurements.connected)
                yield shop, proxy
        finally:
            await transport.stop()
            await server.stop()
            await remove(url, settings, made)


@pytest.mark.rabbitmq
async def test_a_gateway_that_is_cut_off_prints_what_it_has_and_catches_up(
    tmp_path: Path, rabbitmq_url: str, broker_namespace: str
) -> None:
    printer = FakePrinter()
    async with on_rabbitmq(tmp_path, printer, rabbitmq_url, quick_settings(broker_namespace)) as (shop, proxy):
        before = receipt("before")
        await shop.server.send(before)
        await shop.server.hears(before.job_id, "printed")

        held_back = receipt("in hand when the line was cut")
        printer.slow_s = 0.3
        await shop.server.send(held_back)
        await until(lambda: "printing" in shop.server.states_of(held_back.job_id))
        proxy.refusing = True
        proxy.cut()
        await shop.job_is(held_back.job_id, "printed")
        printer.slow_s = 0

        meanwhile = [receipt(f"meanwhile-{number}") for number in range(5)]
        stale = receipt("stale")
        for command in meanwhile:
            await shop.server.send(command, later(AWAY_S + 60))
        await shop.server.send(stale, later(0.3))
        await asyncio.sleep(AWAY_S)
        assert shop.server.states_of(held_back.job_id)[-1] == "printing"
        await until(lambda: not shop.gateway.parts.link.measurements.connected)

        proxy.refusing = False
        await shop.server.hears(meanwhile[-1].job_id, "printed")
        await shop.server.hears(stale.job_id, "expired")
        await shop.server.hears(held_back.job_id, "printed")
        assert printer.texts == [
            "before",
            "in hand when the line was cut",
            *(f"meanwhile-{number}" for number in range(5)),
        ]
        for command in (before, held_back, *meanwhile):
            assert shop.server.states_of(command.job_id) == ["queued", "printing", "printed"]
            assert shop.server.sequences(command.job_id) == [1, 2, 3]
        measured = shop.gateway.parts.link.measurements
        await until(lambda: measured.reconnects == 1 and measured.latency_ms is not None)


@pytest.mark.rabbitmq
async def test_a_confirm_that_is_lost_is_a_repetition_and_not_a_second_report(
    tmp_path: Path, rabbitmq_url: str, broker_namespace: str
) -> None:
    printer = FakePrinter()
    async with on_rabbitmq(tmp_path, printer, rabbitmq_url, quick_settings(broker_namespace)) as (shop, proxy):
        command = receipt()
        proxy.swallowing = True
        with shop.gateway.parts.journal.step():
            pass
        await shop.server.send(command)
        await asyncio.sleep(0.2)
        proxy.swallowing = False
        proxy.cut()
        await shop.server.hears(command.job_id, "printed")
        assert shop.server.sequences(command.job_id) == [1, 2, 3]
        assert len(printer.paper) == 1


@pytest.mark.rabbitmq
async def test_expected_queues_are_not_made_and_are_waited_for(rabbitmq_url: str, broker_namespace: str) -> None:
    settings = quick_settings(broker_namespace)
    consumer = commands_of(GATEWAY)
    transport = RabbitTransport(rabbitmq_url, settings.model_copy(update={"topology_expected": True}), client="gateway")
    await transport.start()
    try:
        attachments = await transport.attach(consumer, lambda delivery: delivery.ack())
        await asyncio.sleep(0.3)
        assert not attachments[0].attached
        async with await aio_pika.connect(rabbitmq_url) as connection:
            for name in (Topology(settings).events, Topology(settings).queue_names(consumer)[0]):
                async with connection.channel() as channel:
                    with pytest.raises(aio_pika.exceptions.ChannelNotFoundEntity):
                        await channel.get_exchange(name) if name.endswith("events") else await channel.get_queue(name)
        await declare(rabbitmq_url, settings, [consumer])
        await until(lambda: attachments[0].attached)
    finally:
        await transport.stop()
        await remove(rabbitmq_url, settings, [consumer])


def test_the_queue_of_a_gateway_is_named_by_its_id() -> None:
    topology = Topology(BusSettings())
    gateway_id = UUID("7f9a0000-0000-7000-8000-00000000000a")
    (queue,) = topology.queues(commands_of(gateway_id))
    assert queue.name == f"gateway.{gateway_id}.1"
    (binding,) = queue.bindings
    assert (binding.exchange, binding.routing_key) == ("tillstream.commands", gateway_route(gateway_id))


async def test_what_is_no_command_is_refused_counted_and_forgotten(tmp_path: Path) -> None:
    printer = FakePrinter()
    async with stand(tmp_path, [printer.configured("printer", TILL)]) as shop:
        headers = {
            "ce-specversion": "1.0",
            "ce-id": str(new_id()),
            "ce-type": "tillstream.gateway.print_document.v1",
            "ce-source": "/sales",
            "ce-subject": str(new_id()),
            "ce-time": "2026-03-02T12:00:00+00:00",
            "ce-partitionkey": "k",
            "ce-sequence": "1",
            "ce-correlationid": "c",
        }
        foreign = receipt().model_copy(update={"gateway_id": new_id()})
        wrong = [
            ({}, b"{}"),
            (headers, b"not JSON"),
            (headers, b'{"job_id": "7"}'),
            (headers | {"ce-type": "tillstream.gateway.self_destruct.v1"}, b"{}"),
            (headers, foreign.body()),
            (headers | {"ce-expirytime": "soon"}, receipt().body()),
        ]
        for sent, body in wrong:
            await shop.server.send_raw(WireMessage(secrets.token_hex(8), "command", gateway_route(GATEWAY), sent, body))
        right = receipt()
        await shop.server.send(right)
        await shop.job_is(right.job_id, "printed")
        assert shop.gateway.parts.link.measurements.refused_commands == len(wrong)
        assert len(printer.paper) == 1
        metrics = (await shop.http.get("/gateway/metrics")).text
        assert f"gateway_commands_refused_total {len(wrong)}.0" in metrics


async def test_a_gateway_that_is_away_gets_its_commands_when_it_is_back(tmp_path: Path) -> None:
    """The queue is declared for ever; nobody is attached to it for a while."""
    printer = FakePrinter()
    transport = LocalTransport()
    await transport.start()
    async with stand(tmp_path, [printer.configured("printer", TILL)], transport=transport) as shop:
        server = shop.server
    command = receipt()
    sending = asyncio.create_task(server.send(command))
    await asyncio.sleep(0.05)
    assert not sending.done()
    async with stand(tmp_path, [printer.configured("printer", TILL)], transport=transport) as shop:
        await sending
        await shop.job_is(command.job_id, "printed")
    await transport.stop()
    assert printer.texts == ["Milk 1.29"]


async def test_a_waiting_order_whose_receipt_was_forgotten_is_not_taken_twice(tmp_path: Path) -> None:
    """After `keep_days` it is forgotten that a command came; a job that still waits then is still known."""
    printer = FakePrinter(present=False)
    async with stand(tmp_path, [printer.configured("printer", TILL)]) as shop:
        command, behind = receipt(), receipt("behind")
        await shop.server.send(command)
        assert shop.gateway.parts.journal.prune(timedelta(days=-1), 100) >= 1
        await shop.server.send(command)
        await shop.server.send(behind)
        printer.present = True
        await shop.job_is(behind.job_id, "printed")
        assert printer.texts == ["Milk 1.29", "behind"]
        await shop.server.hears(command.job_id, "printed")
        assert shop.server.sequences(command.job_id) == [1, 2, 3]
