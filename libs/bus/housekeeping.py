"""The bus's own timers: deleting what need not be kept, and gauges that show whether messages flow."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from libs.bus.inbox_rows import InboxRows
from libs.bus.metrics import BusMetrics
from libs.bus.outbox_rows import OutboxRows
from libs.bus.runner import ConsumerRunner
from libs.bus.settings import BusSettings
from libs.persistence import Database
from libs.persistence.leases import Leases

log = structlog.get_logger(__name__)

LEASE = "housekeeping"


class Housekeeping:
    """Pruning on one replica at a time, gauges on each."""

    def __init__(
        self,
        database: Database,
        outbox: OutboxRows,
        inbox: InboxRows,
        leases: Leases,
        settings: BusSettings,
        *,
        service: str,
        metrics: BusMetrics,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._inbox = inbox
        self._leases = leases
        self._settings = settings
        self._service = service
        self._metrics = metrics

    async def prune(self) -> tuple[int, int]:
        """Delete old rows now, in small transactions; how many left the outbox and the inbox."""
        settings = self._settings
        now = self._database.clock()
        sent_before = now - timedelta(days=settings.keep_sent_days)
        done_before = now - timedelta(days=settings.keep_done_days)
        sent = received = 0
        while True:
            deleted = await self._outbox.prune(
                sent_before=sent_before, failed_before=done_before, limit=settings.prune_batch_rows
            )
            sent += deleted
            if deleted < settings.prune_batch_rows:
                break
        while True:
            async with self._database.transaction() as work:
                deleted = await self._inbox.prune(
                    work.connection, done_before=done_before, limit=settings.prune_batch_rows
                )
            received += deleted
            if deleted < settings.prune_batch_rows:
                break
        await self._leases.forget_expired(older_than_s=settings.keep_sent_days * 86_400)
        return sent, received

    async def keep_pruning(self) -> None:
        """Prune every `prune_every_s`, until cancelled."""
        while True:
            try:
                if await self._leases.take(LEASE, self._settings.prune_every_s):
                    await self.prune()
            except (SQLAlchemyError, OSError) as error:
                log.warning("pruning_failed", service=self._service, error=str(error))
            await asyncio.sleep(self._settings.prune_every_s)

    async def watch(self, runners: Sequence[ConsumerRunner]) -> None:
        """Set the gauges every `watchdog_s`, until cancelled; say so when queues are not being read.

        The first look comes after that time too: at the start nothing is attached yet, and nothing is wrong.
        """
        while True:
            await asyncio.sleep(self._settings.watchdog_s)
            await self.measure(runners)

    async def measure(self, runners: Sequence[ConsumerRunner]) -> None:
        """Set the gauges now."""
        expected = sum(runner.expected for runner in runners)
        attached = sum(runner.attached for runner in runners)
        self._metrics.expected.labels(self._service).set(expected)
        self._metrics.attached.labels(self._service).set(attached)
        if attached < expected:
            missing = [runner.consumer.name for runner in runners if runner.attached < runner.expected]
            log.warning("consumers_not_attached", service=self._service, consumers=missing)
        try:
            pending = await self._outbox.pending()
        except (SQLAlchemyError, OSError) as error:
            log.warning("outbox_not_measured", service=self._service, error=str(error))
            return
        age = self._database.clock() - pending.oldest if pending.oldest else timedelta()
        self._metrics.pending.labels(self._service).set(pending.messages)
        self._metrics.lag.labels(self._service).set(max(age.total_seconds(), 0.0))
