"""Drives parked messages: when one is due it is attempted again, and then those that waited behind it, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog
from sqlalchemy.exc import SQLAlchemyError

from libs.bus.failures import DatabaseAway, describe
from libs.bus.inbox import Inbox
from libs.bus.inbox_rows import InboxRow, InboxRows
from libs.bus.settings import BusSettings
from libs.bus.subscription import Subscription
from libs.persistence import Database
from libs.persistence.leases import Leases
from libs.testkit.faults import FaultInjected

log = structlog.get_logger(__name__)

LEASE = "parked"


class ParkedMessages:
    """One worker for all consumers of a service, on one replica at a time; a row's lock settles it if two overlap."""

    def __init__(
        self,
        subscriptions: Mapping[str, Subscription],
        database: Database,
        rows: InboxRows,
        inbox: Inbox,
        leases: Leases,
        settings: BusSettings,
        *,
        slots: asyncio.Semaphore,
    ) -> None:
        self._subscriptions = subscriptions
        self._database = database
        self._rows = rows
        self._inbox = inbox
        self._leases = leases
        self._settings = settings
        self._slots = slots
        self._lease_until = 0.0

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                if not await self._round():
                    await asyncio.sleep(self._settings.parked_poll_s)
            except (SQLAlchemyError, OSError, DatabaseAway, FaultInjected) as error:
                log.warning("parked_messages_failed", error=describe(error))
                await asyncio.sleep(self._settings.probe_s)

    async def _round(self) -> bool:
        """Attempt what is due. True if that made further messages due."""
        if not await self._holds_lease():
            return False
        async with self._database.reading() as connection:
            due = await self._rows.due(
                connection, list(self._subscriptions), self._database.clock(), limit=self._settings.parked_batch_rows
            )
        # Only the first of a key is due as a rule, so that different rows are different keys.
        results = await asyncio.gather(*(self._resume(row) for row in due), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return any(results)

    async def _resume(self, row: InboxRow) -> bool:
        async with self._slots:
            return await self._inbox.resume(self._subscriptions[row.consumer], row)

    async def _holds_lease(self) -> bool:
        loop = asyncio.get_running_loop()
        now = loop.time()
        duration_s = self._settings.parked_lease_s
        # Renewed after a third of its time, so that a poll costs one query as a rule and not two.
        if now < self._lease_until - duration_s * 2 / 3:
            return True
        held = await self._leases.take(LEASE, duration_s)
        self._lease_until = now + duration_s if held else 0.0
        return held
