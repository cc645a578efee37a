"""Giving money back: to the tenders it came from, each capped by what it paid (retail rules 2 and 9).

What paid for goods is a document's own tenders and, in an exchange, the money behind the goods that came back: it is
not given back but carried on to the goods that were taken instead, under the id and kind of the tender that once moved
it. So however often goods are exchanged, no kind of tender ever gives back more than was paid with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from libs.contracts.refusal import Conflict, Invalid
from libs.contracts.sales import LineFacts, SaleCompleted, TenderClaim, TenderFacts
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

    def facts(self) -> TenderClaim:
        """The claim as the document publishes it."""
        return TenderClaim(
            sale_id=self.sale_id, tender_id=self.tender_id, kind=self.kind, amount_minor=self.refund_minor
        )


@dataclass(frozen=True, slots=True)
class RefundableTender:
    """What a tender of a sale may still give back, in minor units of the sale's currency."""

    tender_id: UUID
    kind: str
    reference: str | None
    paid_minor: int
    left_minor: int
    scheme: str | None = None
    masked_number: str | None = None


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


class TenderIdReused(Invalid):
    """A tender has the id of another that paid for the goods that come back."""

    type = "tender-id-reused"


def paying_tenders(document: SaleCompleted) -> tuple[TenderFacts, ...]:
    """What paid for the document's goods: its own tenders, then what was carried on to them from earlier documents."""
    return tuple(tender for tender in (*document.tenders, *document.carried_tenders) if tender.amount_minor > 0)


def refundable_tenders(original: Original, order: Sequence[str]) -> list[RefundableTender]:
    """The tenders that paid the sale and what is left of each, by kind in `order`, other kinds last."""
    rank = {kind: place for place, kind in enumerate(order)}
    paying = sorted(paying_tenders(original.document), key=lambda tender: rank.get(tender.kind, len(rank)))
    return [
        RefundableTender(
            tender.tender_id,
            tender.kind,
            tender.reference,
            tender.amount_minor,
            tender.amount_minor - original.refunded_minor.get(tender.tender_id, 0),
            tender.scheme,
            tender.masked_number,
        )
        for tender in paying
    ]


