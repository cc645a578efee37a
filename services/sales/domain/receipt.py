"""The receipt: a document and its store, put into the words of a language. Pure: the same facts, the same receipt.

Amounts are given twice, in minor units for programs and as text for people. Renderers lay the texts out and decide
nothing: what is printed, mailed and shown on a telephone says the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.contracts.identity import StoreChanged
from libs.contracts.sales import AdjustmentFacts, LineFacts, SaleCompleted, TaxFacts, TenderFacts
from libs.money import Quantity
from services.sales.domain.numbering import receipt_code
from services.sales.domain.receipt_labels import Labels, Language, language_for
from services.sales.domain.receipt_writer import ReceiptWriter
from services.sales.domain.slip import TenderSlips


@dataclass(frozen=True, slots=True)
class ReceiptAmount:
    """A labelled amount: a discount, a tender, a part of the sum. `text` is the amount as people write it."""

    label: str
    amount_minor: int
    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """A line of goods. `returned` marks goods that came back; their amounts are negative."""

    line_id: UUID
    name: str
    quantity: str
    unit: str
    quantity_text: str
    unit_price_minor: int
    unit_price_text: str
    gross_minor: int
    gross_text: str
    discounts: tuple[ReceiptAmount, ...]
    net_minor: int
    net_text: str
    returned: bool
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReceiptTax:
    """One tax at one rate over the whole document; `net` is the amount without tax."""

    label: str
    rate_ppm: int
    net_minor: int
    net_text: str
    tax_minor: int
    tax_text: str


@dataclass(frozen=True, slots=True)
class ReceiptHeader:
    """Where, when and by whom; each entry of `facts` is a label and a text."""

    store_name: str
    address_lines: tuple[str, ...]
    tax_number: str | None
    title: str
    number_text: str
    completed_at: datetime
    completed_text: str
    till_text: str
    cashier_text: str
    marks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReceiptSlip:
    """The customer's slip of a terminal, line by line as it gave it; `marks` stand on a copy's."""

    tender_id: UUID
    title: str
    marks: tuple[str, ...]
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt in one language. `copy_number` is None for the receipt itself and counts its copies from 1.

    `payments` and the rounding add up to the total. `on_top` is what cards paid beside it: tips and cash-back.
    """

    sale_id: UUID
    kind: str
    number: int
    receipt_code: str
    language: Language
    currency: str
    copy_number: int | None
    voided: bool
    header: ReceiptHeader
    lines: tuple[ReceiptLine, ...]
    sums: tuple[ReceiptAmount, ...]
    total: ReceiptAmount
    saved: ReceiptAmount | None
    payments: tuple[ReceiptAmount, ...]
    on_top: tuple[ReceiptAmount, ...]
    taxes: tuple[ReceiptTax, ...]
    tax_label: str
    net_label: str
    tax_note: str
    references: tuple[str, ...]
    footer: tuple[str, ...]
    slips: tuple[ReceiptSlip, ...]


def make_receipt(
    document: SaleCompleted,
    store: StoreChanged,
    *,
    language: str | None = None,
    copy_number: int | None = None,
    voided: bool = False,
    slips: Sequence[TenderSlips] = (),
) -> Receipt:
    """The receipt of `document`, in `language` if it is one receipts are printed in, else in the store's.

    `copy_number` marks a copy, `voided` a document that was voided since. `slips` are those of the document's tenders,
    on a void those of the tenders that went back.
    """
    chosen = language_for(language, store.language)
    writer = ReceiptWriter(chosen, store.country, document.currency)
    labels = writer.labels
    refund = document.total_minor < 0
    total_minor = abs(document.total_minor)
    saved_minor = 0 if document.kind == "void" else _saved(document)
    return Receipt(
        sale_id=document.sale_id,
        kind=document.kind,
        number=document.number,
        receipt_code=document.receipt_code,
        language=chosen,
        currency=document.currency,
        copy_number=copy_number,
        voided=voided,
        header=_header(document, store, writer, copy_number, voided),
        lines=tuple(_line(line, writer) for line in document.lines),
        sums=_sums(document, writer),
        total=ReceiptAmount(labels.refund if refund else labels.total, document.total_minor, writer.money(total_minor)),
        saved=ReceiptAmount(labels.saved, saved_minor, writer.money(saved_minor)) if saved_minor else None,
        payments=_payments(document, writer),
        on_top=_on_top(document, writer),
        taxes=tuple(_tax(tax, writer) for tax in document.taxes),
        tax_label=labels.tax,
        net_label=labels.net,
        tax_note=labels.tax_included if document.tax_mode == "inclusive" else labels.tax_added,
        references=_references(document, labels),
        footer=(*_text_lines(store.receipt_footer or labels.thanks), labels.keep),
        slips=_slips(document, slips, labels, copy_number),
    )


