"""From a priced and paid basket to a finished document, and from the document to the running totals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from libs.contracts.refusal import Conflict, Invalid
from libs.contracts.sales import LineFacts, SaleCompleted, TaxFacts, TenderClaim, TenderFacts
from services.sales.domain.numbering import receipt_code
from services.sales.domain.tender import Tender
from services.sales.domain.totals import Contribution


class DocumentKind(StrEnum):
    """What a document is: decided by the signs of its lines, but for a void."""

    SALE = "sale"
    RETURN = "return"
    EXCHANGE = "exchange"
    VOID = "void"


class NothingToSell(Invalid):
    """A document has at least one line."""

    type = "nothing-to-sell"


class NotCovered(Conflict):
    """The tenders do not add up to the total."""

    type = "not-covered"


class TenderUndecided(Conflict):
    """A tender's outcome is not known yet; money may still move."""

    type = "tender-undecided"


@dataclass(frozen=True, slots=True)
class DocumentTotals:
    """The sums of a document's lines."""

    gross_minor: int
    discount_minor: int
    tax_minor: int
    total_minor: int
    taxes: tuple[TaxFacts, ...]


@dataclass(frozen=True, slots=True)
class Seller:
    """Where and by whom a document is made: the open shift and what the receipt says of it."""

    store_id: UUID
    till_id: UUID
    till_code: str
    shift_id: UUID
    staff_id: UUID
    staff_name: str
    business_date: date
    currency: str
    tax_mode: str
    tax_rounding: str


@dataclass(frozen=True, slots=True)
class DocumentDraft:
    """Everything of a document but its number and time. `sequence` is what its aggregate's event will carry."""

    sale_id: UUID
    kind: DocumentKind
    seller: Seller
    lines: tuple[LineFacts, ...]
    tenders: tuple[TenderFacts, ...]
    rounding_minor: int
    request_hash: bytes
    sequence: int = 1
    customer_id: UUID | None = None
    approved_by: UUID | None = None
    voids_sale_id: UUID | None = None
    note: str | None = None
    carried_tenders: tuple[TenderFacts, ...] = ()
    tender_claims: tuple[TenderClaim, ...] = ()


def kind_of(lines: Sequence[LineFacts]) -> DocumentKind:
    """Sale, return or exchange by the signs of the lines (retail rule 10). Raises NothingToSell."""
    if not lines:
        raise NothingToSell("A sale needs at least one line.", field="lines")
    returned = sum(line.quantity_milli < 0 for line in lines)
    if returned == 0:
        return DocumentKind.SALE
    return DocumentKind.RETURN if returned == len(lines) else DocumentKind.EXCHANGE


def totals_of(lines: Sequence[LineFacts]) -> DocumentTotals:
    """Sum the lines; taxes are summed by code and rate, in order of first appearance."""
    gross = net = total = tax_total = 0
    taxes: dict[tuple[str, int], list[int]] = {}
    names: dict[tuple[str, int], str] = {}
    for line in lines:
        gross += line.gross_minor
        net += line.net_minor
        total += line.total_minor
        for tax in line.taxes:
            key = (tax.code, tax.rate_ppm)
            sums = taxes.setdefault(key, [0, 0])
            names.setdefault(key, tax.name)
            sums[0] += tax.base_minor
            sums[1] += tax.tax_minor
            tax_total += tax.tax_minor
    return DocumentTotals(
        gross_minor=gross,
        discount_minor=net - gross,
        tax_minor=tax_total,
        total_minor=total,
        taxes=tuple(
            TaxFacts(code=code, name=names[code, rate], rate_ppm=rate, base_minor=sums[0], tax_minor=sums[1])
            for (code, rate), sums in taxes.items()
        ),
    )


def check_covered(total_minor: int, tenders: Sequence[Tender]) -> tuple[Tender, ...]:
    """The tenders that pay the document. Raises TenderUndecided or NotCovered with what is due."""
    for tender in tenders:
        if tender.undecided:
            raise TenderUndecided(
                f"The {tender.kind.replace('_', ' ')} tender is {tender.state}: wait for its outcome, or resolve it.",
                tender_id=str(tender.tender_id),
            )
    counting = tuple(tender for tender in tenders if tender.counts)
    due = total_minor - sum(tender.amount_minor for tender in counting)
    if due:
        verb = "due" if due > 0 else "to be given back"
        raise NotCovered(f"{abs(due)} minor units are still {verb}.", field="tenders", due_minor=due)
    return counting


