"""Stock: the ledger of movements and what is on hand."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, Uuid, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from libs.money import Unit
from libs.persistence import Connection
from services.catalog.domain.stock import StockLevel
from services.catalog.storage.arrays import rows_of
from services.catalog.storage.tables import products, stock, stock_movements


@dataclass(frozen=True, slots=True)
class StockedProduct:
    """What stock needs to know of a product."""

    id: UUID
    code: str
    name: str
    unit: Unit
    counted: bool


@dataclass(frozen=True, slots=True)
class LockedStock:
    """A level whose row is locked, and how many events there have been of it."""

    product_id: UUID
    level: StockLevel
    sequence: int


@dataclass(frozen=True, slots=True)
class Movement:
    """A line of the ledger. `on_hand_milli` is what was on hand after it."""

    id: UUID
    store_id: UUID
    product_id: UUID
    change_milli: int
    on_hand_milli: int
    reason: str
    reference: str | None
    note: str | None
    sale_id: UUID | None
    line_id: UUID | None
    moved_by: UUID | None
    moved_at: datetime


@dataclass(frozen=True, slots=True)
class StockRow:
    """A level with the product it is of."""

    store_id: UUID
    product_id: UUID
    code: str
    name: str
    unit: str
    level: StockLevel
    changed_at: datetime


class StockRepository:
    """Reads and writes stock on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def products(self, product_ids: Collection[UUID]) -> dict[UUID, StockedProduct]:
        """The products with these ids; `counted` says whether their stock is kept."""
        statement = select(
            products.c.id, products.c.code, products.c.name, products.c.unit, products.c.kind, products.c.tracks_stock
        ).where(products.c.id == func.any(list(product_ids)))
        return {
            row.id: StockedProduct(row.id, row.code, row.name, Unit(row.unit), row.tracks_stock and row.kind == "goods")
            for row in await self._connection.execute(statement)
        }

    async def lock(self, store_id: UUID, product_ids: Collection[UUID], now: datetime) -> dict[UUID, LockedStock]:
        """The levels of the products at a store, locked in the order of product ids; made as zero where new."""
        ordered = sorted(product_ids)
        rows = [
            {
                "store_id": store_id,
                "product_id": product_id,
                "on_hand_milli": 0,
                "low": False,
                "sequence": 0,
                "changed_at": now,
            }
            for product_id in ordered
        ]
        await self._connection.execute(insert(stock).values(rows).on_conflict_do_nothing())
        statement = (
            select(stock)
            .where(stock.c.store_id == store_id, stock.c.product_id == func.any(ordered))
            .order_by(stock.c.product_id)
            .with_for_update()
        )
        return {
            row.product_id: LockedStock(
                row.product_id, StockLevel(row.on_hand_milli, row.reorder_point_milli, row.low), row.sequence
            )
            for row in await self._connection.execute(statement)
        }

    async def known_lines(self, sale_id: UUID) -> set[UUID]:
        """The lines of a document that have moved stock already."""
        statement = select(stock_movements.c.line_id).where(stock_movements.c.sale_id == sale_id)
        return {row.line_id for row in await self._connection.execute(statement)}

    async def record(self, movements: Sequence[Movement], now: datetime) -> None:
        """Write lines of the ledger; the caller holds the levels' locks."""
        rows = [
            {
                "id": movement.id,
                "store_id": movement.store_id,
                "product_id": movement.product_id,
                "change_milli": movement.change_milli,
                "on_hand_milli": movement.on_hand_milli,
                "reason": movement.reason,
                "reference": movement.reference,
                "note": movement.note,
                "sale_id": movement.sale_id,
                "line_id": movement.line_id,
                "moved_by": movement.moved_by,
                "moved_at": movement.moved_at,
                "recorded_at": now,
            }
            for movement in movements
        ]
        await self._connection.execute(insert(stock_movements), rows)

    async def store_levels(self, store_id: UUID, levels: Mapping[UUID, tuple[StockLevel, int]], now: datetime) -> None:
        """Store levels with the number of their events; the caller holds their locks."""
        values = rows_of(
            product_id=(Uuid(), levels),
            on_hand_milli=(BigInteger(), (level.on_hand_milli for level, _ in levels.values())),
            reorder_point_milli=(BigInteger(), (level.reorder_point_milli for level, _ in levels.values())),
            low=(Boolean(), (level.low for level, _ in levels.values())),
            sequence=(BigInteger(), (sequence for _, sequence in levels.values())),
        )
        await self._connection.execute(
            update(stock)
            .where(stock.c.store_id == store_id, stock.c.product_id == values.c.product_id)
            .values(
                on_hand_milli=values.c.on_hand_milli,
                reorder_point_milli=values.c.reorder_point_milli,
                low=values.c.low,
                sequence=values.c.sequence,
                changed_at=now,
            )
        )

    async def page(
        self, store_id: UUID, after: tuple[str, UUID] | None, limit: int, *, low: bool | None, negative: bool | None
    ) -> list[StockRow]:
        """Up to `limit` levels of a store in the order of product codes; only low ones, or only negative ones."""
        statement = (
            select(stock, products.c.code, products.c.name, products.c.unit)
            .join(products, products.c.id == stock.c.product_id)
            .where(stock.c.store_id == store_id)
            .order_by(products.c.code, products.c.id)
            .limit(limit)
        )
        if after is not None:
            statement = statement.where(tuple_(products.c.code, products.c.id) > after)
        if low is not None:
            statement = statement.where(stock.c.low == low)
        if negative is not None:
            statement = statement.where((stock.c.on_hand_milli < 0) == negative)
        return [
            StockRow(
                row.store_id,
                row.product_id,
                row.code,
                row.name,
                row.unit,
                StockLevel(row.on_hand_milli, row.reorder_point_milli, row.low),
                row.changed_at,
            )
            for row in await self._connection.execute(statement)
        ]

    async def movements(self, store_id: UUID, product_id: UUID, before: UUID | None, limit: int) -> list[Movement]:
        """Up to `limit` lines of the ledger of one product at one store, the latest first."""
        table = stock_movements
        statement = (
            select(table)
            .where(table.c.store_id == store_id, table.c.product_id == product_id)
            .order_by(table.c.id.desc())
            .limit(limit)
        )
        if before is not None:
            statement = statement.where(table.c.id < before)
        return [
            Movement(
                row.id,
                row.store_id,
                row.product_id,
                row.change_milli,
                row.on_hand_milli,
                row.reason,
                row.reference,
                row.note,
                row.sale_id,
                row.line_id,
                row.moved_by,
                row.moved_at,
            )
            for row in await self._connection.execute(statement)
        ]
