"""Price what a basket brings back: from the receipts it names, never from today's prices (retail rules 6 and 7)."""

from __future__ import annotations

from libs.persistence import Connection
from libs.pricing import PricedLine
from services.sales.domain.basket import Basket
from services.sales.domain.return_prices import price_returns
from services.sales.domain.returning import ReturnRequest
from services.sales.storage.returns import ReturnsRepository


async def price_returned_lines(connection: Connection, basket: Basket, tax_mode: str) -> list[PricedLine]:
    """The priced (negative) lines of a basket that have a receipt, in its order; three queries in all.

    Each has the basket line's id; `tax_mode` is the store's. Nothing is locked: `claim_returns` prices again when the
    basket becomes a document. Raises UnknownReceipt, SaleVoided, NotReturnable, AlreadyReturned naming how much is
    left, BundleBroken, or Invalid for a quantity that is not negative.
    """
    requests = [
        ReturnRequest(line.line_id, line.product_id, line.returns.sale_id, line.returns.line_id, line.quantity)
        for line in basket.lines
        if line.returns is not None
    ]
    if not requests:
        return []
    sale_ids = {request.sale_id for request in requests}
    originals = await ReturnsRepository(connection).originals(sale_ids)
    return price_returns(requests, originals, basket.currency, tax_mode)
