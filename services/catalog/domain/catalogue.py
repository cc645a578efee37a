"""A product with all that others are told of it, and the facts that are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from libs.contracts.catalog import PriceChanged, ProductChanged
from services.catalog.domain.price import Price, PriceList, all_price_facts
from services.catalog.domain.product import ProductDetails


@dataclass(frozen=True, slots=True)
class CatalogueProduct:
    """A stored product. `version` counts changes for people who edit at once; `all_category_ids` hold the ancestors."""

    id: UUID
    version: int
    details: ProductDetails
    prices: tuple[Price, ...]
    all_category_ids: tuple[UUID, ...]

    def product_changed(self) -> ProductChanged:
        """What is told of the product itself."""
        details = self.details
        return ProductChanged(
            product_id=self.id,
            code=details.code,
            name=details.name,
            names=dict(details.names or {}),
            category_ids=tuple(str(category_id) for category_id in self.all_category_ids),
            kind=details.kind.value,
            unit=details.unit.value,
            # A gift card is not taxed (retail rule 11); the contract says so with an empty code.
            tax_category=details.tax_category or "",
            barcodes=details.barcodes,
            item_code=details.item_code,
            minimum_age_years=details.minimum_age_years,
            discountable=details.discountable,
            image_url=details.image_url,
            variant_of=details.variant_of,
            options=dict(details.options or {}),
            tracks_stock=details.tracks_stock,
            active=details.active,
        )

    def price_changed(self, lists: Mapping[str, PriceList]) -> PriceChanged:
        """What is told of its prices."""
        return PriceChanged(product_id=self.id, prices=all_price_facts(self.prices, lists))


def product_item(product: ProductChanged, prices: PriceChanged) -> str:
    """What the feed says of a product, as JSON: the facts of its two events."""
    listed = prices.model_dump_json(include={"prices"})
    return f'{{"kind":"product","product":{product.model_dump_json()},{listed[1:]}'
