"""A live feed while Redis, which may always be lost, is away."""

from __future__ import annotations

import asyncio

import pytest
from fakeredis import FakeAsyncRedis, FakeServer
from pydantic import BaseModel

import libs.web.live
from libs.web.live import LiveFeed

pytestmark = pytest.mark.anyio


class Change(BaseModel):
    number: int


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libs.web.live, "AWAY_PAUSE_S", 0.01)


async def told(feed: LiveFeed, hint: asyncio.Task[str]) -> str:
    while not hint.done():
        await feed.publish("topic", Change(number=1))
        await asyncio.sleep(0.01)
    return hint.result()


async def test_whoever_watches_while_redis_is_away_waits_and_is_told_when_it_is_back() -> None:
    server = FakeServer()
    server.connected = False
    feed = LiveFeed(FakeAsyncRedis(server=server))
    async with feed.watch("topic") as changes:
        hint = asyncio.ensure_future(anext(changes))
        done, _ = await asyncio.wait({hint}, timeout=0.1)
        assert not done
        server.connected = True
        assert await asyncio.wait_for(told(feed, hint), 5) == '{"number":1}'


async def test_a_feed_that_loses_redis_meanwhile_does_not_end() -> None:
    server = FakeServer()
    feed = LiveFeed(FakeAsyncRedis(server=server))
    async with feed.watch("topic") as changes:
        first = asyncio.ensure_future(anext(changes))
        assert await asyncio.wait_for(told(feed, first), 5) == '{"number":1}'
        server.connected = False
        hint = asyncio.ensure_future(anext(changes))
        done, _ = await asyncio.wait({hint}, timeout=0.1)
        assert not done
        server.connected = True
        assert await asyncio.wait_for(told(feed, hint), 5) == '{"number":1}'
