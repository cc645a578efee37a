"""The gateway's link to the bus: takes commands from its own queue, and publishes what the journal has to report.

It only ever connects outward. A command is acknowledged when it is on this PC's disk; a report is forgotten when the
bus has confirmed it. In between anything may break: commands come again and are recognised, reports are sent again.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Any
from uuid import UUID

import structlog
from prometheus_client import CollectorRegistry, Counter

from device_gateway.domain.orders import DrawerOpening
from device_gateway.domain.placement import PlacedDevice, drawer_of
from device_gateway.domain.terminal_operation import TerminalOperation
from device_gateway.handlers import Command, CommandRefused, Order, take, understand
from device_gateway.journal import Journal, JournalFailed, JournalRefused
from device_gateway.journal_steps import Reported
from device_gateway.settings import GatewaySettings
from libs.bus.backoff import pause_s
from libs.bus.consumer import CommandConsumer
from libs.bus.tasks import end
from libs.bus.transport import (
    Attachment,
    Delivery,
    Disconnected,
    NotConfirmed,
    Transport,
    Unroutable,
    Unsendable,
    WireMessage,
)
from libs.contracts.gateway import gateway_route
from libs.testkit.faults import FaultInjected, fault_point

log = structlog.get_logger(__name__)

PREFETCH_COMMANDS = 32
MEASURED_ROUND_TRIPS = 100


@dataclass
class LinkMeasurements:
    """How the link does, for the diagnosis page. Round trips are in milliseconds."""

    connected: bool = False
    connected_since: datetime | None = None
    reconnects: int = 0
    sent: int = 0
    not_confirmed: int = 0
    refused_commands: int = 0
    repeated_commands: int = 0
    round_trips_ms: deque[int] = field(default_factory=lambda: deque(maxlen=MEASURED_ROUND_TRIPS))
    last_error: str | None = None

    @property
    def latency_ms(self) -> int | None:
        """The median of the last round trips; None before the first."""
        return round(median(self.round_trips_ms)) if self.round_trips_ms else None

    @property
    def loss_percent(self) -> int:
        """Of a hundred messages sent, how many had to be sent again."""
        tries = self.sent + self.not_confirmed
        return round(100 * self.not_confirmed / tries) if tries else 0


def commands_of(gateway_id: UUID) -> CommandConsumer:
    """The consumer of a gateway's commands: its queue on the broker is `gateway.<id>.1`."""
    return CommandConsumer(gateway_route(gateway_id), gateway_route(gateway_id), {}, prefetch=PREFETCH_COMMANDS)


