"""Stores and the rows of their tills."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from libs.persistence import Connection
from libs.pricing import TaxMode, TaxRounding
from services.identity.domain.stores import Store
from services.identity.storage.tables import stores

_COLUMNS = [column for column in stores.c if column.name not in ("created_at", "changed_at")]
_CODE = func.lower(stores.c.code)


def _store(row: Row[Any]) -> Store:
    values = dict(row._mapping)
    values["tax_mode"] = TaxMode(row.tax_mode)
    values["tax_rounding"] = TaxRounding(row.tax_rounding)
    values["address_lines"] = tuple(row.address_lines)
    return Store(**values)


def _values(store: Store) -> dict[str, Any]:
    return asdict(store) | {"address_lines": list(store.address_lines)}


class StoreRepository:
    """Reads and writes stores on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, store: Store, now: datetime) -> bool:
        """Insert a new store; False if its code is taken."""
        statement = insert(stores).values(**_values(store), created_at=now, changed_at=now)
        result = await self._connection.execute(statement.on_conflict_do_nothing().returning(stores.c.id))
        return result.first() is not None

    async def find(self, store_id: UUID, *, for_update: bool = False) -> Store | None:
        """The store, locked until the transaction ends if it is `for_update`."""
        statement = select(*_COLUMNS).where(stores.c.id == store_id)
        row = (await self._connection.execute(statement.with_for_update() if for_update else statement)).first()
        return None if row is None else _store(row)

    async def save(self, store: Store, now: datetime) -> None:
        """Write a store that was read for update."""
        await self._connection.execute(
            update(stores).where(stores.c.id == store.id).values(**_values(store), changed_at=now)
        )

    async def existing(self, store_ids: Collection[UUID]) -> set[UUID]:
        """Those of `store_ids` that are stores."""
        result = await self._connection.execute(select(stores.c.id).where(stores.c.id.in_(store_ids)))
        return set(result.scalars())

    async def page(
        self, *, within: Collection[UUID] | None, active: bool | None, after: tuple[str, UUID] | None, rows: int
    ) -> list[Store]:
        """Up to `rows` stores by code; only those of `within` unless it is None."""
        statement = select(*_COLUMNS).order_by(_CODE, stores.c.id).limit(rows)
        if within is not None:
            statement = statement.where(stores.c.id.in_(within))
        if active is not None:
            statement = statement.where(stores.c.active == active)
        if after is not None:
            statement = statement.where(tuple_(_CODE, stores.c.id) > after)
        return [_store(row) for row in await self._connection.execute(statement)]
