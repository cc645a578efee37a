"""The tree of categories."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, delete, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from libs.persistence import Connection
from services.catalog.storage.tables import categories, category_ancestors, product_categories

# Advisory locks are per database, which other services may share: a number of our own.
_TREE_LOCK = 0x6361_7465_676F


@dataclass(frozen=True, slots=True)
class Category:
    """A category; `parent_id` is None at the top."""

    id: UUID
    code: str
    name: str
    parent_id: UUID | None
    active: bool
    version: int


def _category(row: Row[Any]) -> Category:
    return Category(row.id, row.code, row.name, row.parent_id, row.active, row.version)


class CategoryRepository:
    """Reads and writes categories on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def lock_tree(self) -> None:
        """Let one change of the tree's shape after the other through until this transaction ends.

        Two moves at once could otherwise make a circle that neither of them sees.
        """
        await self._connection.execute(select(func.pg_advisory_xact_lock(_TREE_LOCK)))

    async def find(self, category_id: UUID, *, for_update: bool = False) -> Category | None:
        """The category, or None."""
        statement = select(categories).where(categories.c.id == category_id)
        row = (
            await self._connection.execute(statement.with_for_update(key_share=True) if for_update else statement)
        ).first()
        return None if row is None else _category(row)

    async def page(self, after: tuple[str] | None, limit: int) -> list[Category]:
        """Up to `limit` categories in the order of their codes."""
        statement = select(categories).order_by(categories.c.code).limit(limit)
        if after is not None:
            statement = statement.where(categories.c.code > after[0])
        return [_category(row) for row in await self._connection.execute(statement)]

    async def missing(self, category_ids: Collection[UUID]) -> set[UUID]:
        """Those of the ids that no category has."""
        if not category_ids:
            return set()
        statement = select(categories.c.id).where(categories.c.id == func.any(list(category_ids)))
        return set(category_ids) - {row.id for row in await self._connection.execute(statement)}

    async def ids_by_code(self) -> dict[str, UUID]:
        """The id of every category by its code."""
        rows = await self._connection.execute(select(categories.c.code, categories.c.id))
        return {row.code: row.id for row in rows}

    async def ancestors(self, category_id: UUID) -> list[UUID]:
        """The category and all above it."""
        table = category_ancestors
        rows = await self._connection.execute(select(table.c.ancestor_id).where(table.c.category_id == category_id))
        return [row.ancestor_id for row in rows]

    async def insert(self, category: Category) -> bool:
        """Store a new category, with its place in the tree; False if its code is taken."""
        statement = upsert(categories).values(
            id=category.id,
            code=category.code,
            name=category.name,
            parent_id=category.parent_id,
            active=category.active,
            version=category.version,
        )
        stored = await self._connection.execute(statement.on_conflict_do_nothing().returning(categories.c.id))
        if stored.first() is None:
            return False
        await self._place_below_parents(categories.c.id == category.id)
        return True

    async def update(self, category: Category) -> None:
        """Store a changed category; the caller holds its lock, and calls `replace_ancestors` after a move."""
        await self._connection.execute(
            update(categories)
            .where(categories.c.id == category.id)
            .values(name=category.name, parent_id=category.parent_id, active=category.active, version=category.version)
        )

    async def replace_ancestors(self, category_id: UUID) -> None:
        """Work the ancestors out anew for the category and all below it, after it got another parent."""
        below = self._below(category_id)
        await self._connection.execute(
            delete(category_ancestors).where(category_ancestors.c.category_id.in_(select(below.c.id)))
        )
        await self._place_below_parents(categories.c.id.in_(select(below.c.id)))

    async def _place_below_parents(self, which: Any) -> None:
        """Write the ancestors of the categories that `which` selects."""
        start = select(categories.c.id.label("category_id"), categories.c.id.label("ancestor_id")).where(which)
        chain = start.cte("chain", recursive=True)
        parent = categories.alias("parent")
        step = (
            select(chain.c.category_id, parent.c.parent_id)
            .join(parent, parent.c.id == chain.c.ancestor_id)
            .where(parent.c.parent_id.is_not(None))
        )
        chain = chain.union(step)
        await self._connection.execute(
            insert(category_ancestors).from_select(
                ["category_id", "ancestor_id"], select(chain.c.category_id, chain.c.ancestor_id)
            )
        )

    def _below(self, category_id: UUID) -> Any:
        """The category and all below it, by their parents."""
        tree = select(literal(category_id).label("id")).cte("below", recursive=True)
        return tree.union(select(categories.c.id).join(tree, categories.c.parent_id == tree.c.id))

    def product_ids_below(self, category_id: UUID) -> Select[tuple[UUID]]:
        """A query for the products of the category and of all below it."""
        return (
            select(product_categories.c.product_id)
            .distinct()
            .join(category_ancestors, category_ancestors.c.category_id == product_categories.c.category_id)
            .where(category_ancestors.c.ancestor_id == category_id)
        )
