"""Lists of finished documents, a page at a time, each by an index of its own."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, select, tuple_

from libs.persistence import Connection
from services.sales.storage.tables import sales


@dataclass(frozen=True, slots=True)
class SaleRow:
    """What a list shows of a document. `total_minor` is signed, in minor units of `currency`."""

    sale_id: UUID
    kind: str
    store_id: UUID
    till_id: UUID
    shift_id: UUID
    number: int
    receipt_code: str
    business_date: date
    completed_at: datetime
    staff_name: str
    currency: str
    total_minor: int
    voided_by_sale_id: UUID | None


_COLUMNS = (
    sales.c.sale_id,
    sales.c.kind,
    sales.c.store_id,
    sales.c.till_id,
    sales.c.shift_id,
    sales.c.number,
    sales.c.receipt_code,
    sales.c.business_date,
    sales.c.completed_at,
    sales.c.document["staff_name"].as_string().label("staff_name"),
    sales.c.document["currency"].as_string().label("currency"),
    sales.c.total_minor,
    sales.c.voided_by_sale_id,
)


def _row(row: Row[Any]) -> SaleRow:
    return SaleRow(**row._mapping)


class SaleListRepository:
    """Reads on one connection. `stores` limits every list to these stores; None is no limit."""

    def __init__(self, connection: Connection, stores: Collection[UUID] | None) -> None:
        self._connection = connection
        self._stores = stores

    async def of_shift(self, shift_id: UUID, *, limit: int, after_number: int | None) -> list[SaleRow]:
        """The documents of a shift in the order of their numbers."""
        query = select(*_COLUMNS).where(sales.c.shift_id == shift_id).order_by(sales.c.number)
        if after_number is not None:
            query = query.where(sales.c.number > after_number)
        return await self._rows(query, limit)

    async def of_till(self, till_id: UUID, *, limit: int, below_number: int | None) -> list[SaleRow]:
        """The documents of a till, the highest number first."""
        query = select(*_COLUMNS).where(sales.c.till_id == till_id).order_by(sales.c.number.desc())
        if below_number is not None:
            query = query.where(sales.c.number < below_number)
        return await self._rows(query, limit)

    async def of_store(
        self,
        store_id: UUID,
        *,
        limit: int,
        before: tuple[datetime, UUID] | None,
        business_date: date | None = None,
        till_id: UUID | None = None,
    ) -> list[SaleRow]:
        """The documents of a store, of one business date and till if given, the newest first."""
        newest_first = (sales.c.completed_at.desc(), sales.c.sale_id.desc())
        query = select(*_COLUMNS).where(sales.c.store_id == store_id).order_by(*newest_first)
        if business_date is not None:
            query = query.where(sales.c.business_date == business_date)
        if till_id is not None:
            query = query.where(sales.c.till_id == till_id)
        if before is not None:
            query = query.where(tuple_(sales.c.completed_at, sales.c.sale_id) < before)
        return await self._rows(query, limit)

    async def _rows(self, query: Select[Any], limit: int) -> list[SaleRow]:
        if self._stores is not None:
            query = query.where(sales.c.store_id.in_(self._stores))
        return [_row(row) for row in await self._connection.execute(query.limit(limit))]
