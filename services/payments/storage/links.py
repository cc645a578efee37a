"""The links to acquirers: how each replica sees them, which one an operator wants, and what happened to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert

from libs.persistence import Connection
from services.payments.domain.concentrator.links import LinkName
from services.payments.domain.concentrator.reversing import StoredKind, StoredState
from services.payments.storage.concentrator_tables import acquirer_links, link_choices, link_events, stored_messages


@dataclass(frozen=True, slots=True)
class LinkReport:
    """A link as one replica sees it."""

    acquirer: str
    link: str
    replica: str
    address: str
    active: bool
    connected: bool
    outstanding: int
    failures: int
    sent: int
    answered: int
    late_or_foreign: int
    unreadable: int
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class LinkChoice:
    """The link that an operator wants, and why."""

    acquirer: str
    link: LinkName
    reason: str
    chosen_by: UUID
    chosen_by_name: str
    chosen_at: datetime


@dataclass(frozen=True, slots=True)
class LinkEvent:
    """What happened to an acquirer's links. A replica switched, or a person decided."""

    event_id: UUID
    acquirer: str
    link: LinkName
    event: str
    at: datetime
    replica: str | None = None
    actor_id: UUID | None = None
    actor_name: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Backlog:
    """What one acquirer has not confirmed, and what it refused."""

    waiting_reversals: int = 0
    waiting_completions: int = 0
    refused_count: int = 0
    oldest_waiting_at: datetime | None = None


class LinkRepository:
    """Reads and writes links on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def report(self, reports: Sequence[LinkReport]) -> None:
        """Keep how a replica sees its links now."""
        if not reports:
            return
        statement = upsert(acquirer_links).values([asdict(each) for each in reports])
        seen = {name: statement.excluded[name] for name in LinkReport.__dataclass_fields__}
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[acquirer_links.c.acquirer, acquirer_links.c.link, acquirer_links.c.replica], set_=seen
            )
        )

    async def forget(self, before: datetime, replica: str | None = None) -> None:
        """Forget replicas that have said nothing since then, and one that ends."""
        silent = acquirer_links.c.seen_at < before
        await self._connection.execute(
            delete(acquirer_links).where(
                silent if replica is None else or_(silent, acquirer_links.c.replica == replica)
            )
        )

    async def reports(self) -> list[LinkReport]:
        """Every link as every replica sees it: two for each acquirer and replica."""
        order = (acquirer_links.c.acquirer, acquirer_links.c.link, acquirer_links.c.replica)
        rows = await self._connection.execute(select(acquirer_links).order_by(*order))
        return [LinkReport(**row._mapping) for row in rows]

    async def choices(self) -> dict[str, LinkChoice]:
        """What operators want, by acquirer."""
        rows = await self._connection.execute(select(link_choices))
        return {row.acquirer: LinkChoice(**{**row._mapping, "link": LinkName(row.link)}) for row in rows}

    async def choose(self, choice: LinkChoice) -> None:
        """Keep what an operator wants from now on."""
        values = {**asdict(choice), "link": choice.link.value}
        await self._connection.execute(
            upsert(link_choices)
            .values(values)
            .on_conflict_do_update(index_elements=[link_choices.c.acquirer], set_=values)
        )

    async def release(self, acquirer: str) -> LinkName | None:
        """Leave the choice to the rules again; the link that was chosen, None if none was."""
        statement = delete(link_choices).where(link_choices.c.acquirer == acquirer).returning(link_choices.c.link)
        link = (await self._connection.execute(statement)).scalar_one_or_none()
        return None if link is None else LinkName(link)

    async def add_events(self, events: Sequence[LinkEvent]) -> None:
        """Write down what happened; what is written already stays as it is."""
        if events:
            values = [{**asdict(each), "link": each.link.value} for each in events]
            await self._connection.execute(upsert(link_events).on_conflict_do_nothing(), values)

    async def events(self, acquirer: str, before: tuple[datetime, UUID] | None, limit: int) -> list[LinkEvent]:
        """What happened to an acquirer's links, the latest first."""
        order = (link_events.c.at, link_events.c.event_id)
        statement = select(link_events).where(link_events.c.acquirer == acquirer)
        if before is not None:
            statement = statement.where(tuple_(*order) < before)
        rows = await self._connection.execute(statement.order_by(*(column.desc() for column in order)).limit(limit))
        return [LinkEvent(**{**row._mapping, "link": LinkName(row.link)}) for row in rows]

    async def backlogs(self) -> dict[str, Backlog]:
        """What acquirers have not confirmed, by acquirer, in one query over what is not settled."""
        stored = stored_messages.c
        waiting = stored.state == StoredState.WAITING.value
        rows = await self._connection.execute(
            select(
                stored.acquirer,
                func.count().filter(waiting, stored.kind == StoredKind.REVERSAL.value).label("reversals"),
                func.count().filter(waiting, stored.kind == StoredKind.COMPLETION.value).label("completions"),
                func.count().filter(~waiting).label("refused"),
                func.min(stored.created_at).filter(waiting).label("oldest"),
            )
            .where(text("stored_messages.state IN ('waiting', 'refused')"))
            .group_by(stored.acquirer)
        )
        return {row.acquirer: Backlog(row.reversals, row.completions, row.refused, row.oldest) for row in rows}
