"""The sale as it was priced, as facts: what `return_recomputed` needs years later, whatever the catalogue says then."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from libs.money import Quantity, Unit
from libs.pricing.book import PriceBook
from libs.pricing.model import (
    Basket,
    BasketLine,
    PricedProduct,
    PriceEntry,
    ProductKind,
    TaxCategory,
    TaxPolicy,
    TaxRate,
)
from libs.pricing.priced import PricedBasket
from libs.pricing.promotion import promotion_from_facts

_LINE_FIELDS = (
    "line_id",
    "price_override_minor",
    "percent_discount_ppm",
    "amount_discount_minor",
    "price_override_reason",
    "percent_discount_reason",
    "amount_discount_reason",
)
_BASKET_FIELDS = (
    "currency",
    "store_id",
    "percent_discount_ppm",
    "amount_discount_minor",
    "percent_discount_reason",
    "amount_discount_reason",
)


def freeze_sale(basket: Basket, priced: PricedBasket, book: PriceBook) -> dict[str, Any]:
    """JSON-able facts of a sale's basket, with the promotions that took something off and the rates of its day.

    Needed only where a line's `return_policy` is RECOMPUTE. Price lists are left out: the list price of each line
    stands for them (retail rule 7).
    """
    applied = {each.source_id for line in priced.lines for each in line.adjustments if each.source_id}
    list_prices = {line.line_id: line.list_price_minor for line in priced.lines}
    codes = sorted({line.product.tax_category for line in basket.lines} & set(book.tax_categories))
    return {
        **{field: getattr(basket, field) for field in _BASKET_FIELDS},
        "at": basket.at.isoformat(),
        "business_date": basket.business_date.isoformat(),
        "tax_policy": basket.tax_policy.to_facts(),
        "customer_groups": sorted(basket.customer_groups),
        "coupons": list(basket.coupons),
        "lines": [_line_facts(line, list_prices[line.line_id]) for line in basket.lines],
        "promotions": [each.facts() for each in book.promotions if each.id in applied],
        "tax_categories": [_category_facts(book.tax_categories[code], basket.business_date) for code in codes],
    }


def thaw_sale(facts: Mapping[str, Any]) -> tuple[Basket, PriceBook]:
    """The basket and price book of `freeze_sale()`: the first and third argument of `return_recomputed`."""
    basket = Basket(
        **{field: facts[field] for field in _BASKET_FIELDS},
        lines=tuple(_line(each) for each in facts["lines"]),
        at=datetime.fromisoformat(facts["at"]),
        business_date=date.fromisoformat(facts["business_date"]),
        tax_policy=TaxPolicy.from_facts(facts["tax_policy"]),
        customer_groups=frozenset(facts["customer_groups"]),
        coupons=tuple(facts["coupons"]),
    )
    categories = [
        TaxCategory(each["code"], each["name"], tuple(TaxRate(**rate) for rate in each["rates"]))
        for each in facts["tax_categories"]
    ]
    return basket, PriceBook.compile([promotion_from_facts(each) for each in facts["promotions"]], categories)


def _line_facts(line: BasketLine, list_price_minor: int) -> dict[str, Any]:
    product = line.product
    return {
        **{field: getattr(line, field) for field in _LINE_FIELDS},
        "label_amount_minor": line.label_amount_minor,
        "quantity": str(line.quantity),
        "list_price_minor": list_price_minor,
        "product_id": product.product_id,
        "name": product.name,
        "category_ids": sorted(product.category_ids),
        "unit": product.unit.value,
        "tax_category": product.tax_category,
        "discountable": product.discountable,
        "kind": product.kind.value,
    }


def _line(facts: Mapping[str, Any]) -> BasketLine:
    product = PricedProduct(
        facts["product_id"],
        facts["name"],
        frozenset(facts["category_ids"]),
        Unit(facts["unit"]),
        facts["tax_category"],
        (PriceEntry("as sold", facts["list_price_minor"]),),
        facts["discountable"],
        ProductKind(facts["kind"]),
    )
    fields = {field: facts[field] for field in _LINE_FIELDS}
    # Sales that were frozen before labels were known to pricing have none.
    fields["label_amount_minor"] = facts.get("label_amount_minor")
    return BasketLine(product=product, quantity=Quantity.of(facts["quantity"]), **fields)


def _category_facts(category: TaxCategory, business_date: date) -> dict[str, Any]:
    rates = category.rates_on(business_date)
    return {
        "code": category.code,
        "name": category.name,
        "rates": [{"code": rate.code, "name": rate.name, "rate_ppm": rate.rate_ppm} for rate in rates],
    }
