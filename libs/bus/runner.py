"""Runs one consumer: receives its messages, hands them to the inbox in lanes, and steps back while it cannot work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from libs.bus.backoff import pause_s
from libs.bus.consumer import AnyConsumer, ProjectionConsumer
from libs.bus.envelope import Envelope, MalformedEnvelope, from_headers
from libs.bus.failures import DatabaseAway, describe
from libs.bus.inbox import Inbox
from libs.bus.lanes import Batches, Lanes
from libs.bus.settings import BusSettings
from libs.bus.subscription import subscription
from libs.bus.tasks import end
from libs.bus.topology import Topology
from libs.bus.transport import Attachment, Delivery, Transport
from libs.testkit.faults import fault_point

log = structlog.get_logger(__name__)

MALFORMED_LANE = ""


@dataclass(frozen=True, slots=True)
class _Arrival:
    delivery: Delivery
    envelope: Envelope | None
    fault: MalformedEnvelope | None


class ConsumerRunner:
    """One consumer in one replica. `slots` bounds the handlers at work over all consumers of the service."""

    def __init__(
        self,
        consumer: AnyConsumer,
        inbox: Inbox,
        transport: Transport,
        settings: BusSettings,
        *,
        slots: asyncio.Semaphore,
        probe: Callable[[], Awaitable[bool]],
    ) -> None:
        self.consumer = consumer
        self.subscription = subscription(consumer)
        self.expected = len(Topology(settings).queue_names(consumer))
        self._inbox = inbox
        self._transport = transport
        self._settings = settings
        self._slots = slots
        self._probe = probe
        self._attachments: Sequence[Attachment] = ()
        self._intake: Lanes[_Arrival] | Batches[_Arrival] | None = None
        self._trouble = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def attached(self) -> int:
        """How many of the consumer's queues are being read."""
        return sum(attachment.attached for attachment in self._attachments)

    @property
    def pending(self) -> int:
        """How many messages are in hand."""
        return 0 if self._intake is None else self._intake.pending

    def start(self) -> None:
        """Begin to receive; a second call does nothing."""
        if self._task is not None:
            return
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Let handlers at work finish, then give everything else back."""
        if self._intake is not None:
            await self._intake.finish(self._settings.stop_timeout_s)
        if self._task is not None:
            await end([self._task])

    async def _run(self) -> None:
        while True:
            self._trouble.clear()
            self._intake = self._new_intake()
            try:
                self._attachments = await self._transport.attach(self.consumer, self._receive)
                await self._trouble.wait()
            finally:
                # Workers first: what is closed under their feet would count as handled by nobody.
                await self._intake.abandon()
                await asyncio.gather(*(attachment.close() for attachment in self._attachments))
                self._attachments = ()
            log.warning("consumer_paused", consumer=self.consumer.name)
            await self._until_database_answers()
            log.info("consumer_resumes", consumer=self.consumer.name)

    async def _until_database_answers(self) -> None:
        failures = 0
        while True:
            failures += 1
            await asyncio.sleep(pause_s(failures, first_s=self._settings.probe_s, limit_s=self._settings.probe_limit_s))
            if await self._probe():
                return

    def _new_intake(self) -> Lanes[_Arrival] | Batches[_Arrival]:
        if isinstance(self.consumer, ProjectionConsumer):
            return Batches(self._work_batch, size=self.consumer.batch_size, wait_s=self.consumer.batch_wait_s)
        return Lanes(self._work_one, workers=self._settings.concurrent_handlers)

    def _receive(self, delivery: Delivery) -> None:
        """Sort a delivery into its lane. Must not fail: the transport calls it."""
        if self._intake is None:
            return
        try:
            envelope = from_headers(delivery.headers, delivery.body)
        except MalformedEnvelope as fault:
            self._intake.put(MALFORMED_LANE, _Arrival(delivery, None, fault))
            return
        if self.subscription.wants(envelope.type):
            self._intake.put(envelope.partition_key, _Arrival(delivery, envelope, None))
        else:
            delivery.ack()

    async def _work_one(self, arrival: _Arrival) -> None:
        await self._guarded(self._take, [arrival])

    async def _work_batch(self, arrivals: list[_Arrival]) -> None:
        await self._guarded(self._take_batch, arrivals)

    async def _guarded(
        self, take: Callable[[Sequence[_Arrival]], Awaitable[None]], arrivals: Sequence[_Arrival]
    ) -> None:
        """Take messages and acknowledge them; after a failure of ours nothing more is taken until we resume."""
        async with self._slots:
            if self._trouble.is_set():
                return
            try:
                await take(arrivals)
                fault_point("after_handler_before_ack")
            except DatabaseAway as error:
                log.error("database_away", consumer=self.consumer.name, error=describe(error))
                self._trouble.set()
            except Exception:
                # Not acknowledged: the messages come again when we attach again.
                log.exception("consumer_failed", consumer=self.consumer.name)
                self._trouble.set()
            else:
                for arrival in arrivals:
                    arrival.delivery.ack()

    async def _take(self, arrivals: Sequence[_Arrival]) -> None:
        for arrival in arrivals:
            if arrival.envelope is not None:
                await self._inbox.take(self.subscription, arrival.envelope)
            elif arrival.fault is not None:
                await self._inbox.take_malformed(
                    self.subscription, arrival.delivery.headers, arrival.delivery.body, arrival.fault
                )

    async def _take_batch(self, arrivals: Sequence[_Arrival]) -> None:
        await self._take([arrival for arrival in arrivals if arrival.envelope is None])
        envelopes = [arrival.envelope for arrival in arrivals if arrival.envelope is not None]
        if envelopes:
            await self._inbox.take_batch(self.subscription, envelopes)
