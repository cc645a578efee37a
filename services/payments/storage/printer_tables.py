"""Payments' own copy of receipt printers: through which gateway a slip is printed at a till."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Table, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

from libs.persistence import identifier
from services.payments.storage.tables import metadata

printers = Table(
    "printers",
    metadata,
    identifier("printer_id", primary_key=True),
    identifier("gateway_id", nullable=False),
    identifier("store_id", nullable=False),
    Column("till_ids", ARRAY(Uuid()), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
    Index("printers_of_store", "store_id"),
)
