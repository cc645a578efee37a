"""What tills and other services read: a snapshot of the catalogue, and everything that changed since.

Each item is the whole latest state of one thing, in the words of the events, so that it can be stored over whatever
was known of it before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from libs.contracts.refusal import Conflict
from libs.persistence import Connection
from services.catalog.domain.catalogue import CatalogueProduct
from services.catalog.domain.price import PriceList
from services.catalog.storage.announcements import AnnouncementRepository, current_position
from services.catalog.storage.price_lists import PriceListRepository
from services.catalog.storage.products import ProductRepository
from services.catalog.storage.rules import RuleRepository, StoredLayouts, StoredPromotion, StoredTaxCategory

FeedItem = dict[str, Any]
_ALL_RULES = 100_000


class PositionAhead(Conflict):
    """The reader has seen changes that this catalogue does not have: it was restored from a backup."""

    type = "position-ahead"


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes in their order. `position` is where to ask next; `more` says that there is more already."""

    items: list[FeedItem]
    position: int
    more: bool


async def snapshot_position(connection: Connection) -> int:
    """The position to ask for changes after a snapshot: taken before the snapshot's first item is read.

    What changes while the snapshot is read comes again as a change, so together they are consistent.
    """
    return await current_position(connection)


async def snapshot_rules(connection: Connection) -> list[FeedItem]:
    """Tax categories, layouts and promotions."""
    return [_rule_item(rule) for _, rule in await RuleRepository(connection).changed_after(-1, _ALL_RULES)]


async def snapshot_products(
    connection: Connection, after: UUID | None, limit: int
) -> tuple[list[FeedItem], UUID | None]:
    """Up to `limit` products with their prices, and the product to go on behind; None at the end."""
    products = await ProductRepository(connection).after(after, limit)
    lists = await PriceListRepository(connection).all()
    last = products[-1].id if len(products) == limit else None
    return [_product_item(product, lists) for product in products], last


async def read_changes(connection: Connection, after: int, limit: int) -> Changes:
    """Up to `limit` changes behind the position `after`, each thing once in its latest state. Raises PositionAhead."""
    # First of all: whatever has a number up to this one is committed, and what commits later has a higher one.
    newest = await current_position(connection)
    if after > newest:
        raise PositionAhead(
            f"Position {after} is ahead of this catalogue, which is at {newest}: take a new snapshot.",
            field="after",
            current_position=newest,
        )
    if after == newest:
        return Changes([], after, more=False)
    rules = await RuleRepository(connection).changed_after(after, limit)
    numbered = await AnnouncementRepository(connection).changed_after(after, limit)
    products = {
        product.id: product
        for product in await ProductRepository(connection).find_many([product_id for _, product_id in numbered])
    }
    lists = await PriceListRepository(connection).all()
    found = [(number, _rule_item(rule)) for number, rule in rules]
    found += [(number, _product_item(products[product_id], lists)) for number, product_id in numbered]
    visible = sorted((each for each in found if each[0] <= newest), key=lambda each: each[0])
    shown = visible[:limit]
    # Without a cut every change up to `newest` has been looked at; some may have moved on to a later number.
    position = shown[-1][0] if len(shown) < len(visible) or len(shown) == limit else newest
    return Changes([{**item, "position": number} for number, item in shown], position, more=position < newest)


def _product_item(product: CatalogueProduct, lists: Mapping[str, PriceList]) -> FeedItem:
    return {
        "kind": "product",
        "product": product.product_changed().model_dump(),
        "prices": [price.model_dump() for price in product.price_changed(lists).prices],
    }


def _rule_item(rule: StoredTaxCategory | StoredPromotion | StoredLayouts) -> FeedItem:
    if isinstance(rule, StoredTaxCategory):
        return {"kind": "tax_category", "tax_category": rule.changed().model_dump()}
    if isinstance(rule, StoredPromotion):
        return {"kind": "promotion", "promotion": rule.changed().model_dump()}
    return {"kind": "barcode_layouts", "barcode_layouts": rule.changed().model_dump()}
