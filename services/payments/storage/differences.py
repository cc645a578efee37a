"""Differences between ours and what terminals and acquirers say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, insert, select, text, tuple_, update

from libs.persistence import Connection
from services.payments.domain.settlement import Difference, DifferenceState
from services.payments.storage.tables import differences


class DifferenceRepository:
    """Reads and writes differences on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, found: Sequence[Difference]) -> None:
        """Store new differences."""
        if found:
            await self._connection.execute(insert(differences), [_values(each) for each in found])

    async def get(self, difference_id: UUID) -> Difference | None:
        """One difference, locked."""
        statement = select(differences).where(differences.c.difference_id == difference_id).with_for_update()
        row = (await self._connection.execute(statement)).one_or_none()
        return None if row is None else _difference(row)

    async def save(self, difference: Difference) -> None:
        """Store a difference that was read with its lock."""
        values = _values(difference)
        await self._connection.execute(
            update(differences).where(differences.c.difference_id == difference.difference_id).values(**values)
        )

    async def unclosed(self, settlement_id: UUID) -> int:
        """How many differences of a settlement are not closed."""
        statement = select(func.count()).where(
            differences.c.settlement_id == settlement_id, differences.c.state != DifferenceState.CLOSED.value
        )
        return int((await self._connection.execute(statement)).scalar_one())

    async def page(
        self,
        store_id: UUID,
        after: tuple[datetime, UUID] | None,
        limit: int,
        *,
        unclosed: bool,
        settlement_id: UUID | None,
        file_id: UUID | None,
    ) -> list[Difference]:
        """The differences of a store, oldest first; `unclosed` leaves those out that are closed."""
        statement = select(differences).where(differences.c.store_id == store_id)
        if unclosed:
            statement = statement.where(text("state <> 'closed'"))
        if settlement_id is not None:
            statement = statement.where(differences.c.settlement_id == settlement_id)
        if file_id is not None:
            statement = statement.where(differences.c.file_id == file_id)
        if after is not None:
            statement = statement.where(tuple_(differences.c.found_at, differences.c.difference_id) > after)
        rows = await self._connection.execute(
            statement.order_by(differences.c.found_at, differences.c.difference_id).limit(limit)
        )
        return [_difference(row) for row in rows]


def _values(difference: Difference) -> dict[str, Any]:
    return {**asdict(difference), "state": difference.state.value}


def _difference(row: Row[Any]) -> Difference:
    values = {name: getattr(row, name) for name in Difference.__dataclass_fields__}
    return Difference(**{**values, "state": DifferenceState(row.state)})
