"""A product as pricing sees it: by store, and never as another store saw it."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from libs.contracts.identity import StoreChanged
from services.sales.domain.product import Product

BREAD = UUID(int=1)


def bread() -> Product:
    facts: dict[str, Any] = {
        "code": "bread",
        "name": "Bread",
        "names": {"pl": "Chleb"},
        "category_ids": [],
        "kind": "goods",
        "unit": "piece",
        "tax_category": "reduced",
        "item_code": None,
        "minimum_age_years": None,
        "discountable": True,
        "active": True,
    }
    prices = [
        {"price_list": name, "currency": currency, "amount_minor": amount, "minimum_quantity_milli": 0}
        for name, currency, amount in (("base", "EUR", 300), ("city", "EUR", 350), ("base", "PLN", 1_200))
    ]
    return Product.from_facts(BREAD, (1, 1), facts, prices)


def store(store_id: UUID | None = None, **changes: Any) -> StoreChanged:
    facts: dict[str, Any] = {
        "store_id": store_id or uuid4(),
        "code": "s",
        "name": "Shop",
        "country": "IE",
        "currency": "EUR",
        "time_zone": "Europe/Dublin",
        "language": "en",
        "tax_mode": "inclusive",
        "tax_rounding": "per_line",
        "cash_rounding_minor": 1,
        "price_list": None,
        "tax_number": None,
    }
    return StoreChanged(**{**facts, **changes})


def test_two_stores_of_one_currency_name_the_product_in_their_own_language() -> None:
    product = bread()
    assert product.priced(store()).name == "Bread"
    assert product.priced(store(language="pl")).name == "Chleb"


def test_only_prices_in_the_stores_currency_are_seen() -> None:
    product = bread()
    assert [price.amount_minor for price in product.priced(store(currency="PLN")).prices] == [1_200]
    assert [price.amount_minor for price in product.priced(store()).prices] == [300, 350]


def test_a_store_that_changes_its_price_list_is_seen_with_the_new_one() -> None:
    product, store_id = bread(), uuid4()
    assert [price.store_ids for price in product.priced(store(store_id, price_list="base")).prices] == [
        frozenset({str(store_id)}),
        frozenset(),
    ]
    assert [price.store_ids for price in product.priced(store(store_id, price_list="city")).prices] == [
        frozenset(),
        frozenset({str(store_id)}),
    ]
