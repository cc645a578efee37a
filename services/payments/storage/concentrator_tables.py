"""The concentrator's tables: messages to acquirers and what waits to be sent, terminals' numbers, links, batches.

Nothing of a card is in any of them but its masked number (retail rule 22).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from libs.persistence import MinorUnits, identifier, timestamp
from services.payments.storage.tables import metadata

# Under which numbers an acquirer knows a terminal. Its trace numbers are counted here, one for each message.
acquirer_terminals = Table(
    "acquirer_terminals",
    metadata,
    Column("terminal_id", Uuid(), ForeignKey("payments.terminals.terminal_id"), primary_key=True),
    Column("acquirer", Text, primary_key=True),
    Column("terminal_number", Text, nullable=False),
    Column("merchant_number", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("last_trace_number", Integer, nullable=False),
    timestamp("changed_at"),
    identifier("changed_by", nullable=False),
    Index("acquirer_terminals_number", "acquirer", "terminal_number", unique=True),
)

# What was sent to an acquirer, stored before it was. `reversed`: the acquirer has confirmed that it was undone.
acquirer_messages = Table(
    "acquirer_messages",
    metadata,
    # The operation of the payment.
    identifier("message_id", primary_key=True),
    Column("intent_id", Uuid(), ForeignKey("payments.intents.intent_id"), nullable=False),
    identifier("terminal_id", nullable=False),
    Column("acquirer", Text, nullable=False),
    Column("mti", Text, nullable=False),
    Column("processing_code", Text, nullable=False),
    Column("condition", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount_minor", MinorUnits, nullable=False),
    Column("trace_number", Integer, nullable=False),
    timestamp("traced_at"),
    Column("retrieval_reference", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("code", Text),
    Column("approved_minor", MinorUnits, nullable=False),
    Column("approval_code", Text),
    Column("reversed", Boolean, nullable=False),
    identifier("original_message_id", nullable=True),
    identifier("settlement_id", nullable=True),
    timestamp("sent_at"),
    timestamp("answered_at", nullable=True),
    CheckConstraint("trace_number BETWEEN 1 AND 999999", name="acquirer_messages_trace_number"),
    Index("acquirer_messages_of_intent", "intent_id", "sent_at"),
    Index("acquirer_messages_trace", "terminal_id", "acquirer", "trace_number"),
    Index(
        "acquirer_messages_unsettled",
        "terminal_id",
        "acquirer",
        postgresql_where=text("settlement_id IS NULL AND state = 'approved'"),
    ),
    Index("acquirer_messages_of_settlement", "settlement_id", postgresql_where=text("settlement_id IS NOT NULL")),
    Index(
        "acquirer_messages_of_batch",
        "settlement_id",
        "acquirer",
        "message_id",
        postgresql_where=text("settlement_id IS NOT NULL"),
    ),
)

# Store and forward: reversals and completions, sent until the acquirer confirms them, in order for each terminal.
stored_messages = Table(
    "stored_messages",
    metadata,
    identifier("message_id", primary_key=True),
    Column("sequence", BigInteger, Identity(always=True), nullable=False),
    Column("intent_id", Uuid(), ForeignKey("payments.intents.intent_id"), nullable=False),
    # Null for the reversal of what was never answered: no operation of its own stands for it.
    identifier("operation_id", nullable=True),
    # What is undone, or the message that a completion is.
    Column("about_message_id", Uuid(), ForeignKey("payments.acquirer_messages.message_id"), nullable=False),
    identifier("terminal_id", nullable=False),
    Column("acquirer", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("trace_number", Integer, nullable=False),
    timestamp("traced_at"),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    timestamp("next_at", nullable=True),
    Column("code", Text),
    timestamp("created_at"),
    timestamp("answered_at", nullable=True),
    Index("stored_messages_waiting", "terminal_id", "sequence", postgresql_where=text("state = 'waiting'")),
    Index("stored_messages_of_acquirer", "acquirer", "created_at", "message_id"),
    Index("stored_messages_refused", "created_at", "message_id", postgresql_where=text("state = 'refused'")),
    Index("stored_messages_of_intent", "intent_id"),
    Index(
        "stored_messages_undone", "created_at", "message_id", postgresql_where=text("state IN ('waiting', 'refused')")
    ),
    Index("stored_messages_one_waiting", "about_message_id", unique=True, postgresql_where=text("state = 'waiting'")),
)

# The batch of a terminal with one acquirer, from the request for its end to the acquirer's agreement.
acquirer_batches = Table(
    "acquirer_batches",
    metadata,
    Column("settlement_id", Uuid(), ForeignKey("payments.settlements.settlement_id"), primary_key=True),
    Column("acquirer", Text, primary_key=True),
    identifier("terminal_id", nullable=False),
    Column("state", Text, nullable=False),
    Column("totals", JSONB, nullable=False),
    Column("item_count", Integer, nullable=False),
    Column("uploaded_count", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    timestamp("next_at", nullable=True),
    Column("code", Text),
    timestamp("changed_at"),
    # The trace numbers that are reserved for what is told next: one for totals, one for each item of a page.
    Column("trace_number", Integer),
    Column("trace_count", Integer, nullable=False, server_default="0"),
    timestamp("traced_at", nullable=True),
    Column("out_of_balance", Boolean, nullable=False, server_default="false"),
    # What the acquirer's own totals were, where its reply told them.
    Column("their_totals", JSONB),
    identifier("uploaded_to", nullable=True),
    Index("acquirer_batches_open", "next_at", postgresql_where=text("state <> 'closed'")),
)

# How each replica sees each link; written every few seconds, forgotten when a replica says nothing any more.
acquirer_links = Table(
    "acquirer_links",
    metadata,
    Column("acquirer", Text, primary_key=True),
    Column("link", Text, primary_key=True),
    Column("replica", Text, primary_key=True),
    Column("address", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("connected", Boolean, nullable=False),
    Column("outstanding", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("sent", BigInteger, nullable=False),
    Column("answered", BigInteger, nullable=False),
    Column("late_or_foreign", BigInteger, nullable=False),
    Column("unreadable", BigInteger, nullable=False),
    timestamp("seen_at"),
    Index("acquirer_links_seen_at", "seen_at"),
)

# The link that an operator wants; every replica follows it within seconds. No row: the rules choose.
link_choices = Table(
    "link_choices",
    metadata,
    Column("acquirer", Text, primary_key=True),
    Column("link", Text, nullable=False),
    Column("reason", Text, nullable=False),
    identifier("chosen_by", nullable=False),
    Column("chosen_by_name", Text, nullable=False),
    timestamp("chosen_at"),
)

# Never changed, never deleted: which link was used since when, and who or what decided it.
link_events = Table(
    "link_events",
    metadata,
    identifier("event_id", primary_key=True),
    Column("acquirer", Text, nullable=False),
    Column("link", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("replica", Text),
    identifier("actor_id", nullable=True),
    Column("actor_name", Text),
    Column("reason", Text),
    timestamp("at"),
    Index("link_events_of_acquirer", "acquirer", "at", "event_id"),
)
