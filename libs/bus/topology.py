"""What exists on the broker: names of exchanges and queues, partitions, routing keys and bindings.

RabbitMQ 3.10 and later, without plugins. Every queue of a consumer is a quorum queue with a single active consumer,
bound to its share of the 16 key partitions: one process at a time reads a key, so order per key holds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from libs.bus.consumer import AnyConsumer, CommandConsumer, ProjectionConsumer
from libs.bus.settings import BusSettings
from libs.contracts.message import Message

PARTITIONS = 16
LARGEST_QUEUE_COUNT = PARTITIONS
CHAIN_WIDE = "all"
_WORD = re.compile(r"^[A-Za-z0-9_-]{1,64}$")
# An id may follow a dot, as in gateway.<id>; it may begin with a digit.
_CONSUMER_NAME = re.compile(r"^[a-z][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)+$")
_ROUTE = re.compile(r"^[A-Za-z0-9_.-]{1,128}$")


class InvalidTopology(ValueError):
    """A consumer or a routing word cannot be expressed in the broker's names."""


def partition_of(key: str) -> int:
    """The partition of a partition key, 0 to 15: CRC-32 (ISO 3309) of its UTF-8 bytes, modulo 16. Never changes."""
    return crc32(key.encode()) % PARTITIONS


def event_routing_key(message_type: str, store_id: str | None, partition: int) -> str:
    """`sales.sale_completed.v1.<store>.p07` for type `tillstream.sales.sale_completed.v1`.

    Raises InvalidTopology if the store's id is not one word of letters, digits, `_` and `-`.
    """
    store = CHAIN_WIDE if store_id is None else store_id
    if not _WORD.match(store):
        raise InvalidTopology(f"a store id is one word of letters, digits, _ and - in a routing key, not {store!r}")
    return f"{message_type.partition('.')[2]}.{store}.p{partition:02d}"


def command_routing_key(route: str) -> str:
    """The route of a command as a routing key. Raises InvalidTopology if it holds other than words and dots."""
    if not _ROUTE.match(route):
        raise InvalidTopology(f"a route is made of letters, digits, _, - and dots, not {route!r}")
    return route


def message_types(consumer: AnyConsumer) -> dict[str, type[Message]]:
    """The message classes that a consumer takes, by type."""
    models = consumer.messages if isinstance(consumer, ProjectionConsumer) else consumer.handlers
    return {model.message.type: model for model in models}


@dataclass(frozen=True)
class Binding:
    """A queue receives what is published on `exchange` with a key that matches `routing_key`."""

    exchange: str
    routing_key: str


@dataclass(frozen=True)
class Queue:
    """A queue to declare: its arguments and bindings."""

    name: str
    arguments: dict[str, Any] = field(hash=False)
    bindings: tuple[Binding, ...]


class Topology:
    """The names and arguments of everything on the broker, for one installation."""

    def __init__(self, settings: BusSettings) -> None:
        self._settings = settings
        self.events = f"{settings.namespace}.events"
        self.commands = f"{settings.namespace}.commands"
        self.dead = f"{settings.namespace}.dead"
        self.log = f"{settings.namespace}.log"

    @property
    def expected(self) -> bool:
        """Whether exchanges and queues are there already and must not be declared."""
        return self._settings.topology_expected

    def exchanges(self) -> dict[str, str]:
        """Exchange names and types."""
        return {self.events: "topic", self.commands: "direct", self.dead: "topic"}

    def streams(self) -> list[Queue]:
        """The log of all events, for replay and integrators, and the stream that dead-lettered messages end in."""
        arguments = {
            "x-queue-type": "stream",
            "x-max-age": self._settings.log_max_age,
            "x-max-length-bytes": self._settings.log_length_limit_bytes,
        }
        return [
            Queue(self.log, arguments, (Binding(self.events, "#"),)),
            Queue(self.dead, arguments, (Binding(self.dead, "#"),)),
        ]

    def queue_names(self, consumer: AnyConsumer) -> list[str]:
        """`<consumer>.1` to `<consumer>.<queue_count>`. Raises InvalidTopology for a malformed name or count."""
        if not _CONSUMER_NAME.match(consumer.name):
            raise InvalidTopology(f"a consumer is named <service>.<what for>, not {consumer.name!r}")
        count = 1 if isinstance(consumer, CommandConsumer) else consumer.queue_count
        if not 1 <= count <= LARGEST_QUEUE_COUNT:
            raise InvalidTopology(f"{consumer.name} has {count} queues; 1 to {LARGEST_QUEUE_COUNT} are possible")
        return [f"{self._settings.queue_prefix}{consumer.name}.{number}" for number in range(1, count + 1)]

    def queues(self, consumer: AnyConsumer) -> list[Queue]:
        """A consumer's queues with their bindings."""
        names = self.queue_names(consumer)
        arguments = {
            "x-queue-type": "quorum",
            "x-single-active-consumer": True,
            "x-delivery-limit": self._settings.queue_delivery_limit,
            "x-dead-letter-exchange": self.dead,
            # Without reject-publish RabbitMQ silently falls back to at-most-once dead lettering.
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
            "x-max-length": self._settings.queue_length_limit_messages,
        }
        return [
            Queue(name, arguments, self._bindings(consumer, number, len(names))) for number, name in enumerate(names)
        ]

    def _bindings(self, consumer: AnyConsumer, number: int, count: int) -> tuple[Binding, ...]:
        if isinstance(consumer, CommandConsumer):
            return (Binding(self.commands, command_routing_key(consumer.route)),)
        partitions = ["*"] if count == 1 else [f"p{p:02d}" for p in range(PARTITIONS) if p % count == number]
        return tuple(
            Binding(self.events, f"{message_type.partition('.')[2]}.*.{partition}")
            for message_type in sorted(message_types(consumer))
            for partition in partitions
        )


def check_unique(consumers: Sequence[AnyConsumer]) -> None:
    """Raise InvalidTopology if two consumers share a name or two command consumers a route."""
    seen: set[str] = set()
    for consumer in consumers:
        names = [f"consumer {consumer.name}"]
        if isinstance(consumer, CommandConsumer):
            names.append(f"route {consumer.route}")
        for name in names:
            if name in seen:
                raise InvalidTopology(f"{name} is declared twice")
            seen.add(name)


def concurrency(consumer: AnyConsumer) -> int:
    """How many messages of one queue may be in hand at once."""
    return 2 * consumer.batch_size if isinstance(consumer, ProjectionConsumer) else consumer.prefetch


__all__ = [
    "PARTITIONS",
    "Binding",
    "InvalidTopology",
    "Queue",
    "Topology",
    "check_unique",
    "command_routing_key",
    "concurrency",
    "event_routing_key",
    "message_types",
    "partition_of",
]