def _header(
    document: SaleCompleted, store: StoreChanged, writer: ReceiptWriter, copy_number: int | None, voided: bool
) -> ReceiptHeader:
    labels = writer.labels
    marks = [f"{labels.copy} {copy_number}"] if copy_number is not None else []
    if voided:
        marks.append(labels.voided)
    return ReceiptHeader(
        store_name=store.name,
        address_lines=store.address_lines,
        tax_number=f"{labels.tax_number} {store.tax_number}" if store.tax_number else None,
        title=labels.titles[document.kind],
        number_text=f"{labels.number} {document.number}",
        completed_at=document.completed_at,
        completed_text=writer.time(document.completed_at),
        till_text=f"{labels.till} {document.till_code}",
        cashier_text=f"{labels.cashier}: {document.staff_name}",
        marks=tuple(marks),
    )


def _line(line: LineFacts, writer: ReceiptWriter) -> ReceiptLine:
    labels = writer.labels
    unit = labels.units.get(line.unit, line.unit)
    quantity = Quantity(line.quantity_milli)
    returned = line.quantity_milli < 0
    notes = []
    if returned:
        notes.append(labels.returned)
    if line.return_reason:
        notes.append(f"{labels.reason}: {line.return_reason}")
    return ReceiptLine(
        line_id=line.line_id,
        name=line.name,
        quantity=str(quantity),
        unit=line.unit,
        quantity_text=f"{writer.quantity(quantity)} {unit}",
        unit_price_minor=line.unit_price_minor,
        unit_price_text=writer.amount(line.unit_price_minor),
        gross_minor=line.gross_minor,
        gross_text=writer.amount(line.gross_minor),
        discounts=tuple(_discount(each, writer) for each in line.adjustments if each.amount_minor),
        net_minor=line.net_minor,
        net_text=writer.amount(line.net_minor),
        returned=returned,
        notes=tuple(notes),
    )


def _discount(adjustment: AdjustmentFacts, writer: ReceiptWriter) -> ReceiptAmount:
    label = writer.labels.discounts.get(adjustment.kind)
    if label is None:
        return _labelled(writer, adjustment.name, adjustment.amount_minor)
    percent = f" {writer.plain_decimal(adjustment.text)}" if adjustment.text.endswith("%") else ""
    # Pricing names a discount given without a reason itself, in English: the label says that already.
    given_reason = adjustment.name if adjustment.name not in ("Discount", "Basket discount") else ""
    return _labelled(writer, label + percent, adjustment.amount_minor, given_reason)


def _labelled(writer: ReceiptWriter, label: str, amount_minor: int, note: str = "") -> ReceiptAmount:
    return ReceiptAmount(label, amount_minor, writer.amount(amount_minor), note)


def _sums(document: SaleCompleted, writer: ReceiptWriter) -> tuple[ReceiptAmount, ...]:
    """What leads to the total: only shown when there is more than one step to it."""
    sums = []
    if document.discount_minor:
        sums.append(_labelled(writer, writer.labels.subtotal, document.gross_minor))
        sums.append(_labelled(writer, writer.labels.discounts_total, document.discount_minor))
    if document.tax_mode == "exclusive":
        if not sums:
            sums.append(_labelled(writer, writer.labels.subtotal, document.gross_minor))
        sums += [_labelled(writer, f"{tax.name} {writer.rate(tax.rate_ppm)}", tax.tax_minor) for tax in document.taxes]
    return tuple(sums)


def _saved(document: SaleCompleted) -> int:
    """What discounts saved on the goods that were bought."""
    return sum(line.gross_minor - line.net_minor for line in document.lines if line.quantity_milli > 0)


def _payments(document: SaleCompleted, writer: ReceiptWriter) -> tuple[ReceiptAmount, ...]:
    """What follows the total: its rounding if there is one, then the tenders and change that add up to both."""
    payments = []
    if document.rounding_minor:
        payments.append(_labelled(writer, writer.labels.rounding, document.rounding_minor))
    for tender in document.tenders:
        payments += _tender(tender, writer)
    return tuple(payments)


