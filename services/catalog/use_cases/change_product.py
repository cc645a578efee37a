"""Change a product."""

from __future__ import annotations

from uuid import UUID

from libs.contracts.refusal import Invalid
from libs.money import Quantity, Unit
from libs.persistence import UnitOfWork
from services.catalog.domain.catalogue import CatalogueProduct
from services.catalog.domain.product import ProductDetails
from services.catalog.domain.refusals import UnknownProduct
from services.catalog.storage.products import ProductRepository
from services.catalog.use_cases.announce_products import announce_change
from services.catalog.use_cases.check_product import check_references, check_version, claim_barcodes


async def change_product(
    work: UnitOfWork, product_id: UUID, details: ProductDetails, *, version: int
) -> CatalogueProduct:
    """Store other details if the product is still at `version`, and tell of them; nothing if they are the same.

    Raises UnknownProduct, StaleVersion, CodeTaken, DuplicateBarcode, UnknownTaxCategory, UnknownCategory or Invalid.
    """
    products = ProductRepository(work.connection)
    present = await products.lock(product_id)
    if present is None:
        raise UnknownProduct(f"There is no product {product_id}.", field="product_id")
    check_version(present.version, version, f"The product {present.details.code}")
    details = details.checked()
    if details == present.details:
        return present
    await check_references(work, product_id, details)
    if details.unit is Unit.PIECE and not all(
        Quantity(each.minimum_quantity_milli).is_whole for each in present.prices
    ):
        raise Invalid("A quantity break of this product is not whole, so it cannot become pieces.", field="unit")
    await products.update(product_id, details, version + 1, work.now)
    if details.barcodes != present.details.barcodes:
        await claim_barcodes(work, product_id, details.barcodes)
    await announce_change(work, product_id, product=True, prices=False)
    changed = await products.find(product_id)
    assert changed is not None
    return changed
