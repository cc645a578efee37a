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
from libs.host.registry import AnyServiceDefinition
from libs.host.service import Service, ServiceContext
from libs.host.settings import HostSettings, load_settings
from libs.persistence import Clock, Database, create_engine
from libs.persistence.leases import Leases
from libs.web.app import create_service_app
from libs.web.authentication import TokenVerifier

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Surroundings:
    """What the services of one process share.

    `traces` makes the tracer provider of a service. `secrets` are values for secret settings that are not set.
    """

    settings: HostSettings
    clock: Clock
    redis: Redis
    http: httpx.AsyncClient
    traces: Callable[[str], TracerProvider]
    transport: Transport
    secrets: Mapping[str, str] = field(default_factory=dict)


class BuiltService:
    """A service that is built and does not work yet: its consumers can be declared before anybody publishes."""

    def __init__(self, definition: AnyServiceDefinition, database_url: str, surroundings: Surroundings) -> None:
        """Build the service; connects to nothing. Raises WrongSetting for a wrong setting of the service's own."""
        self.definition = definition
        self.transport = surroundings.transport
        self._surroundings = surroundings
        self._tables = messaging_tables_of(definition.metadata, definition.schema)
        self.registry = CollectorRegistry()
        self._provider = surroundings.traces(definition.name)
        self._tracer = self._provider.get_tracer("tillstream")
        self._database = self._open_database(database_url)
        self._context: ServiceContext[Any] = ServiceContext(
            name=definition.name,
            settings=load_settings(definition.settings, surroundings.secrets),
            database=self._database,
            clock=surroundings.clock,
            redis=surroundings.redis,
            http=surroundings.http,
            verifier=TokenVerifier.over_http(surroundings.http, surroundings.clock),
            bus=surroundings.settings.bus,
        )
        self.bus = MessageBus(
            definition.name,
            self._database,
            self._tables,
            surroundings.transport,
            surroundings.settings.bus,
            registry=self.registry,
            tracer_provider=self._provider,
        )
        self.service: Service = definition.build(self._context)
        self.app = create_service_app(
            name=definition.name,
            summary=definition.summary,
            context=self._context,
            routers=[*self.service.routers, dead_message_routes(self._tables)],
            resources=self.service.resources,
            checks={"database": _database_check(self._database, definition.schema)},
            registry=self.registry,
            tracer=self._tracer,
        )

    @asynccontextmanager
    async def working(self) -> AsyncIterator[FastAPI]:
        """Run lifespans, consumers and timers for the block; yields the application, which is then ready to serve.

        The database must be migrated and the transport started.
        """
        async with AsyncExitStack() as stack:
            stack.callback(self._provider.shutdown)
            stack.push_async_callback(self._database.close)
            # Mounted or served by our own server, an application's lifespan does not run by itself.
            await stack.enter_async_context(self.app.router.lifespan_context(self.app))
            await stack.enter_async_context(self.service.lifespan())
            await self.bus.start(self.service.consumers)
            stack.push_async_callback(self.bus.stop)
            await stack.enter_async_context(
                running_jobs(
                    self.service.jobs,
                    service=self.definition.name,
                    leases=Leases(self._database.engine, self._tables.leases),
                    lease_s=self._surroundings.settings.job_lease_s,
                    tracer=self._tracer,
                    measurements=JobMeasurements(self.registry),
                )
            )
            yield self.app

    def _open_database(self, url: str) -> Database:
        host = self._surroundings.settings
        engine = create_engine(
            url,
            schema=self.definition.schema,
            pool_size=host.database_pool_connections,
            pool_timeout_s=host.database_pool_timeout_s,
        )
        return Database(engine, clock=self._surroundings.clock)


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
