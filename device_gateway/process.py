"""The gateway as a process of its own, and as a part of `tillstream up`."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import structlog

from device_gateway.configuration import ConfiguredDevice, address_of, read_devices
from device_gateway.enrolment import Enrolment, enrolment_file, read_enrolment
from device_gateway.keys import kept_keys
from device_gateway.plug_and_play import plug_and_play
from device_gateway.service import NAME, SUMMARY, RunningGateway, gateway_at_work
from device_gateway.settings import DEVICES_FILE, FOLDER, GatewaySettings
from libs.bus.transports.rabbit import RabbitTransport
from libs.host.assembly import Surroundings
from libs.host.edge import Edge
from libs.host.errors import WrongSetting
from libs.host.server import StopSignal, listen, serving
from libs.host.settings import HostSettings, load_settings
from libs.persistence import utc_now
from libs.web.authentication import TokenVerifier

__all__ = ["SetUp", "address_of", "beside", "read_set_up", "run_gateway"]

SERVER_TIMEOUT_S = 5.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class SetUp:
    """What this PC is set up as."""

    settings: GatewaySettings
    enrolment: Enrolment
    devices_file: Path
    devices: Sequence[ConfiguredDevice]


def read_set_up(host: HostSettings) -> SetUp:
    """Read settings, enrolment and devices.toml. Raises WrongSetting or NotAvailable with a sentence."""
    settings = load_settings(GatewaySettings)
    enrolment = read_enrolment(host.data_folder)
    if enrolment is None:
        raise WrongSetting(
            f"This PC is not enrolled: {enrolment_file(host.data_folder)} is not there. Get a code in the back office, "
            "then run: tillstream gateway enrol CODE --server URL"
        )
    devices_file = settings.devices_file or host.data_folder / FOLDER / DEVICES_FILE
    if settings.devices_file is not None and not devices_file.exists():
        raise WrongSetting(f"TILLSTREAM_GATEWAY_DEVICES_FILE is {str(devices_file)!r}, and there is no such file.")
    return SetUp(settings, enrolment, devices_file, read_devices(devices_file, enrolment.tills))


async def run_gateway(host: HostSettings, port: int | None = None) -> None:
    """Run the gateway until SIGTERM or SIGINT. Raises WrongSetting or NotAvailable with a sentence."""
    found = read_set_up(host)
    listener = listen(found.settings.bind_address, found.settings.port if port is None else port)
    async with AsyncExitStack() as stack:
        stack.callback(listener.close)
        stop = stack.enter_context(StopSignal().listening())
        transport = _transport(found.enrolment, host)
        await transport.start()
        stack.push_async_callback(transport.stop)
        client = await stack.enter_async_context(
            httpx.AsyncClient(base_url=found.enrolment.server or host.edge_url, timeout=SERVER_TIMEOUT_S)
        )
        gateway = await stack.enter_async_context(
            gateway_at_work(
                enrolment=found.enrolment,
                devices=found.devices,
                data_folder=host.data_folder,
                transport=transport,
                verifier=TokenVerifier(kept_keys(client, host.data_folder / FOLDER), utc_now),
                settings=found.settings,
            )
        )
        _watch(stack, gateway, found, host.data_folder)
        await stack.enter_async_context(serving(gateway.app, listener, host, behind_proxy=False))
        stop.started = True
        address, bound = listener.getsockname()[:2]
        log.info("ready", page=f"http://{address}:{bound}/{NAME}/", devices=len(found.devices))
        await stop.wait()
        log.info("stopping")


@asynccontextmanager
async def beside(surroundings: Surroundings, edge: Edge) -> AsyncIterator[None]:
    """Run this PC's gateway inside `tillstream up`, on its port and its bus; nothing if this PC is not enrolled."""
    if read_enrolment(surroundings.settings.data_folder) is None:
        yield
        return
    found = read_set_up(surroundings.settings)
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(
            gateway_at_work(
                enrolment=found.enrolment,
                devices=found.devices,
                data_folder=surroundings.settings.data_folder,
                transport=surroundings.transport,
                verifier=TokenVerifier.over_http(surroundings.http, surroundings.clock),
                settings=found.settings,
                clock=surroundings.clock,
            )
        )
        _watch(stack, gateway, found, surroundings.settings.data_folder)
        edge.add(NAME, gateway.app, SUMMARY)
        yield


def _watch(stack: AsyncExitStack, gateway: RunningGateway, found: SetUp, data_folder: Path) -> None:
    if found.settings.plug_and_play:
        workforce = gateway.parts.workforce
        stack.enter_context(plug_and_play(workforce, found.enrolment.till_ids, data_folder / FOLDER))


def _transport(enrolment: Enrolment, host: HostSettings) -> RabbitTransport:
    """To the broker of the enrolment, where this gateway may only use what was made for it; else the configured one."""
    instance = f"{NAME}@{socket.gethostname()}"
    if enrolment.broker is None:
        return RabbitTransport(host.rabbitmq_url, host.bus, client=instance)
    limits = host.bus.model_copy(update={"topology_expected": True})
    return RabbitTransport(enrolment.broker.url.get_secret_value(), limits, client=instance)
