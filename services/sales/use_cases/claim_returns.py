"""Take what a new document brings back out of what its originals may still give back."""

from __future__ import annotations

from collections.abc import Sequence

from libs.contracts.sales import LineFacts, TenderFacts
from libs.money import Quantity
from libs.persistence import Connection
from services.sales.domain.refunds import refund_claims
from services.sales.domain.return_prices import price_returns
from services.sales.domain.returning import ReturnedMeanwhile, ReturnRequest, return_claims
from services.sales.storage.returns import ReturnsRepository


async def claim_returns(
    connection: Connection, lines: Sequence[LineFacts], tenders: Sequence[TenderFacts], currency: str
) -> None:
    """Call it in the transaction that completes a document with these lines and tenders; without returns it is free.

    The receipts' rows stay locked until the commit. Raises AlreadyReturned or RefundOverPaid naming what is left,
    ReturnedMeanwhile when a return elsewhere has changed the price that `lines` were quoted at, and whatever
    `price_returned_lines` raises for receipts voided meanwhile.
    """
    requests = [
        ReturnRequest(line.line_id, line.returns_sale_id, line.returns_line_id, Quantity(line.quantity_milli))
        for line in lines
        if line.returns_sale_id is not None and line.returns_line_id is not None
    ]
    if not requests:
        return
    repository = ReturnsRepository(connection)
    originals = await repository.originals({request.sale_id for request in requests}, lock=True)
    prices = {line.line_id: line.total_minor for line in price_returns(requests, originals, currency)}
    for line in lines:
        if str(line.line_id) in prices and prices[str(line.line_id)] != line.total_minor:
            raise ReturnedMeanwhile(
                f"Something of the same receipt came back elsewhere, so the refund for {line.name} has changed. "
                "Take the tenders back and price the basket again.",
                line_id=str(line.line_id),
                total_minor=prices[str(line.line_id)],
            )
    await repository.claim(return_claims(lines, originals))
    await repository.claim_refunds(refund_claims(tenders, originals))
