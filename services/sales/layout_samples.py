"""Documents of every kind, made up, on which a layout is tried before it is accepted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal
from uuid import UUID

from libs.contracts.identity import StoreChanged
from libs.contracts.sales import AdjustmentFacts, LineFacts, SaleCompleted, TaxFacts, TenderFacts
from services.sales.domain.print_sections import Printable
from services.sales.domain.receipt import Receipt, make_receipt
from services.sales.domain.receipt_labels import Language
from services.sales.domain.receipt_print import printable_gift_receipt, printable_receipt
from services.sales.domain.report_print import printable_report
from services.sales.domain.reports import DrawerCash, ShiftReport, Tally, TaxTally
from services.sales.domain.slip import SlipCause, TenderSlips
from services.sales.layout_templates import LayoutKind

_ID = UUID("0199a000-0000-7000-8000-000000000001")
_AT = datetime(2026, 3, 2, 15, 4, 5, tzinfo=UTC)
_STORE = StoreChanged(
    store_id=_ID,
    code="S1",
    name="Sample Store",
    country="PL",
    currency="PLN",
    time_zone="Europe/Warsaw",
    language="en",
    tax_mode="inclusive",
    tax_rounding="per_line",
    cash_rounding_minor=5,
    price_list=None,
    tax_number="5260250995",
    address_lines=("Long Street 7",),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """A made-up document: what it is called in a refusal, what can be printed of it, and a layout's values."""

    name: str
    printable: Printable
    values: dict[str, Any]


def receipt_values(receipt: Receipt) -> dict[str, Any]:
    """The values of a receipt's layout."""
    return {"receipt": receipt}


def gift_values(receipt: Receipt) -> dict[str, Any]:
    """The values of a gift receipt's layout: nothing that has a price in it."""
    return {"header": receipt.header, "receipt_code": receipt.receipt_code}


def report_values(report: ShiftReport) -> dict[str, Any]:
    """The values of a report's layout."""
    return {"report": report}


def samples(kind: LayoutKind, language: Language) -> Iterator[Sample]:
    """Documents of every kind that the layout is for."""
    if kind == "receipt":
        yield from _receipts(language)
    elif kind == "gift_receipt":
        receipt = _receipt("sale", language)
        yield Sample("a gift receipt", printable_gift_receipt(receipt, None), gift_values(receipt))
    else:
        for full in (True, False):
            report = _report("x" if kind == "x_report" else "z", full=full)
            name = "the report of a busy shift" if full else "the report of a shift without documents"
            yield Sample(name, printable_report(report, language), report_values(report))


def _receipts(language: Language) -> Iterator[Sample]:
    named = {
        "a sale": _receipt("sale", language),
        "a sale without cash or taxes": _receipt("sale", language, plain=True),
        "a sale paid by card with a tip, cash-back and a slip": _card_receipt(language),
        "a return": _receipt("return", language),
        "an exchange": _receipt("exchange", language),
        "a void": _receipt("void", language),
        "a copy of a voided sale": _receipt("sale", language, copy_number=1, voided=True),
    }
    for name, receipt in named.items():
        yield Sample(name, printable_receipt(receipt, None), receipt_values(receipt))


def _receipt(
    kind: str, language: Language, *, plain: bool = False, copy_number: int | None = None, voided: bool = False
) -> Receipt:
    document = _document(kind, plain=plain)
    return make_receipt(document, _STORE, language=language, copy_number=copy_number, voided=voided)


def _card_receipt(language: Language) -> Receipt:
    document = _document("sale", plain=True)
    card = document.tenders[0].model_copy(
        update={
            "tip_minor": 200,
            "cash_back_minor": 5_000,
            "instalments": 3,
            "scheme": "visa",
            "masked_number": "476173******0119",
            "approval_code": "4711",
        }
    )
    slips = TenderSlips(
        tender_id=card.tender_id,
        cause=SlipCause.AUTHORIZED,
        sale_id=document.sale_id,
        customer=("PURCHASE      64.98 PLN", "VISA      ************0119", "", "APPROVED"),
        merchant=(),
        signature_required=False,
        came_at=_AT,
    )
    return make_receipt(document.model_copy(update={"tenders": (card,)}), _STORE, language=language, slips=[slips])


def _document(kind: str, *, plain: bool) -> SaleCompleted:
    sign = -1 if kind in ("return", "void") else 1
    lines = [_line(sign, discount_minor=0 if plain else -100)]
    if kind == "exchange":
        lines.append(_line(-1, discount_minor=0))
    total_minor = sum(line.total_minor for line in lines)
    taxes = () if plain else (_tax(total_minor),)
    tenders = (_tender("card", total_minor) if plain else _cash(total_minor),)
    return SaleCompleted(
        sale_id=_ID,
        kind=kind,
        store_id=_ID,
        till_id=_ID,
        till_code="01",
        shift_id=_ID,
        number=4812,
        receipt_code="0123456789ABCDEFGHJKMNPQRS",
        staff_id=_ID,
        staff_name="Anna Sample",
        business_date=date(2026, 3, 2),
        completed_at=_AT,
        currency="PLN",
        tax_mode="inclusive",
        tax_rounding="per_line",
        lines=tuple(lines),
        taxes=taxes,
        tenders=tenders,
        gross_minor=sum(line.gross_minor for line in lines),
        discount_minor=sum(line.net_minor - line.gross_minor for line in lines),
        tax_minor=sum(tax.tax_minor for tax in taxes),
        total_minor=total_minor,
        rounding_minor=0,
        voids_sale_id=_ID if kind == "void" else None,
    )


