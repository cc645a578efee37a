"""A basket with its prices: what the cashier entered, put to pricing, and back as lines that a document can keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import libs.pricing as pricing
from libs.contracts.identity import StoreChanged
from libs.contracts.refusal import Invalid
from libs.contracts.sales import LineFacts
from libs.pricing import (
    PriceBook,
    PricedBasket,
    PricedLine,
    PricingError,
    ReturnPolicy,
    TaxMode,
    TaxPolicy,
    TaxRounding,
)
from services.sales.domain.basket import Basket, BasketLine
from services.sales.domain.frozen_line import freeze_line
from services.sales.domain.product import Product, UnknownProduct
from services.sales.domain.returning import NotReturnable, gift_card_stays


class CannotBePriced(Invalid):
    """A line has no price here and now, or its tax is not known."""

    type = "cannot-be-priced"


# Far more than any basket comes to, and far from what a JSON number holds exactly, taxes and all.
LARGEST_BASKET_MINOR = 100_000_000_000_000


class AbsurdAmount(Invalid):
    """The goods come to more than anybody pays at a till: a price or a quantity was mistyped."""

    type = "absurd-amount"


@dataclass(frozen=True, slots=True)
class PricedContents:
    """The priced lines in the basket's order, the products they are of, and what today's prices were made of."""

    priced: PricedBasket
    products: dict[UUID, Product]
    fresh: pricing.Basket
    book: PriceBook

    @property
    def total_minor(self) -> int:
        """What is to pay, in minor units; below zero it is to be given back."""
        return self.priced.total_minor

    @property
    def return_terms(self) -> dict[str, Any] | None:
        """What a return needs that prices again what is kept; None where no promotion asks for it (retail rule 6)."""
        sold = (line for line in self.priced.lines if line.quantity.milli > 0)
        if all(line.return_policy is not ReturnPolicy.RECOMPUTE for line in sold):
            return None
        return pricing.freeze_sale(self.fresh, self.priced, self.book)

    def frozen_lines(self, basket: Basket, language: str = "en") -> tuple[LineFacts, ...]:
        """The lines as a document keeps them; `language` is the one that the receipt names products in."""
        frozen = []
        for line, priced in zip(basket.lines, self.priced.lines, strict=True):
            product = self.products[line.product_id]
            frozen.append(
                freeze_line(
                    priced,
                    product_id=line.product_id,
                    product_code=product.code,
                    name=product.name_in(language),
                    unit=product.unit.value,
                    category_ids=product.category_ids,
                    approved_by=line.approved_by,
                    returns_sale_id=line.returns.sale_id if line.returns else None,
                    returns_line_id=line.returns.line_id if line.returns else None,
                    return_reason=(line.returns.reason if line.returns else line.return_reason) or None,
                )
            )
        return tuple(frozen)


def tax_policy(store: StoreChanged) -> TaxPolicy:
    """How the store's jurisdiction taxes and rounds (retail rule 3)."""
    return TaxPolicy(TaxMode(store.tax_mode), TaxRounding(store.tax_rounding), max(1, store.cash_rounding_minor))


def price_lines(
    basket: Basket,
    products: Mapping[UUID, Product],
    returned: Sequence[PricedLine],
    store: StoreChanged,
    book: PriceBook,
    now: datetime,
    business_date: date | None = None,
) -> PricedContents:
    """Price the basket at `now` (aware) with today's prices; `returned` are the lines of known receipts, as priced
    from their sales (retail rule 7). `business_date` picks the tax rates: the store's local date unless given.

    Raises UnknownProduct, CannotBePriced when a line has no price in this store and currency, NotReturnable for a
    gift card brought back without receipt, or AbsurdAmount.
    """
    local_now = now.astimezone(ZoneInfo(store.time_zone))
    priced_again = {UUID(line.line_id): line for line in returned}
    fresh = [line for line in basket.lines if line.line_id not in priced_again]
    _demand_no_gift_card_back(fresh, products)
    try:
        today = pricing.Basket(
            currency=basket.currency,
            store_id=str(store.store_id),
            lines=tuple(_pricing_line(line, _product(products, line), store) for line in fresh),
            at=local_now,
            business_date=business_date or local_now.date(),
            tax_policy=tax_policy(store),
            customer_groups=frozenset(basket.customer_groups),
            coupons=basket.coupons,
            percent_discount_ppm=basket.percent_discount_ppm,
            amount_discount_minor=basket.amount_discount_minor,
            percent_discount_reason=basket.discount_reason,
            amount_discount_reason=basket.discount_reason,
        )
        priced = pricing.price_basket(today, book)
    except PricingError as error:
        raise CannotBePriced(f"{error.message[0].upper()}{error.message[1:]}.", field=error.field) from error
    if priced_again:
        by_id = {**priced_again, **{UUID(line.line_id): line for line in priced.lines}}
        lines = [by_id[line.line_id] for line in basket.lines]
        priced = PricedBasket.of_lines(basket.currency, lines, priced.unused_coupons)
    if sum([abs(line.gross_minor) for line in priced.lines]) > LARGEST_BASKET_MINOR:
        raise AbsurdAmount("The goods come to an absurd amount. Check the prices and quantities.", field="lines")
    return PricedContents(priced, {line.product_id: _product(products, line) for line in basket.lines}, today, book)


def _demand_no_gift_card_back(lines: Sequence[BasketLine], products: Mapping[UUID, Product]) -> None:
    for line in lines:
        if line.quantity.milli < 0:
            product = _product(products, line)
            if product.kind is pricing.ProductKind.GIFT_CARD:
                raise NotReturnable(gift_card_stays(product.name), field="lines")


def _product(products: Mapping[UUID, Product], line: BasketLine) -> Product:
    product = products.get(line.product_id)
    if product is None:
        raise UnknownProduct(f"There is no product {line.product_id}.", field="product_id")
    return product


def _pricing_line(line: BasketLine, product: Product, store: StoreChanged) -> pricing.BasketLine:
    return pricing.BasketLine(
        line_id=str(line.line_id),
        product=product.priced(store),
        quantity=line.quantity,
        price_override_minor=line.price_override_minor,
        percent_discount_ppm=line.percent_discount_ppm,
        amount_discount_minor=line.amount_discount_minor,
        price_override_reason=line.price_override_reason,
        percent_discount_reason=line.discount_reason,
        amount_discount_reason=line.discount_reason,
        label_amount_minor=line.label_amount_minor,
    )
