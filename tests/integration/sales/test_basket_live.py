"""A basket followed live: the application is driven as a server drives it, because the stream has no end of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from pydantic_core import from_json

from libs.persistence import new_id
from tests.integration.sales.basket_shop import Till, till
from tests.integration.sales.shift_shop import Person, Shop, answered, refused

pytestmark = pytest.mark.anyio

PATIENCE_S = 4.0


@asynccontextmanager
async def following(shop: Shop, person: Person, basket_id: str) -> AsyncIterator[asyncio.Queue[dict[str, Any] | None]]:
    """The events of a basket as they come: `{"event", "id", "data"}`, None at the end of the stream."""
    events: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
    gone = asyncio.Event()
    path = f"/sales/v1/baskets/{basket_id}/events"
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"authorization", f"Bearer {person.token}".encode())],
        "server": ("tillstream.test", 80),
        "client": ("127.0.0.1", 1),
    }
    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == 200
        for block in message.get("body", b"").decode().split("\n\n"):
            fields = dict(part.split(": ", 1) for part in block.split("\n") if ": " in part and part[0] != ":")
            if fields:
                await events.put({**fields, "data": from_json(fields["data"])})
        if message["type"] == "http.response.body" and not message.get("more_body"):
            await events.put(None)

    transport = shop.http._transport
    assert isinstance(transport, httpx.ASGITransport)
    serving = asyncio.ensure_future(transport.app(scope, receive, send))
    try:
        yield events
    finally:
        gone.set()
        await asyncio.wait_for(serving, PATIENCE_S)


async def next_of(events: asyncio.Queue[dict[str, Any] | None]) -> dict[str, Any] | None:
    return await asyncio.wait_for(events.get(), PATIENCE_S)


async def test_whoever_follows_a_basket_sees_it_at_once_and_after_each_change_until_it_is_finished(shop: Shop) -> None:
    at = await till(shop)
    await at.scan("bread")
    async with following(shop, at.person, at.basket_id) as events:
        first = await next_of(events)
        assert first is not None
        assert (first["event"], first["id"], first["data"]) == ("basket", "2", await at.basket())
        await at.scan("wine")
        second = await next_of(events)
        assert second is not None
        assert (second["id"], second["data"]["total_minor"]) == ("3", 4_449)
        answered(await at.post("/tenders", {"kind": "cash", "given_minor": 4_450}), 201)
        paying = await next_of(events)
        assert paying is not None
        assert (paying["id"], paying["data"]["state"], paying["data"]["due_minor"]) == ("4", "paying", 0)
        answered(await at.post("/complete", {}), 201)
        done = await next_of(events)
        assert done is not None
        assert done["data"]["state"] == "completed"
        assert await next_of(events) is None


async def test_an_unknown_basket_is_a_problem_before_the_stream_begins(shop: Shop) -> None:
    at = await till(shop)
    nowhere = Till(shop, at.person, str(new_id()))
    refused(await at.person.get(nowhere.path("/events")), 404, "unknown-basket", "basket_id")
