"""The tables of a gateway's journal about payment terminals. No card number is in any of them (retail rule 22)."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, Table, Text, Uuid, text

from device_gateway.journal_tables import Moment, metadata

terminal_operations = Table(
    "terminal_operations",
    metadata,
    # `position` is the order of arrival, which is the order in which a terminal is given them.
    Column("position", Integer, primary_key=True),
    Column("operation_id", Uuid, nullable=False, unique=True),
    Column("intent_id", Uuid, nullable=False),
    Column("till_id", Uuid, nullable=False),
    Column("terminal", Text),
    Column("action", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("cash_back_minor", BigInteger, nullable=False),
    Column("tip_minor", BigInteger, nullable=False),
    Column("instalments", Integer),
    # How the terminal knows it: never given twice at this gateway.
    Column("reference", Text, nullable=False, unique=True),
    Column("original", JSON(none_as_null=True)),
    Column("inquired_operation_id", Uuid),
    Column("state", Text, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("expires_at", Moment),
    # What payments was told, as the event's JSON; what an inquiry found out later of one that was unknown.
    Column("answer", JSON(none_as_null=True)),
    Column("resolution", JSON(none_as_null=True)),
    Column("correlation_id", Text, nullable=False),
    Column("causation_id", Text),
    Column("traceparent", Text),
    Index("terminal_operations_by_age", "received_at"),
    Index("terminal_operations_to_do", "state", "terminal", "position"),
    Index("terminal_operations_by_terminal", "terminal", "position"),
    Index("terminal_operations_by_intent", "intent_id"),
    Index(
        "terminal_operations_in_doubt",
        "position",
        sqlite_where=text("state = 'unknown' AND resolution IS NULL"),
    ),
    sqlite_autoincrement=True,
)

terminal_refusals = Table(
    "terminal_refusals",
    metadata,
    # Operations of which payments was told that they were never sent, before they arrived: so they never are.
    Column("operation_id", Uuid, primary_key=True),
    Column("refused_at", Moment, nullable=False),
    Index("terminal_refusals_by_age", "refused_at"),
)

terminal_memory = Table(
    "terminal_memory",
    metadata,
    Column("only_row", Integer, primary_key=True),
    # Of operations before this moment the journal may not know: it was begun then, or has forgotten what was older.
    Column("knows_since", Moment, nullable=False),
)
