"""Finished documents for tests, priced by the real price engine: nothing in them is made up by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

from libs.contracts.identity import StoreChanged
from libs.contracts.sales import LineFacts, SaleCompleted
from libs.money import Quantity, Unit
from libs.pricing import (
    Basket,
    BasketLine,
    PriceBook,
    PricedLine,
    PricedProduct,
    PriceEntry,
    ProductKind,
    Promotion,
    TaxCategory,
    TaxMode,
    TaxPolicy,
    TaxRate,
    TaxRounding,
    freeze_sale,
    price_basket,
)
from services.sales.domain.completion import DocumentDraft, Seller, document_of, kind_of, tender_facts
from services.sales.domain.frozen_line import freeze_line
from services.sales.domain.tender import Tender, TenderKind, TenderState
from services.sales.domain.tender_rules import cash_tender

VAT_23 = TaxCategory("standard", "Standard", (TaxRate("vat", "VAT", 230_000),))
VAT_8 = TaxCategory("reduced", "Reduced", (TaxRate("vat", "VAT", 80_000),))
MONGOLIAN = TaxCategory("mn", "Mongolia", (TaxRate("vat", "НӨАТ", 100_000), TaxRate("city", "НХАТ", 20_000)))
CATEGORIES = (VAT_23, VAT_8, MONGOLIAN)
AT = datetime(2025, 11, 19, 13, 3, 7, tzinfo=UTC)


@dataclass
class Goods:
    """A line to sell: `quantity` as text, `price_minor` per unit."""

    name: str
    price_minor: int
    quantity: str = "1"
    unit: Unit = Unit.PIECE
    tax_category: str = "standard"
    percent_discount_ppm: int = 0
    amount_discount_minor: int = 0
    discount_reason: str = ""
    kind: ProductKind = ProductKind.GOODS
    product_id: UUID = field(default_factory=uuid4)
    line_id: UUID = field(default_factory=uuid4)
    discountable: bool = True


def store(**changes: Any) -> StoreChanged:
    """A Polish shop that rounds cash to 0.05."""
    facts: dict[str, Any] = {
        "store_id": UUID("0190a000-0000-7000-8000-000000000001"),
        "code": "S1",
        "name": "Corner Grocery",
        "country": "PL",
        "currency": "PLN",
        "time_zone": "Europe/Warsaw",
        "language": "pl",
        "tax_mode": "inclusive",
        "tax_rounding": "per_line",
        "cash_rounding_minor": 5,
        "price_list": None,
        "tax_number": "5260250995",
        "address_lines": ("ul. Długa 7", "00-238 Warszawa"),
        "receipt_footer": None,
    }
    return StoreChanged(**{**facts, **changes})


def priced_lines(
    goods: Sequence[Goods],
    shop: StoreChanged,
    promotions: Sequence[Promotion] = (),
    *,
    percent_discount_ppm: int = 0,
    amount_discount_minor: int = 0,
) -> list[PricedLine]:
    """The goods, priced as the service does it."""
    basket = basket_of(
        goods, shop, percent_discount_ppm=percent_discount_ppm, amount_discount_minor=amount_discount_minor
    )
    return list(price_basket(basket, PriceBook.compile(promotions, CATEGORIES)).lines)


def return_terms(goods: Sequence[Goods], shop: StoreChanged, promotions: Sequence[Promotion]) -> dict[str, Any]:
    """What the service keeps of a sale with a promotion that wants kept goods priced again."""
    basket, book = basket_of(goods, shop), PriceBook.compile(promotions, CATEGORIES)
    return freeze_sale(basket, price_basket(basket, book), book)


def basket_of(
    goods: Sequence[Goods], shop: StoreChanged, *, percent_discount_ppm: int = 0, amount_discount_minor: int = 0
) -> Basket:
    """The goods as pricing takes them."""
    return Basket(
        currency=shop.currency,
        store_id=str(shop.store_id),
        lines=tuple(
            BasketLine(
                str(each.line_id),
                PricedProduct(
                    str(each.product_id),
                    each.name,
                    frozenset(),
                    each.unit,
                    each.tax_category,
                    (PriceEntry("standard", each.price_minor),),
                    kind=each.kind,
                    discountable=each.discountable,
                ),
                Quantity.of(each.quantity),
                percent_discount_ppm=each.percent_discount_ppm,
                percent_discount_reason=each.discount_reason,
                amount_discount_minor=each.amount_discount_minor,
                amount_discount_reason=each.discount_reason,
            )
            for each in goods
        ),
        at=AT,
        business_date=date(2025, 11, 19),
        tax_policy=TaxPolicy(TaxMode(shop.tax_mode), TaxRounding(shop.tax_rounding), shop.cash_rounding_minor),
        percent_discount_ppm=percent_discount_ppm,
        amount_discount_minor=amount_discount_minor,
    )


def frozen_lines(goods: Sequence[Goods], priced: Sequence[PricedLine]) -> tuple[LineFacts, ...]:
    """The priced goods as a document keeps them."""
    return tuple(
        freeze_line(
            line,
            product_id=each.product_id,
            product_code=each.name.lower().replace(" ", "-"),
            name=each.name,
            unit=each.unit.value,
        )
        for each, line in zip(goods, priced, strict=True)
    )


def document(
    lines: Sequence[LineFacts],
    shop: StoreChanged,
    tenders: Sequence[Tender] | None = None,
    **changes: Any,
) -> SaleCompleted:
    """A document of these lines; without `tenders` it is paid in cash, exactly."""
    total_minor = sum(line.total_minor for line in lines)
    if tenders is None:
        due = cash_tender(uuid4(), total_minor, 10**9 if total_minor > 0 else total_minor, 1)
        tenders = [cash_tender(due.tender_id, total_minor, total_minor, 1)] if total_minor else []
    draft = DocumentDraft(
        sale_id=changes.pop("sale_id", None) or uuid4(),
        kind=kind_of(lines),
        seller=Seller(
            store_id=shop.store_id,
            till_id=UUID("0190a000-0000-7000-8000-000000000007"),
            till_code="7",
            shift_id=UUID("0190a000-0000-7000-8000-000000000070"),
            staff_id=UUID("0190a000-0000-7000-8000-000000000700"),
            staff_name="Anna",
            business_date=date(2025, 11, 19),
            currency=shop.currency,
            tax_mode=shop.tax_mode,
            tax_rounding=shop.tax_rounding,
        ),
        lines=tuple(lines),
        tenders=tuple(tender_facts(tender) for tender in tenders),
        rounding_minor=sum(tender.rounding_minor for tender in tenders),
        request_hash=b"",
    )
    completed = document_of(draft, changes.pop("number", 4812), AT.astimezone(_zone(shop)))
    return completed.model_copy(update=changes)


def seller_of(completed: SaleCompleted) -> Seller:
    """Whoever made a document makes another."""
    return Seller(
        store_id=completed.store_id,
        till_id=completed.till_id,
        till_code=completed.till_code,
        shift_id=completed.shift_id,
        staff_id=completed.staff_id,
        staff_name=completed.staff_name,
        business_date=completed.business_date,
        currency=completed.currency,
        tax_mode=completed.tax_mode,
        tax_rounding=completed.tax_rounding,
    )


def _zone(shop: StoreChanged) -> Any:
    from zoneinfo import ZoneInfo

    return ZoneInfo(shop.time_zone)


def sale(
    goods: Sequence[Goods], shop: StoreChanged, promotions: Sequence[Promotion] = (), **changes: Any
) -> SaleCompleted:
    """A sale of these goods."""
    return document(frozen_lines(goods, priced_lines(goods, shop, promotions)), shop, **changes)


def card(amount_minor: int, **changes: Any) -> Tender:
    """An authorised card tender."""
    return Tender(uuid4(), TenderKind.CARD, TenderState.AUTHORIZED, amount_minor=amount_minor, **changes)


def cash(due_minor: int, given_minor: int, increment_minor: int = 5) -> Tender:
    """Cash against what is due."""
    return cash_tender(uuid4(), due_minor, given_minor, increment_minor)
