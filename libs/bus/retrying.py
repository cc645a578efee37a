"""Quick attempts in memory, for errors with which the database says: run that transaction again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import stamina

from libs.bus.failures import DatabaseAway, is_database_away, is_passing
from libs.bus.settings import BusSettings

ResultT = TypeVar("ResultT")


async def persistently(step: Callable[[], Awaitable[ResultT]], settings: BusSettings) -> ResultT:
    """Run a transaction, up to `quick_retries` times more if it may succeed at once.

    Raises DatabaseAway if the database does not answer, else what the last attempt raised.
    """
    try:
        return await step()
    except Exception as error:
        # First without the machinery of retries: nearly every message takes this path.
        if not is_passing(error):
            raise
    try:
        return await stamina.AsyncRetryingCaller(
            attempts=settings.quick_retries,
            timeout=None,
            wait_initial=settings.quick_retry_s,
            wait_jitter=settings.quick_retry_s,
        )(_passing, step)
    except Exception as error:
        if is_database_away(error):
            raise DatabaseAway(str(error)) from error
        raise


def _passing(error: Exception) -> bool:
    return is_passing(error)
