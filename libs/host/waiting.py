"""Waits at start-up for what a service needs, and says what it waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import stamina
import structlog
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from libs.bus.transport import Disconnected, Transport
from libs.host.assembly import BuiltService
from libs.host.errors import NotAvailable
from libs.host.registry import AnyServiceDefinition
from libs.persistence.migrate import pending

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 3.0

Result = TypeVar("Result")
_log = structlog.get_logger(__name__)


class _NotYet(Exception):
    """What is waited for is not there; the message says what it is and why."""


async def wait_for_database(definition: AnyServiceDefinition, url: str, limit_s: float) -> None:
    """Return once the database answers and holds the migrations this code needs. Raises NotAvailable after `limit_s`.

    A database that is ahead of this code is fine: while a new version is rolled out, old replicas run on.
    """

    async def migrated() -> None:
        try:
            missing = await asyncio.to_thread(pending, url, definition)
        except DBAPIError as error:
            raise _NotYet(f"the database does not answer: {str(error.orig).strip().splitlines()[0]}") from error
        except CommandError:
            _log.warning("the database is ahead of this version", service=definition.name)
            return
        if missing:
            raise _NotYet(
                f"the database lacks {len(missing)} migrations of {definition.name}: run `tillstream migrate`"
            )

    await _wait(migrated, limit_s)


async def wait_for_broker(transport: Transport, service: BuiltService, limit_s: float) -> None:
    """Return once the broker holds the service's exchanges and queues. Raises NotAvailable after `limit_s`."""

    async def declared() -> None:
        try:
            async with asyncio.timeout(limit_s):
                await transport.declare(service.service.consumers)
        except (Disconnected, TimeoutError) as error:
            raise _NotYet(f"the broker does not answer: {error or 'no connection'}") from error

    await _wait(declared, limit_s)


async def _wait(check: Callable[[], Awaitable[Result]], limit_s: float) -> Result:
    attempts = stamina.retry_context(
        on=_NotYet, attempts=None, timeout=limit_s, wait_initial=FIRST_PAUSE_S, wait_max=LONGEST_PAUSE_S
    )
    try:
        async for attempt in attempts:
            with attempt:
                try:
                    return await check()
                except _NotYet as reason:
                    _log.info("waiting", because=str(reason), attempt=attempt.num)
                    raise
    except _NotYet as reason:
        raise NotAvailable(f"Waited {limit_s:g} s in vain: {reason}.") from reason
    raise AssertionError("retrying ends with a result or an exception")
