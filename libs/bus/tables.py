"""The tables that messaging adds to a service's schema: outbox, inbox and leases."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from libs.persistence import identifier, timestamp
from libs.persistence.leases import lease_table


@dataclass(frozen=True)
class MessagingTables:
    """The messaging tables of one service."""

    outbox: Table
    inbox: Table
    leases: Table


def messaging_tables(metadata: MetaData, schema: str | None) -> MessagingTables:
    """Add outbox, inbox and leases to a service's MetaData, in `schema`."""
    return MessagingTables(_outbox(metadata, schema), _inbox(metadata, schema), lease_table(metadata, schema))


def _outbox(metadata: MetaData, schema: str | None) -> Table:
    """Messages that left with a business transaction; `sent_at` is set once the broker has confirmed them.

    `failure` is `unroutable` or `expired` for a command that was not sent and never will be; `sent_at` then says
    when it was given up, so that the relay's index holds only what is still to be sent.
    """
    table = Table(
        "outbox",
        metadata,
        Column("seq", BigInteger, Identity(always=True), primary_key=True),
        identifier("id", nullable=False),
        Column("partition", SmallInteger, nullable=False),
        Column("key", Text, nullable=False),
        Column("type", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("routing_key", Text, nullable=False),
        Column("headers", JSONB, nullable=False),
        Column("body", LargeBinary, nullable=False),
        timestamp("created_at"),
        timestamp("expires_at", nullable=True),
        timestamp("sent_at", nullable=True),
        Column("failure", Text),
        schema=schema,
    )
    Index("outbox_unsent", table.c.partition, table.c.seq, postgresql_where=table.c.sent_at.is_(None))
    Index("outbox_sent", table.c.sent_at, postgresql_where=table.c.sent_at.is_not(None))
    Index("outbox_failed", table.c.seq, postgresql_where=table.c.failure.is_not(None))
    return table


def _inbox(metadata: MetaData, schema: str | None) -> Table:
    """Messages that consumers have received; each row's `status` says what became of it.

    `done` and `expired` rows keep only what recognises a repetition. `deferred` rows wait: with `next_attempt_at` for
    another attempt, without it for their turn behind an earlier message of their key. `dead` rows wait for an
    operator, who replays them or makes them `discarded`. `blocks` is true while a row holds up later messages of its
    key; `position` is the order of arrival.
    """
    table = Table(
        "inbox",
        metadata,
        Column("message_id", Text, primary_key=True),
        Column("consumer", Text, primary_key=True),
        Column("position", BigInteger, Identity(always=True), nullable=False),
        Column("key", Text, nullable=False),
        Column("type", Text, nullable=False),
        Column("status", Text, nullable=False),
        Column("blocks", Boolean, nullable=False, server_default=text("false")),
        Column("attempts", Integer, nullable=False, server_default=text("0")),
        Column("deaths", Integer, nullable=False, server_default=text("0")),
        timestamp("next_attempt_at", nullable=True),
        Column("headers", JSONB),
        Column("body", LargeBinary),
        Column("last_error", Text),
        timestamp("received_at"),
        timestamp("done_at", nullable=True),
        schema=schema,
    )
    Index("inbox_blocking", table.c.consumer, table.c.key, table.c.position, postgresql_where=table.c.blocks)
    Index(
        "inbox_due",
        table.c.next_attempt_at,
        postgresql_where=table.c.next_attempt_at.is_not(None),
    )
    Index("inbox_dead", table.c.position, postgresql_where=table.c.status == "dead")
    Index("inbox_done", table.c.done_at, postgresql_where=table.c.done_at.is_not(None))
    return table
