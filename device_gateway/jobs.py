"""Timers of the gateway: say what has expired, forget what is old."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import structlog

from device_gateway.journal import Journal, JournalFailed
from device_gateway.settings import GatewaySettings
from device_gateway.use_cases.expire_orders import expire_orders
from device_gateway.use_cases.settle_terminal_operations import Trouble, turn_away

log = structlog.get_logger(__name__)


async def keep_expiring(journal: Journal, settings: GatewaySettings) -> None:
    """Report orders whose time is over, also while their device is away; until cancelled."""

    def expire() -> int:
        with journal.step() as step:
            return expire_orders(step)

    while True:
        try:
            await asyncio.to_thread(expire)
        except JournalFailed as error:
            log.error("journal_failed", task="expiry", error=str(error))
        await asyncio.sleep(settings.expiry_sweep_s)


async def keep_turning_away(
    journal: Journal, settings: GatewaySettings, trouble_of: Callable[[str | None], Trouble | None]
) -> None:
    """Say of operations whose terminal stays away that they were not sent; until cancelled. See `turn_away`."""

    def look() -> int:
        with journal.step() as step:
            return turn_away(step, trouble_of, timedelta(seconds=settings.terminal_patience_s))

    while True:
        try:
            await asyncio.to_thread(look)
        except JournalFailed as error:
            log.error("journal_failed", task="absent terminals", error=str(error))
        await asyncio.sleep(settings.expiry_sweep_s)


async def keep_pruning(journal: Journal, settings: GatewaySettings) -> None:
    """Forget finished orders older than `keep_days`, a batch at a time; until cancelled."""
    while True:
        forgotten = 0
        try:
            forgotten = await asyncio.to_thread(
                journal.prune, timedelta(days=settings.keep_days), settings.prune_batch_rows
            )
        except JournalFailed as error:
            log.error("journal_failed", task="pruning", error=str(error))
        # More of it soon, but never so much at once that a print has to wait.
        await asyncio.sleep(1.0 if forgotten >= settings.prune_batch_rows else settings.prune_every_s)
