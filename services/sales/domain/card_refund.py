"""Which card a refund goes back to, when the till does not say (retail rule 9)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from libs.contracts.refusal import Conflict
from libs.contracts.sales import LineFacts
from services.sales.domain.refunds import (
    RefundableTender,
    RefundClaim,
    RefundElsewhere,
    refund_over_paid,
    refundable_tenders,
)
from services.sales.domain.returning import Original
from services.sales.domain.tender import Tender, TenderKind


class OriginalTenderNeeded(Conflict):
    """Several cards paid for the goods that come back; `tenders` lists them with what is left of each."""

    type = "original-tender-needed"


@dataclass(frozen=True, slots=True)
class _Card:
    """A card that paid for goods that come back, by its tender, and the sale it is first found in."""

    sale_id: UUID
    tender: RefundableTender


def card_to_refund(
    refund_minor: int, lines: Sequence[LineFacts], originals: Mapping[UUID, Original], tenders: Iterable[Tender]
) -> UUID | None:
    """The card tender that gives back `refund_minor` (positive) of the goods that `lines` bring back.

    None where nothing comes back by its receipt. `tenders` are the basket's own: what they give back already is not
    left. Raises OriginalTenderNeeded where several cards have something left, RefundOverPaid where the one that has
    not so much left, RefundElsewhere where no card paid.
    """
    if not originals:
        return None
    cards = _cards(lines, originals, tenders)
    if not cards:
        raise RefundElsewhere(
            "No card paid for the goods that come back. Give the money back in the way it came.", field="kind"
        )
    left = [card for card in cards if card.tender.left_minor > 0]
    if len(left) > 1:
        raise OriginalTenderNeeded(
            f"Several cards paid for these goods. Name one of them in original_tender_id: {_listed(left)}.",
            field="original_tender_id",
            tenders=[_told(card) for card in left],
        )
    chosen = (left or cards)[0]
    if refund_minor > chosen.tender.left_minor:
        tender = chosen.tender
        claim = RefundClaim(chosen.sale_id, tender.tender_id, tender.kind, tender.paid_minor, refund_minor)
        raise refund_over_paid(claim, already_minor=tender.paid_minor - tender.left_minor)
    return chosen.tender.tender_id


def _cards(lines: Sequence[LineFacts], originals: Mapping[UUID, Original], tenders: Iterable[Tender]) -> list[_Card]:
    """The cards, each once: in a chain of exchanges one tender may have paid for several documents.

    No more is left of a card than what comes back now of the documents that it paid.
    """
    on_their_way: dict[UUID, int] = {}
    for tender in tenders:
        if tender.original_tender_id is not None and (tender.counts or tender.undecided):
            going = on_their_way.get(tender.original_tender_id, 0)
            on_their_way[tender.original_tender_id] = going - tender.amount_minor
    found: dict[UUID, _Card] = {}
    for sale_id, original in originals.items():
        returned_minor = -sum(line.total_minor for line in lines if line.returns_sale_id == sale_id)
        for paid in refundable_tenders(original, ()):
            if paid.kind != TenderKind.CARD:
                continue
            left_minor = min(paid.left_minor, returned_minor)
            if paid.tender_id not in found:
                left_minor -= on_their_way.get(paid.tender_id, 0)
                found[paid.tender_id] = _Card(sale_id, replace(paid, left_minor=left_minor))
                continue
            earlier = found[paid.tender_id]
            more = replace(
                earlier.tender,
                paid_minor=earlier.tender.paid_minor + paid.paid_minor,
                left_minor=earlier.tender.left_minor + left_minor,
            )
            found[paid.tender_id] = replace(earlier, tender=more)
    return list(found.values())


def _told(card: _Card) -> dict[str, object]:
    tender = card.tender
    return {
        "tender_id": str(tender.tender_id),
        "sale_id": str(card.sale_id),
        "scheme": tender.scheme,
        "masked_number": tender.masked_number,
        "reference": tender.reference,
        "left_minor": tender.left_minor,
    }


def _listed(cards: Sequence[_Card]) -> str:
    return ", ".join(
        f"{_name(card.tender)} with {card.tender.left_minor} minor units left ({card.tender.tender_id})"
        for card in cards
    )


def _name(tender: RefundableTender) -> str:
    known = " ".join(each for each in (tender.scheme, tender.masked_number) if each)
    return known or (f"the card of approval {tender.reference}" if tender.reference else "a card")
