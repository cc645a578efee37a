"""Approvals that come after their requests were given up: the acquirer charged, perhaps after it undid nothing."""

from __future__ import annotations

import asyncio
from functools import partial

import stamina
import structlog

from libs.persistence import Database
from services.payments.domain.concentrator.message import Message
from services.payments.gateways.acquirer.concentrator import Concentrator
from services.payments.use_cases.undo_late import may_have_charged, undo_late

_log = structlog.get_logger(__name__)
_ATTEMPTS = 10
_RETRY_TIMEOUT_S = 300.0


class LateReplies:
    """Has what was charged late reversed once more; for a replica's whole life."""

    def __init__(self, database: Database, concentrator: Concentrator) -> None:
        self._database = database
        # The event loop itself keeps no hold of its tasks.
        self._undoing: set[asyncio.Task[None]] = set()
        for name, acquirer in concentrator.acquirers.items():
            acquirer.late_replies_to(partial(self._came, name))

    def _came(self, acquirer: str, reply: Message) -> None:
        if not may_have_charged(reply):
            return
        task = asyncio.create_task(self._undo(acquirer, reply), name="payments late reply")
        self._undoing.add(task)
        task.add_done_callback(self._undoing.discard)

    async def _undo(self, acquirer: str, reply: Message) -> None:
        try:
            async for attempt in stamina.retry_context(on=Exception, attempts=_ATTEMPTS, timeout=_RETRY_TIMEOUT_S):
                with attempt:
                    async with self._database.transaction() as work:
                        await undo_late(work, acquirer, reply)
        except Exception as error:  # noqa: BLE001 - its first reversal stands; the day's end compares the totals
            _log.error("late_reply_not_recorded", acquirer=acquirer, error=type(error).__name__)