def _line(sign: int, *, discount_minor: int) -> LineFacts:
    gross_minor = sign * 1_298
    net_minor = gross_minor + sign * discount_minor
    discount = AdjustmentFacts(
        kind="line_amount",
        source_id="hand",
        name="Dented",
        amount_minor=sign * discount_minor,
        text="",
        return_policy="",
        application="",
        quantity_milli=sign * 2_000,
        sets=0,
    )
    return LineFacts(
        line_id=_ID,
        product_id=_ID,
        product_code="tea",
        name="Tea of a long and storied name",
        kind="goods",
        unit="piece",
        quantity_milli=sign * 2_000,
        unit_price_minor=649,
        list_price_minor=649,
        gross_minor=gross_minor,
        adjustments=(discount,) if discount_minor else (),
        net_minor=net_minor,
        taxes=(_tax(net_minor),),
        total_minor=net_minor,
        returns_sale_id=_ID if sign < 0 else None,
        returns_line_id=_ID if sign < 0 else None,
        return_reason="Too bitter" if sign < 0 else None,
    )


def _tax(total_minor: int) -> TaxFacts:
    tax_minor = total_minor * 23 // 123
    return TaxFacts(code="vat", name="VAT", rate_ppm=230_000, base_minor=total_minor - tax_minor, tax_minor=tax_minor)


def _cash(total_minor: int) -> TenderFacts:
    given_minor = 2_000 if total_minor > 0 else total_minor
    return TenderFacts(
        tender_id=_ID,
        kind="cash",
        amount_minor=total_minor,
        given_minor=given_minor,
        change_minor=given_minor - total_minor,
    )


def _tender(kind: str, amount_minor: int) -> TenderFacts:
    return TenderFacts(tender_id=_ID, kind=kind, amount_minor=amount_minor, reference="4711")


def _report(kind: Literal["x", "z"], *, full: bool) -> ShiftReport:
    closed = kind == "z"
    amount_minor, count = (1_198, 1) if full else (0, 0)
    expected_minor = 15_000 if full else 20_000
    cash = DrawerCash(
        currency="PLN",
        expected_minor=expected_minor,
        counted_minor=expected_minor - 198 if closed else None,
        variance_minor=-198 if closed else None,
        denominations=() if closed else None,
    )
    return ShiftReport(
        kind=kind,
        z_number=7 if closed else None,
        shift_id=_ID,
        store_id=_ID,
        store_code="S1",
        store_name=_STORE.name,
        till_id=_ID,
        till_code="01",
        staff_id=_ID,
        staff_name="Anna Sample",
        closed_by=_ID if closed else None,
        closed_by_name="Anna Sample" if closed else None,
        currency="PLN",
        language="en",
        time_zone="Europe/Warsaw",
        business_date=date(2026, 3, 2),
        opened_at=_AT,
        made_at=_AT,
        first_number=4812 if full else None,
        last_number=4812 if full else None,
        document_count=count,
        documents=tuple(
            Tally(kind=one, count=count if one == "sale" else 0, amount_minor=amount_minor if one == "sale" else 0)
            for one in ("sale", "return", "exchange", "void")
        ),
        total_minor=amount_minor,
        lines=(
            Tally(kind="sold", count=count, amount_minor=amount_minor),
            Tally(kind="returned", count=0, amount_minor=0),
        ),
        gross_minor=amount_minor,
        discounts=(),
        discount_minor=0,
        taxes=(TaxTally(code="vat", rate_ppm=230_000, base_minor=974, tax_minor=224),) if full else (),
        tax_minor=224 if full else 0,
        tenders=(Tally(kind="card", count=count, amount_minor=amount_minor),) if full else (),
        tendered_minor=amount_minor,
        rounding_minor=0,
        tips=(Tally(kind="card", count=count, amount_minor=200),) if full else (),
        tip_minor=200 if full else 0,
        cash_backs=(Tally(kind="card", count=count, amount_minor=5_000),) if full else (),
        cash_back_minor=5_000 if full else 0,
        charged=(Tally(kind="card", count=count, amount_minor=6_398),) if full else (),
        voided=(),
        drawer=tuple(
            Tally(kind=one, count=1 if one == "float" else 0, amount_minor=20_000 if one == "float" else 0)
            for one in ("float", "cash_in", "cash_out", "no_sale")
        ),
        cash=cash,
        foreign=(DrawerCash(currency="EUR", expected_minor=500),) if full else (),
    )
