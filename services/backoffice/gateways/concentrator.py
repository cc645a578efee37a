"""What the pages need of payments' acquirer links: how they are, which one is used, what waits to be delivered."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from services.backoffice.gateways.api_client import ApiClient, Facts, Refused

_ROOT = "/payments/v1"


class Replica(Facts):
    """A link as one process of payments sees it; counts since that process started."""

    replica: str
    active: bool
    connected: bool
    outstanding: int = 0
    failures: int = 0
    sent: int = 0
    answered: int = 0
    late_or_foreign: int = 0
    unreadable: int = 0
    seen_at: datetime | None = None


class Link(Facts):
    """One of an acquirer's two ways to its host."""

    name: str
    address: str
    replicas: tuple[Replica, ...] = ()

    @property
    def connected(self) -> int:
        """How many processes are connected by it."""
        return sum(replica.connected for replica in self.replicas)

    @property
    def active(self) -> bool:
        """Whether any process sends by it."""
        return any(replica.active for replica in self.replicas)


class Choice(Facts):
    """A link that a person chose, until it is taken back."""

    link: str
    reason: str
    chosen_by_name: str
    chosen_at: datetime


class Acquirer(Facts):
    """An acquirer with its links and what waits to be delivered to it."""

    name: str
    title: str
    links: tuple[Link, ...] = ()
    choice: Choice | None = None
    waiting_reversals: int = 0
    waiting_completions: int = 0
    refused_count: int = 0
    oldest_waiting_at: datetime | None = None


class LinkEvent(Facts):
    """Something that happened to a link, by itself or by a person."""

    at: datetime
    event: str
    link: str | None = None
    replica: str | None = None
    actor_name: str | None = None
    reason: str | None = None


class StoredMessage(Facts):
    """A message that must reach the acquirer: kept until it does, or is refused."""

    message_id: UUID
    acquirer: str
    terminal_name: str
    kind: str
    state: str
    attempts: int
    code: str | None = None
    amount_minor: int
    currency: str
    created_at: datetime
    next_at: datetime | None = None
    intent_id: UUID | None = None


class _Acquirers(Facts):
    items: tuple[Acquirer, ...]


class Concentrator:
    """Payments' API of the acquirer links in the name of one person; raises what ApiClient raises."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    async def acquirers(self) -> tuple[Acquirer, ...]:
        """Every acquirer that payments speaks to; none where it has no concentrator."""
        try:
            return (await self._client.get(_Acquirers, f"{_ROOT}/acquirers")).items
        except Refused as refusal:
            if refusal.status == 404:
                return ()
            raise

    async def choose(self, acquirer: str, link: str, reason: str) -> None:
        """Send by this link from now on, whatever fails."""
        await self._client.act("PUT", f"{_ROOT}/acquirers/{acquirer}/link-choice", {"link": link, "reason": reason})

    async def leave_to_itself(self, acquirer: str) -> None:
        """Take a choice back: the concentrator switches by itself again."""
        await self._client.act("DELETE", f"{_ROOT}/acquirers/{acquirer}/link-choice")

    async def events(self, acquirer: str, cursor: str | None, rows: int) -> tuple[list[LinkEvent], str | None]:
        """A page of what happened to an acquirer's links."""
        path = f"{_ROOT}/acquirers/{acquirer}/events"
        return await self._client.page(LinkEvent, path, cursor=cursor, limit=rows)

    async def stored_messages(self, acquirer: str, state: str, rows: int) -> list[StoredMessage]:
        """The first of the messages that wait, or were refused."""
        path = f"{_ROOT}/stored-messages"
        items, _ = await self._client.page(StoredMessage, path, acquirer=acquirer, state=state, limit=rows)
        return items
