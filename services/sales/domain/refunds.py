"""Giving money back: to the tenders it came from, each capped by what it paid (retail rules 2 and 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from libs.contracts.refusal import Conflict, Invalid
from libs.contracts.sales import LineFacts, TenderFacts
from services.sales.domain.returning import Original
from services.sales.domain.tender import Tender, TenderKind


class RefundOverPaid(Conflict):
    """More is given back to a tender than it paid and has not got back yet; `left_minor` says how much is left."""

    type = "refund-over-paid"


class UnknownOriginalTender(Invalid):
    """A refund names a tender that paid none of the sales whose goods come back."""

    type = "unknown-original-tender"


class RefundElsewhere(Conflict):
    """Money would go back in another way than it came (retail rule 9)."""

    type = "refund-elsewhere"


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


@dataclass(frozen=True, slots=True)
class AssignedRefunds:
    """A document's tenders, each refund naming the tender it gives back, and what they claim of those."""

    tenders: tuple[Tender, ...]
    claims: tuple[RefundClaim, ...]


def assign_refunds(
    tenders: Sequence[Tender],
    lines: Sequence[LineFacts],
    originals: Mapping[UUID, Original],
    refused_kinds: frozenset[TenderKind] = frozenset(),
) -> AssignedRefunds:
    """Match each refund with the tenders that paid for the goods brought back (retail rule 9).

    A refund goes to tenders of its own kind; to another kind only in the place of one of `refused_kinds`, whose
    refund was tried and declined. What no tender can cover, because the goods were paid with other goods or came
    without receipt, may be given back in any kind. Raises UnknownOriginalTender, RefundOverPaid or RefundElsewhere.
    """
    paid = [
        _Paid(original.document.sale_id, tender, tender.amount_minor - original.refunded_minor.get(tender.tender_id, 0))
        for original in originals.values()
        for tender in original.document.tenders
        if tender.amount_minor > 0
    ]
    refunds_minor = -sum(tender.amount_minor for tender in tenders if tender.amount_minor < 0)
    free_minor = max(0, refunds_minor - _coverable(lines, paid))
    assigned, claims = [], []
    for tender in tenders:
        rest_minor = -tender.amount_minor
        first: UUID | None = None
        if rest_minor > 0:
            for source in _sources(tender, paid, refused_kinds):
                part_minor = min(rest_minor, source.left_minor)
                if part_minor <= 0:
                    continue
                source.left_minor -= part_minor
                rest_minor -= part_minor
                first = first or source.tender.tender_id
                claims.append(source.claim(part_minor))
            if tender.original_tender_id is not None and rest_minor:
                raise _over_named(tender, paid, rest_minor)
            free_minor -= rest_minor
            if free_minor < 0:
                raise _elsewhere(tender, paid)
        assigned.append(tender if first is None else replace(tender, original_tender_id=first))
    return AssignedRefunds(tuple(assigned), tuple(claims))


@dataclass(slots=True)
class _Paid:
    """A tender that paid, and what is left of it while refunds are being assigned."""

    sale_id: UUID
    tender: TenderFacts
    left_minor: int

    def claim(self, refund_minor: int) -> RefundClaim:
        return RefundClaim(
            self.sale_id, self.tender.tender_id, self.tender.kind, self.tender.amount_minor, refund_minor
        )


def _coverable(lines: Sequence[LineFacts], paid: Sequence[_Paid]) -> int:
    """How much of what comes back was paid with tenders that can still give it back."""
    coverable = 0
    for sale_id in {source.sale_id for source in paid}:
        left_minor = sum(source.left_minor for source in paid if source.sale_id == sale_id)
        returned_minor = -sum(line.total_minor for line in lines if line.returns_sale_id == sale_id)
        coverable += max(0, min(left_minor, returned_minor))
    return coverable


def _sources(tender: Tender, paid: Sequence[_Paid], refused_kinds: frozenset[TenderKind]) -> list[_Paid]:
    if tender.original_tender_id is not None:
        named = [source for source in paid if source.tender.tender_id == tender.original_tender_id]
        if not named:
            raise UnknownOriginalTender(
                f"No tender {tender.original_tender_id} paid for the goods that come back.",
                field="tenders.original_tender_id",
            )
        if named[0].tender.kind != tender.kind and named[0].tender.kind not in refused_kinds:
            raise _elsewhere(tender, named)
        return named
    same_kind = [source for source in paid if source.tender.kind == tender.kind]
    return same_kind + [source for source in paid if source.tender.kind in refused_kinds - {tender.kind}]


def _elsewhere(tender: Tender, paid: Sequence[_Paid]) -> RefundElsewhere:
    left = ", ".join(
        f"{source.tender.kind.replace('_', ' ')} up to {source.left_minor}" for source in paid if source.left_minor > 0
    )
    kind = tender.kind.replace("_", " ")
    return RefundElsewhere(
        f"These goods were not paid with so much {kind}. Money goes back to where it came from (minor units): {left}.",
        field="tenders",
    )


def _over_named(tender: Tender, paid: Sequence[_Paid], rest_minor: int) -> RefundOverPaid:
    named = next(source for source in paid if source.tender.tender_id == tender.original_tender_id)
    left_minor = -tender.amount_minor - rest_minor
    return refund_over_paid(named.claim(0), already_minor=named.tender.amount_minor - left_minor)


def freed_refunds(tenders: Sequence[TenderFacts], originals: Mapping[UUID, Original]) -> list[RefundClaim]:
    """What the refunds of a voided document had claimed: of the tender each names, then of others of its kind."""
    given_back = [
        _Paid(original.document.sale_id, tender, original.refunded_minor.get(tender.tender_id, 0))
        for original in originals.values()
        for tender in original.document.tenders
        if tender.amount_minor > 0
    ]
    claims = []
    for tender in tenders:
        rest_minor = -tender.amount_minor if tender.original_tender_id is not None else 0
        named = [source for source in given_back if source.tender.tender_id == tender.original_tender_id]
        others = [source for source in given_back if source.tender.kind == tender.kind and source not in named]
        for source in named + others:
            part_minor = min(rest_minor, source.left_minor)
            if part_minor > 0:
                source.left_minor -= part_minor
                rest_minor -= part_minor
                claims.append(source.claim(part_minor))
    return claims
