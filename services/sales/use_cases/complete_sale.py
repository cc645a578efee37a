"""Complete a priced and paid basket: the only way in which goods are sold, brought back or exchanged."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from libs.contracts.sales import LineFacts, SaleCompleted
from libs.contracts.tenders import CaptureTender
from libs.persistence import UnitOfWork
from services.sales.domain.basket import Basket
from services.sales.domain.completion import DocumentDraft, check_covered, kind_of, tender_facts
from services.sales.domain.tender import Tender
from services.sales.use_cases.claim_returns import claim_returns
from services.sales.use_cases.complete_document import complete_document
from services.sales.use_cases.open_till import OpenTill


async def complete_sale(
    work: UnitOfWork,
    till: OpenTill,
    basket: Basket,
    lines: tuple[LineFacts, ...],
    *,
    request_hash: bytes,
    number: int | None,
    approved_by: UUID | None,
) -> SaleCompleted:
    """Turn `basket`, priced as `lines`, into a document; see `complete_document` for what that means.

    Raises NothingToSell, TenderUndecided, NotCovered, or the refusals of claiming returned goods and refunds.
    """
    kind = kind_of(lines)
    tenders = check_covered(sum(line.total_minor for line in lines), basket.tenders)
    refunds = await claim_returns(work, basket, lines, tenders, tax_mode=till.seller.tax_mode)
    tenders = refunds.tenders
    draft = DocumentDraft(
        sale_id=basket.basket_id,
        kind=kind,
        seller=till.seller,
        lines=lines,
        tenders=tuple(tender_facts(tender) for tender in tenders),
        rounding_minor=sum(tender.rounding_minor for tender in tenders),
        request_hash=request_hash,
        sequence=basket.version,
        customer_id=basket.customer_id,
        approved_by=approved_by,
        note=basket.note or None,
        carried_tenders=refunds.carried,
        tender_claims=tuple(claim.facts() for claim in refunds.claims),
    )
    document = await complete_document(work, draft, time_zone=till.store.time_zone, number=number)
    _capture(work, basket, tenders)
    return document


def _capture(work: UnitOfWork, basket: Basket, tenders: Sequence[Tender]) -> None:
    for tender in tenders:
        if not tender.kind.decided_here:
            work.send(
                CaptureTender(
                    tender_id=tender.tender_id,
                    sale_id=basket.basket_id,
                    store_id=basket.store_id,
                    till_id=basket.till_id,
                    kind=tender.kind.value,  # decided elsewhere: card, gift_card or points
                    currency=basket.currency,
                    amount_minor=tender.amount_minor,
                ),
                sequence=2,
            )
