"""The tables of sales. One row per document; copies of others' facts; running totals; the messaging tables."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from libs.bus.tables import messaging_tables
from libs.persistence import MinorUnits, identifier, timestamp
from libs.persistence.idempotency import idempotency_table

SCHEMA = "sales"
metadata = MetaData(schema=SCHEMA)

messaging = messaging_tables(metadata, SCHEMA)
idempotency_keys = idempotency_table(metadata, SCHEMA)

# Copies of what other services own, kept by their events. `version` is the event's sequence: older facts are ignored.

stores = Table(
    "stores",
    metadata,
    identifier("store_id", primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("facts", JSONB, nullable=False),
)

tills = Table(
    "tills",
    metadata,
    identifier("till_id", primary_key=True),
    Column("version", BigInteger, nullable=False),
    identifier("store_id", nullable=False),
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("active", Boolean, nullable=False),
)

# Only who may still sell: the rest of a person travels in their token. A token lives for a shift, a dismissal does not
# wait for its end.
staff = Table(
    "staff",
    metadata,
    identifier("staff_id", primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("active", Boolean, nullable=False),
    Index("staff_withdrawn", "staff_id", postgresql_where=text("NOT active")),
)

products = Table(
    "products",
    metadata,
    identifier("product_id", primary_key=True),
    Column("product_version", BigInteger, nullable=False),
    Column("price_version", BigInteger, nullable=False),
    Column("code", Text),
    Column("item_code", Text),
    Column("active", Boolean, nullable=False),
    # Null until the product itself is known: its prices may be told of first.
    Column("facts", JSONB),
    Column("prices", JSONB, nullable=False),
    Index("products_code", "code"),
    Index("products_item_code", "item_code", postgresql_where=text("item_code IS NOT NULL")),
)

product_barcodes = Table(
    "product_barcodes",
    metadata,
    Column("barcode", Text, primary_key=True),
    # In the key, because a barcode may move to another product and the two products' events come in any order.
    identifier("product_id", primary_key=True),
    Index("product_barcodes_product_id", "product_id"),
)

promotions = Table(
    "promotions",
    metadata,
    identifier("promotion_id", primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("facts", JSONB, nullable=False),
)

tax_categories = Table(
    "tax_categories",
    metadata,
    Column("code", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("facts", JSONB, nullable=False),
)

barcode_layouts = Table(
    "barcode_layouts",
    metadata,
    Column("chain", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("layouts", JSONB, nullable=False),
)

# One row, bumped whenever promotions, tax categories, layouts, stores or exchange rates change: a process
# compiles its price book again only when the revision has moved.
catalogue_revision = Table(
    "catalogue_revision",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="catalogue_revision_is_one_row"),
)

exchange_rates = Table(
    "exchange_rates",
    metadata,
    Column("local_currency", Text, primary_key=True),
    Column("foreign_currency", Text, primary_key=True),
    # A decimal string: how much local money one unit of the foreign currency is worth (retail rule 16).
    Column("rate", Text, nullable=False),
    timestamp("changed_at"),
    identifier("changed_by", nullable=False),
)

# What sales owns.

baskets = Table(
    "baskets",
    metadata,
    identifier("basket_id", primary_key=True),
    identifier("store_id", nullable=False),
    identifier("till_id", nullable=False),
    Column("state", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("total_minor", MinorUnits, nullable=False),
    Column("contents", JSONB, nullable=False),
    # The priced lines (libs.contracts.sales.LineFacts), frozen when the first tender is added: what the customer was
    # told is what is charged, whatever happens to prices while the card terminal thinks.
    Column("quote", JSONB),
    timestamp("opened_at"),
    timestamp("updated_at"),
    # Suspended and open baskets are few; completed ones are many and never listed by state.
    Index(
        "baskets_unfinished",
        "store_id",
        "state",
        "updated_at",
        "basket_id",
        postgresql_where=text("state IN ('open', 'suspended', 'paying')"),
    ),
    Index("baskets_updated_at", "updated_at"),
)

sales = Table(
    "sales",
    metadata,
    identifier("sale_id", primary_key=True),
    Column("kind", Text, nullable=False),
    identifier("store_id", nullable=False),
    identifier("till_id", nullable=False),
    identifier("shift_id", nullable=False),
    Column("number", BigInteger, nullable=False),
    # How many events this document's aggregate has emitted, its basket's included.
    Column("sequence", BigInteger, nullable=False),
    Column("receipt_code", Text, nullable=False),
    Column("business_date", Date, nullable=False),
    timestamp("completed_at"),
    Column("total_minor", MinorUnits, nullable=False),
    Column("request_hash", LargeBinary, nullable=False),
    identifier("voided_by_sale_id"),
    # The document as published (libs.contracts.sales.SaleCompleted). Never changed.
    Column("document", JSONB, nullable=False),
    Index("sales_number", "till_id", "number", unique=True),
    Index("sales_receipt_code", "receipt_code", unique=True),
    Index("sales_store_completed", "store_id", "completed_at", "sale_id"),
    Index("sales_store_day", "store_id", "business_date", "completed_at", "sale_id"),
    Index("sales_shift", "shift_id", "number"),
)

# One row per line that was ever returned: the chain-wide limit on returns (retail rule 8).
returned_lines = Table(
    "returned_lines",
    metadata,
    identifier("sale_id", primary_key=True),
    identifier("line_id", primary_key=True),
    Column("sold_milli", BigInteger, nullable=False),
    Column("returned_milli", BigInteger, nullable=False),
    CheckConstraint("returned_milli >= 0 AND returned_milli <= sold_milli", name="returned_lines_within_sold"),
)

# What a return needs that prices again what is kept (retail rule 6): the basket and promotions as they were then, by
# `libs.pricing.freeze_sale`. Only for documents with such a promotion; written when their price is frozen.
return_terms = Table(
    "return_terms",
    metadata,
    identifier("sale_id", primary_key=True),
    Column("facts", JSONB, nullable=False),
)

# What was already given back per tender of a sale: refunds are capped by tender (retail rules 2 and 9).
refunded_tenders = Table(
    "refunded_tenders",
    metadata,
    identifier("sale_id", primary_key=True),
    identifier("tender_id", primary_key=True),
    Column("paid_minor", MinorUnits, nullable=False),
    Column("refunded_minor", MinorUnits, nullable=False),
    CheckConstraint("refunded_minor >= 0 AND refunded_minor <= paid_minor", name="refunded_tenders_within_paid"),
)

till_counters = Table(
    "till_counters",
    metadata,
    identifier("till_id", primary_key=True),
    Column("last_number", BigInteger, nullable=False),
    Column("held_count", BigInteger, nullable=False),
    Column("last_z_number", Integer, nullable=False),
)

# The numbers below `last_number` that a till has given out and that have not arrived: normally no rows.
number_gaps = Table(
    "number_gaps",
    metadata,
    identifier("till_id", primary_key=True),
    Column("first_number", BigInteger, primary_key=True),
    Column("last_number", BigInteger, nullable=False),
)

shifts = Table(
    "shifts",
    metadata,
    identifier("shift_id", primary_key=True),
    identifier("store_id", nullable=False),
    identifier("till_id", nullable=False),
    identifier("staff_id", nullable=False),
    Column("staff_name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("business_date", Date, nullable=False),
    timestamp("opened_at"),
    timestamp("closed_at", nullable=True),
    Column("first_number", BigInteger),
    Column("last_number", BigInteger),
    Column("z_number", Integer),
    # The Z report as it was printed; null while the shift is open.
    Column("z_report", JSONB),
    Index("shifts_one_open_per_till", "till_id", unique=True, postgresql_where=text("state = 'open'")),
    Index("shifts_store_opened", "store_id", "opened_at", "shift_id"),
    Index("shifts_till_z_number", "till_id", "z_number", unique=True),
    Index("shifts_staff_day", "staff_id", "business_date"),
)

# The running totals behind X and Z: a handful of rows per shift, updated in the transaction of each document.
shift_totals = Table(
    "shift_totals",
    metadata,
    identifier("shift_id", primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("amount_minor", MinorUnits, nullable=False),
    # The net base of a tax; the amount in the other currency of foreign cash; zero elsewhere.
    Column("second_minor", MinorUnits, nullable=False),
)

cash_movements = Table(
    "cash_movements",
    metadata,
    identifier("movement_id", primary_key=True),
    identifier("shift_id", nullable=False),
    Column("kind", Text, nullable=False),
    Column("amount_minor", MinorUnits, nullable=False),
    Column("reason", Text, nullable=False),
    identifier("staff_id", nullable=False),
    identifier("approved_by"),
    timestamp("moved_at"),
    Index("cash_movements_shift", "shift_id", "moved_at"),
)

# Approvals are spent once: the primary key is the proof.
spent_approvals = Table(
    "spent_approvals",
    metadata,
    identifier("approval_id", primary_key=True),
    Column("action", Text, nullable=False),
    Column("bound_to", Text, nullable=False),
    identifier("approver_id", nullable=False),
    identifier("requested_by", nullable=False),
    # What the manager was shown and what was done with it (libs.web.principal.Extent); null where a yes has no size.
    Column("approved_up_to", JSONB),
    Column("needed", JSONB),
    timestamp("spent_at"),
)

receipt_emails = Table(
    "receipt_emails",
    metadata,
    identifier("email_id", primary_key=True),
    identifier("sale_id", nullable=False),
    Column("address", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("last_error", Text),
    timestamp("requested_at"),
    timestamp("next_attempt_at"),
    timestamp("sent_at", nullable=True),
    Index("receipt_emails_due", "next_attempt_at", postgresql_where=text("state = 'queued'")),
    Index("receipt_emails_sale", "sale_id"),
    Index("receipt_emails_requested_at", "requested_at"),
)

# Who printed a receipt again, and when: a copy is always marked as one.
reprints = Table(
    "reprints",
    metadata,
    identifier("reprint_id", primary_key=True),
    identifier("sale_id", nullable=False),
    identifier("staff_id", nullable=False),
    Column("copy_number", Integer, nullable=False),
    timestamp("printed_at"),
    Index("reprints_sale", "sale_id", "copy_number", unique=True),
)

# Copies of what gateways and identity say of the devices at tills: who prints for a till, and with what.

device_gateways = Table(
    "device_gateways",
    metadata,
    identifier("gateway_id", primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("till_ids", ARRAY(Uuid()), nullable=False),
    # Active, and a PC has taken its code.
    Column("usable", Boolean, nullable=False),
    Index("device_gateways_till_ids", "till_ids", postgresql_using="gin"),
)

printers = Table(
    "printers",
    metadata,
    identifier("device_id", primary_key=True),
    identifier("gateway_id", nullable=False),
    Column("till_ids", ARRAY(Uuid()), nullable=False),
    Column("name", Text, nullable=False),
    Column("configured", Boolean, nullable=False),
    # The gateway's clock: a PC that was set up anew counts its messages from one again.
    timestamp("changed_at"),
    Index("printers_till_ids", "till_ids", postgresql_using="gin"),
)

# What gateways were asked to print, and what became of it; also the duplicates that gateways print by themselves.
print_jobs = Table(
    "print_jobs",
    metadata,
    identifier("job_id", primary_key=True),
    identifier("gateway_id", nullable=False),
    identifier("store_id", nullable=False),
    identifier("till_id", nullable=False),
    Column("document_kind", Text, nullable=False),
    identifier("sale_id"),
    identifier("shift_id"),
    identifier("requested_by"),
    timestamp("requested_at"),
    timestamp("expires_at", nullable=True),
    Column("state", Text, nullable=False),
    timestamp("changed_at", nullable=True),
    Column("printer", Text),
    Column("proof", Text),
    Column("reason", Text),
    identifier("duplicate_of"),
    Index("print_jobs_sale", "sale_id", "requested_at", postgresql_where=text("sale_id IS NOT NULL")),
    Index("print_jobs_requested_at", "requested_at"),
    # What a gateway has not answered for yet: a few rows, however many were printed.
    Index("print_jobs_unanswered", "expires_at", postgresql_where=text("state IN ('queued', 'printing')")),
)

# What terminals wanted printed, for receipts and their copies, as long as there are documents.
tender_slips = Table(
    "tender_slips",
    metadata,
    identifier("tender_id", primary_key=True),
    # authorized, or released: what the slips are of.
    Column("cause", Text, primary_key=True),
    identifier("sale_id", nullable=False),
    Column("customer", ARRAY(Text()), nullable=False),
    Column("merchant", ARRAY(Text()), nullable=False),
    Column("signature_required", Boolean, nullable=False),
    timestamp("came_at"),
    Index("tender_slips_sale", "sale_id", "came_at"),
)

# The chain's own layouts in place of the shipped ones; `language` is empty for every language without one of its own.
receipt_layouts = Table(
    "receipt_layouts",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("language", Text, primary_key=True),
    Column("template", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    timestamp("changed_at"),
    identifier("changed_by", nullable=False),
)

# One row at most: the chain's logo, a PNG.
receipt_logo = Table(
    "receipt_logo",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("png", LargeBinary, nullable=False),
    timestamp("changed_at"),
    identifier("changed_by", nullable=False),
    CheckConstraint("id = 1", name="receipt_logo_is_one"),
)
