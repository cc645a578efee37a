"""The slips of terminals, kept with their tenders for as long as the documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.dialects.postgresql import insert

from libs.contracts.sales import SaleCompleted
from libs.persistence import Connection
from services.sales.domain.slip import SlipCause, TenderSlips, slip_keys
from services.sales.domain.tender import TenderKind
from services.sales.storage.tables import tender_slips


class SlipRepository:
    """Reads and writes on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, slips: TenderSlips) -> None:
        """Store them; those that are there already stay."""
        values = {
            "tender_id": slips.tender_id,
            "cause": slips.cause.value,
            "sale_id": slips.sale_id,
            "customer": list(slips.customer),
            "merchant": list(slips.merchant),
            "signature_required": slips.signature_required,
            "came_at": slips.came_at,
        }
        await self._connection.execute(insert(tender_slips).values(values).on_conflict_do_nothing())

    async def of_documents(self, documents: Iterable[SaleCompleted]) -> dict[UUID, tuple[TenderSlips, ...]]:
        """The slips on the receipts of documents, by document, in the order of their tenders. One query; none where
        everything was paid in ways that have no slips.
        """
        wanted = {
            document.sale_id: slip_keys(document)
            for document in documents
            if any(not TenderKind(tender.kind).decided_here for tender in document.tenders)
        }
        tender_ids = {tender_id for keys in wanted.values() for tender_id, _ in keys}
        if not tender_ids:
            return {}
        query = select(tender_slips).where(tender_slips.c.tender_id.in_(tender_ids))
        found = {(slips.tender_id, slips.cause): slips for slips in map(_slips, await self._connection.execute(query))}
        return {sale_id: tuple(found[key] for key in keys if key in found) for sale_id, keys in wanted.items()}

    async def of_document(self, document: SaleCompleted) -> tuple[TenderSlips, ...]:
        """The slips on the receipt of one document."""
        return (await self.of_documents([document])).get(document.sale_id, ())

    async def of_sale(self, sale_id: UUID, *, limit: int) -> Sequence[TenderSlips]:
        """Up to `limit` slips of the tenders of a document, of whatever cause, in the order in which they came."""
        query = (
            select(tender_slips)
            .where(tender_slips.c.sale_id == sale_id)
            .order_by(tender_slips.c.came_at, tender_slips.c.tender_id, tender_slips.c.cause)
            .limit(limit)
        )
        return [_slips(row) for row in await self._connection.execute(query)]


def _slips(row: Row[tuple[Any, ...]]) -> TenderSlips:
    return TenderSlips(
        row.tender_id,
        SlipCause(row.cause),
        row.sale_id,
        tuple(row.customer),
        tuple(row.merchant),
        row.signature_required,
        row.came_at,
    )
