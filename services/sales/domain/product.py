"""A product as a basket needs it: sales' own copy of what catalog published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.contracts.identity import StoreChanged
from libs.contracts.refusal import Conflict, NotFound
from libs.money import Quantity, Unit
from libs.pricing import PricedProduct, PriceEntry, ProductKind
from services.sales.domain.basket import AbsurdQuantity

# A replica mostly serves the stores of one region; each product remembers what pricing needs for so many of them.
MOST_PRICED_STORES = 64


class UnknownProduct(NotFound):
    """No product has this id, code or barcode."""

    type = "unknown-product"


class ProductNotSold(Conflict):
    """The product is known but not sold any more."""

    type = "product-not-sold"


@dataclass(frozen=True, slots=True)
class CurrencyPrice:
    """A price entry and the ISO currency its amount is in."""

    currency: str
    entry: PriceEntry


@dataclass(frozen=True, slots=True)
class Product:
    """A product with its prices in every currency. Never changes: a newer version is another object.

    `minimum_age_years` is 0 for goods anybody may buy. `names` maps languages to names.
    """

    product_id: UUID
    product_version: int
    price_version: int
    code: str
    name: str
    names: Mapping[str, str]
    category_ids: tuple[str, ...]
    kind: ProductKind
    unit: Unit
    tax_category: str
    item_code: str | None
    minimum_age_years: int
    discountable: bool
    active: bool
    prices: tuple[CurrencyPrice, ...]
    _priced: dict[tuple[str, str, str | None, UUID | None], PricedProduct] = field(
        default_factory=dict, compare=False, repr=False
    )

    @classmethod
    def from_facts(
        cls,
        product_id: UUID,
        versions: tuple[int, int],
        facts: Mapping[str, Any],
        prices: Sequence[Mapping[str, Any]],
    ) -> Product:
        """Read the facts of `product_changed` and the prices of `price_changed` as stored; `versions` are theirs."""
        return cls(
            product_id=product_id,
            product_version=versions[0],
            price_version=versions[1],
            code=facts["code"],
            name=facts["name"],
            names=facts.get("names") or {},
            category_ids=tuple(facts["category_ids"]),
            kind=ProductKind.GIFT_CARD if facts["kind"] == ProductKind.GIFT_CARD.value else ProductKind.GOODS,
            unit=Unit(facts["unit"]),
            tax_category=facts["tax_category"],
            item_code=facts["item_code"],
            minimum_age_years=facts["minimum_age_years"] or 0,
            discountable=facts["discountable"],
            active=facts["active"],
            prices=tuple(_currency_price(price) for price in prices),
        )

    def name_in(self, language: str) -> str:
        """The name in a language (BCP 47, e.g. 'pl'), else the product's own."""
        return self.names.get(language) or self.names.get(language.partition("-")[0]) or self.name

    def demand_sold(self) -> None:
        """Raise ProductNotSold unless it is sold at present."""
        if not self.active:
            raise ProductNotSold(f"{self.name} ({self.code}) is not sold any more.", product_id=str(self.product_id))

    def demand_countable(self, quantity: Quantity, *, field: str = "quantity") -> None:
        """Raise AbsurdQuantity for a part of a piece."""
        if self.unit is Unit.PIECE and not quantity.is_whole:
            raise AbsurdQuantity(f"{self.name} is sold by the piece; {quantity} has decimals.", field=field)

    def priced(self, store: StoreChanged) -> PricedProduct:
        """What pricing needs of it in this store: the prices in the store's currency.

        A price of the store's own price list that is not limited to stores counts as one for this store, and so
        goes before the prices of other lists. The result is kept: it is asked for at every scan.
        """
        own_list = store.price_list
        key = (store.currency, store.language, own_list, None if own_list is None else store.store_id)
        priced = self._priced.get(key)
        if priced is None:
            if len(self._priced) >= MOST_PRICED_STORES:
                self._priced.clear()
            priced = self._priced[key] = PricedProduct(
                product_id=str(self.product_id),
                name=self.name_in(store.language),
                category_ids=frozenset(self.category_ids),
                unit=self.unit,
                tax_category=self.tax_category,
                prices=tuple(_for_store(each.entry, store) for each in self.prices if each.currency == store.currency),
                discountable=self.discountable,
                kind=self.kind,
            )
        return priced


def _currency_price(facts: Mapping[str, Any]) -> CurrencyPrice:
    return CurrencyPrice(
        facts["currency"],
        PriceEntry(
            price_list=facts["price_list"],
            amount_minor=facts["amount_minor"],
            minimum_quantity_milli=facts["minimum_quantity_milli"],
            store_ids=frozenset(facts.get("store_ids") or ()),
            customer_groups=frozenset(facts.get("customer_groups") or ()),
            starts_at=_instant(facts.get("starts_at")),
            ends_at=_instant(facts.get("ends_at")),
            priority=facts.get("priority", 0),
        ),
    )


def _for_store(entry: PriceEntry, store: StoreChanged) -> PriceEntry:
    if entry.price_list != store.price_list or entry.store_ids:
        return entry
    return PriceEntry(
        price_list=entry.price_list,
        amount_minor=entry.amount_minor,
        minimum_quantity_milli=entry.minimum_quantity_milli,
        store_ids=frozenset({str(store.store_id)}),
        customer_groups=entry.customer_groups,
        starts_at=entry.starts_at,
        ends_at=entry.ends_at,
        priority=entry.priority,
    )


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
