"""Add a product or variant to the catalogue."""

from __future__ import annotations

from libs.persistence import UnitOfWork, new_id
from services.catalog.domain.catalogue import CatalogueProduct
from services.catalog.domain.product import ProductDetails
from services.catalog.domain.refusals import CodeTaken
from services.catalog.storage.products import ProductRepository
from services.catalog.use_cases.announce_products import announce_change
from services.catalog.use_cases.check_product import check_references, claim_barcodes


async def create_product(work: UnitOfWork, details: ProductDetails) -> CatalogueProduct:
    """Store the product as version 1 and tell of it.

    Raises CodeTaken, DuplicateBarcode, UnknownTaxCategory, UnknownCategory, Invalid or UnreadableBarcode.
    """
    details = details.checked()
    await check_references(work, None, details)
    products = ProductRepository(work.connection)
    product_id = await products.insert(new_id(), details, work.now)
    if product_id is None:
        raise CodeTaken(f"The code {details.code} or its item code was taken at this moment.", field="code")
    await claim_barcodes(work, product_id, details.barcodes)
    await announce_change(work, product_id, product=True, prices=False)
    created = await products.find(product_id)
    assert created is not None
    return created
