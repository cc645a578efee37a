"""An acquirer with its two links: sends over the one in use, watches both by echoes, and switches before it sends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from services.payments.domain.concentrator.links import LinkName, Links, SwitchRules
from services.payments.domain.concentrator.message import Message
from services.payments.domain.concentrator.numbers import Trace
from services.payments.domain.concentrator.replies import APPROVED
from services.payments.domain.concentrator.requests import ECHO, SIGN_ON, network
from services.payments.gateways.acquirer.codec import Codec
from services.payments.gateways.acquirer.dialect import Dialect
from services.payments.gateways.acquirer.framing import Framing
from services.payments.gateways.acquirer.link import Address, Answered, Exchange, LateReply, Link, LinkLimits, Unsent
from services.payments.gateways.acquirer.mac import MacKey

WatchLinks = Callable[[str, Links], None]
"""Told the acquirer's name and its links whenever they change."""
_GLITCH_S = 0.5
"""A request waits for a link's next connection at most so long."""
NextTraceNumber = Callable[[], int]
"""Gives trace numbers to messages that belong to no terminal (echo, sign-on); they need not be stored."""


@dataclass(frozen=True, slots=True)
class LinkView:
    """A link as its operator sees it."""

    name: LinkName
    address: str
    connected: bool
    active: bool
    outstanding: int
    failures: int
    sent: int
    answered: int
    late_or_foreign: int
    unreadable: int


