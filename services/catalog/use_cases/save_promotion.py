"""Add and change promotions."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from libs.contracts.refusal import Invalid
from libs.persistence import UnitOfWork, new_id
from libs.pricing import InvalidPromotion, ProductSelector, Promotion, promotion_from_facts
from services.catalog.domain.product import checked_name
from services.catalog.domain.refusals import NotFoundHere, UnknownCategory
from services.catalog.storage.categories import CategoryRepository
from services.catalog.storage.products import ProductRepository
from services.catalog.storage.rules import RuleRepository, StoredPromotion
from services.catalog.use_cases.check_product import check_version


async def create_promotion(work: UnitOfWork, name: str, facts: dict[str, Any], active: bool) -> StoredPromotion:
    """Add a promotion and tell of it; `facts` are those of `libs.pricing` without id and name.

    Raises Invalid naming the field, or UnknownCategory.
    """
    promotion_id = new_id()
    created = StoredPromotion(promotion_id, checked_name(name), facts, active, version=1)
    return await _save(work, created)


async def change_promotion(
    work: UnitOfWork, promotion_id: UUID, name: str, facts: dict[str, Any], active: bool, *, version: int
) -> StoredPromotion:
    """Change a promotion if it is still at `version`. Raises NotFoundHere, StaleVersion, Invalid, UnknownCategory."""
    present = await RuleRepository(work.connection).promotion(promotion_id, for_update=True)
    if present is None:
        raise NotFoundHere(f"There is no promotion {promotion_id}.", field="promotion_id")
    check_version(present.version, version, f"The promotion {present.name}")
    return await _save(work, StoredPromotion(promotion_id, checked_name(name), facts, active, version + 1), present)


async def _save(work: UnitOfWork, wanted: StoredPromotion, present: StoredPromotion | None = None) -> StoredPromotion:
    try:
        promotion = promotion_from_facts({**wanted.facts, "id": str(wanted.id), "name": wanted.name})
    except InvalidPromotion as error:
        raise Invalid(f"This promotion cannot work: {error.field} {error.message}.", field=error.field) from error
    await _check_selected(work, promotion)
    saved = StoredPromotion(wanted.id, wanted.name, promotion.facts(), wanted.active, wanted.version)
    if present is not None and (saved.facts, saved.active) == (present.facts, present.active):
        return present
    await RuleRepository(work.connection).save_promotion(saved)
    work.emit(saved.changed(), sequence=saved.version)
    return saved


async def _check_selected(work: UnitOfWork, promotion: Promotion) -> None:
    """A promotion on a product that does not exist would silently never apply."""
    selectors = [promotion.products, *(group.products for group in promotion.groups)]
    if promotion.get_products is not None:
        selectors.append(promotion.get_products)
    product_ids = _uuids(selectors, "product_ids")
    category_ids = _uuids(selectors, "category_ids")
    missing_products = await ProductRepository(work.connection).missing(product_ids)
    if missing_products:
        raise Invalid(f"There is no product {min(missing_products)} to promote.", field="products.product_ids")
    missing_categories = await CategoryRepository(work.connection).missing(category_ids)
    if missing_categories:
        raise UnknownCategory(f"There is no category {min(missing_categories)}.", field="products.category_ids")


def _uuids(selectors: list[ProductSelector], kind: str) -> set[UUID]:
    texts = {text for each in selectors for text in (*getattr(each, kind), *getattr(each, f"excluded_{kind}"))}
    try:
        return {UUID(text) for text in texts}
    except ValueError as error:
        raise Invalid("Products and categories are named by their ids.", field=f"products.{kind}") from error
