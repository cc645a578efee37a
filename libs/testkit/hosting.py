"""Services running in a test: freshly migrated database, every service behind one HTTP client, no sockets.

    async with running([sales.definition, identity.definition], server, clock=clock) as shop:
        response = await shop.http.post("/sales/v1/sales", json=...)

Migrations run once per test run and set of services; each `running` gets a copy of that database.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx
import structlog
from fakeredis import FakeAsyncRedis
from fastapi import FastAPI
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from redis.asyncio import Redis

from libs.bus.bus import MessageBus, all_drained
from libs.bus.transport import Transport
from libs.bus.transports.local import LocalTransport
from libs.host.assembly import BuiltService, Surroundings, working_together
from libs.host.edge import Edge
from libs.host.registry import AnyServiceDefinition, with_tables
from libs.host.secret_settings import made_up_secrets
from libs.host.settings import HostSettings
from libs.persistence import Clock, utc_now
from libs.persistence.migrate import migrate, service_url
from libs.telemetry import configure_logging, trace_provider
from libs.testkit.databases import DatabaseServer

BASE_URL = "http://tillstream.test"
TEST_POOL_CONNECTIONS = 6

_templates: dict[tuple[str, ...], str] = {}


@dataclass(frozen=True)
class RunningServices:
    """Services at work. `http` reaches all of them; `database_url` is the owner's; `spans` holds finished spans.

    `secrets` are the secret settings that were made up, by variable, e.g. TILLSTREAM_IDENTITY_SETUP_CODE.
    """

    http: httpx.AsyncClient
    database_url: str
    redis: Redis
    spans: InMemorySpanExporter
    apps: dict[str, FastAPI]
    buses: dict[str, MessageBus]
    secrets: dict[str, str]

    async def drained(self, timeout_s: float = 30.0) -> None:
        """Wait until every message has been sent and handled, so that what follows from a request can be seen.

        Raises NotDrained, saying what remains.
        """
        await all_drained(list(self.buses.values()), timeout_s)


async def migrated_database(definitions: Sequence[AnyServiceDefinition], server: DatabaseServer) -> str:
    """A new database with the schemas of `definitions`, and their roles; its owner's URL. The caller drops it."""
    key = (server.admin_url, *sorted(definition.name for definition in definitions))

    def create() -> str:
        if key not in _templates:
            template = server.create()
            stored = with_tables(definitions)
            urls = {definition.schema: service_url(template, definition.schema) for definition in stored}
            migrate(template, stored, urls)
            _templates[key] = template
        return server.create(template=_templates[key])

    return await asyncio.to_thread(create)


@asynccontextmanager
async def running(
    definitions: Sequence[AnyServiceDefinition],
    server: DatabaseServer,
    *,
    database_url: str | None = None,
    clock: Clock = utc_now,
    settings: HostSettings | None = None,
    transport: Transport | None = None,
    secrets: dict[str, str] | None = None,
) -> AsyncIterator[RunningServices]:
    """Run services for the block: migrate (once), build, consume, and serve over ASGI.

    `database_url` names a database that `migrated_database` made, to run the same services on it again; without it
    a new one is made and dropped at the end. Services connect as their own least-privilege roles. `transport` is
    started and stopped here; the local one unless given. `secrets` are those of an earlier run on the same database.
    """
    if not structlog.is_configured():
        configure_logging("WARNING")
    edge = Edge()
    spans = InMemorySpanExporter()
    async with AsyncExitStack() as stack:
        url = database_url or await migrated_database(definitions, server)
        if database_url is None:
            stack.push_async_callback(asyncio.to_thread, server.drop, url)
        redis: Redis = FakeAsyncRedis()
        stack.push_async_callback(redis.aclose)
        http = await stack.enter_async_context(
            httpx.AsyncClient(transport=httpx.ASGITransport(edge, raise_app_exceptions=False), base_url=BASE_URL)
        )
        carrier = transport or LocalTransport()
        await carrier.start()
        stack.push_async_callback(carrier.stop)
        made_up = secrets or made_up_secrets(definitions)
        surroundings = Surroundings(
            settings=settings or HostSettings(database_pool_connections=TEST_POOL_CONNECTIONS),
            clock=clock,
            redis=redis,
            http=http,
            traces=_traces_into(spans),
            transport=carrier,
            secrets=made_up,
        )
        services = [
            BuiltService(definition, service_url(url, definition.name), surroundings) for definition in definitions
        ]
        await stack.enter_async_context(working_together(services, edge))
        yield RunningServices(
            http,
            url,
            redis,
            spans,
            apps={service.definition.name: service.app for service in services},
            buses={service.definition.name: service.bus for service in services if service.bus is not None},
            secrets=made_up,
        )


def _traces_into(spans: InMemorySpanExporter) -> Callable[[str], TracerProvider]:
    def traces(service: str) -> TracerProvider:
        return trace_provider(service, exporter=spans)

    return traces
