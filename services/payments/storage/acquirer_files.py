"""Acquirers' settlement files, and which payment each of their rows speaks of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, insert, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert

from libs.persistence import Connection
from services.payments.domain.acquirer_file import AcquirerRow
from services.payments.storage.tables import acquirer_files, acquirer_rows

# By the retrieval reference, which is an acquirer's own and unique; else by approval code within a day of the date,
# because an acquirer's day is not ours. A payment is taken by the first row that names it, and by one row ever.
_MATCH = text("""
    WITH candidates AS (
        SELECT r.row_number, i.intent_id, 1 AS rank
        FROM acquirer_rows r
        JOIN intents i ON i.retrieval_reference = r.retrieval_reference
        WHERE r.file_id = :file_id AND r.state = 'unmatched'
          AND i.store_id = :store_id AND i.currency = r.currency
          AND (i.kind = 'refund') = (r.kind = 'refund')
          AND CASE i.kind WHEN 'pre_authorisation' THEN i.captured_minor ELSE i.approved_minor END = r.amount_minor
        UNION ALL
        SELECT r.row_number, i.intent_id, 2 AS rank
        FROM acquirer_rows r
        JOIN intents i ON i.approval_code = r.approval_code
        WHERE r.file_id = :file_id AND r.state = 'unmatched'
          AND i.store_id = :store_id AND i.currency = r.currency
          AND (r.retrieval_reference IS NULL OR i.retrieval_reference IS NULL)
          AND (i.kind = 'refund') = (r.kind = 'refund')
          AND CASE i.kind WHEN 'pre_authorisation' THEN i.captured_minor ELSE i.approved_minor END = r.amount_minor
          AND i.decided_at >= r.day - 1 AND i.decided_at < r.day + 2
    ), free AS (
        SELECT c.* FROM candidates c
        WHERE NOT EXISTS (SELECT 1 FROM acquirer_rows taken WHERE taken.intent_id = c.intent_id)
    ), by_row AS (
        SELECT DISTINCT ON (row_number) row_number, intent_id FROM free ORDER BY row_number, rank, intent_id
    ), chosen AS (
        SELECT DISTINCT ON (intent_id) row_number, intent_id FROM by_row ORDER BY intent_id, row_number
    )
    UPDATE acquirer_rows r SET state = 'matched', intent_id = chosen.intent_id
    FROM chosen WHERE r.file_id = :file_id AND r.row_number = chosen.row_number
""")

# What was taken in the days that the file covers, and that no row of any file names.
_MISSING = text("""
    SELECT i.intent_id, i.scheme, i.currency,
           CASE i.kind WHEN 'pre_authorisation' THEN i.captured_minor ELSE i.approved_minor END AS amount_minor
    FROM intents i
    JOIN (SELECT min(day) AS first_day, max(day) AS last_day, array_agg(DISTINCT currency) AS currencies
          FROM acquirer_rows WHERE file_id = :file_id AND state <> 'refused') covered ON TRUE
    WHERE i.store_id = :store_id AND i.currency = ANY (covered.currencies)
      AND i.decided_at >= covered.first_day AND i.decided_at < covered.last_day + 1
      AND i.state IN ('approved', 'captured', 'part_refunded', 'refunded', 'completed')
      AND NOT EXISTS (SELECT 1 FROM acquirer_rows named WHERE named.intent_id = i.intent_id)
    ORDER BY i.decided_at, i.intent_id
    LIMIT :most
