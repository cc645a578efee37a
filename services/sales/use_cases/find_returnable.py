"""What may still come back of a receipt, from any till of any store, and how its money goes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from libs.contracts.sales import SaleCompleted
from libs.money import Quantity
from libs.persistence import Connection
from services.sales.domain.numbering import sale_id_of
from services.sales.domain.refunds import RefundableTender, refundable_tenders, split_refund
from services.sales.domain.return_prices import price_returns
from services.sales.domain.returning import Original, ReturnRequest, UnknownReceipt, why_not_returnable
from services.sales.storage.returns import ReturnsRepository


@dataclass(frozen=True, slots=True)
class ReturnableLine:
    """A line of a receipt. `refund_minor` is what all that is left of it gives back; `why_not` says why it cannot."""

    line_id: UUID
    product_id: UUID
    product_code: str
    name: str
    unit: str
    sold: Quantity
    returned: Quantity
    left: Quantity
    refund_minor: int
    why_not: str | None


@dataclass(frozen=True, slots=True)
class TenderRefund:
    """A tender that paid, what is left of it, and its part when everything that is left comes back."""

    tender: RefundableTender
    refund_minor: int


@dataclass(frozen=True, slots=True)
class ReturnableReceipt:
    """A receipt as a till sees it that takes goods back. `uncovered_minor` was paid with goods without receipt."""

    document: SaleCompleted
    voided_by_sale_id: UUID | None
    lines: tuple[ReturnableLine, ...]
    refund_minor: int
    tenders: tuple[TenderRefund, ...]
    uncovered_minor: int


async def find_returnable(connection: Connection, code: str, refund_order: Sequence[str]) -> ReturnableReceipt:
    """Look a receipt code up; `refund_order` are kinds of tender (retail rule 9).

    Raises UnreadableReceiptCode or UnknownReceipt.
    """
    sale_id = sale_id_of(code)
    original = (await ReturnsRepository(connection).originals([sale_id])).get(sale_id)
    if original is None:
        raise UnknownReceipt("No receipt with this code is known here. Scan it again, or ask a manager.", field="code")
    refunds = _refunds(original)
    refund_minor = sum(refunds.values())
    tenders = refundable_tenders(original, refund_order)
    parts, uncovered_minor = split_refund(refund_minor, tenders)
    part_of = {tender.tender_id: part_minor for tender, part_minor in parts}
    return ReturnableReceipt(
        document=original.document,
        voided_by_sale_id=original.voided_by_sale_id,
        lines=tuple(
            ReturnableLine(
                line_id=line.line_id,
                product_id=line.product_id,
                product_code=line.product_code,
                name=line.name,
                unit=line.unit,
                sold=Quantity(line.quantity_milli),
                returned=Quantity(original.returned_milli.get(line.line_id, 0)),
                left=original.left(line) if line.line_id in refunds else Quantity(0),
                refund_minor=refunds.get(line.line_id, 0),
                why_not=_why_not(original, line.line_id),
            )
            for line in original.document.lines
        ),
        refund_minor=refund_minor,
        tenders=tuple(TenderRefund(tender, part_of.get(tender.tender_id, 0)) for tender in tenders),
        uncovered_minor=uncovered_minor,
    )


def _why_not(original: Original, line_id: UUID) -> str | None:
    if original.voided_by_sale_id is not None:
        return "The receipt was voided."
    line = original.line(line_id)
    reason = why_not_returnable(original.document, line)
    if reason is None and not original.left(line):
        return "All of it was returned before."
    return reason


def _refunds(original: Original) -> dict[UUID, int]:
    """What each line gives back when all that is left of the receipt comes back together."""
    document = original.document
    requests = [
        ReturnRequest(line.line_id, line.product_id, document.sale_id, line.line_id, -original.left(line))
        for line in document.lines
        if _why_not(original, line.line_id) is None
    ]
    priced = price_returns(requests, {document.sale_id: original}, document.currency, document.tax_mode)
    return {UUID(line.line_id): -line.total_minor for line in priced}
