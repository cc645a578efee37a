"""Voiding: a finished document is never changed; another one turns all of it around (retail rule 26)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from libs.contracts.refusal import Conflict
from libs.contracts.sales import LineFacts, SaleCompleted, TenderFacts
from services.sales.domain.completion import DocumentDraft, DocumentKind, Seller
from services.sales.domain.returning import Original, ReturnClaim


class NotVoidable(Conflict):
    """The document cannot be voided; the sentence says what can be done instead."""

    type = "not-voidable"


def check_voidable(original: Original, shift_id: UUID) -> None:
    """Raise SaleVoided or NotVoidable unless the document is one of this open shift that nothing came back of."""
    document = original.document
    original.demand_not_voided()
    if document.kind == DocumentKind.VOID:
        raise NotVoidable("A void cannot be voided. Ring the goods up again.", field="sale_id")
    if document.shift_id != shift_id:
        raise NotVoidable(
            f"Number {document.number} of till {document.till_code} belongs to another shift, and is counted there. "
            "Take the goods back as a return.",
            field="sale_id",
        )
    if any(original.returned_milli.values()) or any(original.refunded_minor.values()):
        raise NotVoidable(
            f"Goods of number {document.number} were brought back already. Take the rest back as a return.",
            field="sale_id",
        )


def void_draft(
    document: SaleCompleted,
    seller: Seller,
    *,
    void_sale_id: UUID,
    approved_by: UUID | None,
    reason: str,
    new_id: Callable[[], UUID],
) -> DocumentDraft:
    """The document that reverses `document` exactly: every quantity, amount and tender with the other sign."""
    return DocumentDraft(
        sale_id=void_sale_id,
        kind=DocumentKind.VOID,
        seller=seller,
        lines=tuple(_reversed_line(line, new_id()) for line in document.lines),
        tenders=tuple(_reversed_tender(tender, new_id()) for tender in document.tenders),
        rounding_minor=-document.rounding_minor,
        request_hash=document.sale_id.bytes,
        customer_id=document.customer_id,
        approved_by=approved_by,
        voids_sale_id=document.sale_id,
        note=reason,
    )


def _reversed_line(line: LineFacts, line_id: UUID) -> LineFacts:
    adjustments = tuple(
        each.model_copy(update={"amount_minor": -each.amount_minor, "quantity_milli": -each.quantity_milli})
        for each in line.adjustments
    )
    taxes = tuple(
        tax.model_copy(update={"base_minor": -tax.base_minor, "tax_minor": -tax.tax_minor}) for tax in line.taxes
    )
    return line.model_copy(
        update={
            "line_id": line_id,
            "quantity_milli": -line.quantity_milli,
            "gross_minor": -line.gross_minor,
            "adjustments": adjustments,
            "net_minor": -line.net_minor,
            "taxes": taxes,
            "total_minor": -line.total_minor,
        }
    )


def _reversed_tender(tender: TenderFacts, tender_id: UUID) -> TenderFacts:
    """The tender given back. Of cash, what is left of it after change is; foreign notes go back as they came."""
    changes: dict[str, object] = {
        "tender_id": tender_id,
        "amount_minor": -tender.amount_minor,
        "original_tender_id": tender.tender_id,
        # The tip goes back to the card, and the customer hands back the cash that was paid out.
        "tip_minor": -tender.tip_minor,
        "cash_back_minor": -tender.cash_back_minor,
    }
    if tender.foreign_minor is not None:
        changes["foreign_minor"] = -tender.foreign_minor
    if tender.given_minor is not None:
        change_minor = tender.change_minor or 0
        foreign = tender.foreign_minor is not None
        changes["given_minor"] = -tender.given_minor if foreign else change_minor - tender.given_minor
        changes["change_minor"] = -change_minor if foreign else 0
    return tender.model_copy(update=changes)


def returns_given_up(document: SaleCompleted, originals: dict[UUID, Original]) -> list[ReturnClaim]:
    """What a voided return had claimed of the sales it brought goods back from: it may come back again."""
    return [
        ReturnClaim(
            line.returns_sale_id,
            line.returns_line_id,
            originals[line.returns_sale_id].line(line.returns_line_id).quantity_milli,
            -line.quantity_milli,
            line.name,
            line.unit,
        )
        for line in document.lines
        if line.returns_sale_id is not None and line.returns_line_id is not None
    ]


def sources_of(lines: Sequence[LineFacts]) -> set[UUID]:
    """The documents that these lines bring goods back from."""
    return {line.returns_sale_id for line in lines if line.returns_sale_id is not None}