""")


@dataclass(frozen=True, slots=True)
class AcquirerFile:
    """A file that was imported, and what came of it."""

    file_id: UUID
    store_id: UUID
    row_count: int
    matched_count: int
    difference_count: int
    refused_count: int
    imported_by: UUID
    imported_at: datetime


@dataclass(frozen=True, slots=True)
class UnmatchedRow:
    """A right row that no payment of ours was found for."""

    row_number: int
    currency: str
    amount_minor: int
    scheme: str | None


@dataclass(frozen=True, slots=True)
class MissingPayment:
    """A payment of ours in the days of the file, that no row names."""

    intent_id: UUID
    scheme: str | None
    currency: str
    amount_minor: int


class AcquirerFileRepository:
    """Reads and writes files on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, file: AcquirerFile, sha256: bytes, rows: Sequence[AcquirerRow]) -> bool:
        """Store a file and its rows. False when the store has imported the very same file before."""
        values = {name: getattr(file, name) for name in AcquirerFile.__dataclass_fields__}
        added = await self._connection.execute(
            upsert(acquirer_files)
            .values(**values, sha256=sha256)
            .on_conflict_do_nothing()
            .returning(acquirer_files.c.file_id)
        )
        if added.first() is None:
            return False
        await self._connection.execute(insert(acquirer_rows), [_row_values(file.file_id, row) for row in rows])
        return True

    async def match(self, file_id: UUID, store_id: UUID) -> int:
        """Find the payment of each row; how many were found."""
        result = await self._connection.execute(_MATCH, {"file_id": file_id, "store_id": store_id})
        return int(result.rowcount)

    async def unmatched(self, file_id: UUID) -> list[UnmatchedRow]:
        """Rows without a payment; never more than a file may have rows."""
        rows = await self._connection.execute(
            select(acquirer_rows)
            .where(acquirer_rows.c.file_id == file_id, acquirer_rows.c.state == "unmatched")
            .order_by(acquirer_rows.c.row_number)
        )
        return [UnmatchedRow(row.row_number, row.currency, row.amount_minor, row.scheme) for row in rows]

    async def missing(self, file_id: UUID, store_id: UUID, most: int) -> list[MissingPayment]:
        """Payments that the file should have named, at most so many."""
        rows = await self._connection.execute(_MISSING, {"file_id": file_id, "store_id": store_id, "most": most})
        return [MissingPayment(row.intent_id, row.scheme, row.currency, row.amount_minor) for row in rows]

    async def count(self, file: AcquirerFile) -> None:
        """Store the counts of a file."""
        await self._connection.execute(
            update(acquirer_files)
            .where(acquirer_files.c.file_id == file.file_id)
            .values(matched_count=file.matched_count, difference_count=file.difference_count)
        )

    async def get(self, file_id: UUID) -> AcquirerFile | None:
        """One file."""
        row = (
            await self._connection.execute(select(acquirer_files).where(acquirer_files.c.file_id == file_id))
        ).one_or_none()
        return None if row is None else _file(row)

    async def page(self, store_id: UUID, after: tuple[datetime, UUID] | None, limit: int) -> list[AcquirerFile]:
        """The files of a store, oldest first."""
        statement = select(acquirer_files).where(acquirer_files.c.store_id == store_id)
        if after is not None:
            statement = statement.where(tuple_(acquirer_files.c.imported_at, acquirer_files.c.file_id) > after)
        rows = await self._connection.execute(
            statement.order_by(acquirer_files.c.imported_at, acquirer_files.c.file_id).limit(limit)
        )
        return [_file(row) for row in rows]

    async def refused(self, file_id: UUID, after_row: int, limit: int) -> list[tuple[int, str]]:
        """Rows that were refused, and why, by row number."""
        rows = await self._connection.execute(
            select(acquirer_rows.c.row_number, func.coalesce(acquirer_rows.c.message, "").label("message"))
            .where(
                acquirer_rows.c.file_id == file_id,
                acquirer_rows.c.state == "refused",
                acquirer_rows.c.row_number > after_row,
            )
            .order_by(acquirer_rows.c.row_number)
            .limit(limit)
        )
        return [(row.row_number, row.message) for row in rows]


def _row_values(file_id: UUID, row: AcquirerRow) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in AcquirerRow.__dataclass_fields__}
    return {"file_id": file_id, **values, "state": "refused" if row.message else "unmatched"}


def _file(row: Row[Any]) -> AcquirerFile:
    return AcquirerFile(**{name: getattr(row, name) for name in AcquirerFile.__dataclass_fields__})
