"""Embedded mode: every service, PostgreSQL and the bus in one process on one port. Nothing to install but Python.

The same code as in separate containers; only the ways between the services are shorter: a local transport instead of
RabbitMQ, fakeredis instead of Redis, ASGI instead of HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import psycopg
from fakeredis import FakeAsyncRedis
from psycopg import sql
from redis.asyncio import Redis

from libs.bus.transports.local import LocalTransport
from libs.host.assembly import BuiltService, Surroundings, messaging_tables_of, working_together
from libs.host.edge import Edge
from libs.host.garbage import spare_requests_the_search
from libs.host.postgres import embedded_postgres
from libs.host.registry import AnyServiceDefinition, all_services, with_tables
from libs.host.schemas import Advance, migrate_services
from libs.host.secret_settings import kept_secrets
from libs.host.server import StopSignal, listen, serving
from libs.host.settings import HostSettings
from libs.persistence import Clock, utc_now
from libs.persistence.migrate import service_url
from libs.telemetry import trace_provider

STEPS = 4
SECRETS_FOLDER = "secrets"
TENDER_KINDS = "TILLSTREAM_SALES_TENDER_KINDS"
# What sales takes by itself, and what it takes because another service that decides it runs in the same process.
_KINDS_OF_SALES = ("cash", "cheque", "voucher", "bank_transfer")
_KINDS_OF_OTHERS = {"payments": ("card",)}


Companion = Callable[[Surroundings, Edge], AbstractAsyncContextManager[None]]
"""Something that is no service and works in the same process, on the same bus and port, e.g. a device gateway."""


@dataclass(frozen=True)
class EmbeddedHost:
    """A running embedded system: `url` is its base URL, `database_url` the owner's URL of its database.

    `secrets` are the secret settings that were made up for it, by variable. `stop` is set by SIGTERM and SIGINT: a
    long task should look at it, and the block should then be left. `surroundings` and `edge` are for what joins later.
    """

    url: str
    database_url: str
    services: Sequence[AnyServiceDefinition]
    secrets: Mapping[str, str]
    stop: StopSignal
    surroundings: Surroundings
    edge: Edge


@asynccontextmanager
async def embedded(
    settings: HostSettings,
    definitions: Sequence[AnyServiceDefinition] | None = None,
    *,
    clock: Clock = utc_now,
    advance: Advance = lambda _what, _finished: None,
    companions: Sequence[Companion] = (),
) -> AsyncIterator[EmbeddedHost]:
    """Run the whole system for the block. `advance` is called with (what is done now, steps of STEPS finished).

    `companions` are entered before any service works, so that a command for one of them finds its queue.

    Raises NotAvailable if the port or the data folder is in use, WrongSetting for a wrong setting of a service.
    """
    listener = listen(settings.bind_address, settings.port)
    async with AsyncExitStack() as stack:
        stack.callback(listener.close)
        stop = stack.enter_context(StopSignal().listening())
        advance("starting PostgreSQL", 0)
        # PostgreSQL starts in its own processes; meanwhile this one reads the services' code.
        loading = asyncio.create_task(asyncio.to_thread(all_services)) if definitions is None else None
        admin_url = await stack.enter_async_context(_postgres(settings.data_folder))
        advance("loading the services", 1)
        services = await loading if loading is not None else list(definitions or ())
        urls = {definition.schema: service_url(admin_url, definition.schema) for definition in with_tables(services)}
        advance("migrating", 1)
        await asyncio.to_thread(migrate_services, services, admin_url, urls, lambda what, _finished: advance(what, 0))
        await asyncio.to_thread(_free_leases, admin_url, services)
        advance("starting the services", 1)
        edge = Edge()
        secrets = kept_secrets(services, settings.data_folder / SECRETS_FOLDER)
        surroundings = await _surroundings(stack, settings, edge, clock, secrets, defaults_of(services))
        built = [BuiltService(definition, urls.get(definition.name), surroundings) for definition in services]
        for companion in companions:
            await stack.enter_async_context(companion(surroundings, edge))
        await stack.enter_async_context(working_together(built, edge))
        await stack.enter_async_context(serving(edge, listener, settings, behind_proxy=False))
        spare_requests_the_search()
        advance("ready", 1)
        stop.started = True
        url = _url(settings.bind_address, listener.getsockname()[1])
        yield EmbeddedHost(url, admin_url, services, secrets, stop, surroundings, edge)


def defaults_of(services: Sequence[AnyServiceDefinition]) -> dict[str, object]:
    """Values for settings that are not set, by variable, which follow from what else runs in the process.

    Tills take cards where payments decides them: a shop without a terminal gets a decline that says what to do.
    """
    names = {definition.name for definition in services}
    others = [kind for name, kinds in _KINDS_OF_OTHERS.items() if name in names for kind in kinds]
    return {TENDER_KINDS: [*_KINDS_OF_SALES, *others]}


async def _surroundings(
    stack: AsyncExitStack,
    settings: HostSettings,
    edge: Edge,
    clock: Clock,
    secrets: dict[str, str],
    defaults: dict[str, object],
) -> Surroundings:
    redis: Redis = FakeAsyncRedis()
    stack.push_async_callback(redis.aclose)
    http = httpx.AsyncClient(
        transport=httpx.ASGITransport(edge, raise_app_exceptions=False), base_url="http://embedded.tillstream"
    )
    await stack.enter_async_context(http)
    transport = LocalTransport(settings.bus)
    await transport.start()
    stack.push_async_callback(transport.stop)
    return Surroundings(
        settings=settings,
        clock=clock,
        redis=redis,
        http=http,
        traces=partial(trace_provider, otlp_endpoint=settings.otlp_endpoint, sample_share=settings.trace_sample_share),
        transport=transport,
        secrets=secrets,
        defaults=defaults,
    )


def _free_leases(admin_url: str, services: Sequence[AnyServiceDefinition]) -> None:
    """End the leases of a process that was killed: the folder is ours alone, so nobody else can hold one."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        for definition in with_tables(services):
            leases = messaging_tables_of(definition.metadata, definition.schema).leases
            table = sql.Identifier(definition.schema, leases.name)
            connection.execute(sql.SQL("DELETE FROM {}").format(table))


@asynccontextmanager
async def _postgres(data_folder: Path) -> AsyncIterator[str]:
    """The embedded server, without stopping the event loop while it starts and stops."""
    server = embedded_postgres(data_folder)
    url = await asyncio.to_thread(server.__enter__)
    try:
        yield url
    finally:
        await asyncio.to_thread(server.__exit__, None, None, None)


def _url(address: str, port: int) -> str:
    host = "127.0.0.1" if address in ("0.0.0.0", "::") else address  # noqa: S104 - compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
