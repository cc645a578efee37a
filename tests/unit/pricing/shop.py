"""A small shop to price in: products, baskets and price books with as few words as a test needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from libs.money import Quantity, Unit
from libs.pricing import (
    Basket,
    BasketLine,
    PriceBook,
    PricedProduct,
    PriceEntry,
    ProductKind,
    ProductSelector,
    Promotion,
    TaxCategory,
    TaxMode,
    TaxPolicy,
    TaxRate,
    TaxRounding,
)

WARSAW = ZoneInfo("Europe/Warsaw")
FRIDAY_NOON = datetime(2026, 5, 29, 12, 0, tzinfo=WARSAW)
INCLUSIVE = TaxPolicy(TaxMode.INCLUSIVE, TaxRounding.PER_LINE)
EXCLUSIVE = TaxPolicy(TaxMode.EXCLUSIVE, TaxRounding.PER_LINE)
UNTAXED = TaxCategory("none", "Not taxed")
STANDARD = TaxCategory("standard", "Standard", (TaxRate("vat", "VAT", 210_000),))
REDUCED = TaxCategory("reduced", "Reduced", (TaxRate("vat", "VAT", 50_000),))
MONGOLIA = TaxCategory(
    "mongolia", "VAT and city tax", (TaxRate("vat", "VAT", 100_000), TaxRate("city", "City tax", 20_000))
)


def product(
    product_id: str = "apple", price_minor: int | tuple[PriceEntry, ...] = 1000, tax: str = "none", **changes: Any
) -> PricedProduct:
    """A piece of goods in the category 'food' at one price, or at the entries given."""
    prices = price_minor if isinstance(price_minor, tuple) else (PriceEntry("retail", price_minor),)
    made = PricedProduct(product_id, product_id.title(), frozenset({"food"}), Unit.PIECE, tax, prices)
    return replace(made, **changes)


def gift_card(value_minor: int) -> PricedProduct:
    return product("gift-card", value_minor, "", kind=ProductKind.GIFT_CARD)


def line(of: PricedProduct, quantity: int | str = 1, line_id: str | None = None, **changes: Any) -> BasketLine:
    return BasketLine(line_id or of.product_id, of, Quantity.of(quantity), **changes)


def basket(*lines: BasketLine, policy: TaxPolicy = INCLUSIVE, currency: str = "EUR", **changes: Any) -> Basket:
    changes = {"at": FRIDAY_NOON, "business_date": date(2026, 5, 29), "store_id": "store-1", **changes}
    return Basket(currency=currency, lines=lines, tax_policy=policy, **changes)


def book(*promotions: Promotion) -> PriceBook:
    return PriceBook.compile(promotions, [UNTAXED, STANDARD, REDUCED, MONGOLIA])


def these(*product_ids: str) -> ProductSelector:
    return ProductSelector(product_ids=frozenset(product_ids))


def quantities(wanted: Mapping[str, int | str] | Iterable[tuple[str, int | str]]) -> dict[str, Quantity]:
    return {line_id: Quantity.of(quantity) for line_id, quantity in dict(wanted).items()}
