"""Tell the others of products: events with the product's own sequence, and a place in the changes feed."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from libs.persistence import UnitOfWork
from services.catalog.domain.catalogue import product_item
from services.catalog.storage.announcements import AnnouncementRepository, DueAnnouncement
from services.catalog.storage.price_lists import PriceListRepository
from services.catalog.storage.products import ProductRepository


async def announce_change(work: UnitOfWork, product_id: UUID, *, product: bool, prices: bool) -> None:
    """Tell of a change to one product, with whatever else was still due. The last step of a transaction."""
    due = await AnnouncementRepository(work.connection).mark_due(product_id, product=product, prices=prices)
    await _tell(work, [due])


async def announce_due(work: UnitOfWork, limit: int) -> int:
    """Tell of up to `limit` products that bulk changes (imports, price lists, categories) left due; how many."""
    due = await AnnouncementRepository(work.connection).take_due(limit)
    if due:
        await _tell(work, due)
    return len(due)


async def _tell(work: UnitOfWork, due: Sequence[DueAnnouncement]) -> None:
    products = await ProductRepository(work.connection).find_many([each.product_id for each in due])
    by_id = {product.id: product for product in products}
    lists = await PriceListRepository(work.connection).all()
    told: dict[UUID, tuple[int, str]] = {}
    for each in due:
        product, sequence = by_id[each.product_id], each.sequence
        product_changed, price_changed = product.product_changed(), product.price_changed(lists)
        if each.product_due:
            sequence += 1
            work.emit(product_changed, sequence=sequence)
        if each.prices_due:
            sequence += 1
            work.emit(price_changed, sequence=sequence)
        told[each.product_id] = (sequence, product_item(product_changed, price_changed))
    await AnnouncementRepository(work.connection).settle(told)
