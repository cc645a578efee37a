"""Lanes: items with one key are worked on one after the other, those with different keys side by side."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from libs.bus.tasks import end

ItemT = TypeVar("ItemT")


class Lanes(Generic[ItemT]):
    """A fixed number of workers over any number of keys; keys with work take turns."""

    def __init__(self, work: Callable[[ItemT], Awaitable[None]], *, workers: int) -> None:
        self._work = work
        self._queues: dict[str, deque[ItemT]] = {}
        self._ready: asyncio.Queue[str] = asyncio.Queue()
        self._closing = False
        self.pending = 0
        self._tasks = [asyncio.create_task(self._run()) for _ in range(workers)]

    def put(self, key: str, item: ItemT) -> None:
        """Add an item at the end of its key's lane."""
        self.pending += 1
        queue = self._queues.get(key)
        if queue is None:
            self._queues[key] = deque((item,))
            self._ready.put_nowait(key)
        else:
            queue.append(item)

    async def finish(self, timeout_s: float) -> None:
        """Let what has begun end, for at most `timeout_s`; begin nothing more."""
        self._closing = True
        # The workers that wait for a key are woken, see the flag and end.
        for _ in self._tasks:
            self._ready.put_nowait("")
        _, late = await asyncio.wait(self._tasks, timeout=timeout_s)
        if late:
            await self.abandon()

    async def abandon(self) -> None:
        """Stop at once, in the middle of whatever is going on."""
        await end(self._tasks)

    async def _run(self) -> None:
        while True:
            key = await self._ready.get()
            if self._closing:
                return
            queue = self._queues[key]
            try:
                await self._work(queue[0])
            finally:
                self.pending -= 1
            # Removed only now, so that `put` sees the lane as taken while its first item is worked on.
            queue.popleft()
            if queue:
                self._ready.put_nowait(key)
            else:
                del self._queues[key]


class Batches(Generic[ItemT]):
    """One worker that takes what has gathered, up to a size, waiting a moment for more."""

    def __init__(self, work: Callable[[list[ItemT]], Awaitable[None]], *, size: int, wait_s: float) -> None:
        self._work = work
        self._size = size
        self._wait_s = wait_s
        self._items: deque[ItemT] = deque()
        self._arrived = asyncio.Event()
        self._full = asyncio.Event()
        self._closing = False
        self.pending = 0
        self._task = asyncio.create_task(self._run())

    def put(self, key: str, item: ItemT) -> None:
        """Add an item; the key does not matter, order is that of arrival."""
        del key
        self.pending += 1
        self._items.append(item)
        self._arrived.set()
        if len(self._items) >= self._size:
            self._full.set()

    async def finish(self, timeout_s: float) -> None:
        """Let the batch that has begun end, for at most `timeout_s`; begin no other."""
        self._closing = True
        self._arrived.set()
        self._full.set()
        _, late = await asyncio.wait([self._task], timeout=timeout_s)
        if late:
            await self.abandon()

    async def abandon(self) -> None:
        """Stop at once."""
        await end([self._task])

    async def _run(self) -> None:
        while True:
            await self._arrived.wait()
            if len(self._items) < self._size and not self._closing:
                self._full.clear()
                try:
                    async with asyncio.timeout(self._wait_s):
                        await self._full.wait()
                except TimeoutError:
                    pass
            if self._closing:
                return
            batch = [self._items.popleft() for _ in range(min(self._size, len(self._items)))]
            if not self._items:
                self._arrived.clear()
            try:
                await self._work(batch)
            finally:
                self.pending -= len(batch)