def tender_facts(tender: Tender) -> TenderFacts:
    """The tender as the document publishes it."""
    return TenderFacts(
        tender_id=tender.tender_id,
        kind=tender.kind.value,
        amount_minor=tender.amount_minor,
        given_minor=tender.given_minor,
        change_minor=tender.change_minor if tender.given_minor is not None else None,
        foreign_currency=tender.foreign_currency,
        foreign_minor=tender.foreign_minor,
        exchange_rate=tender.exchange_rate,
        reference=tender.reference,
        original_tender_id=tender.original_tender_id,
        tip_minor=tender.tip_minor,
        cash_back_minor=tender.cash_back_minor,
        instalments=tender.instalments,
        scheme=tender.scheme,
        masked_number=tender.masked_number,
        approval_code=tender.approval_code,
    )


def document_of(draft: DocumentDraft, number: int, completed_at: datetime) -> SaleCompleted:
    """The finished document. `completed_at` carries the store's offset."""
    seller = draft.seller
    totals = totals_of(draft.lines)
    return SaleCompleted(
        sale_id=draft.sale_id,
        kind=draft.kind.value,
        store_id=seller.store_id,
        till_id=seller.till_id,
        till_code=seller.till_code,
        shift_id=seller.shift_id,
        number=number,
        receipt_code=receipt_code(draft.sale_id),
        staff_id=seller.staff_id,
        staff_name=seller.staff_name,
        approved_by=draft.approved_by,
        customer_id=draft.customer_id,
        business_date=seller.business_date,
        completed_at=completed_at,
        currency=seller.currency,
        tax_mode=seller.tax_mode,
        tax_rounding=seller.tax_rounding,
        lines=draft.lines,
        taxes=totals.taxes,
        tenders=draft.tenders,
        gross_minor=totals.gross_minor,
        discount_minor=totals.discount_minor,
        tax_minor=totals.tax_minor,
        total_minor=totals.total_minor,
        rounding_minor=draft.rounding_minor,
        voids_sale_id=draft.voids_sale_id,
        note=draft.note,
        carried_tenders=draft.carried_tenders,
        tender_claims=draft.tender_claims,
    )


def contributions_of(document: SaleCompleted) -> list[Contribution]:
    """What the document adds to its shift's running totals; a return and a void add negative amounts."""
    sums: dict[tuple[str, str], list[int]] = {}

    def add(kind: str, key: str, amount_minor: int, second_minor: int = 0) -> None:
        entry = sums.setdefault((kind, key), [0, 0, 0])
        entry[0] += 1
        entry[1] += amount_minor
        entry[2] += second_minor

    add("documents", document.kind, document.total_minor)
    for line in document.lines:
        add("lines", "sold" if line.quantity_milli > 0 else "returned", line.gross_minor)
        for adjustment in line.adjustments:
            add("discount", adjustment.kind, adjustment.amount_minor)
    no_receipt_minor = given_without_receipt_minor(document)
    if no_receipt_minor:
        add("no_receipt", "returned", no_receipt_minor)
    for tax in document.taxes:
        add("tax", f"{tax.code}:{tax.rate_ppm}", tax.tax_minor, tax.base_minor)
    for tender in document.tenders:
        add("tender", tender.kind, tender.amount_minor)
        if tender.foreign_currency is not None:
            add("foreign", tender.foreign_currency, tender.given_minor or 0, tender.foreign_minor or 0)
        if tender.tip_minor:
            add("tip", tender.kind, tender.tip_minor)
        if tender.cash_back_minor:
            add("cash_back", tender.kind, tender.cash_back_minor)
    if document.rounding_minor:
        add("rounding", "cash", document.rounding_minor)
    return [Contribution(kind, key, *values) for (kind, key), values in sums.items()]


def given_without_receipt_minor(document: SaleCompleted) -> int:
    """What the document pays for goods that come back without receipt; below zero for the void of one that did."""
    void = document.kind == DocumentKind.VOID
    return -sum(
        line.total_minor
        for line in document.lines
        if line.returns_sale_id is None and (line.quantity_milli > 0 if void else line.quantity_milli < 0)
    )
