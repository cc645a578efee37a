"""Lanes and batches: serial within a key, side by side across keys, nothing begun after the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from libs.bus.lanes import Batches, Lanes


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


def _forever() -> Awaitable[bool]:
    return asyncio.Event().wait()


async def test_items_of_a_key_are_worked_on_in_order_and_never_two_at_once() -> None:
    done: list[tuple[str, int]] = []
    at_work: set[str] = set()

    async def work(item: tuple[str, int]) -> None:
        assert item[0] not in at_work
        at_work.add(item[0])
        await asyncio.sleep(0)
        at_work.remove(item[0])
        done.append(item)

    lanes: Lanes[tuple[str, int]] = Lanes(work, workers=4)
    for number in range(20):
        for key in "abcdef":
            lanes.put(key, (key, number))
    await _until(lambda: lanes.pending == 0)
    for key in "abcdef":
        assert [number for name, number in done if name == key] == list(range(20))
    await lanes.finish(1)


async def test_a_key_that_waits_does_not_hold_up_the_others() -> None:
    done: list[str] = []

    async def work(item: str) -> None:
        if item == "slow":
            await _forever()
        done.append(item)

    lanes: Lanes[str] = Lanes(work, workers=2)
    lanes.put("a", "slow")
    lanes.put("a", "behind")
    for item in ("x", "y", "z"):
        lanes.put(item, item)
    await _until(lambda: len(done) == 3)
    assert done == ["x", "y", "z"]
    assert lanes.pending == 2
    await lanes.abandon()


async def test_no_more_items_are_at_work_than_workers() -> None:
    at_work = most = 0

    async def work(_item: int) -> None:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0.001)
        at_work -= 1

    lanes: Lanes[int] = Lanes(work, workers=3)
    for number in range(30):
        lanes.put(f"key-{number}", number)
    await _until(lambda: lanes.pending == 0)
    assert most == 3
    await lanes.finish(1)


async def test_finishing_ends_what_has_begun_and_begins_nothing_more() -> None:
    begun: list[int] = []
    done: list[int] = []
    gate = asyncio.Event()

    async def work(item: int) -> None:
        begun.append(item)
        await gate.wait()
        done.append(item)

    lanes: Lanes[int] = Lanes(work, workers=2)
    for number in range(10):
        lanes.put(f"key-{number}", number)
    await _until(lambda: len(begun) == 2)
    finishing = asyncio.create_task(lanes.finish(5))
    await asyncio.sleep(0)
    gate.set()
    await finishing
    assert sorted(begun) == sorted(done) == [0, 1]


async def test_finishing_gives_up_on_what_takes_too_long() -> None:
    async def work(_item: int) -> None:
        await _forever()

    lanes: Lanes[int] = Lanes(work, workers=1)
    lanes.put("a", 1)
    async with asyncio.timeout(5):
        await lanes.finish(0.01)


async def test_a_batch_takes_what_has_gathered_up_to_its_size_in_order() -> None:
    batches: list[list[int]] = []

    async def work(items: list[int]) -> None:
        batches.append(items)

    taking: Batches[int] = Batches(work, size=4, wait_s=0.01)
    for number in range(10):
        taking.put("any", number)
    await _until(lambda: taking.pending == 0)
    assert batches == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    taking.put("any", 10)
    await _until(lambda: taking.pending == 0)
    assert batches[-1] == [10]
    await taking.finish(1)


async def test_a_full_batch_does_not_wait() -> None:
    batches: list[list[int]] = []

    async def work(items: list[int]) -> None:
        batches.append(items)

    taking: Batches[int] = Batches(work, size=3, wait_s=60)
    taking.put("any", 0)
    await asyncio.sleep(0.01)
    taking.put("any", 1)
    taking.put("any", 2)
    await _until(lambda: taking.pending == 0)
    assert batches == [[0, 1, 2]]
    await taking.finish(1)


async def test_finishing_batches_begins_no_other() -> None:
    batches: list[list[int]] = []
    gate = asyncio.Event()

    async def work(items: list[int]) -> None:
        batches.append(items)
        await gate.wait()

    taking: Batches[int] = Batches(work, size=1, wait_s=0)
    taking.put("any", 0)
    taking.put("any", 1)
    await _until(lambda: len(batches) == 1)
    finishing = asyncio.create_task(taking.finish(5))
    await asyncio.sleep(0)
    gate.set()
    await finishing
    assert batches == [[0]]
