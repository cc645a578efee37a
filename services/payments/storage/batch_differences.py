"""The differences of a settlement with acquirers, counted."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select, text

from libs.persistence import Connection
from services.payments.domain.settlement import ITEM_REFUSED
from services.payments.storage.tables import differences


@dataclass(frozen=True, slots=True)
class Refused:
    """The items of a batch that the acquirer did not take: how many, and their sum with refunds below zero."""

    count: int
    net_minor: int


@dataclass(frozen=True, slots=True)
class Found:
    """How many differences of a kind there are, and how many of them are not closed."""

    found: int
    unclosed: int


class BatchDifferenceRepository:
    """Counts differences on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def refused(self, settlement_id: UUID, acquirer: str) -> Refused:
        """What one acquirer refused of a settlement."""
        statement = select(func.count(), func.coalesce(func.sum(differences.c.ours_minor), 0)).where(
            differences.c.settlement_id == settlement_id,
            differences.c.acquirer == acquirer,
            differences.c.kind == ITEM_REFUSED,
        )
        count, net_minor = (await self._connection.execute(statement)).one()
        return Refused(count, int(net_minor))

    async def counts(self, settlement_id: UUID) -> dict[str, Found]:
        """The differences of a settlement by kind."""
        rows = await self._connection.execute(
            select(
                differences.c.kind,
                func.count().label("found"),
                func.count().filter(text("state <> 'closed'")).label("unclosed"),
            )
            .where(differences.c.settlement_id == settlement_id)
            .group_by(differences.c.kind)
        )
        return {row.kind: Found(row.found, row.unclosed) for row in rows}
