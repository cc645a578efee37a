"""What the bus asks of whatever carries its messages; `transports.rabbit` and `transports.local` provide it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from libs.bus.consumer import AnyConsumer


class NotConfirmed(Exception):
    """The transport does not vouch for this message: it may or may not arrive. Send it again."""


class Disconnected(NotConfirmed):
    """There is no connection at present; other messages will fare no better."""


class Unroutable(Exception):
    """No consumer exists for this command."""


class Unsendable(Exception):
    """The transport can never carry this message, e.g. because a header is too long."""


@dataclass(frozen=True, slots=True)
class WireMessage:
    """A message as it travels. `kind` is `event` (any number of consumers) or `command` (exactly one)."""

    id: str
    kind: str
    routing_key: str
    headers: Mapping[str, str]
    body: bytes


class Delivery(Protocol):
    """A message that has arrived and is in hand until it is acknowledged or its attachment is closed."""

    @property
    def headers(self) -> Mapping[str, Any]:
        """The headers as they came; anyone may have sent them, so values may be of any type."""

    @property
    def body(self) -> bytes:
        """The payload."""

    def ack(self) -> None:
        """The message is stored: the transport may forget it. Does nothing if the attachment is closed."""


Sink = Callable[[Delivery], None]


class Attachment(Protocol):
    """A consumer's hold on one of its queues. It survives lost connections by attaching again."""

    @property
    def attached(self) -> bool:
        """Whether messages flow at present."""

    async def close(self) -> None:
        """Stop receiving; what is in hand and not acknowledged is delivered again, in order, to the next holder."""


class Transport(Protocol):
    """Carries messages from relays to consumers: at least once, in order per key if sent in order."""

    name: str

    async def start(self) -> None:
        """Connect, or begin trying to."""

    async def stop(self) -> None:
        """Close every attachment and connection."""

    async def declare(self, consumers: Sequence[AnyConsumer]) -> None:
        """Create what these consumers need, once and for all; from now on nothing for them is lost."""

    async def publish(self, message: WireMessage) -> None:
        """Send, and return once it is safe. Raises NotConfirmed, Unroutable or Unsendable."""

    async def attach(self, consumer: AnyConsumer, sink: Sink) -> Sequence[Attachment]:
        """Receive a consumer's messages, in order, one attachment per queue. `sink` must not block."""

    async def backlog(self, consumer: AnyConsumer) -> int:
        """How many messages wait in the consumer's queues, not counting those in hand."""
