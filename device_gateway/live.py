"""What pages of a till hear at once: scans, weights, drawer, printer and job states. A hint: nothing here is kept.

Devices speak from their own threads; pages listen on the event loop. A page that cannot keep up is cut off, so that it
connects again and reads the state anew, instead of showing old scans as new.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

Message = Mapping[str, Any]


class CutOff(Exception):
    """This listener lagged too far behind."""


class Listener:
    """One page. Iterate with `next_message`."""

    def __init__(self, till_id: UUID | None, limit_messages: int) -> None:
        self.till_id = till_id
        self._queue: asyncio.Queue[Message] = asyncio.Queue(limit_messages)
        self._cut_off = False

    def put(self, message: Message) -> None:
        """Hand a message over, on the event loop."""
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            self._cut_off = True

    async def next_message(self) -> Message:
        """The next message. Raises CutOff."""
        if self._cut_off:
            raise CutOff
        return await self._queue.get()


class LiveHub:
    """Passes messages from any thread to the pages of the tills they are for."""

    def __init__(self, limit_messages: int) -> None:
        """Make it on the event loop that the pages are served by."""
        self._loop = asyncio.get_running_loop()
        self._limit_messages = limit_messages
        self._listeners: set[Listener] = set()
        self._closed = False

    @contextmanager
    def listening(self, till_id: UUID | None) -> Iterator[Listener]:
        """Listen for the block: to what concerns a till, or to everything."""
        listener = Listener(till_id, self._limit_messages)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def publish(self, till_ids: Collection[UUID], message: Message) -> None:
        """Tell the pages of these tills. From any thread; never waits."""
        if not self._closed:
            self._loop.call_soon_threadsafe(self._deliver, frozenset(till_ids), message)

    def close(self) -> None:
        """Say nothing more; the event loop is about to end."""
        self._closed = True

    def _deliver(self, till_ids: frozenset[UUID], message: Message) -> None:
        for listener in self._listeners:
            if listener.till_id is None or listener.till_id in till_ids:
                listener.put(message)