def _tender(tender: TenderFacts, writer: ReceiptWriter) -> list[ReceiptAmount]:
    labels = writer.labels
    name = labels.tenders.get(tender.kind, tender.kind)
    if tender.given_minor is None:
        refund = tender.amount_minor < 0
        label = f"{labels.given_back}: {name}" if refund else name
        return [_labelled(writer, label, tender.amount_minor, _how_paid(tender, labels))]
    note = tender.reference or ""
    if tender.given_minor < 0:
        name = f"{labels.given_back}: {name}"
    if tender.foreign_currency is not None and tender.foreign_minor is not None:
        rate = writer.plain_decimal(tender.exchange_rate or "")
        foreign = writer.money(tender.foreign_minor, tender.foreign_currency)
        note = f"{foreign} · {labels.exchange_rate} {rate}"
    rows = [_labelled(writer, name, tender.given_minor, note)]
    if tender.change_minor:
        rows.append(_labelled(writer, labels.change, -tender.change_minor))
    return rows


def _how_paid(tender: TenderFacts, labels: Labels) -> str:
    """The card, as far as it is known, the reference and the instalments."""
    parts = [card_name(tender.scheme, tender.masked_number), tender.reference or ""]
    if tender.instalments:
        parts.append(f"{labels.instalments}: {tender.instalments}")
    return " · ".join(part for part in parts if part)


def card_name(scheme: str | None, masked_number: str | None) -> str:
    """A card as people tell theirs from others: its scheme and its last four digits; no more is on a receipt."""
    digits = (masked_number or "").rpartition("*")[2].rpartition("X")[2]
    return " ".join(part for part in ((scheme or "").upper(), f"**** {digits}" if digits else "") if part)


def _on_top(document: SaleCompleted, writer: ReceiptWriter) -> tuple[ReceiptAmount, ...]:
    """What was paid beside the total, and what each card was charged for that reason, as its own slip says."""
    labels = writer.labels
    rows: list[ReceiptAmount] = []
    for tender in document.tenders:
        if not (tender.tip_minor or tender.cash_back_minor):
            continue
        if tender.tip_minor:
            rows.append(_labelled(writer, labels.tip, tender.tip_minor))
        if tender.cash_back_minor:
            rows.append(_labelled(writer, labels.cash_back, tender.cash_back_minor))
        charged_minor = tender.amount_minor + tender.tip_minor + tender.cash_back_minor
        rows.append(_labelled(writer, labels.charged, charged_minor))
    return tuple(rows)


def _slips(
    document: SaleCompleted, slips: Sequence[TenderSlips], labels: Labels, copy_number: int | None
) -> tuple[ReceiptSlip, ...]:
    kinds = {
        tender_id: each.kind for each in document.tenders for tender_id in (each.tender_id, each.original_tender_id)
    }
    return tuple(
        ReceiptSlip(
            tender_id=each.tender_id,
            title=slip_title(kinds.get(each.tender_id, "card"), labels, labels.customer_slip),
            # Each slip names itself a copy, the customer's or the shop's: printed again it is a duplicate.
            marks=() if copy_number is None else (labels.duplicate,),
            lines=each.customer,
        )
        for each in slips
        if each.customer
    )


def slip_title(kind: str, labels: Labels, side: str) -> str:
    """The heading of a slip: of which kind of tender, and whose it is."""
    return f"{labels.tenders.get(kind, kind)} · {side}"


def _tax(tax: TaxFacts, writer: ReceiptWriter) -> ReceiptTax:
    return ReceiptTax(
        label=f"{tax.name} {writer.rate(tax.rate_ppm)}",
        rate_ppm=tax.rate_ppm,
        net_minor=tax.base_minor,
        net_text=writer.amount(tax.base_minor),
        tax_minor=tax.tax_minor,
        tax_text=writer.amount(tax.tax_minor),
    )


def _references(document: SaleCompleted, labels: Labels) -> tuple[str, ...]:
    """The receipts that this one brings goods back from, or voids."""
    if document.voids_sale_id is not None:
        return (f"{labels.voids_receipt} {receipt_code(document.voids_sale_id)}",)
    sources = dict.fromkeys(line.returns_sale_id for line in document.lines if line.returns_sale_id is not None)
    return tuple(f"{labels.from_receipt} {receipt_code(source)}" for source in sources)


def _text_lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())
