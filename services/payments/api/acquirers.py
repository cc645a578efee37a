"""Acquirers for their operators: links as replicas see them, the choice between them, and what is not confirmed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel

from libs.contracts.permissions import Permission
from libs.contracts.refusal import NotFound
from libs.contracts.values import CurrencyCode, Instant
from libs.persistence import Connection
from libs.web.authentication import Caller, RequestBody, require
from libs.web.paging import Page, Paging
from libs.web.transactions import Reading, Work, resource
from services.payments.api.dependencies import PlainText, stores_of
from services.payments.domain.concentrator.links import LinkName
from services.payments.domain.concentrator.reversing import StoredKind
from services.payments.gateways.acquirer import Acquirer
from services.payments.gateways.acquirer.concentrator import Concentrator
from services.payments.link_watch import LinkWatch
from services.payments.storage.links import Backlog, LinkChoice, LinkEvent, LinkReport, LinkRepository
from services.payments.storage.undone_messages import UndoneMessage, UndoneMessageRepository
from services.payments.use_cases.choose_link import choose_link, release_link

router = APIRouter(tags=["acquirers"])
_reads = require(Permission.PAYMENTS_READ)
_configures = require(Permission.PAYMENTS_CONFIGURE)

Acquirers = Annotated[Concentrator, resource(Concentrator)]
Watch = Annotated[LinkWatch, resource(LinkWatch)]
AcquirerName = Annotated[str, Path(max_length=32, examples=["first-bank"])]


class UnknownAcquirer(NotFound):
    """No acquirer of this name is configured."""

    type = "unknown-acquirer"


class ReplicaView(BaseModel):
    """A link as one replica of payments saw it at `seen_at`; counts are since it was connected."""

    replica: str
    active: bool
    connected: bool
    outstanding: int
    failures: int
    sent: int
    answered: int
    late_or_foreign: int
    unreadable: int
    seen_at: Instant


class LinkView(BaseModel):
    """One of an acquirer's links."""

    name: LinkName
    address: str
    replicas: list[ReplicaView]


class LinkChoiceView(BaseModel):
    """The link that an operator wants to be used, whatever happens to it."""

    link: LinkName
    reason: str
    chosen_by_name: str
    chosen_at: Instant


class AcquirerView(BaseModel):
    """An acquirer. What waits is told to it until it confirms; what it refused is for a person to see to."""

    name: str
    title: str
    links: list[LinkView]
    choice: LinkChoiceView | None
    waiting_reversals: int
    waiting_completions: int
    refused_count: int
    oldest_waiting_at: Instant | None


class AcquirersView(BaseModel):
    """Every acquirer that is configured, by name."""

    items: list[AcquirerView]


class LinkChoiceBody(RequestBody):
    """Which link is to be used from now on, and why."""

    link: LinkName
    reason: PlainText


class LinkEventView(BaseModel):
    """What happened: a replica `switched_over` to the backup or `switched_back`; a person has `chosen` a link, or
    `released` the choice.
    """

    at: Instant
    event: str
    link: LinkName
    replica: str | None
    actor_name: str | None
    reason: str | None

    @classmethod
    def of(cls, event: LinkEvent) -> LinkEventView:
        """The event as the API tells it."""
        return cls.model_validate(event, from_attributes=True)


class StoredMessageView(BaseModel):
    """A reversal or a completion that its acquirer has not confirmed (`waiting`), or has refused with `code`."""

    message_id: UUID
    acquirer: str
    terminal_name: str
    kind: StoredKind
    state: Literal["waiting", "refused"]
    attempts: int
    code: str | None
    amount_minor: int
    currency: CurrencyCode
    created_at: Instant
    next_at: Instant | None
    intent_id: UUID

    @classmethod
    def of(cls, message: UndoneMessage) -> StoredMessageView:
        """The message as the API tells it."""
        return cls.model_validate(message, from_attributes=True)


@router.get("/acquirers", dependencies=[_reads], summary="The acquirers, their links, and what they have not confirmed")
async def list_acquirers(reading: Reading, acquirers: Acquirers) -> AcquirersView:
    """Each replica has connections of its own and reports every few seconds; one that says no more is forgotten."""
    return AcquirersView(items=await _views(reading, acquirers, acquirers.acquirers.values()))


