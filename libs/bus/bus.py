"""The message bus of one service: outbox, relay, consumers, parked messages and housekeeping, wired together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog
from opentelemetry.trace import TracerProvider
from prometheus_client import CollectorRegistry
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from libs.bus.backoff import pause_s
from libs.bus.consumer import AnyConsumer
from libs.bus.housekeeping import Housekeeping
from libs.bus.inbox import Inbox
from libs.bus.inbox_rows import InboxRows
from libs.bus.metrics import metrics_for
from libs.bus.outbox import Outbox
from libs.bus.outbox_rows import OutboxRows
from libs.bus.parked import ParkedMessages
from libs.bus.parking import Parking
from libs.bus.relay import Relay
from libs.bus.runner import ConsumerRunner
from libs.bus.settings import BusSettings
from libs.bus.tables import MessagingTables
from libs.bus.tasks import end
from libs.bus.topology import check_unique
from libs.bus.tracing import Tracing
from libs.bus.transport import Disconnected, Transport
from libs.persistence import Database
from libs.persistence.leases import Leases

log = structlog.get_logger(__name__)

DRAIN_POLL_S = 0.02


class NotDrained(TimeoutError):
    """Messages are still on their way after the time allowed; the text says which."""


class MessageBus:
    """One per service and process. It becomes the outbox of `database`.

    The transport is shared and belongs to the caller: start it before `start`, stop it after `stop`. In embedded mode
    declare the consumers of every service on it before the first bus starts, as `tillstream migrate` does on RabbitMQ.
    """

    def __init__(
        self,
        service: str,
        database: Database,
        tables: MessagingTables,
        transport: Transport,
        settings: BusSettings | None = None,
        *,
        registry: CollectorRegistry | None = None,
        tracer_provider: TracerProvider | None = None,
        holder: str | None = None,
    ) -> None:
        """`holder` names this replica in the table of leases; a unique name is made up without it."""
        self.settings = settings or BusSettings()
        self.service = service
        self._database = database
        self._transport = transport
        self._metrics = metrics_for(registry or CollectorRegistry())
        self._tracing = Tracing(transport.name, tracer_provider)
        self._outbox_rows = OutboxRows(database.engine, tables.outbox)
        self._inbox_rows = InboxRows(tables.inbox)
        self._leases = Leases(database.engine, tables.leases, holder=holder)
        self._slots = asyncio.Semaphore(self.settings.concurrent_handlers)
        self.outbox = Outbox(service, tables.outbox, message_limit_bytes=self.settings.message_limit_bytes)
        database.use_outbox(self.outbox)
        self.relay = Relay(
            self._outbox_rows,
            self.outbox,
            self._leases,
            transport,
            self.settings,
            service=service,
            metrics=self._metrics,
            tracing=self._tracing,
            clock=database.clock,
        )
        parking = Parking(database, self._inbox_rows, self.settings, service=service, metrics=self._metrics)
        self._inbox = Inbox(
            database,
            self._inbox_rows,
            parking,
            self.settings,
            service=service,
            metrics=self._metrics,
            tracing=self._tracing,
        )
        self.housekeeping = Housekeeping(
            database,
            self._outbox_rows,
            self._inbox_rows,
            self._leases,
            self.settings,
            service=service,
            metrics=self._metrics,
        )
        self._runners: list[ConsumerRunner] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, consumers: Sequence[AnyConsumer] = ()) -> None:
        """Begin to relay and to consume; a broker or database that is away is waited for in the background.

        Raises InvalidTopology if the consumers contradict each other.
        """
        check_unique(consumers)
        self._runners = [
            ConsumerRunner(
                consumer, self._inbox, self._transport, self.settings, slots=self._slots, probe=self._database_answers
            )
            for consumer in consumers
        ]
        parked = ParkedMessages(
            {runner.consumer.name: runner.subscription for runner in self._runners},
            self._database,
            self._inbox_rows,
            self._inbox,
            self._leases,
            self.settings,
            slots=self._slots,
        )
        self._begin("flow", lambda: self._flow(consumers))
        if consumers:
            self._begin("parked", parked.run)
        self._begin("prune", self.housekeeping.keep_pruning)
        self._begin("watch", lambda: self.housekeeping.watch(self._runners))

    async def stop(self) -> None:
        """Let handlers at work finish, then stop everything; nothing that is not done is forgotten."""
        await asyncio.gather(*(runner.stop() for runner in self._runners))
        await end(self._tasks)
        self._tasks.clear()
        self._runners = []
        try:
            await self.relay.leave()
        except (SQLAlchemyError, OSError) as error:
            # The leases then end by themselves.
            log.warning("leases_not_released", service=self.service, error=str(error))

    async def remaining(self) -> dict[str, int]:
        """What is on its way at this moment, by place; empty if nothing is."""
        counts: dict[str, int] = {"outbox": (await self._outbox_rows.pending()).messages}
        counts["in hand"] = sum(runner.pending for runner in self._runners)
        for runner in self._runners:
            counts[f"queue {runner.consumer.name}"] = await self._transport.backlog(runner.consumer)
        async with self._database.reading() as connection:
            for status, messages in (await self._inbox_rows.unfinished(connection)).items():
                counts[f"inbox {status}"] = messages
        return {place: count for place, count in counts.items() if count}

    async def drained(self, timeout_s: float = 30.0) -> None:
        """Wait until every message has been sent and handled. Raises NotDrained, saying what remains."""
        await all_drained([self], timeout_s)

    def _begin(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        self._tasks.append(asyncio.create_task(self._for_ever(name, run)))

    async def _for_ever(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Run a task that should never end, and begin it again if it fails for a reason nobody foresaw."""
        failures = 0
        while True:
            try:
                await run()
            except Exception:
                failures += 1
                log.exception("bus_task_failed", service=self.service, task=name)
            await asyncio.sleep(
                pause_s(max(failures, 1), first_s=self.settings.probe_s, limit_s=self.settings.probe_limit_s)
            )

    async def _flow(self, consumers: Sequence[AnyConsumer]) -> None:
        # Declared before anything is published, or our own first messages would find no queue.
        while True:
            try:
                await self._transport.declare(consumers)
                break
            except Disconnected as error:
                log.warning("bus_waits_for_broker", service=self.service, error=str(error))
                await asyncio.sleep(self.settings.reconnect_s)
        for runner in self._runners:
            runner.start()
        await self.relay.run()

    async def _database_answers(self) -> bool:
        try:
            async with self._database.reading() as connection:
                await connection.execute(text("select 1"))
        except (SQLAlchemyError, OSError):
            return False
        return True


async def all_drained(buses: Sequence[MessageBus], timeout_s: float = 30.0) -> None:
    """Wait until nothing is on its way in any of these buses, which may set each other to work.

    Raises NotDrained with what remains; dead messages remain until an operator decides.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    quiet = 0
    while True:
        remaining = {bus.service: places for bus in buses if (places := await bus.remaining())}
        # Twice in a row: between two questions a message may have moved from a bus not yet asked to one asked before.
        quiet = 0 if remaining else quiet + 1
        if quiet == 2:
            return
        if loop.time() > deadline:
            raise NotDrained(f"still on their way after {timeout_s} s: {remaining}")
        await asyncio.sleep(DRAIN_POLL_S)
