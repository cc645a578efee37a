"""Replace the whole list of a product's prices."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from libs.persistence import UnitOfWork
from services.catalog.domain.catalogue import CatalogueProduct
from services.catalog.domain.price import Price, check_prices
from services.catalog.domain.refusals import UnknownProduct
from services.catalog.storage.price_lists import PriceListRepository
from services.catalog.storage.products import ProductRepository
from services.catalog.use_cases.announce_products import announce_change
from services.catalog.use_cases.check_product import check_version


async def replace_prices(
    work: UnitOfWork, product_id: UUID, prices: Sequence[Price], *, version: int
) -> CatalogueProduct:
    """Store the prices if the product is still at `version`, and tell of them; nothing if they are the same.

    Raises UnknownProduct, StaleVersion, UnknownPriceList or Invalid.
    """
    products = ProductRepository(work.connection)
    present = await products.lock(product_id)
    if present is None:
        raise UnknownProduct(f"There is no product {product_id}.", field="product_id")
    check_version(present.version, version, f"The product {present.details.code}")
    check_prices(prices, present.details.unit, await PriceListRepository(work.connection).all())
    if tuple(prices) == present.prices:
        return present
    await products.replace_prices(product_id, prices)
    await products.set_version(product_id, version + 1, work.now)
    await announce_change(work, product_id, product=False, prices=True)
    changed = await products.find(product_id)
    assert changed is not None
    return changed
