"""Leases: one holder at a time, freed by release or expiry, shared fairly among those who are alive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest
from sqlalchemy import func, select

from libs.persistence import create_engine
from libs.persistence.leases import Leases
from tests.integration.bus.harness import Stand, Tables

NAMES = [f"part/{number:02d}" for number in range(16)]


@dataclass
class Holders:
    make: Callable[[], Leases]
    tables: Tables


@pytest.fixture
async def holders(local_stand: Stand) -> AsyncIterator[Holders]:
    engine = create_engine(local_stand.url, schema="public")
    yield Holders(lambda: Leases(engine, local_stand.tables.messaging.leases), local_stand.tables)
    await engine.dispose()


async def test_a_lease_has_one_holder_who_may_renew_it(holders: Holders) -> None:
    first, second = holders.make(), holders.make()
    assert await first.take("job", 30)
    assert not await second.take("job", 30)
    assert await first.take("job", 30)


async def test_a_released_lease_is_free_at_once_but_nobody_releases_anothers(holders: Holders) -> None:
    first, second = holders.make(), holders.make()
    await first.take("job", 30)
    await second.release("job")
    assert not await second.take("job", 30)
    await first.release("job")
    assert await second.take("job", 30)


async def test_an_expired_lease_is_free(holders: Holders) -> None:
    first, second = holders.make(), holders.make()
    await first.take("job", 0.05)
    await asyncio.sleep(0.1)
    assert await second.take("job", 30)
    assert not await first.take("job", 30)


async def test_of_many_who_ask_at_once_one_gets_it(holders: Holders) -> None:
    asking = [holders.make() for _ in range(8)]
    answers = await asyncio.gather(*(leases.take("job", 30) for leases in asking))
    assert sorted(answers) == [False] * 7 + [True]


async def test_a_single_holder_has_everything(holders: Holders) -> None:
    assert await holders.make().take_share(NAMES, group="g", duration_s=30) == frozenset(NAMES)


@pytest.mark.parametrize("count", [2, 3, 5, 16])
async def test_holders_share_fairly_without_overlap(holders: Holders, count: int) -> None:
    members = [holders.make() for _ in range(count)]
    shares: list[frozenset[str]] = []
    for _ in range(3):
        shares = [await member.take_share(NAMES, group="g", duration_s=30) for member in members]
    assert sorted(name for share in shares for name in share) == NAMES
    assert max(map(len, shares)) <= -(-16 // count)


async def test_a_holder_who_leaves_is_replaced_at_once(holders: Holders) -> None:
    first, second = holders.make(), holders.make()
    for _ in range(2):
        await first.take_share(NAMES, group="g", duration_s=30)
        assert len(await second.take_share(NAMES, group="g", duration_s=30)) in (0, 8)
    await first.leave(NAMES, group="g")
    assert await second.take_share(NAMES, group="g", duration_s=30) == frozenset(NAMES)


async def test_a_holder_who_dies_is_replaced_when_its_time_is_up(holders: Holders) -> None:
    first, second = holders.make(), holders.make()
    await first.take_share(NAMES, group="g", duration_s=0.2)
    assert await second.take_share(NAMES, group="g", duration_s=30) == frozenset()
    await asyncio.sleep(0.25)
    assert await second.take_share(NAMES, group="g", duration_s=30) == frozenset(NAMES)


async def test_groups_do_not_count_each_others_members(holders: Holders) -> None:
    await holders.make().take_share(["other/1"], group="other", duration_s=30)
    assert await holders.make().take_share(NAMES, group="g", duration_s=30) == frozenset(NAMES)


async def test_leases_that_expired_long_ago_are_forgotten(holders: Holders, local_stand: Stand) -> None:
    leases = holders.make()
    await leases.take("old", 0.01)
    await leases.take("new", 30)
    await asyncio.sleep(0.05)
    assert await leases.forget_expired(older_than_s=0.02) == 1
    engine = create_engine(local_stand.url, schema="public")
    async with engine.connect() as connection:
        table = holders.tables.messaging.leases
        assert (await connection.execute(select(func.array_agg(table.c.name)))).scalar_one() == ["new"]
    await engine.dispose()
