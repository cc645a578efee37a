"""`tillstream migrate`: schemas, roles, and what the broker must hold before anything is published."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import httpx
from fakeredis import FakeAsyncRedis

from libs.bus.consumer import AnyConsumer
from libs.bus.transports.local import LocalTransport
from libs.bus.transports.rabbit import RabbitTransport
from libs.host.assembly import BuiltService, Surroundings
from libs.host.errors import NotAvailable
from libs.host.registry import AnyServiceDefinition, with_tables
from libs.host.schemas import Advance, migrate_services
from libs.host.secret_settings import made_up_secrets
from libs.host.settings import HostSettings
from libs.host.waiting import NotYet, until, wait_for_broker
from libs.persistence import utc_now
from libs.telemetry import trace_provider


async def migrate_everything(
    definitions: Sequence[AnyServiceDefinition], settings: HostSettings, advance: Advance, *, broker: bool
) -> None:
    """Migrate the database, then declare exchanges, streams and every service's queues unless `broker` is false.

    Waits up to `startup_wait_s` for each. `advance` is called with (what is done, services finished).
    """
    admin_url = settings.admin_url()
    urls = {
        definition.schema: settings.service_database_url(definition.name) for definition in with_tables(definitions)
    }

    async def migrated() -> None:
        try:
            await asyncio.to_thread(migrate_services, definitions, admin_url, urls, advance)
        except NotAvailable as error:
            raise NotYet(str(error)) from error

    await until(migrated, settings.startup_wait_s)
    if broker:
        await _declare(consumers_of(definitions, settings), settings, advance)


def consumers_of(definitions: Sequence[AnyServiceDefinition], settings: HostSettings) -> list[AnyConsumer]:
    """What every service consumes, ordered by name."""
    services = unconnected_services(definitions, settings)
    consumers = [consumer for service in services for consumer in service.service.consumers]
    return sorted(consumers, key=lambda consumer: consumer.name)


def unconnected_services(definitions: Sequence[AnyServiceDefinition], settings: HostSettings) -> Iterator[BuiltService]:
    """The services as they would run, to look at; they are connected to nothing and must not be set to work.

    Secrets that are not set are made up: whoever migrates need not know them.
    """
    surroundings = Surroundings(
        settings=settings,
        clock=utc_now,
        redis=FakeAsyncRedis(),
        http=httpx.AsyncClient(base_url=settings.edge_url),
        traces=trace_provider,
        transport=LocalTransport(settings.bus),
        secrets=made_up_secrets(definitions),
    )
    for definition in definitions:
        yield BuiltService(definition, "postgresql://nobody@localhost/none", surroundings)


async def _declare(consumers: Sequence[AnyConsumer], settings: HostSettings, advance: Advance) -> None:
    advance("the broker", 0)
    transport = RabbitTransport(settings.rabbitmq_url, settings.bus, client="migrate")
    await transport.start()
    try:
        await wait_for_broker(transport, consumers, settings.startup_wait_s)
    finally:
        await transport.stop()
    advance(f"the broker holds the queues of {len(consumers)} consumers", 1)
