"""The in-process transport of embedded mode: no broker, the same promises.

`publish` returns only when every consumer of the message has acknowledged it, i.e. has stored it in its inbox. Until
then the row in the sender's outbox stays unsent, so a crash of the process loses nothing although nothing here is
durable. A consumer that is declared but not attached at the moment makes the sender wait.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from libs.bus.consumer import AnyConsumer
from libs.bus.settings import BusSettings
from libs.bus.topology import Topology
from libs.bus.transport import Attachment, Disconnected, Sink, Unroutable, WireMessage


class LocalTransport:
    """One object per process, shared by the buses of all services in it; everything runs on one event loop."""

    name = "local"

    def __init__(self, settings: BusSettings | None = None) -> None:
        self._topology = Topology(settings or BusSettings())
        self._queues: dict[str, _LocalQueue] = {}
        self._bindings: dict[tuple[str, str], list[_LocalQueue]] = defaultdict(list)
        self._stopped = False

    async def start(self) -> None:
        """Accept messages (again)."""
        self._stopped = False

    async def stop(self) -> None:
        """Refuse further messages; senders still waiting get Disconnected."""
        self._stopped = True
        for queue in self._queues.values():
            queue.fail(Disconnected("the local transport has stopped"))

    async def declare(self, consumers: Sequence[AnyConsumer]) -> None:
        """Create the consumers' queues: from now on a message for them is confirmed only once they have it."""
        for consumer in consumers:
            for queue in self._topology.queues(consumer):
                if queue.name in self._queues:
                    continue
                created = self._queues[queue.name] = _LocalQueue()
                for binding in queue.bindings:
                    self._bindings[binding.exchange, binding.routing_key].append(created)

    async def publish(self, message: WireMessage) -> None:
        """Hand a message to its consumers and wait until all have acknowledged it."""
        if self._stopped:
            raise Disconnected("the local transport has stopped")
        queues = self._targets(message)
        if not queues and message.kind == "command":
            raise Unroutable(f"no consumer of commands for {message.routing_key}")
        entries = [(queue, queue.put(message)) for queue in queues]
        try:
            for _, entry in entries:
                await entry.stored
        finally:
            # The sender gave up: it will send the message again, so a copy that nobody holds must not overtake.
            for queue, entry in entries:
                queue.withdraw(entry)

    async def attach(self, consumer: AnyConsumer, sink: Sink) -> Sequence[Attachment]:
        """Receive the consumer's messages; of several holders of one queue the first gets them (single active)."""
        await self.declare([consumer])
        return [self._queues[name].attach(sink) for name in self._topology.queue_names(consumer)]

    async def backlog(self, consumer: AnyConsumer) -> int:
        """How many of the consumer's messages no one holds."""
        return sum(self._queues[name].waiting for name in self._topology.queue_names(consumer) if name in self._queues)

    def _targets(self, message: WireMessage) -> list[_LocalQueue]:
        if message.kind == "command":
            return self._bindings.get((self._topology.commands, message.routing_key), [])
        message_type, _, partition = message.routing_key.rsplit(".", 2)
        exchange = self._topology.events
        # The two forms of binding that a topology makes: all partitions, or one.
        return [
            *self._bindings.get((exchange, f"{message_type}.*.*"), ()),
            *self._bindings.get((exchange, f"{message_type}.*.{partition}"), ()),
        ]


class _Entry:
    """A message in a queue, with the future its sender waits for."""

    __slots__ = ("message", "stored")

    def __init__(self, message: WireMessage) -> None:
        self.message = message
        self.stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class _LocalQueue:
    """Messages that are not acknowledged, in order; all of them are in the hands of the first attachment, if any."""

    def __init__(self) -> None:
        self._entries: dict[_Entry, None] = {}
        self._attachments: list[_LocalAttachment] = []

    @property
    def waiting(self) -> int:
        return 0 if self._attachments else len(self._entries)

    def put(self, message: WireMessage) -> _Entry:
        entry = _Entry(message)
        self._entries[entry] = None
        if self._attachments:
            self._attachments[0].deliver(entry)
        return entry

    def withdraw(self, entry: _Entry) -> None:
        self._entries.pop(entry, None)

    def acknowledge(self, entry: _Entry) -> None:
        self._entries.pop(entry, None)
        if not entry.stored.done():
            entry.stored.set_result(None)

    def attach(self, sink: Sink) -> _LocalAttachment:
        attachment = _LocalAttachment(self, sink)
        self._attachments.append(attachment)
        if len(self._attachments) == 1:
            self._deliver_all(attachment)
        return attachment

    def detach(self, attachment: _LocalAttachment) -> None:
        if attachment not in self._attachments:
            return
        was_active = self._attachments[0] is attachment
        self._attachments.remove(attachment)
        if was_active and self._attachments:
            self._deliver_all(self._attachments[0])

    def fail(self, error: Exception) -> None:
        for entry in self._entries:
            if not entry.stored.done():
                entry.stored.set_exception(error)
        self._entries.clear()

    def _deliver_all(self, attachment: _LocalAttachment) -> None:
        for entry in list(self._entries):
            attachment.deliver(entry)


class _LocalAttachment:
    def __init__(self, queue: _LocalQueue, sink: Sink) -> None:
        self._queue = queue
        self._sink = sink
        self.attached = True

    def deliver(self, entry: _Entry) -> None:
        self._sink(_LocalDelivery(self, entry))

    def acknowledge(self, entry: _Entry) -> None:
        if self.attached:
            self._queue.acknowledge(entry)

    async def close(self) -> None:
        self.attached = False
        self._queue.detach(self)


class _LocalDelivery:
    __slots__ = ("_attachment", "_entry")

    def __init__(self, attachment: _LocalAttachment, entry: _Entry) -> None:
        self._attachment = attachment
        self._entry = entry

    @property
    def headers(self) -> Mapping[str, Any]:
        return self._entry.message.headers

    @property
    def body(self) -> bytes:
        return self._entry.message.body

    def ack(self) -> None:
        self._attachment.acknowledge(self._entry)
