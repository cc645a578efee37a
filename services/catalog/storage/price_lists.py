"""Price lists."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, select, update
from sqlalchemy.dialects.postgresql import insert

from libs.persistence import Connection
from services.catalog.domain.price import PriceList
from services.catalog.storage.tables import price_lists, prices


def _price_list(row: Row[Any]) -> PriceList:
    return PriceList(
        code=row.code,
        name=row.name,
        currency=row.currency,
        store_ids=tuple(row.store_ids),
        customer_groups=tuple(row.customer_groups),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        priority=row.priority,
        active=row.active,
        version=row.version,
    )


def _values(price_list: PriceList) -> dict[str, Any]:
    return {
        "code": price_list.code,
        "name": price_list.name,
        "currency": price_list.currency,
        "store_ids": list(price_list.store_ids),
        "customer_groups": list(price_list.customer_groups),
        "starts_at": price_list.starts_at,
        "ends_at": price_list.ends_at,
        "priority": price_list.priority,
        "active": price_list.active,
        "version": price_list.version,
    }


class PriceListRepository:
    """Reads and writes price lists on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def all(self) -> dict[str, PriceList]:
        """Every price list by its code; a chain has dozens."""
        rows = await self._connection.execute(select(price_lists))
        return {row.code: _price_list(row) for row in rows}

    async def find(self, code: str, *, for_update: bool = False) -> PriceList | None:
        """The price list, or None."""
        statement = select(price_lists).where(price_lists.c.code == code)
        row = (
            await self._connection.execute(statement.with_for_update(key_share=True) if for_update else statement)
        ).first()
        return None if row is None else _price_list(row)

    async def page(self, after: tuple[str] | None, limit: int) -> list[PriceList]:
        """Up to `limit` price lists in the order of their codes."""
        statement = select(price_lists).order_by(price_lists.c.code).limit(limit)
        if after is not None:
            statement = statement.where(price_lists.c.code > after[0])
        return [_price_list(row) for row in await self._connection.execute(statement)]

    async def insert(self, price_list: PriceList) -> bool:
        """Store a new price list; False if its code is taken."""
        statement = insert(price_lists).values(**_values(price_list)).on_conflict_do_nothing()
        return (await self._connection.execute(statement.returning(price_lists.c.code))).first() is not None

    async def update(self, price_list: PriceList) -> None:
        """Store a changed price list; the caller holds its lock."""
        await self._connection.execute(
            update(price_lists).where(price_lists.c.code == price_list.code).values(**_values(price_list))
        )

    async def has_prices(self, code: str) -> bool:
        """Whether any product has a price in the list."""
        statement = select(prices.c.id).where(prices.c.price_list == code).limit(1)
        return (await self._connection.execute(statement)).first() is not None

    def product_ids(self, code: str) -> Select[tuple[UUID]]:
        """A query for the products that have a price in the list."""
        return select(prices.c.product_id).distinct().where(prices.c.price_list == code)
