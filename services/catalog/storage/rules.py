"""What tills calculate by: tax categories, promotions and barcode layouts, each with its place in the feed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Table, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from libs.contracts.catalog import (
    BarcodeLayout,
    BarcodeLayoutsChanged,
    PromotionChanged,
    TaxCategoryChanged,
    TaxRateFacts,
)
from libs.persistence import Connection
from services.catalog.storage.announcements import take_positions
from services.catalog.storage.tables import barcode_layouts, promotions, tax_categories


@dataclass(frozen=True, slots=True)
class StoredTaxCategory:
    """A tax category with its dated rates."""

    code: str
    name: str
    rates: tuple[TaxRateFacts, ...]
    version: int

    def changed(self) -> TaxCategoryChanged:
        """What is told of it."""
        return TaxCategoryChanged(code=self.code, name=self.name, rates=self.rates)


@dataclass(frozen=True, slots=True)
class StoredPromotion:
    """A promotion; `facts` is the form that `libs.pricing` reads."""

    id: UUID
    name: str
    facts: dict[str, Any]
    active: bool
    version: int

    def changed(self) -> PromotionChanged:
        """What is told of it."""
        return PromotionChanged(promotion_id=self.id, name=self.name, facts=self.facts, active=self.active)


@dataclass(frozen=True, slots=True)
class StoredLayouts:
    """The chain's layouts of in-store codes; version 0 before they were first given."""

    chain: str
    layouts: tuple[BarcodeLayout, ...]
    version: int

    def changed(self) -> BarcodeLayoutsChanged:
        """What is told of them."""
        return BarcodeLayoutsChanged(chain=self.chain, layouts=self.layouts)


def _tax_category(row: Row[Any]) -> StoredTaxCategory:
    rates = tuple(TaxRateFacts.model_validate(rate) for rate in row.rates)
    return StoredTaxCategory(row.code, row.name, rates, row.version)


def _promotion(row: Row[Any]) -> StoredPromotion:
    return StoredPromotion(row.id, row.name, row.facts, row.active, row.version)


def _layouts(row: Row[Any]) -> StoredLayouts:
    return StoredLayouts(row.chain, tuple(BarcodeLayout.model_validate(each) for each in row.layouts), row.version)


class RuleRepository:
    """Reads and writes tax categories, promotions and layouts on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def tax_category(self, code: str, *, for_update: bool = False) -> StoredTaxCategory | None:
        """The tax category, or None."""
        row = await self._row(tax_categories, tax_categories.c.code == code, for_update)
        return None if row is None else _tax_category(row)

    async def tax_category_codes(self) -> set[str]:
        """The codes of all tax categories; a chain has a handful."""
        return {row.code for row in await self._connection.execute(select(tax_categories.c.code))}

    async def tax_category_page(self, after: tuple[str] | None, limit: int) -> list[StoredTaxCategory]:
        """Up to `limit` tax categories in the order of their codes."""
        statement = select(tax_categories).order_by(tax_categories.c.code).limit(limit)
        if after is not None:
            statement = statement.where(tax_categories.c.code > after[0])
        return [_tax_category(row) for row in await self._connection.execute(statement)]

    async def save_tax_category(self, category: StoredTaxCategory) -> bool:
        """Store it. As version 1 it is new: False if its code is taken. Else the caller holds its lock."""
        values = {
            "code": category.code,
            "name": category.name,
            "rates": [rate.model_dump(mode="json") for rate in category.rates],
        }
        return await self._save(tax_categories, "code", values, category.version)

    async def promotion(self, promotion_id: UUID, *, for_update: bool = False) -> StoredPromotion | None:
        """The promotion, or None."""
        row = await self._row(promotions, promotions.c.id == promotion_id, for_update)
        return None if row is None else _promotion(row)

    async def promotion_page(
        self, after: tuple[str, UUID] | None, limit: int, active: bool | None
    ) -> list[StoredPromotion]:
        """Up to `limit` promotions in the order of their names."""
        statement = select(promotions).order_by(promotions.c.name, promotions.c.id).limit(limit)
        if after is not None:
            statement = statement.where(tuple_(promotions.c.name, promotions.c.id) > after)
        if active is not None:
            statement = statement.where(promotions.c.active == active)
        return [_promotion(row) for row in await self._connection.execute(statement)]

    async def save_promotion(self, promotion: StoredPromotion) -> None:
        """Store a new promotion as version 1, or a changed one whose lock the caller holds."""
        values = {
            "id": promotion.id,
            "name": promotion.name,
            "facts": promotion.facts,
            "active": promotion.active,
        }
        await self._save(promotions, "id", values, promotion.version)

    async def layouts(self, chain: str, *, for_update: bool = False) -> StoredLayouts:
        """The chain's layouts; none, as version 0, before they were first given."""
        row = await self._row(barcode_layouts, barcode_layouts.c.chain == chain, for_update)
        return StoredLayouts(chain, (), 0) if row is None else _layouts(row)

    async def save_layouts(self, stored: StoredLayouts) -> bool:
        """Store the layouts. As version 1 they are new: False if somebody else was first."""
        values = {"chain": stored.chain, "layouts": [layout.model_dump(mode="json") for layout in stored.layouts]}
        return await self._save(barcode_layouts, "chain", values, stored.version)

    async def changed_after(
        self, position: int, limit: int
    ) -> Sequence[tuple[int, StoredTaxCategory | StoredPromotion | StoredLayouts]]:
        """Up to `limit` of them behind `position` of the feed, each kind in the order of its changes."""
        found: list[tuple[int, StoredTaxCategory | StoredPromotion | StoredLayouts]] = []
        kinds: tuple[tuple[Table, Any], ...] = (
            (tax_categories, _tax_category),
            (promotions, _promotion),
            (barcode_layouts, _layouts),
        )
        for table, read in kinds:
            statement = (
                select(table).where(table.c.change_number > position).order_by(table.c.change_number).limit(limit)
            )
            found += [(row.change_number, read(row)) for row in await self._connection.execute(statement)]
        return found

    async def _row(self, table: Table, which: Any, for_update: bool) -> Row[Any] | None:
        statement = select(table).where(which)
        return (
            await self._connection.execute(statement.with_for_update(key_share=True) if for_update else statement)
        ).first()

    async def _save(self, table: Table, key: str, values: dict[str, Any], version: int) -> bool:
        number = await take_positions(self._connection, 1)
        statement = insert(table).values(**values, version=version, change_number=number)
        if version == 1:
            statement = statement.on_conflict_do_nothing()
        else:
            changes = {name: statement.excluded[name] for name in (*values, "version", "change_number") if name != key}
            statement = statement.on_conflict_do_update(index_elements=[table.c[key]], set_=changes)
        return (await self._connection.execute(statement.returning(table.c[key]))).first() is not None
