"""The tables of payments: intents with their history and operations, terminals, settlements, acquirers' files."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from libs.bus.tables import messaging_tables
from libs.persistence import MinorUnits, identifier, timestamp
from libs.persistence.idempotency import idempotency_table

SCHEMA = "payments"
metadata = MetaData(schema=SCHEMA)

messaging = messaging_tables(metadata, SCHEMA)
idempotency_keys = idempotency_table(metadata, SCHEMA)

# As SQL texts, because PostgreSQL uses a partial index only for a condition that it can read.
UNRESOLVED = "state IN ('unknown', 'reversal_refused', 'awaiting_confirmation')"
UNSETTLED = (
    "settlement_id IS NULL AND state IN ('approved', 'captured', 'part_refunded', 'refunded', 'completed', 'voiding',"
    " 'reversal_refused')"
)

UNDECIDED = (
    "state IN ('created', 'awaiting_confirmation', 'sent', 'unknown', 'reversing', 'reversal_refused', 'voiding',"
    " 'incrementing', 'completing', 'cancelling')"
)

intents = Table(
    "intents",
    metadata,
    identifier("intent_id", primary_key=True),
    identifier("store_id", nullable=False),
    identifier("till_id", nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount_minor", MinorUnits, nullable=False),
    Column("cash_back_minor", MinorUnits, nullable=False),
    Column("tip_minor", MinorUnits, nullable=False),
    Column("approved_minor", MinorUnits, nullable=False),
    Column("captured_minor", MinorUnits, nullable=False),
    Column("refunded_minor", MinorUnits, nullable=False),
    Column("refund_pending_minor", MinorUnits, nullable=False),
    Column("pending", Text),
    Column("pending_minor", MinorUnits, nullable=False),
    Column("resting", Text),
    Column("release", Text, nullable=False),
    Column("is_tender", Boolean, nullable=False),
    identifier("sale_id", nullable=True),
    Column("original_intent_id", Uuid(), ForeignKey("payments.intents.intent_id")),
    Column("fulfils_release", Boolean, nullable=False),
    identifier("terminal_id", nullable=True),
    Column("terminal_name", Text),
    Column("terminal_kind", Text),
    identifier("gateway_id", nullable=True),
    # The operation whose outcome is awaited or was the last to come, and the first one, by which the rest refer to it.
    identifier("operation_id", nullable=True),
    identifier("first_operation_id", nullable=True),
    Column("instalments", SmallInteger),
    Column("scheme", Text),
    Column("card", JSONB),
    Column("refs", JSONB),
    Column("approval_code", Text),
    Column("retrieval_reference", Text),
    Column("reason_code", Text),
    Column("reason", Text),
    timestamp("due_at", nullable=True),
    Column("asked", Integer, nullable=False),
    Column("anomaly_count", Integer, nullable=False),
    Column("outcome_count", Integer, nullable=False),
    Column("event_count", Integer, nullable=False),
    identifier("settlement_id", nullable=True),
    timestamp("created_at"),
    timestamp("changed_at"),
    timestamp("decided_at", nullable=True),
    CheckConstraint(
        "refunded_minor + refund_pending_minor <= captured_minor", name="intents_never_give_back_more_than_captured"
    ),
    Index("intents_of_store", "store_id", "created_at", "intent_id"),
    Index("intents_of_store_and_state", "store_id", "state", "created_at", "intent_id"),
    Index("intents_created_at", "created_at", "intent_id"),
    Index("intents_of_sale", "sale_id", postgresql_where=text("sale_id IS NOT NULL")),
    Index("intents_original", "original_intent_id", postgresql_where=text("original_intent_id IS NOT NULL")),
    Index("intents_unresolved", "created_at", "intent_id", postgresql_where=text(UNRESOLVED)),
    Index("intents_anomalous", "created_at", "intent_id", postgresql_where=text("anomaly_count > 0")),
    Index("intents_of_state", "state", "created_at", "intent_id"),
    Index("intents_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    Index("intents_unsettled", "terminal_id", postgresql_where=text(UNSETTLED)),
    Index("intents_undecided", "terminal_id", postgresql_where=text(UNDECIDED)),
    Index("intents_of_settlement", "settlement_id", postgresql_where=text("settlement_id IS NOT NULL")),
    Index(
        "intents_retrieval_reference", "retrieval_reference", postgresql_where=text("retrieval_reference IS NOT NULL")
    ),
    Index("intents_approval_code", "approval_code", postgresql_where=text("approval_code IS NOT NULL")),
    Index("intents_decided_at", "decided_at", postgresql_where=text("decided_at IS NOT NULL")),
    Index("intents_of_till", "till_id", "created_at", "intent_id"),
    Index("intents_of_terminal", "terminal_id", "created_at", "intent_id"),
)

# Never changed, never deleted: every transition with who and when, and what did not fit.
intent_history = Table(
    "intent_history",
    metadata,
    Column("intent_id", Uuid(), ForeignKey("payments.intents.intent_id"), primary_key=True),
    identifier("entry_id", primary_key=True),
    Column("kind", Text, nullable=False),
    Column("from_state", Text),
    Column("to_state", Text, nullable=False),
    timestamp("at"),
    Column("actor_kind", Text, nullable=False),
    identifier("actor_id", nullable=True),
    Column("actor_name", Text, nullable=False),
    identifier("approved_by_id", nullable=True),
    Column("approved_by_name", Text),
    identifier("operation_id", nullable=True),
    Column("reason", Text),
)

operations = Table(
    "operations",
    metadata,
    identifier("operation_id", primary_key=True),
    Column("intent_id", Uuid(), ForeignKey("payments.intents.intent_id")),
    identifier("store_id", nullable=False),
    identifier("till_id", nullable=False),
    identifier("terminal_id", nullable=False),
    Column("terminal_name", Text, nullable=False),
    # Null for what the concentrator sends itself.
    identifier("gateway_id", nullable=True),
    Column("action", Text, nullable=False),
    Column("moves_money", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount_minor", MinorUnits, nullable=False),
    identifier("inquired_operation_id", nullable=True),
    Column("answer", JSONB),
    identifier("requested_by", nullable=True),
    timestamp("requested_at"),
    timestamp("expires_at"),
    # When the answer is given up and the outcome is unknown; never for what is sent until it is confirmed.
    timestamp("answer_due_at", nullable=True),
    timestamp("answered_at", nullable=True),
    Index("operations_of_intent", "intent_id", "requested_at", postgresql_where=text("intent_id IS NOT NULL")),
    Index(
        "operations_one_undecided",
        "intent_id",
        unique=True,
        postgresql_where=text("moves_money AND state IN ('open', 'unknown')"),
    ),
    Index("operations_overdue", "answer_due_at", postgresql_where=text("state = 'open'")),
)

terminals = Table(
    "terminals",
    metadata,
    identifier("terminal_id", primary_key=True),
    identifier("store_id", nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    # Only wired ones have one.
    identifier("gateway_id", nullable=True),
    Column("till_ids", ARRAY(Uuid()), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("driver", Text),
    Column("version", BigInteger, nullable=False),
    timestamp("changed_at"),
    timestamp("released_at", nullable=True),
    identifier("released_by", nullable=True),
    Column("release_note", Text),
    Index("terminals_of_store", "store_id", "name", "terminal_id"),
    Index("terminals_of_gateway", "gateway_id", postgresql_where=text("gateway_id IS NOT NULL")),
    Index(
        "terminals_standalone_name",
        "store_id",
        "name",
        unique=True,
        postgresql_where=text("gateway_id IS NULL AND active"),
    ),
)

gateways = Table(
    "gateways",
    metadata,
    identifier("gateway_id", primary_key=True),
    identifier("store_id", nullable=False),
    Column("name", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
)

# The tills of stores, so that nobody configures or charges at a till of another store.
tills = Table(
    "tills",
    metadata,
    identifier("till_id", primary_key=True),
    identifier("store_id", nullable=False),
    Column("active", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
    Index("tills_of_store", "store_id", "till_id"),
)

till_defaults = Table(
    "till_defaults",
    metadata,
    identifier("till_id", primary_key=True),
    Column("terminal_id", Uuid(), ForeignKey("payments.terminals.terminal_id"), nullable=False),
    timestamp("changed_at"),
    identifier("changed_by", nullable=False),
)

cash_back_limits = Table(
    "cash_back_limits",
    metadata,
    Column("currency", Text, primary_key=True),
    Column("scheme", Text, primary_key=True),
    Column("limit_minor", MinorUnits, nullable=False),
    timestamp("changed_at"),
    identifier("changed_by", nullable=False),
)

spent_approvals = Table(
    "spent_approvals",
    metadata,
    identifier("approval_id", primary_key=True),
    Column("action", Text, nullable=False),
    Column("bound_to", Text, nullable=False),
    identifier("approver_id", nullable=False),
    identifier("requested_by", nullable=False),
    timestamp("spent_at"),
)

settlements = Table(
    "settlements",
    metadata,
    identifier("settlement_id", primary_key=True),
    identifier("store_id", nullable=False),
    identifier("till_id", nullable=False),
    identifier("terminal_id", nullable=False),
    Column("terminal_name", Text, nullable=False),
    identifier("operation_id", nullable=True),
    Column("state", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("terminal_totals", JSONB, nullable=False),
    Column("our_totals", JSONB, nullable=False),
    Column("difference_count", Integer, nullable=False),
    Column("reason", Text),
    identifier("requested_by", nullable=False),
    Column("requested_by_name", Text),
    timestamp("requested_at"),
    timestamp("closed_at", nullable=True),
    Index("settlements_of_store", "store_id", "requested_at", "settlement_id"),
    Index("settlements_operation", "operation_id", postgresql_where=text("operation_id IS NOT NULL")),
    # One end of day at a time for a terminal.
    Index("settlements_one_requested", "terminal_id", unique=True, postgresql_where=text("state = 'requested'")),
)

acquirer_files = Table(
    "acquirer_files",
    metadata,
    identifier("file_id", primary_key=True),
    identifier("store_id", nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("row_count", Integer, nullable=False),
    Column("matched_count", Integer, nullable=False),
    Column("difference_count", Integer, nullable=False),
    Column("refused_count", Integer, nullable=False),
    identifier("imported_by", nullable=False),
    timestamp("imported_at"),
    Index("acquirer_files_of_store", "store_id", "imported_at", "file_id"),
    Index("acquirer_files_sha256", "store_id", "sha256", unique=True),
)

acquirer_rows = Table(
    "acquirer_rows",
    metadata,
    Column("file_id", Uuid(), ForeignKey("payments.acquirer_files.file_id"), primary_key=True),
    Column("row_number", Integer, primary_key=True),
    Column("state", Text, nullable=False),
    Column("message", Text),
    Column("kind", Text),
    Column("day", Date),
    Column("currency", Text),
    Column("amount_minor", MinorUnits),
    Column("retrieval_reference", Text),
    Column("approval_code", Text),
    Column("scheme", Text),
    identifier("intent_id", nullable=True),
    # A payment is settled by the acquirer once.
    Index("acquirer_rows_intent", "intent_id", unique=True, postgresql_where=text("intent_id IS NOT NULL")),
)

differences = Table(
    "differences",
    metadata,
    identifier("difference_id", primary_key=True),
    identifier("store_id", nullable=False),
    Column("settlement_id", Uuid(), ForeignKey("payments.settlements.settlement_id")),
    Column("file_id", Uuid(), ForeignKey("payments.acquirer_files.file_id")),
    Column("kind", Text, nullable=False),
    Column("scheme", Text),
    # Whose batch, where the concentrator settled it.
    Column("acquirer", Text),
    identifier("intent_id", nullable=True),
    Column("row_number", Integer),
    Column("currency", Text, nullable=False),
    Column("ours_minor", MinorUnits, nullable=False),
    Column("theirs_minor", MinorUnits, nullable=False),
    Column("our_count", Integer, nullable=False),
    Column("their_count", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("explanation", Text),
    identifier("explained_by", nullable=True),
    timestamp("explained_at", nullable=True),
    Column("closing_reason", Text),
    identifier("closed_by", nullable=True),
    timestamp("closed_at", nullable=True),
    timestamp("found_at"),
    Index("differences_of_store", "store_id", "found_at", "difference_id"),
    Index("differences_unclosed", "store_id", "found_at", "difference_id", postgresql_where=text("state <> 'closed'")),
    Index("differences_of_settlement", "settlement_id", postgresql_where=text("settlement_id IS NOT NULL")),
    Index("differences_of_file", "file_id", postgresql_where=text("file_id IS NOT NULL")),
)
