"""Dead messages over HTTP: what a service's consumers gave up and what an operator decides; alike in every service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, TypeAlias

import structlog
from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field

from libs.bus.dead import DeadMessage, discard, find_dead, list_dead, replay
from libs.bus.tables import MessagingTables
from libs.contracts.permissions import Permission
from libs.persistence import Database
from libs.web.authentication import Caller, require
from libs.web.paging import Page, Paging, encode_cursor

_log = structlog.get_logger(__name__)

_Act: TypeAlias = Callable[[Database, MessagingTables, str, str], Awaitable[None]]
_MessageId = Annotated[str, Path(min_length=1, max_length=200, description="`message_id` of the list.")]
_Consumer = Annotated[
    str | None,
    Query(min_length=1, max_length=200, description="Of several consumers that gave the message up, only this one."),
]


class DeadMessageView(BaseModel):
    """A message that a consumer gave up; later messages of its key wait behind it."""

    message_id: str
    consumer: str
    type: str = Field(examples=["tillstream.sales.sale_completed.v1"])
    key: str
    attempts: int
    error: str | None
    received_at: datetime

    @classmethod
    def of(cls, message: DeadMessage) -> DeadMessageView:
        """The message without its content."""
        return cls.model_validate(message, from_attributes=True)


class DecidedMessages(BaseModel):
    """The messages that were decided about: one for each consumer that had given it up."""

    items: list[DeadMessageView]


def dead_message_routes(tables: MessagingTables) -> APIRouter:
    """The routes of one service, over its own inbox. All need `operations.messages`."""
    router = APIRouter(
        prefix="/dead-messages", tags=["operations"], dependencies=[require(Permission.OPERATIONS_MESSAGES)]
    )

    @router.get("", summary="Messages that consumers gave up", name="list_dead_messages")
    async def list_messages(
        request: Request,
        paging: Paging,
        consumer: Annotated[str | None, Query(max_length=200, description="Only of this consumer.")] = None,
    ) -> Page[DeadMessageView]:
        """In the order of their arrival, of one consumer or of all; at most 200 in a page."""
        after = paging.after_keys(int)
        found = await list_dead(
            _database(request), tables, consumer=consumer, after=after[0] if after else 0, limit=paging.limit
        )
        cursor = encode_cursor([found.next]) if found.next is not None else None
        return Page(items=[DeadMessageView.of(each) for each in found.messages], next_cursor=cursor)

    @router.post("/{message_id}/replay", summary="Give a dead message its attempts again", name="replay_dead_message")
    async def replay_message(
        request: Request, caller: Caller, message_id: _MessageId, consumer: _Consumer = None
    ) -> DecidedMessages:
        """Once what made it fail is mended. Handling a message twice has no second effect."""
        return await _decide(request, caller, "replayed", replay, message_id, consumer)

    @router.post("/{message_id}/discard", summary="Give a dead message up for good", name="discard_dead_message")
    async def discard_message(
        request: Request, caller: Caller, message_id: _MessageId, consumer: _Consumer = None
    ) -> DecidedMessages:
        """What waits behind it goes on. Its content is kept until it is pruned."""
        return await _decide(request, caller, "discarded", discard, message_id, consumer)

    async def _decide(
        request: Request, caller: Caller, decision: str, act: _Act, message_id: str, consumer: str | None
    ) -> DecidedMessages:
        database = _database(request)
        chosen = await find_dead(database, tables, message_id, consumer=consumer)
        for each in chosen:
            await act(database, tables, each.message_id, each.consumer)
            # Who decided about whose message: what an auditor asks when an effect is missing or late.
            _log.warning(
                "dead_message_decided",
                decision=decision,
                by=caller.name,
                by_id=str(caller.id),
                by_kind=caller.kind,
                message_id=each.message_id,
                consumer=each.consumer,
                type=each.type,
                key=each.key,
                error=each.error,
            )
        return DecidedMessages(items=[DeadMessageView.of(each) for each in chosen])

    return router


def _database(request: Request) -> Database:
    database: Database = request.app.state.context.database
    return database
