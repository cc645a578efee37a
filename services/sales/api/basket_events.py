"""Suspended baskets of a store, and one basket followed live by Server-Sent Events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from libs.contracts.permissions import Permission
from libs.contracts.refusal import Invalid
from libs.persistence import Database
from libs.web.authentication import Caller, require
from libs.web.paging import Page, Paging
from libs.web.transactions import Reading
from services.sales.api.basket_views import BasketSummary, BasketView
from services.sales.api.dependencies import Books, Feed
from services.sales.domain.basket import BasketState
from services.sales.storage.baskets import BasketRepository
from services.sales.use_cases.keep_basket import basket_topic
from services.sales.use_cases.show_basket import show_basket
from services.sales.use_cases.take_basket import known

router = APIRouter(tags=["baskets"])

LONGEST_SILENCE_S = 5.0
_FINISHED = (BasketState.COMPLETED, BasketState.CANCELLED)


@router.get(
    "/suspended-baskets",
    summary="The suspended baskets of a store, the longest waiting first",
    dependencies=[require(Permission.SALES_READ)],
)
async def get_suspended(
    reading: Reading,
    caller: Caller,
    paging: Paging,
    store_id: Annotated[UUID | None, Query(description="The caller's own store unless told otherwise.")] = None,
) -> Page[BasketSummary]:
    """Each can be recalled at any till of the store."""
    wanted = store_id or caller.store_id
    if wanted is None:
        raise Invalid("Say which store.", field="store_id")
    caller.demand_store(wanted)
    after = paging.after_keys(datetime.fromisoformat, UUID)
    listed = await BasketRepository(reading).suspended(
        wanted, paging.limit + 1, None if after is None else (after[0], after[1])
    )
    return paging.page(listed, lambda each: (each.updated_at, each.basket.basket_id), BasketSummary.of)


async def _may_watch(basket_id: UUID, reading: Reading, caller: Caller) -> UUID:
    """Refuse before the stream begins: afterwards a problem document can no longer be sent."""
    caller.demand(Permission.SALES_READ)
    basket = known(await BasketRepository(reading).get(basket_id), basket_id)
    caller.demand_store(basket.store_id)
    return basket_id


@router.get(
    "/baskets/{basket_id}/events",
    response_class=EventSourceResponse,
    summary="Follow a basket: an event with the whole basket after each change",
)
async def get_events(
    request: Request, watched: Annotated[UUID, Depends(_may_watch, scope="function")], books: Books, feed: Feed
) -> AsyncIterable[ServerSentEvent]:
    """The first event is the basket as it is now, `id` its version; the stream ends when the basket is finished.

    Versions may be skipped: each event says all there is to know.
    """
    database: Database = request.app.state.context.database
    async with feed.watch(basket_topic(watched)) as changes:
        shown_version = 0
        hint = asyncio.ensure_future(anext(changes))
        try:
            while True:
                # A till that hangs up ends the stream, not the query: a connection cut in the middle of one is lost.
                view = await asyncio.shield(_read(database, books, watched))
                if view.version > shown_version:
                    shown_version = view.version
                    yield ServerSentEvent(raw_data=view.model_dump_json(), event="basket", id=str(view.version))
                if view.state in _FINISHED:
                    return
                # A hint may be lost, so the basket is also read again without one.
                await asyncio.wait({hint}, timeout=LONGEST_SILENCE_S)
                if hint.done():
                    hint = asyncio.ensure_future(anext(changes))
        finally:
            hint.cancel()


async def _read(database: Database, books: Books, basket_id: UUID) -> BasketView:
    # A connection for the moment of reading only: hundreds of tills may be watching.
    async with database.reading() as connection:
        current = await books.current(connection)
        basket = known(await BasketRepository(connection).get(basket_id), basket_id)
        return BasketView.of(await show_basket(connection, basket, current, database.clock()))
