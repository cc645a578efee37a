"""The tables of catalog: the catalogue, what of it is still to be announced, stock, imports; the messaging tables."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    ForeignKey,
    Identity,
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
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR

from libs.bus.tables import messaging_tables
from libs.persistence import MinorUnits, identifier, timestamp
from libs.persistence.idempotency import idempotency_table

SCHEMA = "catalog"
metadata = MetaData(schema=SCHEMA)

messaging = messaging_tables(metadata, SCHEMA)
idempotency_keys = idempotency_table(metadata, SCHEMA)

tax_categories = Table(
    "tax_categories",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("rates", JSONB, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("change_number", BigInteger, nullable=False),
    Index("tax_categories_change_number", "change_number"),
)

categories = Table(
    "categories",
    metadata,
    identifier("id", primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("parent_id", Uuid(), ForeignKey("catalog.categories.id")),
    Column("active", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
    Index("categories_parent_id", "parent_id"),
)

# Every category with itself and all above it, so that a product's categories are one join, however deep the tree.
category_ancestors = Table(
    "category_ancestors",
    metadata,
    Column("category_id", Uuid(), ForeignKey("catalog.categories.id"), primary_key=True),
    Column("ancestor_id", Uuid(), ForeignKey("catalog.categories.id"), primary_key=True),
    Index("category_ancestors_ancestor_id", "ancestor_id"),
)

products = Table(
    "products",
    metadata,
    identifier("id", primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("names", JSONB, nullable=False),
    Column("kind", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("tax_category", Text, ForeignKey("catalog.tax_categories.code")),
    Column("item_code", Text),
    Column("minimum_age_years", SmallInteger),
    Column("discountable", Boolean, nullable=False),
    Column("image_url", Text),
    Column("variant_of", Uuid(), ForeignKey("catalog.products.id")),
    Column("options", JSONB, nullable=False),
    Column("tracks_stock", Boolean, nullable=False),
    Column("active", Boolean, nullable=False),
    # Folded by `domain.folding`, as queries are: lower case, no accents, words apart.
    Column("search_name", Text, nullable=False),
    Column("search_codes", Text, nullable=False),
    Column(
        "search",
        TSVECTOR,
        Computed("to_tsvector('simple'::regconfig, search_name || ' ' || search_codes)", persisted=True),
    ),
    timestamp("created_at"),
    timestamp("changed_at"),
    Index("products_item_code", "item_code", unique=True, postgresql_where=text("item_code IS NOT NULL")),
    Index("products_variant_of", "variant_of", postgresql_where=text("variant_of IS NOT NULL")),
    Index("products_tax_category", "tax_category"),
    # A short list of what is not merged yet (in kB), because every search reads it through.
    Index(
        "products_search",
        "search",
        postgresql_using="gin",
        postgresql_with={"gin_pending_list_limit": 256},
    ),
    Index("products_search_name", "search_name", postgresql_ops={"search_name": "text_pattern_ops"}),
)

product_categories = Table(
    "product_categories",
    metadata,
    Column("product_id", Uuid(), ForeignKey("catalog.products.id"), primary_key=True),
    Column("category_id", Uuid(), ForeignKey("catalog.categories.id"), primary_key=True),
    Index("product_categories_category_id", "category_id"),
)

product_barcodes = Table(
    "product_barcodes",
    metadata,
    # Compared byte by byte, so that the key also finds barcodes by how they begin.
    Column("barcode", Text(collation="C"), primary_key=True),
    Column("product_id", Uuid(), ForeignKey("catalog.products.id"), nullable=False),
    Column("position", SmallInteger, nullable=False),
    Index("product_barcodes_product_id", "product_id"),
)

price_lists = Table(
    "price_lists",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("store_ids", ARRAY(Uuid()), nullable=False),
    Column("customer_groups", ARRAY(Text), nullable=False),
    timestamp("starts_at", nullable=True),
    timestamp("ends_at", nullable=True),
    Column("priority", Integer, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
)

prices = Table(
    "prices",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("product_id", Uuid(), ForeignKey("catalog.products.id"), nullable=False),
    Column("price_list", Text, ForeignKey("catalog.price_lists.code"), nullable=False),
    Column("minimum_quantity_milli", BigInteger, nullable=False),
    timestamp("starts_at", nullable=True),
    timestamp("ends_at", nullable=True),
    Column("amount_minor", MinorUnits, nullable=False),
    Index(
        "prices_of_product",
        "product_id",
        "price_list",
        "minimum_quantity_milli",
        "starts_at",
        unique=True,
        postgresql_nulls_not_distinct=True,
    ),
    Index("prices_price_list", "price_list"),
)

# Apart from `products`, because telling the others must not rewrite a wide row with its full-text index.
# `sequence` counts the product's events, `change_number` is its place in the changes feed and `item` what the feed
# says of it: the very facts of the latest events, so that a till's first load is one index scan. What is `due` waits
# for the job that tells of bulk changes.
product_announcements = Table(
    "product_announcements",
    metadata,
    Column("product_id", Uuid(), ForeignKey("catalog.products.id"), primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("change_number", BigInteger, nullable=False),
    # JSON as text, because nobody looks into it here; null until the product was told of.
    Column("item", Text),
    Column("product_due", Boolean, nullable=False),
    Column("prices_due", Boolean, nullable=False),
    Index("product_announcements_change_number", "change_number"),
    Index("product_announcements_due", "product_id", postgresql_where=text("product_due OR prices_due")),
)

promotions = Table(
    "promotions",
    metadata,
    identifier("id", primary_key=True),
    Column("name", Text, nullable=False),
    Column("facts", JSONB, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("change_number", BigInteger, nullable=False),
    Index("promotions_change_number", "change_number"),
    Index("promotions_name", "name", "id"),
)

barcode_layouts = Table(
    "barcode_layouts",
    metadata,
    Column("chain", Text, primary_key=True),
    Column("layouts", JSONB, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("change_number", BigInteger, nullable=False),
    Index("barcode_layouts_change_number", "change_number"),
)

# One row. Whoever changes the catalogue takes numbers from it as the last thing before the commit, and the row's
# lock keeps the next one out until then: numbers become visible in their order, and no reader skips one.
feed_position = Table(
    "feed_position",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("position", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="feed_position_is_one_row"),
)

# `sequence` counts the events of this stock; `low` remembers that stock_low was told, until it rises again.
stock = Table(
    "stock",
    metadata,
    identifier("store_id", primary_key=True),
    Column("product_id", Uuid(), ForeignKey("catalog.products.id"), primary_key=True),
    Column("on_hand_milli", BigInteger, nullable=False),
    Column("reorder_point_milli", BigInteger),
    Column("low", Boolean, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    timestamp("changed_at"),
    Index("stock_product_id", "product_id"),
    Index("stock_low", "store_id", "product_id", postgresql_where=text("low")),
    Index("stock_negative", "store_id", "product_id", postgresql_where=text("on_hand_milli < 0")),
)

# The ledger. Never changed, never deleted: on hand is its sum.
stock_movements = Table(
    "stock_movements",
    metadata,
    identifier("id", primary_key=True),
    identifier("store_id", nullable=False),
    Column("product_id", Uuid(), ForeignKey("catalog.products.id"), nullable=False),
    Column("change_milli", BigInteger, nullable=False),
    Column("on_hand_milli", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("reference", Text),
    Column("note", Text),
    identifier("sale_id", nullable=True),
    identifier("line_id", nullable=True),
    identifier("moved_by", nullable=True),
    timestamp("moved_at"),
    timestamp("recorded_at"),
    Index("stock_movements_of_product", "store_id", "product_id", "id"),
    Index("stock_movements_of_line", "sale_id", "line_id", unique=True, postgresql_where=text("sale_id IS NOT NULL")),
)

# An uploaded file and how far it has come. `done_rows` are committed: whoever goes on starts behind them.
imports = Table(
    "imports",
    metadata,
    identifier("id", primary_key=True),
    Column("state", Text, nullable=False),
    Column("dry_run", Boolean, nullable=False),
    Column("file_name", Text),
    Column("encoding", Text, nullable=False),
    Column("delimiter", Text, nullable=False),
    Column("price_list", Text),
    # Null once the file has been forgotten by the pruning job.
    Column("file", LargeBinary),
    Column("total_rows", Integer, nullable=False),
    Column("done_rows", Integer, nullable=False),
    Column("created_rows", Integer, nullable=False),
    Column("changed_rows", Integer, nullable=False),
    Column("unchanged_rows", Integer, nullable=False),
    Column("refused_rows", Integer, nullable=False),
    # Turns that ended without a batch committed; too many and the import has failed.
    Column("attempts", Integer, nullable=False),
    Column("failure", Text),
    identifier("created_by", nullable=False),
    timestamp("created_at"),
    timestamp("started_at", nullable=True),
    timestamp("finished_at", nullable=True),
    Index("imports_waiting", "created_at", "id", postgresql_where=text("state IN ('waiting', 'running')")),
    Index("imports_created_at", "created_at", "id"),
)

import_refusals = Table(
    "import_refusals",
    metadata,
    Column("import_id", Uuid(), ForeignKey("catalog.imports.id", ondelete="CASCADE"), primary_key=True),
    Column("row_number", Integer, primary_key=True),
    Column("column_name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("message", Text, nullable=False),
)

# Where COPY puts a batch; filled, merged and emptied in one transaction, so it needs no write-ahead log.
# What a file does not say is null here, and its columns are left out of the merge.
import_rows = Table(
    "import_rows",
    metadata,
    identifier("import_id", primary_key=True),
    Column("row_number", Integer, primary_key=True),
    identifier("new_product_id", nullable=False),
    identifier("product_id", nullable=True),
    Column("code", Text, nullable=False),
    Column("name", Text),
    Column("names", JSONB),
    Column("kind", Text),
    Column("unit", Text),
    Column("tax_category", Text),
    Column("category_ids", ARRAY(Uuid())),
    Column("barcodes", ARRAY(Text)),
    Column("item_code", Text),
    Column("minimum_age_years", SmallInteger),
    Column("discountable", Boolean),
    Column("image_url", Text),
    Column("variant_of_code", Text),
    identifier("variant_of", nullable=True),
    Column("options", JSONB),
    Column("tracks_stock", Boolean),
    Column("active", Boolean),
    Column("search_name", Text),
    Column("search_codes", Text),
    Column("price_list", Text),
    Column("amount_minor", MinorUnits),
    Column("minimum_quantity_milli", BigInteger),
    timestamp("starts_at", nullable=True),
    timestamp("ends_at", nullable=True),
    prefixes=["UNLOGGED"],
)
