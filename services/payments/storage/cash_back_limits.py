"""The limits of cash-back that the chain has set."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from libs.persistence import Connection
from services.payments.domain.cash_back import CashBackLimit
from services.payments.storage.tables import cash_back_limits


class CashBackLimitRepository:
    """Reads and writes limits; a handful of rows for each currency."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def of(self, currency: str) -> dict[str, int]:
        """The limits of a currency by scheme, `*` for any."""
        return {each.scheme: each.limit_minor for each in await self.all(currency)}

    async def all(self, currency: str) -> list[CashBackLimit]:
        """Every limit of a currency: never more than there are card schemes."""
        rows = await self._connection.execute(
            select(cash_back_limits).where(cash_back_limits.c.currency == currency).order_by(cash_back_limits.c.scheme)
        )
        return [CashBackLimit(row.currency, row.scheme, row.limit_minor) for row in rows]

    async def put(self, limit: CashBackLimit, at: datetime, by: UUID) -> None:
        """Set a limit in the place of the one before."""
        values = {
            "currency": limit.currency,
            "scheme": limit.scheme,
            "limit_minor": limit.limit_minor,
            "changed_at": at,
            "changed_by": by,
        }
        await self._connection.execute(
            insert(cash_back_limits)
            .values(values)
            .on_conflict_do_update(index_elements=[cash_back_limits.c.currency, cash_back_limits.c.scheme], set_=values)
        )

    async def remove(self, currency: str, scheme: str) -> bool:
        """Take a limit away. False when there was none."""
        result = await self._connection.execute(
            delete(cash_back_limits).where(cash_back_limits.c.currency == currency, cash_back_limits.c.scheme == scheme)
        )
        return result.rowcount == 1