class BusLink:
    """See the module's description. The transport belongs to the caller, who starts and stops it."""

    def __init__(
        self,
        gateway_id: UUID,
        transport: Transport,
        journal: Journal,
        settings: GatewaySettings,
        *,
        placement: Callable[[], list[PlacedDevice]],
        wake: Callable[[str], None],
        registry: CollectorRegistry,
    ) -> None:
        self.measurements = LinkMeasurements()
        self._gateway_id = gateway_id
        self._consumer = commands_of(gateway_id)
        self._transport = transport
        self._journal = journal
        self._settings = settings
        self._placement = placement
        self._wake_device = wake
        self._arrived: asyncio.Queue[Delivery] = asyncio.Queue()
        self._wake = asyncio.Event()
        self._attachments: Sequence[Attachment] = ()
        self._tasks: list[asyncio.Task[None]] = []
        self._refused = Counter(
            "gateway_commands_refused", "Deliveries that were no command for this gateway.", registry=registry
        )

    async def start(self) -> None:
        """Begin to take commands and to publish; a bus that is away is waited for in the background."""
        loop = asyncio.get_running_loop()

        def reported(_reported: tuple[Reported, ...]) -> None:
            # Called in the threads of the workers, also while the event loop is ending.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._wake.set)

        self._journal.listen(reported)
        self._attachments = await self._transport.attach(self._consumer, self._arrived.put_nowait)
        self._tasks = [
            asyncio.create_task(self._for_ever(self._receive)),
            asyncio.create_task(self._for_ever(self._publish)),
            asyncio.create_task(self._for_ever(self._measure)),
        ]

    async def stop(self) -> None:
        """Stop; what is not acknowledged comes again, what is not sent stays in the journal."""
        await asyncio.gather(*(attachment.close() for attachment in self._attachments))
        await end(self._tasks)
        self._tasks = []

    async def _for_ever(self, run: Callable[[], Any]) -> None:
        while True:
            try:
                await run()
            except Exception as error:
                # Nobody would look after a link whose task had ended.
                log.exception("bus_link_failed", gateway_id=str(self._gateway_id))
                self.measurements.last_error = f"{type(error).__name__}: {error}"
            await asyncio.sleep(self._settings.journal_retry_s)

    # Commands

    async def _receive(self) -> None:
        while True:
            await self._take(await self._arrived.get())

    async def _take(self, delivery: Delivery) -> None:
        """Journal one delivery, however long that takes: the ones behind it wait, so that order holds."""
        try:
            command = understand(delivery.headers, delivery.body, self._gateway_id)
        except CommandRefused as refusal:
            self._refuse(delivery, str(refusal))
            return
        failures = 0
        order: Order | None = None
        while True:
            try:
                fault_point("gateway_before_command_journaled")
                order = await asyncio.to_thread(self._journaled, command) or order
                fault_point("gateway_before_command_acknowledged")
                break
            except JournalRefused as refusal:
                self._refuse(delivery, str(refusal))
                return
            except (JournalFailed, FaultInjected) as error:
                failures += 1
                log.error("command_not_journaled", subject=command.message.subject, error=str(error))
                self.measurements.last_error = str(error)
                await asyncio.sleep(self._pause_s(failures, self._settings.journal_retry_s))
        delivery.ack()
        if order is None:
            self.measurements.repeated_commands += 1
            log.info("command_repeated", subject=command.message.subject)
        else:
            self.set_to_work(order)

    def _refuse(self, delivery: Delivery, reason: str) -> None:
        """Forget a delivery that can never be carried out, so that those behind it are; it is logged and counted."""
        self.measurements.refused_commands += 1
        self._refused.inc()
        log.error("command_refused", gateway_id=str(self._gateway_id), reason=reason)
        delivery.ack()

    def _journaled(self, command: Command) -> Order | None:
        return take(self._journal, command, self._placement(), drawer_late_s=self._settings.drawer_late_s)

    def set_to_work(self, order: Order) -> None:
        """Wake whoever carries out an order that was just journaled."""
        if isinstance(order, DrawerOpening):
            self._wake_device(order.drawer)
            return
        if isinstance(order, TerminalOperation):
            if order.terminal is not None:
                self._wake_device(order.terminal)
            return
        if order.printer is not None:
            self._wake_device(order.printer)
        if order.open_drawer is not None and (place := drawer_of(self._placement(), order.till_id)) is not None:
            self._wake_device(place.name)

    # Reports

    async def _publish(self) -> None:
        failures = 0
        while True:
            self._wake.clear()
            try:
                sent_all, more = await self._publish_batch()
            except JournalFailed as error:
                sent_all, more = False, False
                self.measurements.last_error = str(error)
                log.error("outbox_not_read", error=str(error))
            failures = 0 if sent_all else failures + 1
            if failures:
                await asyncio.sleep(self._pause_s(failures, self._settings.publish_retry_s))
            elif not more:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._settings.publish_poll_s):
                        await self._wake.wait()

    async def _publish_batch(self) -> tuple[bool, bool]:
        """Send the oldest messages; whether all of them are safe, and whether there are more."""
        limit = self._settings.publish_batch_messages
        rows = await asyncio.to_thread(self._unsent, limit)
        if not rows:
            return True, False
        subjects: dict[str, list[Any]] = {}
        for row in rows:
            subjects.setdefault(row.subject, []).append(row)
        sent: list[int] = []
        failures: dict[int, str] = {}
        await asyncio.gather(*(self._publish_subject(of_one, sent, failures) for of_one in subjects.values()))
        try:
            fault_point("gateway_after_publish_before_mark")
            await asyncio.to_thread(self._mark, sent, failures)
        except FaultInjected:
            return False, True
        return len(sent) + len(failures) == len(rows), len(rows) == limit

    async def _publish_subject(self, rows: Sequence[Any], sent: list[int], failures: dict[int, str]) -> None:
        """Send the messages of one subject one after the other, up to the first that is not confirmed."""
        for row in rows:
            began_s = time.perf_counter()
            try:
                await self._transport.publish(
                    WireMessage(row.message_id, row.kind, row.routing_key, row.headers, row.body)
                )
            except (Unroutable, Unsendable) as error:
                log.error("report_undeliverable", message_id=row.message_id, error=str(error))
                failures[row.number] = f"{type(error).__name__}: {error}"
                continue
            except NotConfirmed as error:
                if not isinstance(error, Disconnected):
                    self.measurements.not_confirmed += 1
                self.measurements.last_error = str(error)
                log.warning("report_not_confirmed", message_id=row.message_id, error=str(error))
                return
            sent.append(row.number)
            self.measurements.sent += 1
            self.measurements.round_trips_ms.append(round(1000 * (time.perf_counter() - began_s)))

    def _unsent(self, limit: int) -> Sequence[Any]:
        with self._journal.step() as step:
            return step.unsent(limit)

    def _mark(self, sent: Sequence[int], failures: dict[int, str]) -> None:
        with self._journal.step() as step:
            step.mark_sent(sent, failures)

    # Measurements

    async def _measure(self) -> None:
        """Watch the connection; now and then ask for the queue's length, which is a round trip."""
        asked_s = 0.0
        while True:
            self._note(bool(self._attachments) and all(attachment.attached for attachment in self._attachments))
            now_s = time.monotonic()
            if self.measurements.connected and now_s - asked_s >= self._settings.measure_every_s:
                asked_s = now_s
                with suppress(Disconnected, OSError, RuntimeError, TimeoutError):
                    began_s = time.perf_counter()
                    await self._transport.backlog(self._consumer)
                    self.measurements.round_trips_ms.append(round(1000 * (time.perf_counter() - began_s)))
            await asyncio.sleep(min(1.0, self._settings.measure_every_s))

    def _note(self, connected: bool) -> None:
        measured = self.measurements
        if connected and not measured.connected:
            measured.reconnects += measured.connected_since is not None
            measured.connected_since = self._journal.clock()
        measured.connected = connected

    def _pause_s(self, failures: int, first_s: float) -> float:
        return pause_s(failures, first_s=first_s, limit_s=self._settings.publish_retry_limit_s)
