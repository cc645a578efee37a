"""The pivot: number, store, total and publish a finished document, all in the transaction of its edge."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from libs.contracts.refusal import Conflict
from libs.contracts.sales import SaleCompleted
from libs.persistence import UnitOfWork
from services.sales.domain.completion import DocumentDraft, contributions_of, document_of
from services.sales.storage.numbering import NumberingRepository
from services.sales.storage.sales import SaleRepository


class SaleIdTaken(Conflict):
    """Another document already has this id, or a basket that would become one."""

    type = "sale-id-taken"


async def complete_document(
    work: UnitOfWork, draft: DocumentDraft, *, time_zone: str, number: int | None = None
) -> SaleCompleted:
    """Finish `draft`: after the commit it exists, is numbered, counted in X and Z, and on its way to every consumer.

    The caller holds the lock on the open shift. `number` is the till's own, or None to take the next one.
    Raises SaleIdTaken or NumberTaken; nothing is kept then.
    """
    numbering = NumberingRepository(work.connection)
    if number is None:
        number = await numbering.allocate(draft.seller.till_id, draft.seller.shift_id)
    else:
        await numbering.take(draft.seller.till_id, draft.seller.shift_id, number)
    document = document_of(draft, number, work.now.astimezone(ZoneInfo(time_zone)))
    if not await SaleRepository(work.connection).add(draft, document, contributions_of(document)):
        raise SaleIdTaken(
            f"There already is a document or a basket with the id {draft.sale_id}. Complete the basket, or give the "
            "new sale an id of its own.",
            field="sale_id",
        )
    work.emit(document, sequence=draft.sequence)
    return document
