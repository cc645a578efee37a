"""`tillstream run`: one service in a process of its own, on the configured database, broker and Redis."""

from __future__ import annotations

import socket
from contextlib import AsyncExitStack
from functools import partial

import httpx
import structlog
from prometheus_client import GCCollector, ProcessCollector
from redis.asyncio import Redis

from libs.bus.transports.rabbit import RabbitTransport
from libs.host.assembly import BuiltService, Surroundings
from libs.host.garbage import spare_requests_the_search
from libs.host.registry import AnyServiceDefinition
from libs.host.server import StopSignal, listen, serving
from libs.host.service import ServiceDefinition
from libs.host.settings import HostSettings
from libs.host.waiting import wait_for_broker, wait_for_database
from libs.persistence import Clock, utc_now
from libs.telemetry import trace_provider

SIBLING_TIMEOUT_S = 5.0

_log = structlog.get_logger(__name__)


async def run_service(definition: AnyServiceDefinition, settings: HostSettings, *, clock: Clock = utc_now) -> None:
    """Run the service until SIGTERM or SIGINT; then let open requests and messages in hand finish.

    One without tables waits for neither database nor broker.
    Raises NotAvailable if the port is taken or database or broker do not come, WrongSetting for a wrong setting.
    """
    stored = definition if isinstance(definition, ServiceDefinition) else None
    database_url = None if stored is None else settings.service_database_url(stored.name)
    listener = listen(settings.bind_address, settings.port)
    async with AsyncExitStack() as stack:
        stack.callback(listener.close)
        stop = stack.enter_context(StopSignal().listening())
        instance = f"{definition.name}@{socket.gethostname()}"
        transport = RabbitTransport(settings.rabbitmq_url, settings.bus, client=instance)
        redis = Redis.from_url(settings.redis_url)
        stack.push_async_callback(redis.aclose)
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=settings.edge_url, timeout=SIBLING_TIMEOUT_S))
        traces = partial(
            trace_provider,
            otlp_endpoint=settings.otlp_endpoint,
            sample_share=settings.trace_sample_share,
            instance=instance,
        )
        service = BuiltService(definition, database_url, Surroundings(settings, clock, redis, http, traces, transport))
        # Only here: these collectors describe the process, which in embedded mode belongs to no one service.
        ProcessCollector(registry=service.registry)
        GCCollector(registry=service.registry)
        if stored is not None and database_url is not None:
            await wait_for_database(stored, database_url, settings.startup_wait_s)
            await transport.start()
            stack.push_async_callback(transport.stop)
            await wait_for_broker(transport, service.service.consumers, settings.startup_wait_s)
        app = await stack.enter_async_context(service.working())
        await stack.enter_async_context(serving(app, listener, settings, behind_proxy=True))
        spare_requests_the_search()
        stop.started = True
        _log.info("ready", service=definition.name, address=f"{settings.bind_address}:{settings.port}")
        await stop.wait()
        _log.info("stopping", service=definition.name)
