"""Finished documents: one row each, written once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from libs.contracts.sales import SaleCompleted
from libs.persistence import Connection
from services.sales.domain.completion import DocumentDraft
from services.sales.storage.tables import sales


@dataclass(frozen=True, slots=True)
class StoredSale:
    """A document as stored, with what happened to it since."""

    document: SaleCompleted
    sequence: int
    request_hash: bytes
    voided_by_sale_id: UUID | None


_COLUMNS = (sales.c.document, sales.c.sequence, sales.c.request_hash, sales.c.voided_by_sale_id)

# Built once: every sale runs them, and building a statement costs more than running it.
_BY_ID = select(*_COLUMNS).where(sales.c.sale_id == bindparam("wanted_id"))
_ADD = insert(sales).on_conflict_do_nothing(index_elements=[sales.c.sale_id]).returning(sales.c.sale_id)


def _stored(row: Any) -> StoredSale:
    return StoredSale(
        SaleCompleted.model_validate(row.document, extra="ignore"),
        row.sequence,
        bytes(row.request_hash),
        row.voided_by_sale_id,
    )


class SaleRepository:
    """Reads and writes documents on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, draft: DocumentDraft, document: SaleCompleted) -> bool:
        """Store a new document; False when a document with its id is already there."""
        values = {
            "sale_id": document.sale_id,
            "kind": document.kind,
            "store_id": document.store_id,
            "till_id": document.till_id,
            "shift_id": document.shift_id,
            "number": document.number,
            "sequence": draft.sequence,
            "receipt_code": document.receipt_code,
            "business_date": document.business_date,
            "completed_at": document.completed_at,
            "total_minor": document.total_minor,
            "request_hash": draft.request_hash,
            "document": document,
        }
        return await self._connection.scalar(_ADD, values) is not None

    async def get(self, sale_id: UUID) -> StoredSale | None:
        """The document with this id."""
        row = (await self._connection.execute(_BY_ID, {"wanted_id": sale_id})).first()
        return None if row is None else _stored(row)

    async def get_for_update(self, sale_id: UUID) -> StoredSale | None:
        """The document, its row locked until the end of the transaction: voids and returns of it queue up here."""
        row = (await self._connection.execute(_BY_ID.with_for_update(), {"wanted_id": sale_id})).first()
        return None if row is None else _stored(row)

    async def lock_many(self, sale_ids: Sequence[UUID]) -> dict[UUID, StoredSale]:
        """Several documents, locked in the order of their ids so that two returns never wait for each other."""
        statement = (
            select(sales.c.sale_id, *_COLUMNS)
            .where(sales.c.sale_id.in_(sale_ids))
            .order_by(sales.c.sale_id)
            .with_for_update()
        )
        return {row.sale_id: _stored(row) for row in await self._connection.execute(statement)}

    async def mark_voided(self, sale_id: UUID, void_sale_id: UUID, sequence: int) -> None:
        """Note on a document (whose row the caller has locked) the document that voids it."""
        await self._connection.execute(
            update(sales).where(sales.c.sale_id == sale_id).values(voided_by_sale_id=void_sale_id, sequence=sequence)
        )