def split_refund(
    amount_minor: int, tenders: Sequence[RefundableTender]
) -> tuple[list[tuple[RefundableTender, int]], int]:
    """Spread a positive amount over the tenders in their order, each up to what is left of it.

    Returns what each gives back and what no tender covers: the goods may have been exchanged for goods without
    receipt, and that part is refunded without an original tender.
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
    """A document's tenders, each refund naming the tender it gives back; what all claim of those; and what was
    claimed to pay for other goods.
    """

    tenders: tuple[Tender, ...]
    claims: tuple[RefundClaim, ...]
    carried: tuple[TenderFacts, ...] = ()


def assign_refunds(
    tenders: Sequence[Tender],
    lines: Sequence[LineFacts],
    originals: Mapping[UUID, Original],
    refused_kinds: frozenset[TenderKind] = frozenset(),
) -> AssignedRefunds:
    """Match each refund with the tenders that paid for the goods brought back (retail rule 9).

    A refund goes to tenders of its own kind; to another kind only in the place of one of `refused_kinds`, whose
    refund was tried and declined. What no tender can cover, because the goods came without receipt, may be given back
    in any kind. What is not given back pays for the goods taken instead and is carried on to them.
    Raises UnknownOriginalTender, RefundOverPaid, RefundElsewhere or TenderIdReused.
    """
    paid = _paid(originals, lines)
    refunds_minor = -sum(tender.amount_minor for tender in tenders if tender.amount_minor < 0)
    free_minor = max(0, refunds_minor - _coverable(paid))
    assigned, claims = [], []
    for tender in tenders:
        rest_minor = -tender.amount_minor
        first: UUID | None = None
        if rest_minor > 0:
            for source in _sources(tender, paid, refused_kinds):
                part_minor = source.take(rest_minor)
                if part_minor:
                    rest_minor -= part_minor
                    first = first or source.tender.tender_id
                    claims.append(source.claim(part_minor))
            if tender.original_tender_id is not None and rest_minor:
                raise _over_named(tender, paid, rest_minor)
            free_minor -= rest_minor
            if free_minor < 0:
                raise _elsewhere(tender, paid)
        assigned.append(tender if first is None else replace(tender, original_tender_id=first))
    carried = [claim for source in paid if (claim := source.claim(source.take(source.left_minor))).refund_minor]
    return AssignedRefunds(tuple(assigned), (*claims, *carried), _carried_tenders(carried, paid, tenders))


def _carried_tenders(
    carried: Sequence[RefundClaim], paid: Sequence[_Paid], tenders: Sequence[Tender]
) -> tuple[TenderFacts, ...]:
    """What is carried on, one entry for each tender that once moved the money. Raises TenderIdReused."""
    amounts: dict[UUID, int] = {}
    for claim in carried:
        amounts[claim.tender_id] = amounts.get(claim.tender_id, 0) + claim.refund_minor
    for tender in tenders:
        if tender.amount_minor > 0 and tender.tender_id in amounts:
            raise TenderIdReused(
                f"Tender {tender.tender_id} paid for the goods that come back. A new tender needs a new id.",
                field="tenders.tender_id",
            )
    moved = {source.tender.tender_id: source.tender for source in paid}
    return tuple(
        TenderFacts(
            tender_id=tender_id,
            kind=moved[tender_id].kind,
            amount_minor=amount_minor,
            reference=moved[tender_id].reference,
            scheme=moved[tender_id].scheme,
            masked_number=moved[tender_id].masked_number,
            approval_code=moved[tender_id].approval_code,
        )
        for tender_id, amount_minor in amounts.items()
    )


@dataclass(slots=True)
class _Returned:
    """What the goods that come back of one sale are worth, less what has been assigned: no more is taken from it."""

    left_minor: int


@dataclass(slots=True)
class _Paid:
    """A tender that paid, and what is left of it while refunds are being assigned."""

    sale_id: UUID
    tender: TenderFacts
    left_minor: int
    returned: _Returned

    def take(self, wanted_minor: int) -> int:
        """As much of `wanted_minor` as the tender and the goods that come back of its sale allow."""
        part_minor = max(0, min(wanted_minor, self.left_minor, self.returned.left_minor))
        self.left_minor -= part_minor
        self.returned.left_minor -= part_minor
        return part_minor

    def claim(self, refund_minor: int) -> RefundClaim:
        return RefundClaim(
            self.sale_id, self.tender.tender_id, self.tender.kind, self.tender.amount_minor, refund_minor
        )


def _paid(originals: Mapping[UUID, Original], lines: Sequence[LineFacts]) -> list[_Paid]:
    """The tenders behind the goods that `lines` bring back, with what may still be given back of each."""
    found = []
    for sale_id, original in originals.items():
        returned = _Returned(max(0, -sum(line.total_minor for line in lines if line.returns_sale_id == sale_id)))
        for tender in paying_tenders(original.document):
            gone_minor = original.refunded_minor.get(tender.tender_id, 0)
            found.append(_Paid(sale_id, tender, tender.amount_minor - gone_minor, returned))
    return found


def _coverable(paid: Sequence[_Paid]) -> int:
    """How much of what comes back was paid with tenders that can still give it back."""
    of_sale: dict[UUID, list[_Paid]] = {}
    for source in paid:
        of_sale.setdefault(source.sale_id, []).append(source)
    return sum(
        min(sum(source.left_minor for source in sources), sources[0].returned.left_minor)
        for sources in of_sale.values()
    )


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

    def other_ways(source: _Paid) -> int:
        """Receipts that can give back in this kind only go first, so that the others keep their choice."""
        return len({each.tender.kind for each in paid if each.sale_id == source.sale_id and each.left_minor > 0})

    same_kind = sorted((source for source in paid if source.tender.kind == tender.kind), key=other_ways)
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


def freed_refunds(document: SaleCompleted, originals: Mapping[UUID, Original]) -> list[RefundClaim]:
    """Everything that a voided document had claimed, to the last minor unit: it may be claimed again."""
    paid = {
        (sale_id, tender.tender_id): tender.amount_minor
        for sale_id, original in originals.items()
        for tender in paying_tenders(original.document)
    }
    return [
        RefundClaim(each.sale_id, each.tender_id, each.kind, paid[each.sale_id, each.tender_id], each.amount_minor)
        for each in document.tender_claims
    ]
