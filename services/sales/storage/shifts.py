"""Shifts, the movements of their drawers, and what closing one must look at."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, bindparam, func, literal_column, select, tuple_, update
from sqlalchemy.dialects import postgresql

from libs.persistence import Connection
from services.sales.domain.basket import BasketState
from services.sales.domain.shift import CashMovement, MovementKind, Shift, ShiftState
from services.sales.storage.tables import baskets, cash_movements, shifts, till_counters

MOST_LISTED = 20
UNFINISHED = (BasketState.OPEN.value, BasketState.SUSPENDED.value, BasketState.PAYING.value)


def _shift_query() -> Select[tuple[Any, ...]]:
    """Everything of a shift but its Z report, which is read only when it is asked for."""
    return select(*(column for column in shifts.c if column.name != "z_report"))


# Written out, not bound: only then does PostgreSQL know that the partial index holds what is asked for.
_OPEN: ColumnElement[str] = literal_column(f"'{ShiftState.OPEN.value}'")
# Built once: every sale runs these, and building a statement costs more than running it.
_OPEN_AT_TILL = _shift_query().where(shifts.c.till_id == bindparam("till"), shifts.c.state == _OPEN)
_OPEN_AT_TILL_LOCKED = _OPEN_AT_TILL.with_for_update()


class ShiftRepository:
    """Reads and writes shifts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def open_at_till_for_update(self, till_id: UUID) -> Shift | None:
        """The open shift of the till, locked until the transaction ends: whoever changes a till's drawer waits here."""
        return await self._one(_OPEN_AT_TILL_LOCKED, {"till": till_id})

    async def open_at_till(self, till_id: UUID) -> Shift | None:
        """The open shift of the till, for reading."""
        return await self._one(_OPEN_AT_TILL, {"till": till_id})

    async def get(self, shift_id: UUID) -> Shift | None:
        """The shift, for reading."""
        return await self._one(_shift_query().where(shifts.c.shift_id == shift_id))

    async def get_for_update(self, shift_id: UUID) -> Shift | None:
        """The shift, locked until the transaction ends."""
        return await self._one(_shift_query().where(shifts.c.shift_id == shift_id).with_for_update())

    async def add(self, shift: Shift) -> bool:
        """Store a new shift. False when one is open at the till, also one just being committed, or the id is taken."""
        result = await self._connection.execute(
            postgresql.insert(shifts)
            .values(
                shift_id=shift.shift_id,
                store_id=shift.store_id,
                till_id=shift.till_id,
                staff_id=shift.staff_id,
                staff_name=shift.staff_name,
                state=shift.state.value,
                version=shift.version,
                currency=shift.currency,
                business_date=shift.business_date,
                opened_at=shift.opened_at,
            )
            .on_conflict_do_nothing()
            .returning(shifts.c.shift_id)
        )
        return result.first() is not None

    async def save(self, shift: Shift, *, z_report: dict[str, Any] | None = None) -> None:
        """Store the next version of a shift that this transaction has locked, with its Z report once it is closed."""
        result = await self._connection.execute(
            update(shifts)
            .where(shifts.c.shift_id == shift.shift_id, shifts.c.version == shift.version - 1)
            .values(
                state=shift.state.value,
                version=shift.version,
                closed_at=shift.closed_at,
                z_number=shift.z_number,
                z_report=z_report,
            )
        )
        assert result.rowcount == 1, "a shift is saved once per version, under its row lock"

    async def z_report(self, shift_id: UUID) -> dict[str, Any] | None:
        """The Z report as it was frozen; None while the shift is open or when there is none."""
        found: dict[str, Any] | None = (
            await self._connection.execute(select(shifts.c.z_report).where(shifts.c.shift_id == shift_id))
        ).scalar_one_or_none()
        return found

    async def of_store(self, store_id: UUID, *, limit: int, after: tuple[datetime, UUID] | None) -> list[Shift]:
        """Up to `limit` shifts of the store, the newest first, older than the keys in `after`."""
        query = _shift_query().where(shifts.c.store_id == store_id)
        if after is not None:
            query = query.where(tuple_(shifts.c.opened_at, shifts.c.shift_id) < after)
        rows = await self._connection.execute(
            query.order_by(shifts.c.opened_at.desc(), shifts.c.shift_id.desc()).limit(limit)
        )
        return [_shift(row) for row in rows]

    async def next_z_number(self, till_id: UUID) -> int:
        """Take the till's next Z number: 1, 2, 3 ... without gaps, given back if the transaction rolls back."""
        number: int = (
            await self._connection.execute(
                postgresql.insert(till_counters)
                .values(till_id=till_id, last_number=0, held_count=0, last_z_number=1)
                .on_conflict_do_update(
                    index_elements=[till_counters.c.till_id],
                    set_={"last_z_number": till_counters.c.last_z_number + 1},
                )
                .returning(till_counters.c.last_z_number)
            )
        ).scalar_one()
        return number

    async def baskets_at_till(self, shift: Shift, states: Collection[BasketState]) -> list[UUID]:
        """The first baskets at the shift's till that are in one of `states`, all of them of unfinished baskets."""
        rows = await self._connection.execute(
            _baskets_at_till(shift, states, baskets.c.basket_id).order_by(baskets.c.updated_at).limit(MOST_LISTED)
        )
        return [row.basket_id for row in rows]

    async def count_baskets_at_till(self, shift: Shift, states: Collection[BasketState]) -> int:
        """How many baskets `baskets_at_till` would find without a limit."""
        counted: int = (await self._connection.execute(_baskets_at_till(shift, states, func.count()))).scalar_one()
        return counted

    async def add_movement(self, movement: CashMovement) -> bool:
        """Store a movement of the drawer. False when its id is taken."""
        result = await self._connection.execute(
            postgresql.insert(cash_movements)
            .values(
                movement_id=movement.movement_id,
                shift_id=movement.shift_id,
                kind=movement.kind.value,
                amount_minor=movement.amount_minor,
                reason=movement.reason,
                staff_id=movement.staff_id,
                approved_by=movement.approved_by,
                moved_at=movement.moved_at,
            )
            .on_conflict_do_nothing()
            .returning(cash_movements.c.movement_id)
        )
        return result.first() is not None

    async def movements(self, shift_id: UUID, *, limit: int, after: tuple[datetime, UUID] | None) -> list[CashMovement]:
        """Up to `limit` movements of the shift, the oldest first, later than the keys in `after`."""
        table = cash_movements
        query = select(table).where(table.c.shift_id == shift_id)
        if after is not None:
            query = query.where(tuple_(table.c.moved_at, table.c.movement_id) > after)
        rows = await self._connection.execute(query.order_by(table.c.moved_at, table.c.movement_id).limit(limit))
        return [_movement(row) for row in rows]

    async def _one(self, query: Select[tuple[Any, ...]], parameters: dict[str, Any] | None = None) -> Shift | None:
        row = (await self._connection.execute(query, parameters)).one_or_none()
        return None if row is None else _shift(row)


def _baskets_at_till(
    shift: Shift, states: Collection[BasketState], what: ColumnElement[Any]
) -> Select[tuple[Any, ...]]:
    return select(what).where(
        baskets.c.store_id == shift.store_id,
        # Said again as the partial index says it, and written out, or the planner would not see that it applies.
        baskets.c.state.in_(bindparam("unfinished", UNFINISHED, expanding=True, literal_execute=True)),
        baskets.c.state.in_([state.value for state in states]),
        baskets.c.till_id == shift.till_id,
    )


def _shift(row: Row[tuple[Any, ...]]) -> Shift:
    values = dict(row._mapping)
    values["state"] = ShiftState(values["state"])
    return Shift(**values)


def _movement(row: Row[tuple[Any, ...]]) -> CashMovement:
    values = dict(row._mapping)
    values["kind"] = MovementKind(values["kind"])
    return CashMovement(**values)
