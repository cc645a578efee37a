"""Several conversations with acquirers at the same time, of which none holds up another."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

Outcome = TypeVar("Outcome")


async def all_of(conversations: Iterable[Coroutine[Any, Any, Outcome]]) -> list[Outcome]:
    """What came of each. All of them have ended before the first failure is raised, so nothing is left running."""
    results = await asyncio.gather(*conversations, return_exceptions=True)
    outcomes: list[Outcome] = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        outcomes.append(result)
    return outcomes
