"""The composition root of the gateway: the only file that wires its parts together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI
from opentelemetry.trace import Tracer
from prometheus_client import CollectorRegistry
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import RedirectResponse

from device_gateway.api import devices, diagnosis, jobs, live, terminal_operations
from device_gateway.api.dependencies import Gateway
from device_gateway.api.gate import Gate
from device_gateway.bus_link import BusLink
from device_gateway.configuration import ConfiguredDevice
from device_gateway.enrolment import Enrolment
from device_gateway.jobs import keep_expiring, keep_pruning, keep_turning_away
from device_gateway.journal import Journal, JournalFailed, open_journal
from device_gateway.journal_steps import Reported
from device_gateway.live import LiveHub
from device_gateway.settings import DEVICES_FOLDER, FOLDER, GatewaySettings
from device_gateway.use_cases.settle_interrupted import STOPPED, settle_interrupted
from device_gateway.workers import Workforce
from libs.bus.tasks import end
from libs.bus.transport import Transport
from libs.contracts.gateway import DeviceChanged, DrawerOpened, PrintJobChanged
from libs.contracts.terminals import TerminalAnswered
from libs.persistence import Clock, utc_now
from libs.web.app import create_service_app
from libs.web.authentication import TokenVerifier

NAME = "gateway"
SUMMARY = "The devices of this PC: printer, drawer, scanner, scale and display"


@dataclass(frozen=True)
class Context:
    """What `libs.web` asks a service for."""

    name: str
    settings: GatewaySettings
    clock: Clock
    verifier: TokenVerifier


@dataclass(frozen=True)
class RunningGateway:
    """A gateway at work. `app` serves /gateway/...; `parts` are what it is made of."""

    app: FastAPI
    parts: Gateway


@asynccontextmanager
async def gateway_at_work(
    *,
    enrolment: Enrolment,
    devices: Sequence[ConfiguredDevice],
    data_folder: Path,
    transport: Transport,
    verifier: TokenVerifier,
    settings: GatewaySettings | None = None,
    clock: Clock = utc_now,
    tracer: Tracer | None = None,
) -> AsyncIterator[RunningGateway]:
    """Run a gateway for the block. `transport` is the caller's, who starts it before and stops it after.

    The application is to be served by the caller, alone or behind an edge. Raises NotAvailable if the journal cannot
    be used or another gateway runs on it.
    """
    limits = settings or GatewaySettings()
    async with AsyncExitStack() as stack:
        journal = await asyncio.to_thread(_opened_journal, data_folder / FOLDER, enrolment, clock)
        stack.push_async_callback(asyncio.to_thread, journal.close)
        hub = LiveHub(limits.live_queue_messages)
        stack.callback(hub.close)
        journal.listen(lambda reported: tell_pages(hub, reported))
        registry = CollectorRegistry()
        workforce = Workforce(journal, hub, limits, data_folder / FOLDER / DEVICES_FOLDER)
        link = BusLink(
            enrolment.gateway_id,
            transport,
            journal,
            limits,
            placement=workforce.placement,
            wake=workforce.wake,
            registry=registry,
        )
        gateway = Gateway(enrolment, journal, workforce, link, hub, limits)
        app = build_app(gateway, Context(NAME, limits, clock, verifier), registry, tracer)
        stack.push_async_callback(asyncio.to_thread, workforce.stop)
        await asyncio.to_thread(workforce.start, devices)
        stack.push_async_callback(link.stop)
        await link.start()
        timers = [
            asyncio.create_task(keep_expiring(journal, limits)),
            asyncio.create_task(keep_pruning(journal, limits)),
            asyncio.create_task(keep_turning_away(journal, limits, workforce.trouble_of_terminal)),
        ]
        stack.push_async_callback(end, timers)
        await stack.enter_async_context(app.router.lifespan_context(app))
        yield RunningGateway(app, gateway)


def _opened_journal(folder: Path, enrolment: Enrolment, clock: Clock) -> Journal:
    """The journal, after what was in hand when the last gateway stopped was settled: before any device is opened."""
    journal = open_journal(folder, gateway_id=enrolment.gateway_id, store_id=enrolment.store_id, clock=clock)
    with journal.step() as step:
        settle_interrupted(step, STOPPED)
    return journal


def build_app(gateway: Gateway, context: Context, registry: CollectorRegistry, tracer: Tracer | None = None) -> FastAPI:
    """The application that serves a gateway's parts."""

    async def journal_check() -> str | None:
        try:
            await asyncio.to_thread(_touch, gateway.journal)
        except JournalFailed as error:
            return str(error)
        return None

    app = create_service_app(
        name=NAME,
        summary=SUMMARY,
        context=context,
        routers=(devices.router, jobs.router, terminal_operations.router, live.router),
        resources={Gateway: gateway},
        checks={"journal": journal_check},
        registry=registry,
        tracer=tracer,
    )
    app.include_router(diagnosis.router, prefix=f"/{NAME}")

    @app.get("/", include_in_schema=False)
    async def front_door() -> RedirectResponse:
        return RedirectResponse(f"/{NAME}/")

    settings = context.settings
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.allowed_origins,
        allow_origin_regex=r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?",
        allow_methods=("GET", "POST", "PUT"),
        allow_headers=("Authorization", "Content-Type", "X-Correlation-Id"),
        # A till page from the server's own origin speaks to this PC, which browsers count as a private network.
        allow_private_network=True,
    )
    app.add_middleware(Gate, hosts=settings.allowed_hosts, origins=settings.allowed_origins)
    return app


def _touch(journal: Journal) -> None:
    with journal.step() as step:
        step.unsent(1)


def tell_pages(hub: LiveHub, reported: Sequence[Reported]) -> None:
    """Pass what is reported to the bus on to the pages of its till, too."""
    for each in reported:
        event = each.event
        body = event.model_dump(mode="json")
        if isinstance(event, PrintJobChanged):
            hub.publish([event.till_id], {"type": "job", **body})
        elif isinstance(event, DrawerOpened):
            hub.publish([event.till_id], {"type": "drawer_opened", **body})
        elif isinstance(event, DeviceChanged):
            hub.publish(event.till_ids, {"type": "device", **body})
        elif isinstance(event, TerminalAnswered):
            hub.publish([event.till_id], {"type": "terminal_answered", **body})