@router.put("/acquirers/{name}/link-choice", dependencies=[_configures], summary="Choose the link to an acquirer")
async def put_link_choice(
    name: AcquirerName, body: LinkChoiceBody, caller: Caller, work: Work, acquirers: Acquirers, watch: Watch
) -> AcquirerView:
    """Every replica uses it within seconds, and no other until the choice is taken back."""
    acquirer = _known(acquirers, name)
    await choose_link(work, caller, name, acquirer.links, body.link, body.reason)
    work.after_commit(watch.hurry)
    [view] = await _views(work.connection, acquirers, [acquirer])
    return view


@router.delete(
    "/acquirers/{name}/link-choice",
    status_code=204,
    dependencies=[_configures],
    summary="Leave the choice of the link to the rules again",
)
async def delete_link_choice(
    name: AcquirerName, caller: Caller, work: Work, acquirers: Acquirers, watch: Watch
) -> None:
    """404 `no-link-chosen` where nobody has chosen."""
    _known(acquirers, name)
    await release_link(work, caller, name)
    work.after_commit(watch.hurry)


@router.get(
    "/acquirers/{name}/events", dependencies=[_reads], summary="What happened to an acquirer's links, the latest first"
)
async def list_link_events(
    name: AcquirerName, reading: Reading, paging: Paging, acquirers: Acquirers
) -> Page[LinkEventView]:
    _known(acquirers, name)
    before = paging.after_keys(datetime.fromisoformat, UUID)
    rows = await LinkRepository(reading).events(
        name, None if before is None else (before[0], before[1]), paging.limit + 1
    )
    return paging.page(rows, lambda row: (row.at.isoformat(), str(row.event_id)), LinkEventView.of)


@router.get(
    "/stored-messages", dependencies=[_reads], summary="What acquirers have not confirmed or refused, the oldest first"
)
async def list_stored_messages(
    caller: Caller,
    reading: Reading,
    paging: Paging,
    state: Annotated[Literal["waiting", "refused"] | None, Query(description="Absent, both.")] = None,
    acquirer: Annotated[str | None, Query(max_length=32)] = None,
) -> Page[StoredMessageView]:
    """Of the caller's stores. What waits is told by itself; what was refused needs a person."""
    after = paging.after_keys(datetime.fromisoformat, UUID)
    rows = await UndoneMessageRepository(reading).page(
        stores_of(caller),
        None if after is None else (after[0], after[1]),
        paging.limit + 1,
        state=state,
        acquirer=acquirer,
    )
    return paging.page(rows, lambda row: (row.created_at.isoformat(), str(row.message_id)), StoredMessageView.of)


def _known(acquirers: Concentrator, name: str) -> Acquirer:
    acquirer = acquirers.acquirers.get(name)
    if acquirer is None:
        names = ", ".join(sorted(acquirers.acquirers)) or "none"
        raise UnknownAcquirer(f"No acquirer {name!r} is configured; there are: {names}.", field="name")
    return acquirer


async def _views(connection: Connection, acquirers: Concentrator, shown: Iterable[Acquirer]) -> list[AcquirerView]:
    repository = LinkRepository(connection)
    reports, choices, backlogs = await repository.reports(), await repository.choices(), await repository.backlogs()
    return [
        _view(each, acquirers.title_of(each.name), reports, choices.get(each.name), backlogs.get(each.name, Backlog()))
        for each in sorted(shown, key=lambda acquirer: acquirer.name)
    ]


def _view(
    acquirer: Acquirer, title: str, reports: list[LinkReport], choice: LinkChoice | None, backlog: Backlog
) -> AcquirerView:
    return AcquirerView(
        name=acquirer.name,
        title=title,
        links=[
            LinkView(
                name=link.name,
                address=link.address,
                replicas=[
                    ReplicaView.model_validate(each, from_attributes=True)
                    for each in reports
                    if (each.acquirer, each.link) == (acquirer.name, link.name.value)
                ],
            )
            for link in acquirer.view()
        ],
        choice=None if choice is None else LinkChoiceView.model_validate(choice, from_attributes=True),
        waiting_reversals=backlog.waiting_reversals,
        waiting_completions=backlog.waiting_completions,
        refused_count=backlog.refused_count,
        oldest_waiting_at=backlog.oldest_waiting_at,
    )
