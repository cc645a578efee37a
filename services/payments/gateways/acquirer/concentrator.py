"""All acquirers of this installation: which of them takes a card, and how a message gets to it and its reply back.

Every replica of payments has its own connections to every acquirer.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from services.payments.domain.concentrator.message import Message
from services.payments.domain.concentrator.numbers import LARGEST_TRACE_NUMBER
from services.payments.domain.concentrator.replies import HostOutcome, HostSilent, HostUnreached, decision_in
from services.payments.domain.concentrator.routing import Routes
from services.payments.domain.concentrator.sensitive import CardNumber
from services.payments.gateways.acquirer.acquirer import Acquirer, NextTraceNumber
from services.payments.gateways.acquirer.configuration import ConfiguredAcquirer, ConfiguredAcquirers, read_acquirers
from services.payments.gateways.acquirer.link import Answered, Exchange, Unsent


class Concentrator:
    """The acquirers of `acquirers.toml`, used from one event loop. Without the file there are none."""

    def __init__(self, configured: ConfiguredAcquirers) -> None:
        self._routes = configured.routes
        numbers = itertools.cycle(range(1, LARGEST_TRACE_NUMBER + 1))
        self._configured = configured.acquirers
        self.acquirers: Mapping[str, Acquirer] = {
            name: _acquirer(each, lambda: next(numbers)) for name, each in configured.acquirers.items()
        }

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Watch all links for the block; what is outstanding at its end is unanswered."""
        for acquirer in self.acquirers.values():
            acquirer.start()
        try:
            yield
        finally:
            await asyncio.gather(*(acquirer.stop() for acquirer in self.acquirers.values()))

    def acquirer_for(self, number: CardNumber) -> str:
        """The name of the acquirer that takes the card. Raises NoRoute."""
        return self._routes.acquirer_for(number)

    def title_of(self, name: str) -> str:
        """What an acquirer's dialect is called."""
        return self._configured[name].dialect.title

    @property
    def reversal_types(self) -> dict[str, Literal["0400", "0420"]]:
        """Whether reversals are asked for (0400) or told (0420), by acquirer."""
        return {name: each.dialect.messages.reversal_type for name, each in self._configured.items()}

    def longest_s(self, name: str) -> float:
        """Within how many seconds `authorise` has an outcome, whatever happens: both links may have to be connected."""
        limits = self._configured[name].limits
        return limits.answer_timeout_s + 2 * (limits.connect_timeout_s + limits.echo_timeout_s)

    async def authorise(self, name: str, request: Message) -> HostOutcome:
        """Send a stored request once, and say what became of it."""
        try:
            # Nothing may leave after this: by then the request is taken as lost, and is reversed.
            async with asyncio.timeout(self.longest_s(name)):
                result = await self._exchange(name, request)
        except TimeoutError:
            return HostSilent("The acquirer did not answer in time.")
        if isinstance(result, Answered):
            replies = self._configured[name].dialect.replies
            return decision_in(
                result.reply, uncertain_codes=replies.uncertain_codes, partial_codes=replies.partial_codes
            )
        return HostUnreached(result.reason) if isinstance(result, Unsent) else HostSilent(result.reason)

    async def tell(self, name: str, request: Message) -> Message | None:
        """Send what may be sent again (a reversal, a completion, a settlement); None where no reply came."""
        result = await self._exchange(name, request)
        return result.reply if isinstance(result, Answered) else None

    async def _exchange(self, name: str, request: Message) -> Exchange:
        acquirer = self.acquirers.get(name)
        if acquirer is None:
            return Unsent(f"No acquirer {name} is configured here any more.")
        return await acquirer.exchange(request)


def _acquirer(configured: ConfiguredAcquirer, next_trace_number: NextTraceNumber) -> Acquirer:
    return Acquirer(
        configured.name,
        configured.addresses,
        configured.dialect,
        next_trace_number=next_trace_number,
        key=configured.key,
        limits=configured.limits,
        rules=configured.rules,
    )


def read_concentrator(path: Path | None, mac_keys: Mapping[str, str]) -> Concentrator:
    """The concentrator that the file describes; one without acquirers where there is no file. Raises AcquirersWrong."""
    if path is None:
        return Concentrator(ConfiguredAcquirers({}, Routes([])))
    return Concentrator(read_acquirers(path, mac_keys))
