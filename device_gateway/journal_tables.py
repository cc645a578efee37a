"""The tables of a gateway's journal, an SQLite file. Every query has its index, so it costs the same as it grows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Moment(TypeDecorator[datetime]):
    """An aware time as whole microseconds since 1970, because SQLite has no type for it that orders."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """To the number."""
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """To the time, in UTC."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


metadata = MetaData()
SCHEMA_VERSION = 2
"""Kept as SQLite's user_version; a journal of another version is refused, not guessed at."""
COMPLETED_VERSIONS = (1,)
"""Older versions that lack whole tables only, which are made: 1 had none for payment terminals."""

commands = Table(
    "commands",
    metadata,
    Column("type", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("message_id", Text, nullable=False),
    Column("received_at", Moment, nullable=False),
    Index("commands_by_age", "received_at"),
)

print_jobs = Table(
    "print_jobs",
    metadata,
    # `position` is the order of arrival, which is the order of printing.
    Column("position", Integer, primary_key=True),
    Column("job_id", Uuid, nullable=False, unique=True),
    Column("till_id", Uuid, nullable=False),
    Column("printer", Text),
    Column("document_kind", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("open_drawer", Text),
    Column("sale_id", Uuid),
    Column("requested_by", Uuid),
    Column("duplicate_of", Uuid),
    Column("mark", Text),
    Column("correlation_id", Text, nullable=False),
    Column("causation_id", Text),
    Column("traceparent", Text),
    Index("print_jobs_by_age", "received_at"),
    Index("print_jobs_by_state", "state", "position"),
    Index("print_jobs_by_printer", "printer", "position"),
    Index("print_jobs_by_original", "duplicate_of", sqlite_where=text("duplicate_of IS NOT NULL")),
    Index("print_jobs_by_expiry", "state", "expires_at"),
    sqlite_autoincrement=True,
)

prints = Table(
    "prints",
    metadata,
    Column("position", ForeignKey("print_jobs.position", ondelete="CASCADE"), primary_key=True),
    Column("copy", Integer, primary_key=True),
    Column("printer", Text),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("not_before", Moment),
    Column("proof", Text),
    Column("reason", Text),
    Index("prints_to_do", "printer", "state", "position", "copy"),
    Index("prints_by_state", "state", "position"),
)

drawer_openings = Table(
    "drawer_openings",
    metadata,
    Column("opening_id", Uuid, primary_key=True),
    Column("till_id", Uuid, nullable=False),
    Column("drawer", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("detail", Text),
    Column("received_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("sale_id", Uuid),
    Column("requested_by", Uuid),
    Column("correlation_id", Text, nullable=False),
    Column("causation_id", Text),
    Column("traceparent", Text),
    Index("drawer_openings_by_age", "received_at"),
    Index("drawer_openings_to_do", "state", "drawer", "received_at"),
)

devices = Table(
    "devices",
    metadata,
    Column("name", Text, primary_key=True),
    # What was last reported of it, so that a restart does not report it again.
    Column("reported", JSON, nullable=False),
)

sequences = Table(
    "sequences",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("last", Integer, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("message_id", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("routing_key", Text, nullable=False),
    Column("headers", JSON, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("sent_at", Moment),
    # Why it never will be, if so.
    Column("failure", Text),
    Index("outbox_unsent", "number", sqlite_where=text("sent_at IS NULL")),
    Index("outbox_by_age", "sent_at", sqlite_where=text("sent_at IS NOT NULL")),
    sqlite_autoincrement=True,
)
