"""Void a finished document of the open shift by another that reverses it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from libs.contracts.permissions import Permission
from libs.contracts.sales import SaleCompleted, SaleVoided
from libs.contracts.tenders import ReleaseTender
from libs.persistence import UnitOfWork, new_id
from libs.web.principal import Approval, Principal
from services.sales.domain.refunds import freed_refunds
from services.sales.domain.returning import UnknownReceipt
from services.sales.domain.tender import TenderKind
from services.sales.domain.totals import Contribution
from services.sales.domain.voiding import check_voidable, returns_given_up, sources_of, void_draft
from services.sales.price_books import CurrentBook
from services.sales.storage.returns import ReturnsRepository
from services.sales.storage.sales import SaleRepository
from services.sales.storage.totals import TotalsRepository
from services.sales.use_cases.authorise import authorise
from services.sales.use_cases.complete_document import complete_document
from services.sales.use_cases.open_till import open_till

# A tender decided elsewhere has had two commands before: authorise and capture.
RELEASE_SEQUENCE = 3


@dataclass(frozen=True, slots=True)
class VoidRequest:
    """Which document to void and why; `void_sale_id` is the void's own id, `number` the till's own for it, or None."""

    sale_id: UUID
    void_sale_id: UUID
    reason: str
    number: int | None = None


async def void_sale(
    work: UnitOfWork, caller: Principal, current: CurrentBook, request: VoidRequest, approval: Approval | None
) -> SaleCompleted:
    """Reverse the document at the till and in the shift that made it; card and other tenders decided elsewhere are
    asked to give back. What a voided return had brought back may come back again.

    Raises UnknownReceipt, SaleVoided, NotVoidable, ApprovalRequired and its kin, NotAtATill or NoOpenShift.
    """
    till = await open_till(work, caller, current)
    sales = SaleRepository(work.connection)
    unlocked = await sales.get(request.sale_id)
    if unlocked is None:
        raise UnknownReceipt(f"No sale {request.sale_id} is known.", field="sale_id")
    # All rows in one ordered statement: a void and a return of the same receipts never wait for each other in a ring.
    repository = ReturnsRepository(work.connection)
    originals = await repository.originals({request.sale_id, *sources_of(unlocked.document.lines)}, lock=True)
    original = originals[request.sale_id]
    check_voidable(original, till.seller.shift_id)
    approved_by = await authorise(work, caller, Permission.SALES_VOID, bound_to=str(request.sale_id), approval=approval)
    document = original.document
    draft = void_draft(
        document,
        till.seller,
        void_sale_id=request.void_sale_id,
        approved_by=approved_by,
        reason=request.reason,
        new_id=new_id,
    )
    void = await complete_document(work, draft, time_zone=till.store.time_zone, number=request.number)
    voided = Contribution("voided", document.kind, 1, document.total_minor)
    await TotalsRepository(work.connection).add(document.shift_id, [voided])
    await repository.release(returns_given_up(document, originals))
    await repository.release_refunds(freed_refunds(document, originals))
    _give_back(work, document, request.reason)
    # Under the row lock of `originals`: nobody has emitted for this document since.
    sequence = unlocked.sequence + 1
    await sales.mark_voided(document.sale_id, void.sale_id, sequence)
    work.emit(
        SaleVoided(
            sale_id=document.sale_id,
            void_sale_id=void.sale_id,
            store_id=document.store_id,
            till_id=document.till_id,
            reason=request.reason,
            voided_by=caller.id,
            voided_at=work.now,
        ),
        sequence=sequence,
    )
    return void


def _give_back(work: UnitOfWork, document: SaleCompleted, reason: str) -> None:
    for tender in document.tenders:
        if not TenderKind(tender.kind).decided_here:
            work.send(
                ReleaseTender(
                    tender_id=tender.tender_id,
                    sale_id=document.sale_id,
                    store_id=document.store_id,
                    till_id=document.till_id,
                    kind=tender.kind,  # decided elsewhere: card, gift_card or points
                    currency=document.currency,
                    amount_minor=tender.amount_minor,
                    reason=reason,
                ),
                sequence=RELEASE_SEQUENCE,
            )
