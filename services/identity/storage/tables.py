"""The tables of identity. Secrets are here only as hashes, and the signing keys only encrypted."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from libs.bus.tables import messaging_tables
from libs.persistence import MinorUnits, identifier, timestamp

SCHEMA = "identity"
metadata = MetaData(schema=SCHEMA)

messaging = messaging_tables(metadata, SCHEMA)

# One row at most: there is only one value that its primary key can have.
chain = Table(
    "chain",
    metadata,
    Column(
        "only", Boolean, CheckConstraint('"only"', name="chain_only"), primary_key=True, server_default=text("true")
    ),
    identifier("id", nullable=False),
    Column("name", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    timestamp("created_at"),
)

stores = Table(
    "stores",
    metadata,
    identifier("id", primary_key=True),
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("tax_mode", Text, nullable=False),
    Column("tax_rounding", Text, nullable=False),
    Column("cash_rounding_minor", MinorUnits, nullable=False),
    Column("price_list", Text),
    Column("tax_number", Text),
    Column("address_lines", ARRAY(Text), nullable=False),
    Column("receipt_footer", Text),
    Column("active", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
    timestamp("created_at"),
    timestamp("changed_at"),
)
Index("stores_code", func.lower(stores.c.code), unique=True)

tills = Table(
    "tills",
    metadata,
    identifier("id", primary_key=True),
    Column("store_id", Uuid(), ForeignKey(stores.c.id), nullable=False),
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("secret_hash", LargeBinary),
    timestamp("enrolled_at", nullable=True),
    Column("version", BigInteger, nullable=False),
    timestamp("created_at"),
    timestamp("changed_at"),
)
Index("tills_code", tills.c.store_id, func.lower(tills.c.code), unique=True)

enrolment_codes = Table(
    "enrolment_codes",
    metadata,
    identifier("id", primary_key=True),
    Column("till_id", Uuid(), ForeignKey(tills.c.id), nullable=False),
    Column("code_hash", LargeBinary, nullable=False, unique=True),
    timestamp("expires_at"),
    timestamp("used_at", nullable=True),
    timestamp("replaced_at", nullable=True),
    Index("enrolment_codes_till_id", "till_id"),
    Index("enrolment_codes_expires_at", "expires_at"),
)

# A device gateway: one process on a store PC that owns the devices of some tills.
gateways = Table(
    "gateways",
    metadata,
    identifier("id", primary_key=True),
    Column("store_id", Uuid(), ForeignKey(stores.c.id), nullable=False),
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("secret_hash", LargeBinary),
    timestamp("enrolled_at", nullable=True),
    # The code whose enrolment is under way; of two at once the later one wins.
    identifier("enrolling_code_id"),
    # Since when it may have a user of its own at the broker: set before the broker is asked for one.
    timestamp("broker_account_at", nullable=True),
    Column("version", BigInteger, nullable=False),
    timestamp("created_at"),
    timestamp("changed_at"),
)
Index("gateways_code", gateways.c.store_id, func.lower(gateways.c.code), unique=True)

# A till's devices are owned by one gateway at most: the primary key sees to it.
gateway_tills = Table(
    "gateway_tills",
    metadata,
    Column("till_id", Uuid(), ForeignKey(tills.c.id), primary_key=True),
    Column("gateway_id", Uuid(), ForeignKey(gateways.c.id), nullable=False),
    Index("gateway_tills_gateway_id", "gateway_id"),
)

gateway_enrolment_codes = Table(
    "gateway_enrolment_codes",
    metadata,
    identifier("id", primary_key=True),
    Column("gateway_id", Uuid(), ForeignKey(gateways.c.id), nullable=False),
    Column("code_hash", LargeBinary, nullable=False, unique=True),
    timestamp("expires_at"),
    timestamp("used_at", nullable=True),
    timestamp("replaced_at", nullable=True),
    Index("gateway_enrolment_codes_gateway_id", "gateway_id"),
    Index("gateway_enrolment_codes_expires_at", "expires_at"),
)

roles = Table(
    "roles",
    metadata,
    identifier("id", primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("permissions", ARRAY(Text), nullable=False),
    Column("discount_ppm", Integer, nullable=False),
    Column("refund_minor", MinorUnits, nullable=False),
    Column("cash_out_minor", MinorUnits, nullable=False),
    Column("built_in", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
    timestamp("created_at"),
    timestamp("changed_at"),
)

staff = Table(
    "staff",
    metadata,
    identifier("id", primary_key=True),
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("language", Text),
    Column("all_stores", Boolean, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("pin_hash", Text),
    Column("password_hash", Text),
    Column("version", BigInteger, nullable=False),
    timestamp("created_at"),
    timestamp("changed_at"),
)
Index("staff_code", func.lower(staff.c.code), unique=True)

staff_stores = Table(
    "staff_stores",
    metadata,
    Column("staff_id", Uuid(), ForeignKey(staff.c.id, ondelete="CASCADE"), primary_key=True),
    Column("store_id", Uuid(), ForeignKey(stores.c.id), primary_key=True),
    Index("staff_stores_store_id", "store_id"),
)

staff_roles = Table(
    "staff_roles",
    metadata,
    Column("staff_id", Uuid(), ForeignKey(staff.c.id, ondelete="CASCADE"), primary_key=True),
    Column("role_id", Uuid(), ForeignKey(roles.c.id), primary_key=True),
    Index("staff_roles_role_id", "role_id"),
)

# Tries that were not right, by a hash of what was typed as code: a PIN typed into the wrong field is not kept.
tries = Table(
    "tries",
    metadata,
    Column("subject", LargeBinary, primary_key=True),
    Column("in_a_row", Integer, nullable=False),
    timestamp("last_at"),
    timestamp("locked_until", nullable=True),
    Index("tries_last_at", "last_at"),
)

api_keys = Table(
    "api_keys",
    metadata,
    identifier("id", primary_key=True),
    Column("name", Text, nullable=False),
    Column("hint", Text, nullable=False),
    Column("key_hash", LargeBinary, nullable=False, unique=True),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("all_stores", Boolean, nullable=False),
    Column("store_ids", ARRAY(Uuid()), nullable=False),
    timestamp("expires_at", nullable=True),
    timestamp("revoked_at", nullable=True),
    timestamp("last_used_at", nullable=True),
    Column("created_by", Text, nullable=False),
    timestamp("created_at"),
    Index("api_keys_name", "name", "id"),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("public_jwk", JSONB, nullable=False),
    Column("private_encrypted", LargeBinary, nullable=False),
    timestamp("published_at"),
    timestamp("signs_from"),
)

audit = Table(
    "audit",
    metadata,
    identifier("id", primary_key=True),
    timestamp("at"),
    Column("action", Text, nullable=False),
    Column("actor_kind", Text, nullable=False),
    identifier("actor_id"),
    Column("actor_name", Text, nullable=False),
    Column("subject_kind", Text, nullable=False),
    identifier("subject_id"),
    Column("subject_name", Text, nullable=False),
    identifier("store_id"),
    identifier("till_id"),
    Column("before", JSONB(none_as_null=True)),
    Column("after", JSONB(none_as_null=True)),
    Column("reason", Text),
    Column("correlation_id", Text, nullable=False),
    Index("audit_at", "at", "id"),
    Index("audit_action", "action", "at", "id"),
    Index("audit_actor_id", "actor_id", "at", "id"),
    Index("audit_subject_id", "subject_id", "at", "id"),
    Index("audit_store_id", "store_id", "at", "id"),
)
