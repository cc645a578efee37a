"""The heartbeat of a replica's links to acquirers: what it sees is told, and what operators want is followed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections import deque
from collections.abc import AsyncIterator
from datetime import timedelta

import structlog

from libs.persistence import Database, new_id
from services.payments.domain.concentrator.links import LinkName, Links
from services.payments.gateways.acquirer.concentrator import Concentrator
from services.payments.settings import PaymentsSettings
from services.payments.storage.links import LinkEvent, LinkRepository
from services.payments.use_cases.watch_links import follow_choices, report_links

_log = structlog.get_logger(__name__)
# Beyond that the database has been away for very long, and the oldest say least.
_MOST_EVENTS = 1_000


class LinkWatch:
    """Watches the links of one replica; `running` is for the service's whole life, on every replica."""

    def __init__(
        self,
        database: Database,
        concentrator: Concentrator,
        settings: PaymentsSettings,
        *,
        replica: str | None = None,
    ) -> None:
        self.replica = replica or f"{socket.gethostname()}-{os.getpid()}"
        self._database = database
        self._concentrator = concentrator
        self._settings = settings
        self._active = {name: acquirer.links.active for name, acquirer in concentrator.acquirers.items()}
        self._events: deque[LinkEvent] = deque(maxlen=_MOST_EVENTS)
        self._wake = asyncio.Event()
        for acquirer in concentrator.acquirers.values():
            acquirer.watched_by(self._changed)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Connect, watch and report for the block; without acquirers there is nothing to do."""
        async with self._concentrator.running():
            if not self._concentrator.acquirers:
                yield
                return
            beating = asyncio.create_task(self._beat_for_ever(), name="payments link watch")
            try:
                yield
            finally:
                beating.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await beating
                await self._say_goodbye()

    def hurry(self) -> None:
        """Look at once, because an operator has just decided."""
        self._wake.set()

    async def beat(self) -> None:
        """Report once, and follow what operators want."""
        acquirers = self._concentrator.acquirers.values()
        events = list(self._events)
        async with self._database.transaction() as work:
            choices = await report_links(work, self.replica, acquirers, events, self._settings.link_report_kept_s)
        for _ in events:
            self._events.popleft()
        follow_choices(acquirers, choices)

    async def _beat_for_ever(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self.beat()
            except Exception as error:  # noqa: BLE001 - cards are authorised without this; it is tried again
                _log.warning("link_report_failed", error=type(error).__name__)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.link_report_every_s):
                    await self._wake.wait()

    async def _say_goodbye(self) -> None:
        try:
            async with self._database.transaction() as work:
                repository = LinkRepository(work.connection)
                await repository.add_events(list(self._events))
                await repository.forget(work.now - timedelta(seconds=self._settings.link_report_kept_s), self.replica)
        except Exception as error:  # noqa: BLE001 - the other replicas forget this one in a while
            _log.warning("link_report_failed", error=type(error).__name__)

    def _changed(self, name: str, links: Links) -> None:
        """An acquirer's links have changed: written down where another one is in use now."""
        if links.active is self._active[name]:
            return
        self._active[name] = links.active
        over = links.active is LinkName.BACKUP
        self._events.append(
            LinkEvent(
                new_id(),
                name,
                links.active,
                "switched_over" if over else "switched_back",
                self._database.clock(),
                replica=self.replica,
                reason=_why(links),
            )
        )
        self._wake.set()


def _why(links: Links) -> str:
    if links.pinned:
        return "an operator chose this link"
    failures = links.health_of(links.active.other).failures
    if failures:
        return f"the {links.active.other} link failed {failures} times in a row"
    return f"the {links.active} link answers again"
