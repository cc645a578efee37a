"""How a service says what it consumes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from libs.bus.envelope import Envelope
from libs.contracts.message import Message
from libs.persistence import UnitOfWork

MessageT_co = TypeVar("MessageT_co", bound=Message, covariant=True)


@dataclass(frozen=True, slots=True)
class Received(Generic[MessageT_co]):
    """A message as it arrived: the parsed payload and the envelope it came in."""

    message: MessageT_co
    envelope: Envelope


Handler = Callable[[Received[Any], UnitOfWork], Awaitable[None]]
BatchHandler = Callable[[Sequence[Received[Any]], UnitOfWork], Awaitable[None]]


@dataclass(frozen=True)
class Consumer:
    """One subscription of one service, with queues and inbox rows of its own.

    `name` is unique in the installation and never changes: `<service>.<what for>`, e.g. `sales.catalogue`.
    `handlers` maps event classes to coroutines that run inside the inbox transaction: what they write, what they
    emit and the mark "done" commit together. A handler raises `Refusal` for a message that can never succeed
    (it goes to the dead messages at once); any other exception is retried with backoff and blocks only its key.
    """

    name: str
    handlers: Mapping[type[Message], Handler]
    queue_count: int = 1
    prefetch: int = 32


@dataclass(frozen=True)
class ProjectionConsumer:
    """A consumer that takes up to `batch_size` messages into one transaction; order per key is kept inside it."""

    name: str
    messages: Sequence[type[Message]]
    handler: BatchHandler
    queue_count: int = 1
    batch_size: int = 200
    batch_wait_s: float = 0.05


@dataclass(frozen=True)
class CommandConsumer:
    """The one consumer of the commands with this `route`, e.g. `tenders.card`. `handlers` as in `Consumer`."""

    name: str
    route: str
    handlers: Mapping[type[Message], Handler]
    prefetch: int = 32


AnyConsumer = Consumer | ProjectionConsumer | CommandConsumer
