"""One business transaction: what it changes, and the messages that leave with its commit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.contracts.message import Command, Event, Message
from libs.persistence.identity import new_id

Connection = AsyncConnection
"""A database connection inside a transaction or for reading; only `storage` modules run statements on it."""

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The system clock: now, aware, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a unit of work comes from: the trail that every message it emits carries on.

    `correlation_id` is shared by all that one request set off; `causation_id` is the id of the message or
    request that caused this step; `traceparent` is the W3C trace context.
    """

    correlation_id: str = field(default_factory=lambda: str(new_id()))
    causation_id: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message waiting for the commit. `sequence` counts the messages of one aggregate from 1, without gaps."""

    message: Message
    sequence: int
    partition_key: str
    expires_at: datetime | None = None


class UnitOfWork:
    """A transaction in progress. Use cases read and write through `connection` and `emit` messages.

    It is opened and committed by an edge (request, message, job), never by a use case.
    `now` is the time of the transaction in UTC: use cases take time from here and from nowhere else.
    """

    def __init__(self, connection: AsyncConnection, now: datetime, origin: Origin) -> None:
        self.connection = connection
        self.now = now
        self.origin = origin
        self.outgoing: list[Outgoing] = []
        self.committed_callbacks: list[Callable[[], None]] = []

    def emit(self, event: Event, *, sequence: int, partition_key: str | None = None) -> None:
        """Publish `event` if and when this transaction commits.

        `sequence` is the aggregate's own counter, from 1 without gaps. Events with one `partition_key`
        (the event's subject unless told otherwise) reach each consumer in order.
        """
        self.outgoing.append(Outgoing(event, sequence, partition_key or event.subject))

    def send(
        self,
        command: Command,
        *,
        sequence: int = 1,
        expires_at: datetime | None = None,
        partition_key: str | None = None,
    ) -> None:
        """Send `command` to its one consumer when this transaction commits; refused by it after `expires_at`.

        Commands with one `partition_key` (the command's subject unless told otherwise) arrive in order.
        """
        self.outgoing.append(Outgoing(command, sequence, partition_key or command.subject, expires_at))

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Run `callback` once the transaction has committed; not at all if it rolls back. It must not fail."""
        self.committed_callbacks.append(callback)
