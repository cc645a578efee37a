"""Baskets, stores and products made up for tests of the domain."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from libs.contracts.identity import StoreChanged
from libs.contracts.sales import LineFacts
from libs.money import Quantity
from libs.pricing import PriceBook, TaxCategory, TaxRate
from services.sales.domain.basket import Basket, BasketLine
from services.sales.domain.priced_contents import PricedContents, price_lines
from services.sales.domain.product import Product

NOON = datetime(2025, 11, 19, 12, 0, tzinfo=UTC)
BOOK = PriceBook.compile(
    [],
    [
        TaxCategory("standard", "Standard", (TaxRate("VAT", "VAT", 230_000),)),
        TaxCategory("reduced", "Reduced", (TaxRate("VAT", "VAT", 80_000),)),
    ],
)
STORE = StoreChanged(
    store_id=uuid4(),
    code="W1",
    name="Corner Grocery",
    country="PL",
    currency="PLN",
    time_zone="Europe/Warsaw",
    language="pl",
    tax_mode="inclusive",
    tax_rounding="per_line",
    cash_rounding_minor=1,
    price_list=None,
    tax_number=None,
)


def price(amount_minor: int, **changes: Any) -> dict[str, Any]:
    """A price as stored."""
    return {
        "price_list": "standard",
        "currency": "PLN",
        "amount_minor": amount_minor,
        "minimum_quantity_milli": 0,
        **changes,
    }


def product(*prices: Mapping[str, Any], **changes: Any) -> Product:
    """A product as it is read from the tables; 10.00 PLN by the piece, but for `changes`."""
    facts = {
        "code": "P1",
        "name": "Goods",
        "names": {"pl": "Towar"},
        "category_ids": ["all"],
        "kind": "goods",
        "unit": "piece",
        "tax_category": "standard",
        "item_code": None,
        "minimum_age_years": None,
        "discountable": True,
        "active": True,
        **changes,
    }
    return Product.from_facts(uuid4(), (1, 1), facts, list(prices) or [price(1_000)])


def line(of: Product, quantity: str | int = 1, **changes: Any) -> BasketLine:
    return BasketLine(line_id=uuid4(), product_id=of.product_id, quantity=Quantity.of(quantity), **changes)


def basket(*lines: BasketLine, **changes: Any) -> Basket:
    return Basket(
        basket_id=uuid4(),
        store_id=STORE.store_id,
        till_id=UUID(int=1),
        staff_id=UUID(int=2),
        currency="PLN",
        opened_at=NOON,
        lines=lines,
        **changes,
    )


def priced(of: Basket, *products: Product, store: StoreChanged = STORE) -> PricedContents:
    return price_lines(of, {each.product_id: each for each in products}, [], store, BOOK, NOON)


def frozen(of: Basket, *products: Product) -> tuple[LineFacts, ...]:
    return priced(of, *products).frozen_lines(of)
