"""The receipt: a document and its store, put into the words of a language. Pure: the same facts, the same receipt.

Amounts are given twice, in minor units for programs and as text for people. Renderers lay the texts out and decide
nothing: what is printed, mailed and shown on a telephone says the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from uuid import UUID

from babel import Locale, UnknownLocaleError
from babel.dates import format_datetime
from babel.numbers import format_decimal, get_decimal_symbol

from libs.contracts.identity import StoreChanged
from libs.contracts.sales import AdjustmentFacts, LineFacts, SaleCompleted, TaxFacts, TenderFacts
from libs.money import Money, Quantity, currency
from services.sales.domain.numbering import receipt_code
from services.sales.domain.receipt_labels import LABELS, Labels, Language, language_for


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
class Receipt:
    """A receipt in one language. `copy_number` is None for the receipt itself and counts its copies from 1."""

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
    taxes: tuple[ReceiptTax, ...]
    tax_label: str
    net_label: str
    tax_note: str
    references: tuple[str, ...]
    footer: tuple[str, ...]


class _Writer:
    """Writes amounts, quantities and times as the language and country do."""

    def __init__(self, language: Language, country: str, currency_code: str) -> None:
        self.labels: Labels = LABELS[language]
        self.currency = currency_code
        self.locale = _locale(language, country)
        digits = currency(currency_code).digits
        self._pattern = "#,##0" + ("." + "0" * digits if digits else "")

    def amount(self, amount_minor: int) -> str:
        """Without the currency, as in a column of a receipt."""
        value = Money(amount_minor, self.currency).decimal()
        return format_decimal(value, format=self._pattern, locale=self.locale)

    def money(self, amount_minor: int, code: str | None = None) -> str:
        """With the currency."""
        return Money(amount_minor, code or self.currency).format(str(self.locale).replace("_", "-"))

    def labelled(self, label: str, amount_minor: int, note: str = "") -> ReceiptAmount:
        return ReceiptAmount(label, amount_minor, self.amount(amount_minor), note)

    def number(self, value: Decimal) -> str:
        return format_decimal(value, format="#,##0.###", locale=self.locale)

    def rate(self, ppm: int) -> str:
        return f"{self.number(Decimal(ppm).scaleb(-4))}\N{NO-BREAK SPACE}%"

    def plain_decimal(self, text: str) -> str:
        """A text made elsewhere with decimal points, such as '7.5 %'."""
        return text.replace(".", get_decimal_symbol(self.locale))

    def time(self, moment: datetime) -> str:
        return format_datetime(moment, "medium", tzinfo=moment.tzinfo, locale=self.locale)


@lru_cache(maxsize=64)
def _locale(language: Language, country: str) -> Locale:
    try:
        return Locale.parse(f"{language}_{country.upper()}")
    except (UnknownLocaleError, ValueError):
        return Locale.parse(language)


def make_receipt(
    document: SaleCompleted,
    store: StoreChanged,
    *,
    language: str | None = None,
    copy_number: int | None = None,
    voided: bool = False,
) -> Receipt:
    """The receipt of `document`, in `language` if it is one receipts are printed in, else in the store's.

    `copy_number` marks a copy, `voided` a document that was voided since.
    """
    chosen = language_for(language, store.language)
    writer = _Writer(chosen, store.country, document.currency)
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
        taxes=tuple(_tax(tax, writer) for tax in document.taxes),
        tax_label=labels.tax,
        net_label=labels.net,
        tax_note=labels.tax_included if document.tax_mode == "inclusive" else labels.tax_added,
        references=_references(document, labels),
        footer=(*_text_lines(store.receipt_footer or labels.thanks), labels.keep),
    )


def _header(
    document: SaleCompleted, store: StoreChanged, writer: _Writer, copy_number: int | None, voided: bool
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


def _line(line: LineFacts, writer: _Writer) -> ReceiptLine:
    labels = writer.labels
    unit = labels.units.get(line.unit, line.unit)
    quantity = Quantity(line.quantity_milli)
    shown = writer.number(abs(quantity.decimal())) if quantity.is_whole else _three_digits(quantity, writer)
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
        quantity_text=f"{shown} {unit}",
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


def _three_digits(quantity: Quantity, writer: _Writer) -> str:
    return format_decimal(abs(quantity.decimal()), format="#,##0.000", locale=writer.locale)


def _discount(adjustment: AdjustmentFacts, writer: _Writer) -> ReceiptAmount:
    label = writer.labels.discounts.get(adjustment.kind)
    if label is None:
        return writer.labelled(adjustment.name, adjustment.amount_minor)
    percent = f" {writer.plain_decimal(adjustment.text)}" if adjustment.text.endswith("%") else ""
    # Pricing names a discount given without a reason itself, in English: the label says that already.
    given_reason = adjustment.name if adjustment.name not in ("Discount", "Basket discount") else ""
    return writer.labelled(label + percent, adjustment.amount_minor, given_reason)


def _sums(document: SaleCompleted, writer: _Writer) -> tuple[ReceiptAmount, ...]:
    """What leads to the total: only shown when there is more than one step to it."""
    sums = []
    if document.discount_minor:
        sums.append(writer.labelled(writer.labels.subtotal, document.gross_minor))
        sums.append(writer.labelled(writer.labels.discounts_total, document.discount_minor))
    if document.tax_mode == "exclusive":
        if not sums:
            sums.append(writer.labelled(writer.labels.subtotal, document.gross_minor))
        sums += [writer.labelled(f"{tax.name} {writer.rate(tax.rate_ppm)}", tax.tax_minor) for tax in document.taxes]
    return tuple(sums)


def _saved(document: SaleCompleted) -> int:
    """What discounts saved on the goods that were bought."""
    return sum(line.gross_minor - line.net_minor for line in document.lines if line.quantity_milli > 0)


def _payments(document: SaleCompleted, writer: _Writer) -> tuple[ReceiptAmount, ...]:
    """What follows the total: its rounding if there is one, then the tenders and change that add up to both."""
    payments = []
    if document.rounding_minor:
        payments.append(writer.labelled(writer.labels.rounding, document.rounding_minor))
    for tender in document.tenders:
        payments += _tender(tender, writer)
    return tuple(payments)


def _tender(tender: TenderFacts, writer: _Writer) -> list[ReceiptAmount]:
    labels = writer.labels
    name = labels.tenders.get(tender.kind, tender.kind)
    note = tender.reference or ""
    if tender.given_minor is None:
        refund = tender.amount_minor < 0
        label = f"{labels.given_back}: {name}" if refund else name
        return [writer.labelled(label, tender.amount_minor, note)]
    if tender.given_minor < 0:
        name = f"{labels.given_back}: {name}"
    if tender.foreign_currency is not None and tender.foreign_minor is not None:
        rate = writer.plain_decimal(tender.exchange_rate or "")
        foreign = writer.money(tender.foreign_minor, tender.foreign_currency)
        note = f"{foreign} · {labels.exchange_rate} {rate}"
    rows = [writer.labelled(name, tender.given_minor, note)]
    if tender.change_minor:
        rows.append(writer.labelled(labels.change, -tender.change_minor))
    return rows


def _tax(tax: TaxFacts, writer: _Writer) -> ReceiptTax:
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
