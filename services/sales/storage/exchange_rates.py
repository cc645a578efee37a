"""The exchange rates that the chain takes foreign cash at."""

from __future__ import annotations

from sqlalchemy import Row, delete, select
from sqlalchemy.dialects.postgresql import insert

from libs.persistence import Connection
from services.sales.domain.exchange_rate import ExchangeRate
from services.sales.storage.tables import exchange_rates


class ExchangeRateRepository:
    """Reads and writes rates; one row per pair of currencies."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def get(self, local_currency: str, foreign_currency: str) -> ExchangeRate | None:
        """The present rate, or None when the foreign currency is not taken."""
        row = (
            await self._connection.execute(
                select(exchange_rates).where(
                    exchange_rates.c.local_currency == local_currency,
                    exchange_rates.c.foreign_currency == foreign_currency,
                )
            )
        ).one_or_none()
        return None if row is None else _rate(row)

    async def all_of(self, local_currency: str) -> list[ExchangeRate]:
        """Every rate for tills that count in `local_currency`: never more than there are currencies."""
        rows = await self._connection.execute(
            select(exchange_rates)
            .where(exchange_rates.c.local_currency == local_currency)
            .order_by(exchange_rates.c.foreign_currency)
        )
        return [_rate(row) for row in rows]

    async def put(self, rate: ExchangeRate) -> None:
        """Store the rate in the place of the one before."""
        values = {
            "local_currency": rate.local_currency,
            "foreign_currency": rate.foreign_currency,
            "rate": rate.rate,
            "changed_at": rate.changed_at,
            "changed_by": rate.changed_by,
        }
        await self._connection.execute(
            insert(exchange_rates)
            .values(values)
            .on_conflict_do_update(
                index_elements=[exchange_rates.c.local_currency, exchange_rates.c.foreign_currency], set_=values
            )
        )

    async def remove(self, local_currency: str, foreign_currency: str) -> bool:
        """Stop taking the foreign currency. False when it was not taken."""
        result = await self._connection.execute(
            delete(exchange_rates).where(
                exchange_rates.c.local_currency == local_currency,
                exchange_rates.c.foreign_currency == foreign_currency,
            )
        )
        return result.rowcount == 1


def _rate(row: Row[tuple[object, ...]]) -> ExchangeRate:
    return ExchangeRate(**row._mapping)
