"""Payments' end of a real RabbitMQ, and gateways that are linked to it by a line that can be cut."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from device_gateway.bus_link import commands_of
from device_gateway.configuration import ConfiguredDevice
from device_gateway.service import RunningGateway, gateway_at_work
from device_gateway.settings import GatewaySettings
from libs.bus.consumer import AnyConsumer
from libs.bus.transports.rabbit import RabbitTransport, declare, remove
from tests.integration.bus.harness import quick_settings
from tests.integration.bus.proxy import Proxy
from tests.integration.device_gateway.core.stand import ENROLMENT, GATEWAY, QUICK, REPORTS, Keys, Server
from tests.integration.device_gateway.terminals.gateway_stand import ANSWERS, BusEnd

_MADE: list[AnyConsumer] = [commands_of(GATEWAY), REPORTS, ANSWERS]


@dataclass
class Broker:
    """`payments` stays while gateways come and go; `line` is between them and the broker."""

    namespace: str
    payments: BusEnd
    line: Proxy


@asynccontextmanager
async def on_rabbitmq(url: str, namespace: str) -> AsyncIterator[Broker]:
    """Payments at a broker, with queues of its own."""
    settings = quick_settings(namespace)
    await declare(url, settings, _MADE)
    server = RabbitTransport(url, settings, client="payments")
    await server.start()
    try:
        async with Proxy(url, 5672) as line:
            payments = BusEnd(Server(server))
            await payments.listen()
            yield Broker(namespace, payments, line)
    finally:
        await server.stop()
        await remove(url, settings, _MADE)


@asynccontextmanager
async def linked_gateway(
    folder: Path, device: ConfiguredDevice, url: str, namespace: str
) -> AsyncIterator[RunningGateway]:
    """A gateway with a device, linked over AMQP; it may only use what was made for it."""
    expected = quick_settings(namespace, topology_expected=True)
    transport = RabbitTransport(url, expected, client="gateway")
    await transport.start()
    try:
        async with gateway_at_work(
            enrolment=ENROLMENT,
            devices=[device],
            data_folder=folder,
            transport=transport,
            verifier=Keys().verifier,
            settings=GatewaySettings(**QUICK),
        ) as gateway:
            yield gateway
    finally:
        await transport.stop()
