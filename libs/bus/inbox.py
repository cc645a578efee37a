"""The inbox: each message has its effect once, and a failing one waits without holding up other keys.

The mark "done", what the handler wrote and what it emitted commit together. A message that fails is parked here, not
in the broker: later messages of its key queue up behind it in order, whatever the transport.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from libs.bus.consumer import Received
from libs.bus.envelope import Envelope, MalformedEnvelope, from_headers
from libs.bus.failures import DatabaseAway, describe, is_database_away, is_permanent
from libs.bus.inbox_rows import InboxRow, InboxRows, Receipt
from libs.bus.metrics import BusMetrics
from libs.bus.parking import Parking
from libs.bus.retrying import persistently
from libs.bus.settings import BusSettings
from libs.bus.subscription import Subscription
from libs.bus.tracing import Tracing, current_traceparent
from libs.contracts.message import Message
from libs.persistence import Database, Origin, UnitOfWork
from libs.testkit.faults import fault_point

log = structlog.get_logger(__name__)


class Inbox:
    """Takes messages for the consumers of one service. Every method raises DatabaseAway if the database is away."""

    def __init__(
        self,
        database: Database,
        rows: InboxRows,
        parking: Parking,
        settings: BusSettings,
        *,
        service: str,
        metrics: BusMetrics,
        tracing: Tracing,
    ) -> None:
        self._database = database
        self._rows = rows
        self._parking = parking
        self._settings = settings
        self._service = service
        self._metrics = metrics
        self._tracing = tracing

    async def take(self, subscription: Subscription, envelope: Envelope) -> None:
        """Handle a message once, or keep it: deferred for another attempt or its turn, or dead."""
        try:
            receipt = await persistently(lambda: self._attempt(subscription, envelope), self._settings)
        except DatabaseAway:
            raise
        except Exception as failure:  # noqa: BLE001 - whatever a handler raises decides about its message only
            # Bound to a name that outlives the block, for the closure.
            error = failure
            await persistently(lambda: self._parking.keep(subscription.name, envelope, error), self._settings)
            return
        counter = {
            Receipt.NEW: self._metrics.handled,
            Receipt.REPEATED: self._metrics.repeated,
            Receipt.BEHIND: self._metrics.deferred,
        }[receipt]
        counter.labels(self._service, subscription.name).inc()

    async def take_batch(self, subscription: Subscription, envelopes: Sequence[Envelope]) -> None:
        """Handle many messages in one transaction, or, if that fails, one by one."""
        fit, rest = self._fit_for_batch(subscription, envelopes)
        if fit:
            try:
                behind = await persistently(lambda: self._attempt_batch(subscription, fit), self._settings)
                rest = [*behind, *rest]
            except DatabaseAway:
                raise
            except Exception as error:  # noqa: BLE001 - the message at fault shows when each is tried by itself
                log.warning("batch_failed", consumer=subscription.name, messages=len(fit), error=describe(error))
                rest = list(envelopes)
        if not rest:
            return
        order = {envelope.id: number for number, envelope in enumerate(envelopes)}
        for envelope in sorted(rest, key=lambda envelope: order[envelope.id]):
            await self.take(subscription, envelope)

    async def take_malformed(
        self, subscription: Subscription, headers: Mapping[str, Any], body: bytes, error: MalformedEnvelope
    ) -> None:
        """Keep a message whose envelope cannot be read as dead."""
        await persistently(
            lambda: self._parking.keep_malformed(subscription.name, headers, body, error), self._settings
        )

    async def resume(self, subscription: Subscription, row: InboxRow) -> bool:
        """Attempt a parked message again, or free the key of a dead one. True if the next of its key is now due."""
        try:
            if row.status == "dead":
                return await self._parking.release(row)
            return await self._attempt_parked(subscription, row)
        except Exception as failure:
            if is_database_away(failure):
                raise DatabaseAway(str(failure)) from failure
            error = failure
            await persistently(lambda: self._parking.postpone(row, error), self._settings)
            return False

    async def _attempt(self, subscription: Subscription, envelope: Envelope) -> Receipt:
        received = subscription.read(envelope)
        with self._tracing.consuming(envelope, subscription.name):
            async with self._database.transaction(_origin(envelope)) as work:
                receipt = await self._rows.receive(work.connection, subscription.name, envelope, work.now)
                if receipt is Receipt.NEW:
                    if _expired(envelope, work):
                        await self._rows.change(work.connection, envelope.id, subscription.name, status="expired")
                    else:
                        await self._handle(subscription, received, work)
        return receipt

    async def _attempt_batch(self, subscription: Subscription, received: Sequence[Received[Message]]) -> list[Envelope]:
        """Handle what is new in one transaction; returns what waits behind an earlier message of its key."""
        envelopes = [each.envelope for each in received]
        name, batch = subscription.name, subscription.batch
        if batch is None:
            raise TypeError(f"{name} does not take batches")
        known: set[str] = set()
        with self._tracing.consuming_batch(envelopes, name):
            async with self._database.transaction(_origin(envelopes[0])) as work:
                new = await self._rows.receive_batch(work.connection, name, envelopes, work.now)
                others = [envelope for envelope in envelopes if envelope.id not in new]
                if others:
                    known = await self._rows.known(work.connection, name, [envelope.id for envelope in others])
                if new:
                    fault_point("before_handler")
                    async with asyncio.timeout(self._settings.handler_timeout_s):
                        await batch([each for each in received if each.envelope.id in new], work)
                    fault_point("after_handler_before_commit")
        self._metrics.handled.labels(self._service, name).inc(len(new))
        self._metrics.repeated.labels(self._service, name).inc(len(known))
        return [envelope for envelope in others if envelope.id not in known]

    def _fit_for_batch(
        self, subscription: Subscription, envelopes: Sequence[Envelope]
    ) -> tuple[list[Received[Message]], list[Envelope]]:
        """Separate what a batch can take from what needs a look of its own, and all that follows it in its key."""
        now = self._database.clock()
        fit: dict[str, Received[Message]] = {}
        rest: dict[str, Envelope] = {}
        keys_apart: set[str] = set()
        for envelope in envelopes:
            if envelope.id in fit or envelope.id in rest:
                continue
            received = _readable(subscription, envelope)
            if received is None or (envelope.expiry_time is not None and envelope.expiry_time <= now):
                keys_apart.add(envelope.partition_key)
            if received is None or envelope.partition_key in keys_apart:
                rest[envelope.id] = envelope
            else:
                fit[envelope.id] = received
        return list(fit.values()), list(rest.values())

    async def _attempt_parked(self, subscription: Subscription, row: InboxRow) -> bool:
        envelope = from_headers(row.headers, row.body)
        with self._tracing.consuming(envelope, subscription.name):
            async with self._database.transaction(_origin(envelope)) as work:
                current = await self._rows.claim(work.connection, row.message_id, row.consumer)
                if current is None or current.next_attempt_at is None or current.next_attempt_at > work.now:
                    return False
                received = subscription.read(envelope)
                expired = _expired(envelope, work)
                if not expired:
                    await self._handle(subscription, received, work)
                more = await self._rows.finish(
                    work.connection, current, "expired" if expired else "done", self._database.clock()
                )
        self._metrics.handled.labels(self._service, subscription.name).inc()
        return more

    async def _handle(self, subscription: Subscription, received: Received[Message], work: UnitOfWork) -> None:
        fault_point("before_handler")
        async with asyncio.timeout(self._settings.handler_timeout_s):
            await subscription.handlers[received.envelope.type](received, work)
        fault_point("after_handler_before_commit")


def _readable(subscription: Subscription, envelope: Envelope) -> Received[Message] | None:
    try:
        return subscription.read(envelope)
    except Exception as error:
        if not is_permanent(error):
            raise
        return None


def _origin(envelope: Envelope) -> Origin:
    return Origin(
        correlation_id=envelope.correlation_id,
        causation_id=envelope.id,
        traceparent=current_traceparent() or envelope.traceparent,
    )


def _expired(envelope: Envelope, work: UnitOfWork) -> bool:
    return envelope.expiry_time is not None and envelope.expiry_time <= work.now