class Acquirer:
    """The client of one acquirer, used from one event loop.

    `start` begins watching the links; `exchange` may be called at once, by any number of tasks. Nothing here survives
    the process: what was intended is stored by the caller before it calls `exchange`.
    """

    def __init__(
        self,
        name: str,
        addresses: Mapping[LinkName, Address],
        dialect: Dialect,
        *,
        next_trace_number: NextTraceNumber,
        key: MacKey | None = None,
        limits: LinkLimits | None = None,
        rules: SwitchRules | None = None,
        watch: WatchLinks | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        if LinkName.PRIMARY not in addresses:
            raise ValueError(f"The acquirer {name} needs a primary link.")
        self.name = name
        self.dialect = dialect
        self._addresses = addresses
        self._limits = limits or LinkLimits()
        self._rules = rules or SwitchRules()
        self._codec = Codec(dialect, key)
        self._framing = Framing(dialect.framing, self._limits.largest_message_bytes)
        self._next_trace_number = next_trace_number
        self._watch = watch
        self._now = now
        self._late: LateReply = lambda reply: None
        self._state = Links(has_backup=LinkName.BACKUP in addresses)
        self._open: dict[LinkName, Link] = {}
        self._connecting = {link: asyncio.Lock() for link in addresses}
        self._retry_at: dict[LinkName, float] = {}
        self._watching: list[asyncio.Task[None]] = []

    @property
    def links(self) -> Links:
        """Which link is in use, and the health of both."""
        return self._state

    def watched_by(self, watch: WatchLinks) -> None:
        """Tell `watch` of every change of the links from now on, and nobody else."""
        self._watch = watch

    def late_replies_to(self, late: LateReply) -> None:
        """Tell `late` of every reply that nobody waits for from now on; its request may have been given up."""
        self._late = late

    def start(self) -> None:
        """Watch the links from now on."""
        self._watching = [
            asyncio.create_task(self._keep_healthy(link), name=f"acquirer {self.name} {link}")
            for link in self._addresses
        ]

    async def stop(self) -> None:
        """Close both links; what is outstanding is unanswered."""
        for task in self._watching:
            task.cancel()
        for task in self._watching:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._watching = []
        for link in list(self._open.values()):
            await link.close()
        self._open.clear()

    async def exchange(self, request: Message, timeout_s: float | None = None) -> Exchange:
        """Send a request over the link in use, or over the other one if nothing could leave over the first.

        After the first byte it is never sent again: then the answer is `Unanswered`, and the caller reverses.
        A caller that is cancelled while it waits knows as little as one that got `Unanswered`.
        """
        timeout_s = timeout_s or self._limits.answer_timeout_s
        result = await self._over_some_link(request, timeout_s)
        pause_s = min(self._retry_at.values(), default=0.0) - asyncio.get_running_loop().time()
        if isinstance(result, Unsent) and 0 < pause_s <= _GLITCH_S:
            # A link that breaks is mostly there again at once; a customer is not sent away for that.
            await asyncio.sleep(pause_s)
            result = await self._over_some_link(request, timeout_s)
        return result

    async def _over_some_link(self, request: Message, timeout_s: float) -> Exchange:
        reasons: list[str] = []
        for name in self._state.order():
            link = await self._connected(name)
            if link is None:
                reasons.append(f"{name} link {self._addresses[name]} cannot be connected")
                continue
            result = await link.exchange(request, timeout_s)
            if not isinstance(result, Unsent):
                self._drop_if_closed(name, link)
                return result
            reasons.append(result.reason)
        return Unsent(f"{self.name} cannot be reached: " + "; ".join(reasons))

    async def echo(self, name: LinkName) -> bool:
        """Ask the host over one link whether it is there (0800/301), and note the answer."""
        link = await self._connected(name)
        if link is None:
            return False
        answer = await link.exchange(self._network(ECHO), self._limits.echo_timeout_s)
        healthy = isinstance(answer, Answered)
        if healthy:
            self._note(self._state.succeeded(name, self._now(), self._rules))
        elif not self._drop_if_closed(name, link):
            self._failed(name)
            if self._state.health_of(name).failures >= self._rules.failures and self._open.get(name) is link:
                # Connected, but nobody is there: only a new connection can change that.
                del self._open[name]
                await link.close()
        return healthy

    def switch(self, name: LinkName) -> None:
        """An operator chooses the link. Raises NoBackup."""
        self._note(self._state.switched_by_operator(name, self._now()))

    def release(self) -> None:
        """The operator leaves the choice to the rules again."""
        self._note(self._state.released())

    def view(self) -> list[LinkView]:
        """Both links as they are now."""
        return [self._view(name, address) for name, address in self._addresses.items()]

    def _view(self, name: LinkName, address: Address) -> LinkView:
        link = self._open.get(name)
        return LinkView(
            name=name,
            address=str(address),
            connected=link is not None and not link.closed.is_set(),
            active=self._state.active is name,
            outstanding=link.outstanding if link else 0,
            failures=self._state.health_of(name).failures,
            sent=link.counts.sent if link else 0,
            answered=link.counts.answered if link else 0,
            late_or_foreign=link.counts.late_or_foreign if link else 0,
            unreadable=link.counts.unreadable if link else 0,
        )

    async def _connected(self, name: LinkName) -> Link | None:
        """The open link of that name, signed on; None if it cannot be had, which counts as a failure."""
        async with self._connecting[name]:
            link = self._open.get(name)
            if link is not None and not self._drop_if_closed(name, link):
                return link
            if self._retry_at.get(name, 0.0) > asyncio.get_running_loop().time():
                # It could not be had a moment ago: those that wait here must not each find that out again.
                return None
            try:
                link = await Link.connect(
                    name, self._addresses[name], self._codec, self._framing, self._limits, self._tell_late
                )
            except OSError:
                self._not_had(name)
                return None
            if self.dialect.messages.sign_on and not await self._signed_on(link):
                await link.close()
                self._not_had(name)
                return None
            self._open[name] = link
            return link

    def _tell_late(self, reply: Message) -> None:
        self._late(reply)

    def _not_had(self, name: LinkName) -> None:
        self._retry_at[name] = asyncio.get_running_loop().time() + self._limits.reconnect_pause_s
        self._failed(name)

    async def _signed_on(self, link: Link) -> bool:
        answer = await link.exchange(self._network(SIGN_ON), self._limits.echo_timeout_s)
        return isinstance(answer, Answered) and answer.reply.fields.get(39) == APPROVED

    def _drop_if_closed(self, name: LinkName, link: Link) -> bool:
        if not link.closed.is_set():
            return False
        # Many requests may find the same broken link; it failed once.
        if self._open.get(name) is link:
            del self._open[name]
            self._failed(name)
        return True

    def _network(self, code: str) -> Message:
        return network(code, Trace(self._next_trace_number(), self._now()))

    async def _keep_healthy(self, name: LinkName) -> None:
        while True:
            healthy = await self.echo(name)
            link = self._open.get(name)
            if not healthy or link is None:
                await asyncio.sleep(min(self._limits.reconnect_pause_s, self._limits.echo_every_s))
                continue
            # A link that breaks is noticed at once, not at its next echo.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._limits.echo_every_s):
                    await link.closed.wait()
                    self._drop_if_closed(name, link)

    def _failed(self, name: LinkName) -> None:
        self._note(self._state.failed(name, self._now(), self._rules))

    def _note(self, state: Links) -> None:
        changed = state != self._state
        self._state = state
        if changed and self._watch is not None:
            self._watch(self.name, state)
