"""Finished documents: one row each, written once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, exists, select, update
from sqlalchemy.dialects.postgresql import insert

from libs.contracts.sales import SaleCompleted
from libs.persistence import Connection
from services.sales.domain.completion import DocumentDraft
from services.sales.domain.totals import Contribution
from services.sales.storage.tables import baskets, sales
from services.sales.storage.totals import ADD_TOTALS, addition_parameters


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
_ADDED = (
    sales.c.sale_id,
    sales.c.kind,
    sales.c.store_id,
    sales.c.till_id,
    sales.c.shift_id,
    sales.c.number,
    sales.c.sequence,
    sales.c.receipt_code,
    sales.c.business_date,
    sales.c.completed_at,
    sales.c.total_minor,
    sales.c.request_hash,
    sales.c.document,
)
# A basket with this id has emitted events: only the document that is its own next event may follow them.
_ADDING = (
    insert(sales)
    .from_select(
        [column.name for column in _ADDED],
        select(*(bindparam(column.name, type_=column.type) for column in _ADDED)).where(
            ~exists().where(
                baskets.c.basket_id == bindparam("sale_id", type_=sales.c.sale_id.type),
                baskets.c.version != bindparam("sequence", type_=sales.c.sequence.type) - 1,
            )
        ),
    )
    .on_conflict_do_nothing(index_elements=[sales.c.sale_id])
    .returning(sales.c.sale_id)
    .cte("added")
)
# The document and what it adds to the totals of its shift, together: one round trip, and never one without the other.
_ADD = select(_ADDING.c.sale_id).add_cte(ADD_TOTALS.cte("totals"))


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

    async def add(self, draft: DocumentDraft, document: SaleCompleted, contributions: Sequence[Contribution]) -> bool:
        """Store a new document and add its contributions to the running totals of its shift.

        False when a document with its id is there, or a basket that is not in its state; the caller then rolls back.
        """
        values = {
            **addition_parameters(document.shift_id, contributions),
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

    async def mark_voided(self, sale_id: UUID, void_sale_id: UUID, sequence: int) -> None:
        """Note on a document (whose row the caller has locked) the document that voids it."""
        await self._connection.execute(
            update(sales).where(sales.c.sale_id == sale_id).values(voided_by_sale_id=void_sale_id, sequence=sequence)
        )
