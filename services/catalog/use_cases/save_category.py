"""Add and change categories."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from libs.contracts.refusal import Invalid
from libs.persistence import UnitOfWork, new_id
from services.catalog.domain.product import checked_code, checked_name
from services.catalog.domain.refusals import CodeTaken, NotFoundHere, UnknownCategory
from services.catalog.storage.announcements import AnnouncementRepository
from services.catalog.storage.categories import Category, CategoryRepository
from services.catalog.use_cases.check_product import check_version

DEEPEST_CATEGORY = 10


async def create_category(work: UnitOfWork, code: str, name: str, parent_id: UUID | None, active: bool) -> Category:
    """Add a category below `parent_id` (None: at the top). Raises CodeTaken, UnknownCategory or Invalid."""
    categories = CategoryRepository(work.connection)
    category = Category(new_id(), checked_code(code), checked_name(name), parent_id, active, version=1)
    await categories.lock_tree()
    await _check_parent(categories, category.id, parent_id)
    if not await categories.insert(category):
        raise CodeTaken(f"There is a category {category.code} already. Choose another code.", field="code")
    return category


async def change_category(
    work: UnitOfWork, category_id: UUID, name: str, parent_id: UUID | None, active: bool, *, version: int
) -> Category:
    """Rename, move or deactivate a category if it is still at `version`.

    After a move its products are told of anew, because they carry all categories above them.
    Raises NotFoundHere, StaleVersion, UnknownCategory or Invalid.
    """
    categories = CategoryRepository(work.connection)
    await categories.lock_tree()
    present = await categories.find(category_id, for_update=True)
    if present is None:
        raise NotFoundHere(f"There is no category {category_id}.", field="category_id")
    check_version(present.version, version, f"The category {present.code}")
    changed = replace(present, name=checked_name(name), parent_id=parent_id, active=active, version=present.version + 1)
    if replace(changed, version=present.version) == present:
        return present
    moved = parent_id != present.parent_id
    if moved:
        await _check_parent(categories, category_id, parent_id)
    await categories.update(changed)
    if moved:
        await categories.replace_ancestors(category_id)
        below = categories.product_ids_below(category_id)
        await AnnouncementRepository(work.connection).mark_all_due(below, product=True, prices=False)
    return changed


async def _check_parent(categories: CategoryRepository, category_id: UUID, parent_id: UUID | None) -> None:
    if parent_id is None:
        return
    above = await categories.ancestors(parent_id)
    if not above:
        raise UnknownCategory(f"There is no category {parent_id}.", field="parent_id")
    if category_id in above:
        raise Invalid("A category cannot lie below itself.", field="parent_id")
    if len(above) >= DEEPEST_CATEGORY:
        raise Invalid(f"Categories lie at most {DEEPEST_CATEGORY} deep.", field="parent_id")
