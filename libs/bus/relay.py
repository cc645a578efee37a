"""The relay: takes committed messages from the outbox to the transport, in order within a key, concurrently across.

One relay holds a partition at a time (a lease), so two replicas do not publish the same rows twice as a rule. Order
does not depend on it: a relay sends the rows of a key one by one from the oldest unsent one, so even two relays on
one partition only produce repetitions, which inboxes recognise.

No transaction is open while the broker is asked. There is no cursor: what is unsent is read, so a row that commits
late with a low `seq` is not skipped.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from sqlalchemy.exc import SQLAlchemyError

from libs.bus.backoff import pause_s
from libs.bus.metrics import BusMetrics
from libs.bus.outbox import Outbox
from libs.bus.outbox_rows import OutboxRow, OutboxRows
from libs.bus.settings import BusSettings
from libs.bus.tasks import end
from libs.bus.topology import PARTITIONS
from libs.bus.tracing import Tracing
from libs.bus.transport import Disconnected, NotConfirmed, Transport, Unroutable, Unsendable, WireMessage
from libs.persistence import Clock
from libs.persistence.leases import Leases
from libs.testkit.faults import FaultInjected, fault_point

log = structlog.get_logger(__name__)

PARTITION_LEASES = tuple(f"relay/{number:02d}" for number in range(PARTITIONS))
LEASE_GROUP = "relay"


@dataclass(slots=True)
class _Failing:
    """A key whose oldest message was not confirmed: left alone until `until` (monotonic seconds)."""

    failures: int
    until: float


@dataclass(slots=True)
class _Progress:
    """What is on its way and what has come back, between two turns of the loop."""

    busy_keys: set[str] = field(default_factory=set)
    in_flight: int = 0
    finished_keys: set[str] = field(default_factory=set)
    confirmed: list[int] = field(default_factory=list)
    undeliverable: dict[str, list[int]] = field(default_factory=dict)


class Relay:
    """Publishes the outbox of one service. Run `run()` as a task; every replica may run one."""

    def __init__(
        self,
        rows: OutboxRows,
        outbox: Outbox,
        leases: Leases,
        transport: Transport,
        settings: BusSettings,
        *,
        service: str,
        metrics: BusMetrics,
        tracing: Tracing,
        clock: Clock,
    ) -> None:
        self._rows = rows
        self._outbox = outbox
        self._leases = leases
        self._transport = transport
        self._settings = settings
        self._service = service
        self._metrics = metrics
        self._tracing = tracing
        self._clock = clock
        self._partitions: frozenset[int] = frozenset()
        self._leases_until = 0.0
        self._failing: dict[str, _Failing] = {}
        self._failures = 0
        self._pause_until = 0.0
        self._progress = _Progress()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def partitions(self) -> frozenset[int]:
        """The partitions this relay holds at present."""
        return self._partitions if time.monotonic() < self._leases_until else frozenset()

    async def run(self) -> None:
        """Relay until cancelled; what is in flight then stays unsent in the outbox and is sent again."""
        leasing = asyncio.create_task(self._keep_leases())
        try:
            while True:
                try:
                    await self._turn()
                except (SQLAlchemyError, OSError, FaultInjected) as error:
                    # The connection of the turn is gone; nothing was marked, so nothing is lost.
                    log.warning("relay_database_failed", service=self._service, error=str(error))
                    await asyncio.sleep(self._settings.probe_s)
                    continue
                await self._wait()
        finally:
            await end([leasing, *self._tasks])

    async def leave(self) -> None:
        """Free this relay's partitions for the others; after `run` has ended."""
        self._partitions = frozenset()
        await self._leases.leave(PARTITION_LEASES, group=LEASE_GROUP)

    async def _wait(self) -> None:
        # Whoever holds every partition is alone: what is committed in this process wakes it.
        alone = len(self._partitions) == PARTITIONS
        poll_s = self._settings.relay_alone_poll_s if alone else self._settings.relay_poll_s
        try:
            async with asyncio.timeout(poll_s):
                await self._outbox.wake.wait()
        except TimeoutError:
            return
        # More confirms are on their way; reading and marking many rows at once is cheaper than a few at a time.
        deadline = time.monotonic() + self._settings.relay_linger_s
        while self._progress.in_flight and time.monotonic() < deadline:
            await asyncio.sleep(self._settings.relay_linger_s / 5)
            if self._progress.in_flight <= self._settings.relay_in_flight_messages / 2:
                break

    async def _turn(self) -> None:
        """Mark what was confirmed, read what may be sent, start sending it."""
        self._outbox.wake.clear()
        await self._record()
        now = time.monotonic()
        room = self._settings.relay_in_flight_messages - self._progress.in_flight
        if now < self._pause_until or room <= 0 or not self.partitions:
            return
        # Kept a while after their pause, so that a key that fails again rests longer.
        forget = now - self._settings.relay_retry_limit_s
        self._failing = {key: failing for key, failing in self._failing.items() if failing.until > forget}
        resting = [key for key, failing in self._failing.items() if failing.until > now]
        partitions = sorted(self.partitions)
        rows = await self._rows.unsent(
            partitions,
            [*self._progress.busy_keys, *resting],
            limit=min(self._settings.relay_read_rows, -(-room // len(partitions))),
        )
        groups: dict[str, list[OutboxRow]] = {}
        for row in rows:
            groups.setdefault(row.key, []).append(row)
        for key, group in groups.items():
            self._progress.busy_keys.add(key)
            self._progress.in_flight += len(group)
            task = asyncio.create_task(self._publish_key(key, group))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _record(self) -> None:
        """Write down what became of the messages sent since the last turn; only then may their keys go on."""
        progress = self._progress
        confirmed, finished = progress.confirmed, progress.finished_keys
        undeliverable = progress.undeliverable
        progress.confirmed, progress.finished_keys, progress.undeliverable = [], set(), {}
        try:
            if confirmed or undeliverable:
                fault_point("after_publish_before_mark")
                await self._rows.mark(confirmed, undeliverable, self._clock())
        finally:
            # Also if marking failed: the rows are then read and sent again, in order.
            progress.busy_keys -= finished
        if confirmed:
            self._failures = 0
            self._metrics.published.labels(self._service).inc(len(confirmed))

    async def _publish_key(self, key: str, rows: Sequence[OutboxRow]) -> None:
        """Send the messages of one key one after the other; stop at the first that is not confirmed."""
        progress = self._progress
        try:
            for row in rows:
                if row.partition not in self.partitions:
                    break
                failure = await self._publish(row)
                if failure is None:
                    progress.confirmed.append(row.seq)
                else:
                    progress.undeliverable.setdefault(failure, []).append(row.seq)
            self._failing.pop(key, None)
        except Disconnected as error:
            self._pause_all(error)
        except NotConfirmed as error:
            self._rest(key, error)
        finally:
            progress.in_flight -= len(rows)
            progress.finished_keys.add(key)
            self._outbox.wake.set()

    async def _publish(self, row: OutboxRow) -> str | None:
        """Send one message. None once it is safe, or why it never will be. Raises NotConfirmed."""
        if row.expires_at is not None and row.expires_at <= self._clock():
            return self._give_up(row, "expired", f"valid until {row.expires_at.isoformat()}")
        headers: Mapping[str, str] = row.headers
        with self._tracing.publishing(
            row.type, str(row.id), row.routing_key, row.headers.get("ce-traceparent")
        ) as traceparent:
            if traceparent is not None:
                headers = {**row.headers, "ce-traceparent": traceparent}
            try:
                await self._transport.publish(WireMessage(str(row.id), row.kind, row.routing_key, headers, row.body))
            except (Unroutable, Unsendable) as error:
                return self._give_up(row, "unroutable" if isinstance(error, Unroutable) else "unsendable", str(error))
        return None

    def _give_up(self, row: OutboxRow, failure: str, reason: str) -> str:
        log.error(
            "message_undeliverable",
            service=self._service,
            id=str(row.id),
            type=row.type,
            failure=failure,
            reason=reason,
        )
        self._metrics.undeliverable.labels(self._service).inc()
        return failure

    def _rest(self, key: str, error: Exception) -> None:
        known = self._failing.get(key)
        failures = known.failures + 1 if known else 1
        self._failing[key] = _Failing(failures, time.monotonic() + self._pause_s(failures))
        self._metrics.publish_failures.labels(self._service).inc()
        log.warning("message_not_confirmed", service=self._service, key=key, failures=failures, error=str(error))
        if len(self._failing) > self._settings.relay_stuck_keys:
            self._failing.clear()
            self._pause_all(error)

    def _pause_all(self, error: Exception) -> None:
        now = time.monotonic()
        if now < self._pause_until:
            return
        self._failures += 1
        self._pause_until = now + self._pause_s(self._failures)
        self._metrics.publish_failures.labels(self._service).inc()
        log.warning("relay_paused", service=self._service, failures=self._failures, error=str(error))

    def _pause_s(self, failures: int) -> float:
        return pause_s(failures, first_s=self._settings.relay_retry_s, limit_s=self._settings.relay_retry_limit_s)

    async def _keep_leases(self) -> None:
        while True:
            asked = time.monotonic()
            try:
                names = await self._leases.take_share(
                    PARTITION_LEASES, group=LEASE_GROUP, duration_s=self._settings.relay_lease_s
                )
            except (SQLAlchemyError, OSError) as error:
                log.warning("relay_leases_failed", service=self._service, error=str(error))
                await asyncio.sleep(self._settings.probe_s)
                continue
            partitions = frozenset(PARTITION_LEASES.index(name) for name in names)
            if partitions != self._partitions:
                log.info("relay_partitions", service=self._service, partitions=sorted(partitions))
                self._outbox.wake.set()
            self._partitions = partitions
            self._leases_until = asked + self._settings.relay_lease_s
            await asyncio.sleep(self._settings.relay_lease_s / 3)
