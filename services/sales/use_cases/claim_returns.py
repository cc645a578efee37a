"""Take what a new document brings back out of what its originals may still give back."""

from __future__ import annotations

from collections.abc import Sequence

from libs.contracts.sales import LineFacts
from libs.money import Quantity
from libs.persistence import UnitOfWork
from services.sales.domain.basket import Basket
from services.sales.domain.refunds import AssignedRefunds, assign_refunds
from services.sales.domain.return_prices import price_returns
from services.sales.domain.returning import ReturnedMeanwhile, ReturnRequest, return_claims
from services.sales.domain.tender import Tender, TenderState
from services.sales.storage.returns import ReturnsRepository


async def claim_returns(
    work: UnitOfWork, basket: Basket, lines: Sequence[LineFacts], tenders: Sequence[Tender], *, tax_mode: str
) -> AssignedRefunds:
    """Claim the returned `lines`, the refunds among `tenders`, and what pays for other goods instead.

    `tax_mode` is that of the store where they come back. Call it in the transaction that completes the document;
    without returns it costs nothing. The receipts' rows stay locked until the commit. Raises AlreadyReturned,
    RefundOverPaid or RefundElsewhere naming what is left, ReturnedMeanwhile when a return elsewhere has changed the
    price that `lines` were quoted at, and whatever `price_returned_lines` raises, for instance for receipts voided
    meanwhile.
    """
    requests = [
        ReturnRequest(
            line.line_id, line.product_id, line.returns_sale_id, line.returns_line_id, Quantity(line.quantity_milli)
        )
        for line in lines
        if line.returns_sale_id is not None and line.returns_line_id is not None
    ]
    if not requests:
        return AssignedRefunds(tuple(tenders), ())
    repository = ReturnsRepository(work.connection)
    originals = await repository.originals({request.sale_id for request in requests}, lock=True)
    prices = {line.line_id: line.total_minor for line in price_returns(requests, originals, basket.currency, tax_mode)}
    for line in lines:
        total_minor = prices.get(str(line.line_id), line.total_minor)
        if total_minor != line.total_minor:
            raise ReturnedMeanwhile(
                f"Something of the same receipt came back elsewhere, so the refund for {line.name} has changed. "
                "Take the tenders back and price the basket again.",
                line_id=str(line.line_id),
                total_minor=total_minor,
            )
    refused = frozenset(
        tender.kind for tender in basket.tenders if tender.state is TenderState.DECLINED and tender.amount_minor < 0
    )
    refunds = assign_refunds(tenders, lines, originals, refused)
    await repository.claim(return_claims(lines, originals))
    await repository.claim_refunds(refunds.claims)
    return refunds
