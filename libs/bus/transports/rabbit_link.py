"""A connection to RabbitMQ that is opened again whenever it is lost, and declarations on it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import aio_pika
import structlog
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import AMQPError, ChannelPreconditionFailed

from libs.bus.backoff import pause_s
from libs.bus.settings import BusSettings
from libs.bus.tasks import end
from libs.bus.topology import Queue, Topology
from libs.bus.transport import Disconnected

log = structlog.get_logger(__name__)

LOST = (AMQPError, OSError, RuntimeError, TimeoutError)
"""What aio-pika raises when a connection or channel is, or becomes, unusable."""

CLOSE_TIMEOUT_S = 5.0


def cancelled_by_others() -> bool:
    """Whether a CancelledError is meant for the current task; a channel that closes cancels what waits on it too."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class Link:
    """Keeps one connection open."""

    def __init__(self, url: str, settings: BusSettings, name: str) -> None:
        self._url = url
        self._settings = settings
        self._name = name
        self._connection: AbstractConnection | None = None
        self._connected = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to connect."""
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Close the connection for good."""
        if self._task is not None:
            await end([self._task])
            self._task = None

    async def connection(self, *, wait: bool = False) -> AbstractConnection:
        """The open connection, waiting for it if need be: for ever, or until `connect_timeout_s` (Disconnected)."""
        if self._connection is None:
            try:
                async with asyncio.timeout(None if wait else self._settings.connect_timeout_s):
                    await self._connected.wait()
            except TimeoutError as error:
                raise Disconnected("no connection to the broker") from error
        if self._connection is None:
            raise Disconnected("the connection to the broker was lost")
        return self._connection

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                connection = await aio_pika.connect(
                    self._url,
                    timeout=self._settings.connect_timeout_s,
                    client_properties={"connection_name": f"tillstream {self._name}"},
                    heartbeat=self._settings.heartbeat_s,
                )
            except LOST as error:
                failures += 1
                log.warning("broker_unreachable", connection=self._name, failures=failures, error=repr(error))
            except asyncio.CancelledError:
                if cancelled_by_others():
                    raise
                failures += 1
            else:
                failures = 0
                await self._hold(connection)
                log.warning("broker_connection_lost", connection=self._name)
            await asyncio.sleep(
                pause_s(max(failures, 1), first_s=self._settings.reconnect_s, limit_s=self._settings.reconnect_limit_s)
            )

    async def _hold(self, connection: AbstractConnection) -> None:
        lost = asyncio.Event()
        connection.close_callbacks.add(lambda *_: lost.set())
        self._connection = connection
        self._connected.set()
        try:
            await lost.wait()
        finally:
            self._connection = None
            self._connected.clear()
            with suppress(*LOST):
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    await connection.close()


async def declare_exchanges(connection: AbstractConnection, topology: Topology) -> None:
    """Create the exchanges, if they do not exist; where they are expected, only see that they are there."""
    async with connection.channel() as channel:
        for name, kind in topology.exchanges().items():
            await channel.declare_exchange(name, kind, durable=True, passive=topology.expected)


async def declare_queue(connection: AbstractConnection, queue: Queue, topology: Topology) -> None:
    """Create a queue, if it does not exist, and its bindings; where it is expected, only see that it is there.

    A queue that exists with other limits keeps them: operators change limits by policy, and a changed setting must
    not stop a service.
    """
    if topology.expected:
        # A passive declaration needs no right to configure (RabbitMQ, "Access Control", table of permissions).
        async with connection.channel() as channel:
            await channel.declare_queue(queue.name, passive=True)
        return
    try:
        async with connection.channel() as channel:
            await channel.declare_queue(queue.name, durable=True, arguments=queue.arguments)
    except ChannelPreconditionFailed as error:
        log.warning("queue_exists_with_other_arguments", queue=queue.name, error=str(error))
    async with connection.channel() as channel:
        declared = await channel.declare_queue(queue.name, passive=True)
        for binding in queue.bindings:
            await declared.bind(binding.exchange, binding.routing_key)
