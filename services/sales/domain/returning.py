"""Bringing goods back: what may still come back, and at which price (retail rules 2, 6, 7 and 8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from libs.contracts.refusal import Conflict, Invalid, NotFound
from libs.contracts.sales import LineFacts, SaleCompleted
from libs.money import Quantity, divide_rounded

_TAX_MODES = {"inclusive": "with tax in the price", "exclusive": "with tax on top of the price"}


class UnknownReceipt(NotFound):
    """No document has this id or receipt code."""

    type = "unknown-receipt"


class SaleVoided(Conflict):
    """The sale was voided, so nothing of it can be brought back, nor can it be voided again."""

    type = "sale-voided"


class AlreadyReturned(Conflict):
    """More is brought back than was sold and not yet returned; `left` says how much is."""

    type = "already-returned"


class NotReturnable(Invalid):
    """The line cannot be brought back at all, or not in this way."""

    type = "not-returnable"


class ReturnedMeanwhile(Conflict):
    """Something of the same sale came back elsewhere since this return was priced, which changes its price."""

    type = "returned-meanwhile"


@dataclass(frozen=True, slots=True)
class Original:
    """A completed document and what has happened to it since.

    `returned_milli` says per line how much came back, `refunded_minor` per tender how much was given back. `terms`
    (`libs.pricing.freeze_sale`) are there when a promotion wants what is kept to be priced again.
    """

    document: SaleCompleted
    voided_by_sale_id: UUID | None = None
    returned_milli: Mapping[UUID, int] = field(default_factory=dict)
    refunded_minor: Mapping[UUID, int] = field(default_factory=dict)
    terms: Mapping[str, Any] | None = None

    def sold_line(self, line_id: UUID) -> LineFacts:
        """A line that was sold and may come back. Raises SaleVoided or NotReturnable."""
        self.demand_not_voided()
        line = self.line(line_id)
        refusal = why_not_returnable(self.document, line)
        if refusal is not None:
            raise NotReturnable(refusal, field="returns.line_id")
        return line

    def line(self, line_id: UUID) -> LineFacts:
        """The line of the document. Raises NotReturnable when it has no such line."""
        for line in self.document.lines:
            if line.line_id == line_id:
                return line
        raise NotReturnable(f"Receipt {self.document.receipt_code} has no line {line_id}.", field="returns.line_id")

    def demand_not_voided(self) -> None:
        """Raise SaleVoided if it was."""
        if self.voided_by_sale_id is not None:
            raise SaleVoided(
                f"Receipt {self.document.receipt_code} was voided; nothing of it can come back.",
                voided_by_sale_id=str(self.voided_by_sale_id),
            )

    @property
    def returned_minor(self) -> int:
        """What the goods that came back so far were paid with, in minor units of the document's currency."""
        return sum(
            divide_rounded(line.total_minor * self.returned_milli.get(line.line_id, 0), line.quantity_milli)
            for line in self.document.lines
        )

    def left(self, line: LineFacts) -> Quantity:
        """How much of a sold line may still come back."""
        return Quantity(line.quantity_milli - self.returned_milli.get(line.line_id, 0))


def why_not_returnable(document: SaleCompleted, line: LineFacts) -> str | None:
    """A sentence that says why the line can never come back, or None when it can."""
    if document.kind == "void":
        return "A void reverses a sale; nothing was sold by it."
    if line.quantity_milli <= 0:
        return f"{line.name} was brought back by this receipt, not sold."
    if line.kind == "gift_card":
        return gift_card_stays(line.name)
    return None


def gift_card_stays(name: str) -> str:
    """Why a gift card never comes back: the money on it may be spent already, and only its own ledger may give it
    back (retail rule 11).
    """
    return f"{name} is a gift card: its balance is paid out or blocked, the card is not returned."


def already_returned(name: str, unit: str, left: Quantity) -> AlreadyReturned:
    """The refusal that names how much is left."""
    sentence = f"Only {left} {unit} of {name} can still come back." if left else f"All of {name} was returned before."
    return AlreadyReturned(sentence, field="quantity", left=str(left))


@dataclass(frozen=True, slots=True)
class ReturnRequest:
    """A line of a new document that brings back `quantity` (negative) of a line sold before."""

    line_id: UUID
    product_id: UUID
    sale_id: UUID
    sold_line_id: UUID
    quantity: Quantity


def check_requests(
    requests: Sequence[ReturnRequest], originals: Mapping[UUID, Original], currency: str, tax_mode: str
) -> None:
    """Raise UnknownReceipt, SaleVoided, NotReturnable (also for another currency or tax mode), or AlreadyReturned."""
    wanted: dict[tuple[UUID, UUID], int] = {}
    for request in requests:
        original = originals.get(request.sale_id)
        if original is None:
            raise UnknownReceipt(f"No sale {request.sale_id} is known.", field="returns.sale_id")
        line = original.sold_line(request.sold_line_id)
        if original.document.currency != currency:
            raise NotReturnable(
                f"The goods were paid in {original.document.currency} and are returned where {currency} is paid.",
                field="currency",
            )
        if original.document.tax_mode != tax_mode:
            # A document has one tax mode: lines with and without tax in their price would not add up to its total.
            raise NotReturnable(
                f"The goods were sold {_TAX_MODES[original.document.tax_mode]}, and this store sells "
                f"{_TAX_MODES[tax_mode]}. Take them back in a store that prices as the receipt does.",
                field="returns.sale_id",
            )
        if request.product_id != line.product_id:
            raise NotReturnable(
                f"That line of the receipt is {line.name}, which is not what is brought back.", field="returns.line_id"
            )
        if request.quantity.milli >= 0:
            raise Invalid("The quantity of a returned line is negative.", field="quantity")
        if line.unit == "piece" and not request.quantity.is_whole and line.quantity_milli % 1000 == 0:
            raise Invalid(f"{line.name} is sold by the piece.", field="quantity")
        key = (request.sale_id, request.sold_line_id)
        wanted[key] = wanted.get(key, 0) - request.quantity.milli
        if wanted[key] > original.left(line).milli:
            raise already_returned(line.name, line.unit, original.left(line))


@dataclass(frozen=True, slots=True)
class ReturnClaim:
    """So much (`milli`, positive thousandths) of a sold line comes back; `name` and `unit` are for the refusal."""

    sale_id: UUID
    line_id: UUID
    sold_milli: int
    milli: int
    name: str
    unit: str

    def plus(self, milli: int) -> ReturnClaim:
        """The claim with more."""
        return replace(self, milli=self.milli + milli)


def over_sold(claim: ReturnClaim, *, already_milli: int) -> AlreadyReturned:
    """The refusal of a claim, when `already_milli` came back before."""
    return already_returned(claim.name, claim.unit, Quantity(claim.sold_milli - already_milli))


def return_claims(lines: Sequence[LineFacts], originals: Mapping[UUID, Original]) -> list[ReturnClaim]:
    """What the returned lines of a document claim of their originals. Raises UnknownReceipt or NotReturnable."""
    claims = []
    for line in lines:
        if line.returns_sale_id is None or line.returns_line_id is None:
            continue
        original = originals.get(line.returns_sale_id)
        if original is None:
            raise UnknownReceipt(f"No sale {line.returns_sale_id} is known.", field="returns.sale_id")
        sold = original.line(line.returns_line_id)
        claims.append(
            ReturnClaim(
                line.returns_sale_id,
                line.returns_line_id,
                sold.quantity_milli,
                -line.quantity_milli,
                sold.name,
                sold.unit,
            )
        )
    return claims
