"""Builds one service from its definition and keeps it running: the same in every run mode and in tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import psycopg
import structlog
from fastapi import FastAPI
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis
from sqlalchemy import MetaData, Table, text
from sqlalchemy.exc import SQLAlchemyError

from libs.bus.bus import MessageBus
from libs.bus.tables import MessagingTables
from libs.bus.transport import Transport
from libs.host.dead_message_routes import dead_message_routes
from libs.host.edge import Edge
from libs.host.errors import WrongSetting
from libs.host.jobs import JobMeasurements, running_jobs
from libs.host.registry import AnyServiceDefinition, AnyStoredDefinition
from libs.host.service import Service, ServiceContext, ServiceDefinition, TablelessContext
from libs.host.settings import HostSettings, load_settings
from libs.persistence import Clock, Database, create_engine
from libs.persistence.leases import Leases
from libs.web.app import create_service_app
from libs.web.authentication import TokenVerifier

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Surroundings:
    """What the services of one process share.

    `traces` makes the tracer provider of a service. `secrets` are values for secret settings that are not set,
    `defaults` values for other settings that are not set, by variable.
    """

    settings: HostSettings
    clock: Clock
    redis: Redis
    http: httpx.AsyncClient
    traces: Callable[[str], TracerProvider]
    transport: Transport
    secrets: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class _Stored:
    """What a service with tables works with."""

    schema: str
    database: Database
    tables: MessagingTables
    bus: MessageBus


class BuiltService:
    """A service that is built and does not work yet: its consumers can be declared before anybody publishes."""

    def __init__(self, definition: AnyServiceDefinition, database_url: str | None, surroundings: Surroundings) -> None:
        """Build the service; connects to nothing. A service without tables needs no `database_url`.

        Raises WrongSetting for a wrong setting of the service's own.
        """
        self.definition = definition
        self.transport = surroundings.transport
        self._surroundings = surroundings
        self.registry = CollectorRegistry()
        self._provider = surroundings.traces(definition.name)
        self._tracer = self._provider.get_tracer("tillstream")
        settings = load_settings(definition.settings, {**surroundings.defaults, **surroundings.secrets})
        verifier = TokenVerifier.over_http(surroundings.http, surroundings.clock)
        context: ServiceContext[Any] | TablelessContext[Any]
        if isinstance(definition, ServiceDefinition):
            self._stored: _Stored | None = self._store(definition, database_url)
            context = ServiceContext(
                name=definition.name,
                settings=settings,
                database=self._stored.database,
                clock=surroundings.clock,
                redis=surroundings.redis,
                http=surroundings.http,
                verifier=verifier,
                bus=surroundings.settings.bus,
            )
            self.service: Service = definition.build(context)
        else:
            self._stored = None
            context = TablelessContext(
                definition.name, settings, surroundings.clock, surroundings.redis, surroundings.http, verifier
            )
            self.service = definition.build(context)
            if self.service.consumers or self.service.jobs:
                raise WrongSetting(f"The service {definition.name} keeps no tables: it can have no consumers or jobs.")
        self.app = self._application(context)

    @property
    def bus(self) -> MessageBus | None:
        """The service's bus; None without tables, in which messages are kept."""
        return None if self._stored is None else self._stored.bus

    @asynccontextmanager
    async def working(self) -> AsyncIterator[FastAPI]:
        """Run lifespans, consumers and timers for the block; yields the application, which is then ready to serve.

        The database must be migrated and the transport started.
        """
        async with AsyncExitStack() as stack:
            stack.callback(self._provider.shutdown)
            if self._stored is not None:
                stack.push_async_callback(self._stored.database.close)
            # Mounted or served by our own server, an application's lifespan does not run by itself.
            await stack.enter_async_context(self.app.router.lifespan_context(self.app))
            await stack.enter_async_context(self.service.lifespan())
            if self._stored is not None:
                await stack.enter_async_context(self._messages_and_jobs(self._stored))
            yield self.app

    @asynccontextmanager
    async def _messages_and_jobs(self, stored: _Stored) -> AsyncIterator[None]:
        await stored.bus.start(self.service.consumers)
        try:
            async with running_jobs(
                self.service.jobs,
                service=self.definition.name,
                leases=Leases(stored.database.engine, stored.tables.leases),
                lease_s=self._surroundings.settings.job_lease_s,
                tracer=self._tracer,
                measurements=JobMeasurements(self.registry),
            ):
                yield
        finally:
            await stored.bus.stop()

    def _application(self, context: ServiceContext[Any] | TablelessContext[Any]) -> FastAPI:
        stored = self._stored
        return create_service_app(
            name=self.definition.name,
            summary=self.definition.summary,
            context=context,
            routers=[*self.service.routers, *([dead_message_routes(stored.tables)] if stored else [])],
            resources=self.service.resources,
            checks={"database": _database_check(stored.database, stored.schema)} if stored else {},
            registry=self.registry,
            tracer=self._tracer,
            pages=self.service.pages,
        )

    def _store(self, definition: AnyStoredDefinition, url: str | None) -> _Stored:
        if url is None:
            raise WrongSetting(f"The service {definition.name} keeps tables: it needs the URL of a database.")
        host = self._surroundings.settings
        engine = create_engine(
            url,
            schema=definition.schema,
            pool_size=host.database_pool_connections,
            pool_timeout_s=host.database_pool_timeout_s,
        )
        database = Database(engine, clock=self._surroundings.clock)
        tables = messaging_tables_of(definition.metadata, definition.schema)
        bus = MessageBus(
            definition.name,
            database,
            tables,
            self.transport,
            host.bus,
            registry=self.registry,
            tracer_provider=self._provider,
        )
        return _Stored(definition.schema, database, tables, bus)


@asynccontextmanager
async def working_together(services: Sequence[BuiltService], edge: Edge) -> AsyncIterator[None]:
    """Run several services of one process for the block, each behind `edge`. They share one transport, started."""
    for service in services:
        # All of them before anybody publishes: an event that no declared queue wants counts as delivered.
        await service.transport.declare(service.service.consumers)
    async with AsyncExitStack() as stack:
        for service in services:
            app = await stack.enter_async_context(service.working())
            edge.add(service.definition.name, app, service.definition.summary)
        yield


def messaging_tables_of(metadata: MetaData, schema: str) -> MessagingTables:
    """The messaging tables among a service's own. Raises WrongSetting if it forgot to add them."""

    def find(name: str) -> Table:
        table = metadata.tables.get(f"{schema}.{name}", metadata.tables.get(name))
        if table is None:
            raise WrongSetting(
                f"The service {schema} has no table {name}: call libs.bus.tables.messaging_tables(metadata, schema)."
            )
        return table

    return MessagingTables(find("outbox"), find("inbox"), find("leases"))


def _database_check(database: Database, schema: str) -> Callable[[], Any]:
    async def check() -> str | None:
        try:
            async with database.reading() as connection:
                await connection.execute(text("SELECT 1 FROM schema_version"))
        except (SQLAlchemyError, psycopg.Error, OSError) as error:
            _log.warning("database check failed", service=schema, error=str(error))
            return "the database does not answer, or is not migrated"
        return None

    return check
