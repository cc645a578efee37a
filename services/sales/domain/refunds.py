"""Giving money back: to the tenders it came from, each capped by what it paid (retail rules 2 and 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from libs.contracts.refusal import Conflict, Invalid
from libs.contracts.sales import SaleCompleted, TenderFacts
from services.sales.domain.returning import Original


class RefundOverPaid(Conflict):
    """More is given back to a tender than it paid and has not got back yet; `left_minor` says how much is left."""

    type = "refund-over-paid"


class UnknownOriginalTender(Invalid):
    """A refund names a tender that paid none of the sales whose goods come back."""

    type = "unknown-original-tender"


@dataclass(frozen=True, slots=True)
class RefundClaim:
    """`refund_minor` (positive) is given back of the `paid_minor` that a tender of a sale paid."""

    sale_id: UUID
    tender_id: UUID
    kind: str
    paid_minor: int
    refund_minor: int

    def plus(self, refund_minor: int) -> RefundClaim:
        """The claim with more."""
        return replace(self, refund_minor=self.refund_minor + refund_minor)


@dataclass(frozen=True, slots=True)
class RefundableTender:
    """What a tender of a sale may still give back, in minor units of the sale's currency."""

    tender_id: UUID
    kind: str
    reference: str | None
    paid_minor: int
    left_minor: int


def refund_over_paid(claim: RefundClaim, *, already_minor: int) -> RefundOverPaid:
    """The refusal of a claim, when `already_minor` was given back before."""
    left = claim.paid_minor - already_minor
    kind = claim.kind.replace("_", " ")
    return RefundOverPaid(
        f"The {kind} tender paid {claim.paid_minor} minor units, of which {left} can still be given back.",
        field="tenders",
        tender_id=str(claim.tender_id),
        left_minor=left,
    )


def refundable_tenders(original: Original, order: Sequence[str]) -> list[RefundableTender]:
    """The tenders that paid the sale and what is left of each, by kind in `order`, other kinds last."""
    rank = {kind: place for place, kind in enumerate(order)}
    paying = [tender for tender in original.document.tenders if tender.amount_minor > 0]
    paying.sort(key=lambda tender: rank.get(tender.kind, len(rank)))
    return [
        RefundableTender(
            tender.tender_id,
            tender.kind,
            tender.reference,
            tender.amount_minor,
            tender.amount_minor - original.refunded_minor.get(tender.tender_id, 0),
        )
        for tender in paying
    ]


def split_refund(
    amount_minor: int, tenders: Sequence[RefundableTender]
) -> tuple[list[tuple[RefundableTender, int]], int]:
    """Spread a positive amount over the tenders in their order, each up to what is left of it.

    Returns what each gives back and what no tender covers: the goods may have been paid with other goods in an
    exchange, and that part is refunded without an original tender.
    """
    rest_minor = amount_minor
    parts = []
    for tender in tenders:
        part_minor = min(rest_minor, tender.left_minor)
        if part_minor > 0:
            parts.append((tender, part_minor))
            rest_minor -= part_minor
    return parts, rest_minor


def refund_claims(tenders: Sequence[TenderFacts], originals: Mapping[UUID, Original]) -> list[RefundClaim]:
    """What a document's refunds claim of the tenders they name. Raises UnknownOriginalTender."""
    paid: dict[UUID, tuple[SaleCompleted, TenderFacts]] = {
        tender.tender_id: (original.document, tender)
        for original in originals.values()
        for tender in original.document.tenders
        if tender.amount_minor > 0
    }
    claims = []
    for tender in tenders:
        if tender.original_tender_id is None or tender.amount_minor >= 0:
            continue
        found = paid.get(tender.original_tender_id)
        if found is None:
            raise UnknownOriginalTender(
                f"No tender {tender.original_tender_id} paid for the goods that come back.",
                field="tenders.original_tender_id",
            )
        document, original_tender = found
        claims.append(
            RefundClaim(
                document.sale_id,
                original_tender.tender_id,
                original_tender.kind,
                original_tender.amount_minor,
                -tender.amount_minor,
            )
        )
    return claims
