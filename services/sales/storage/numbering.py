"""The number series of each till: what it holds, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from libs.persistence import Connection
from services.sales.domain.numbering import Gap, take_number
from services.sales.storage.tables import number_gaps, shifts, till_counters

# A till that was reset may leave any number of gaps; the answer shows the first of them and says how many there are.
LARGEST_GAP_COUNT_SHOWN = 1_000

# Built once: every sale runs these, and building a statement costs more than running it.
_COUNTED = (
    insert(till_counters)
    .values(till_id=bindparam("till"), last_number=1, held_count=1, last_z_number=0)
    .on_conflict_do_update(
        index_elements=[till_counters.c.till_id],
        set_={
            "last_number": till_counters.c.last_number + 1,
            "held_count": till_counters.c.held_count + 1,
        },
    )
    .returning(till_counters.c.last_number.label("number"))
    .cte("counted")
)
_NUMBER = select(_COUNTED.c.number).scalar_subquery()
# One round trip for both: while a till waits for its number, its transaction holds a connection.
_ALLOCATE = select(_COUNTED.c.number).add_cte(
    update(shifts)
    .where(shifts.c.shift_id == bindparam("shift"))
    .values(
        first_number=func.least(shifts.c.first_number, _NUMBER),
        last_number=func.greatest(shifts.c.last_number, _NUMBER),
    )
    .cte("recorded")
)
_RECORD = (
    update(shifts)
    .where(shifts.c.shift_id == bindparam("shift"))
    .values(
        first_number=func.least(shifts.c.first_number, bindparam("number")),
        last_number=func.greatest(shifts.c.last_number, bindparam("number")),
    )
)


@dataclass(frozen=True, slots=True)
class Continuity:
    """What is held of a till: numbers 1 to `last_number`, `held_count` of them, without those in `gaps`."""

    last_number: int
    held_count: int
    gaps: tuple[Gap, ...]


class NumberingRepository:
    """Allocates numbers on one connection. The till's row stays locked until the transaction ends."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def allocate(self, till_id: UUID, shift_id: UUID) -> int:
        """The next number of a till that leaves numbering to us; the shift's range takes it in.

        A rollback gives it back: no gap.
        """
        return int((await self._connection.execute(_ALLOCATE, {"till": till_id, "shift": shift_id})).scalar_one())

    async def take(self, till_id: UUID, shift_id: UUID, number: int) -> None:
        """Take a number that the till gave out itself, in any order; the shift's range takes it in.

        Raises NumberTaken.
        """
        await self._connection.execute(
            insert(till_counters)
            .values(till_id=till_id, last_number=0, held_count=0, last_z_number=0)
            .on_conflict_do_nothing()
        )
        last_number = (
            await self._connection.execute(
                select(till_counters.c.last_number).where(till_counters.c.till_id == till_id).with_for_update()
            )
        ).scalar_one()
        change = take_number(number, last_number, await self._gaps(till_id, around=number))
        if change.removed is not None:
            await self._connection.execute(
                delete(number_gaps).where(
                    number_gaps.c.till_id == till_id, number_gaps.c.first_number == change.removed.first
                )
            )
        if change.added:
            await self._connection.execute(
                insert(number_gaps),
                [{"till_id": till_id, "first_number": gap.first, "last_number": gap.last} for gap in change.added],
            )
        await self._connection.execute(
            update(till_counters)
            .where(till_counters.c.till_id == till_id)
            .values(last_number=change.last_number, held_count=till_counters.c.held_count + 1)
        )
        await self._connection.execute(_RECORD, {"shift": shift_id, "number": number})

    async def continuity(self, till_id: UUID) -> Continuity:
        """What is held of the till; nothing at all for a till that has not sold yet."""
        row = (
            await self._connection.execute(
                select(till_counters.c.last_number, till_counters.c.held_count).where(
                    till_counters.c.till_id == till_id
                )
            )
        ).first()
        if row is None:
            return Continuity(0, 0, ())
        return Continuity(row.last_number, row.held_count, await self._gaps(till_id))

    async def _gaps(self, till_id: UUID, around: int | None = None) -> tuple[Gap, ...]:
        statement = select(number_gaps.c.first_number, number_gaps.c.last_number).where(
            number_gaps.c.till_id == till_id
        )
        if around is not None:
            statement = statement.where(number_gaps.c.first_number <= around, number_gaps.c.last_number >= around)
        rows = await self._connection.execute(
            statement.order_by(number_gaps.c.first_number).limit(LARGEST_GAP_COUNT_SHOWN)
        )
        return tuple(Gap(row.first_number, row.last_number) for row in rows)
