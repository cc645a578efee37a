"""Waits at start-up for what a service needs, and says what it waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import stamina
import structlog
from sqlalchemy.exc import DBAPIError

from libs.bus.consumer import AnyConsumer
from libs.bus.transport import Disconnected, Transport
from libs.host.errors import NotAvailable
from libs.host.registry import AnyStoredDefinition
from libs.persistence.migrate import DatabaseAhead, pending

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 3.0

Result = TypeVar("Result")
_log = structlog.get_logger(__name__)


class NotYet(Exception):
    """What is waited for is not there; the message says what it is and why."""


async def wait_for_database(definition: AnyStoredDefinition, url: str, limit_s: float) -> None:
    """Return once the database answers and holds the migrations this code needs. Raises NotAvailable after `limit_s`.

    A database that is ahead of this code is fine: while a new version is rolled out, old replicas run on.
    """

    async def migrated() -> None:
        try:
            missing = await asyncio.to_thread(pending, url, definition)
        except DBAPIError as error:
            raise NotYet(f"the database does not answer: {str(error.orig).strip().splitlines()[0]}") from error
        except DatabaseAhead as ahead:
            _log.warning("the database is ahead of this version", service=definition.name, because=str(ahead))
            return
        if missing:
            raise NotYet(f"the database lacks {len(missing)} migrations of {definition.name}: run `tillstream migrate`")

    await until(migrated, limit_s)


async def wait_for_broker(transport: Transport, consumers: Sequence[AnyConsumer], limit_s: float) -> None:
    """Return once the broker holds the exchanges and the consumers' queues. Raises NotAvailable after `limit_s`."""

    async def declared() -> None:
        try:
            await transport.declare(consumers)
        except Disconnected as error:
            raise NotYet(f"the broker does not answer: {error}") from error

    await until(declared, limit_s)


async def until(check: Callable[[], Awaitable[Result]], limit_s: float) -> Result:
    """Call `check` until it no longer raises NotYet, logging why. Raises NotAvailable after `limit_s` seconds."""
    attempts = stamina.retry_context(
        on=NotYet, attempts=None, timeout=limit_s, wait_initial=FIRST_PAUSE_S, wait_max=LONGEST_PAUSE_S
    )
    try:
        async for attempt in attempts:
            with attempt:
                try:
                    return await check()
                except NotYet as reason:
                    _log.info("waiting", because=str(reason), attempt=attempt.num)
                    raise
    except NotYet as reason:
        raise NotAvailable(f"Waited {limit_s:g} s in vain: {reason}.") from reason
    raise AssertionError("retrying ends with a result or an exception")
