"""Check what a product refers to, and give it its barcodes."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from libs.contracts.refusal import Invalid
from libs.persistence import UnitOfWork
from services.catalog.domain.product import ProductDetails
from services.catalog.domain.refusals import (
    CodeTaken,
    DuplicateBarcode,
    StaleVersion,
    UnknownCategory,
    UnknownTaxCategory,
)
from services.catalog.storage.categories import CategoryRepository
from services.catalog.storage.products import ProductRepository
from services.catalog.storage.rules import RuleRepository


async def check_references(work: UnitOfWork, product_id: UUID | None, details: ProductDetails) -> None:
    """Raise UnknownTaxCategory, UnknownCategory, CodeTaken or Invalid, naming the field, for what does not fit."""
    rules = RuleRepository(work.connection)
    if details.tax_category is not None and await rules.tax_category(details.tax_category) is None:
        raise UnknownTaxCategory(
            f"There is no tax category {details.tax_category!r}: POST it to /catalog/v1/tax-categories first.",
            field="tax_category",
        )
    missing = await CategoryRepository(work.connection).missing(details.category_ids)
    if missing:
        raise UnknownCategory(f"There is no category {min(missing)}.", field="category_ids")
    if details.variant_of is not None:
        await _check_parent(work, product_id, details.variant_of)
    products = ProductRepository(work.connection)
    if details.item_code is not None:
        other = await products.by_item_code(details.item_code)
        if other is not None and other.id != product_id:
            raise CodeTaken(
                f"The item code {details.item_code} belongs to {other.details.code}.",
                field="item_code",
                product_id=str(other.id),
                product_code=other.details.code,
            )
    same_code = await products.by_code(details.code)
    if same_code is not None and same_code.id != product_id:
        raise CodeTaken(
            f"There is a product {details.code} already. Change that one, or choose another code.",
            field="code",
            product_id=str(same_code.id),
            product_code=details.code,
        )


async def _check_parent(work: UnitOfWork, product_id: UUID | None, parent_id: UUID) -> None:
    products = ProductRepository(work.connection)
    parent = await products.lock_parent(parent_id)
    if parent is None:
        raise Invalid(f"There is no product {parent_id} to be a variant of.", field="variant_of")
    if parent_id == product_id or parent[0] is not None:
        raise Invalid("A variant's parent is another product that is itself no variant.", field="variant_of")
    if product_id is not None and await products.has_variants(product_id):
        raise Invalid("This product has variants of its own, so it cannot be a variant.", field="variant_of")


async def claim_barcodes(work: UnitOfWork, product_id: UUID, barcodes: Sequence[str]) -> None:
    """Make these the product's barcodes. Raises DuplicateBarcode naming the product that has one of them."""
    taken = await ProductRepository(work.connection).replace_barcodes(product_id, barcodes)
    if taken is not None:
        barcode, owner_id, owner_code = taken
        raise DuplicateBarcode(
            f"The barcode {barcode} belongs to {owner_code}. Take it away there first, or leave it out here.",
            field=f"barcodes.{list(barcodes).index(barcode)}",
            barcode=barcode,
            product_id=str(owner_id),
            product_code=owner_code,
        )


def check_version(present: int, expected: int, what: str) -> None:
    """Raise StaleVersion if `what` was changed since the caller read version `expected`."""
    if present != expected:
        raise StaleVersion(
            f"{what} was changed in the meantime: it is at version {present}, you changed version {expected}. "
            "Read it again and repeat your change.",
            field="version",
            current_version=present,
        )
