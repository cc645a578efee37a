"""Builds one service from its definition and keeps it running: the same in every run mode and in tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
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

from libs.bus.outbox import Outbox
from libs.bus.tables import MessagingTables
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
    """What the services of one process share. `traces` makes the tracer provider of a service."""

    settings: HostSettings
    clock: Clock
    redis: Redis
    http: httpx.AsyncClient
    traces: Callable[[str], TracerProvider]


@asynccontextmanager
async def running_service(
    definition: AnyServiceDefinition, database_url: str, surroundings: Surroundings
) -> AsyncIterator[FastAPI]:
    """Build the service and run it, its consumers and its timers for the block; yields its application.

    The database at `database_url` must be migrated. Raises WrongSetting for a wrong setting of the service's own.
    """
    settings = load_settings(definition.settings)
    tables = messaging_tables_of(definition.metadata, definition.schema)
    host = surroundings.settings
    engine = create_engine(
        database_url,
        schema=definition.schema,
        pool_size=host.database_pool_connections,
        pool_timeout_s=host.database_pool_timeout_s,
    )
    provider = surroundings.traces(definition.name)
    registry = CollectorRegistry()
    async with AsyncExitStack() as stack:
        stack.callback(provider.shutdown)
        outbox = Outbox(definition.name, tables.outbox)
        database = Database(engine, outbox=outbox, clock=surroundings.clock)
        stack.push_async_callback(database.close)
        context: ServiceContext[Any] = ServiceContext(
            name=definition.name,
            settings=settings,
            database=database,
            clock=surroundings.clock,
            redis=surroundings.redis,
            http=surroundings.http,
            verifier=TokenVerifier.over_http(surroundings.http, surroundings.clock),
        )
        service: Service = definition.build(context)
        tracer = provider.get_tracer("tillstream")
        app = create_service_app(
            name=definition.name,
            summary=definition.summary,
            context=context,
            routers=service.routers,
            resources=service.resources,
            checks={"database": _database_check(database, definition.schema)},
            registry=registry,
            tracer=tracer,
        )
        # Mounted or served by our own server, an application's lifespan does not run by itself.
        await stack.enter_async_context(app.router.lifespan_context(app))
        await stack.enter_async_context(service.lifespan())
        await stack.enter_async_context(
            running_jobs(
                service.jobs,
                service=definition.name,
                leases=Leases(engine, tables.leases),
                lease_s=host.job_lease_s,
                tracer=tracer,
                measurements=JobMeasurements(registry),
            )
        )
        yield app


def messaging_tables_of(metadata: MetaData, schema: str) -> MessagingTables:
    """The messaging tables among a service's own. Raises WrongSetting if it forgot to add them."""

    def find(name: str) -> Table:
        table = metadata.tables.get(f"{schema}.{name}", metadata.tables.get(name))
        if table is None:
            raise WrongSetting(f"The service {schema} has no table {name}: call libs.bus.messaging_tables(metadata).")
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
