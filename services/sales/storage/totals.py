"""The running totals of a shift: as many rows as there are kinds, however many receipts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import BigInteger, Text, Uuid, bindparam, cast, column, func, select
from sqlalchemy.dialects.postgresql import JSONB, insert

from libs.persistence import Connection
from services.sales.domain.totals import Contribution, merged
from services.sales.storage.tables import shift_totals, shifts

# One JSON text for any number of rows: the statement stays the same, so that it is compiled and prepared once, and
# the driver has one value to write instead of five arrays of them.
_additions = (
    func.jsonb_to_recordset(cast(bindparam("additions", type_=Text()), JSONB))
    .table_valued(
        column("kind", Text),
        column("key", Text),
        column("count", BigInteger),
        column("amount_minor", BigInteger),
        column("second_minor", BigInteger),
        name="additions",
    )
    .render_derived(with_types=True)
)
_insert = insert(shift_totals).from_select(
    ["shift_id", "kind", "key", "count", "amount_minor", "second_minor"],
    select(bindparam("shift_id", type_=Uuid()), *_additions.c),
)
ADD_TOTALS = _insert.on_conflict_do_update(
    index_elements=[shift_totals.c.shift_id, shift_totals.c.kind, shift_totals.c.key],
    set_={name: shift_totals.c[name] + _insert.excluded[name] for name in ("count", "amount_minor", "second_minor")},
)


def addition_parameters(shift_id: UUID, contributions: Sequence[Contribution]) -> dict[str, Any]:
    """What ADD_TOTALS takes, also as a part of a larger statement."""
    return {"shift_id": shift_id, "additions": to_json(merged(contributions)).decode()}


class TotalsRepository:
    """Adds to the totals and reads them. The caller holds the shift's row lock, so additions never wait in a circle."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, shift_id: UUID, contributions: Sequence[Contribution]) -> None:
        """Add every contribution, in one statement."""
        await self._connection.execute(ADD_TOTALS, addition_parameters(shift_id, contributions))

    async def of_shift(self, shift_id: UUID) -> list[Contribution]:
        """The totals of a shift, ordered by kind and key."""
        table = shift_totals
        rows = await self._connection.execute(
            select(table.c.kind, table.c.key, table.c.count, table.c.amount_minor, table.c.second_minor)
            .where(table.c.shift_id == shift_id)
            .order_by(table.c.kind, table.c.key)
        )
        return [Contribution(*row) for row in rows]

    async def given_without_receipt(self, staff_id: UUID, business_date: date, currency: str) -> int:
        """What a member of staff has paid for goods without receipt on a business date, at whichever tills.

        Until the transaction ends, the same person's next one at another till waits here, so that two at once do not
        each find room for themselves. A handful of rows, however many receipts.
        """
        await self._connection.execute(
            select(func.pg_advisory_xact_lock(func.hashtextextended(f"no receipt {staff_id}", cast(0, BigInteger))))
        )
        given_minor = await self._connection.scalar(
            select(func.sum(shift_totals.c.amount_minor))
            .join(shifts, shifts.c.shift_id == shift_totals.c.shift_id)
            .where(
                shifts.c.staff_id == staff_id,
                shifts.c.business_date == business_date,
                shifts.c.currency == currency,
                shift_totals.c.kind == "no_receipt",
            )
        )
        return int(given_minor or 0)
