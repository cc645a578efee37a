"""Under which numbers acquirers know the concentrator's terminals, and the trace numbers that were given out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, insert, select, update

from libs.persistence import Connection
from services.payments.domain.concentrator.numbers import LARGEST_TRACE_NUMBER, currency_number
from services.payments.domain.concentrator.requests import Merchant
from services.payments.storage.concentrator_tables import acquirer_terminals


@dataclass(frozen=True, slots=True)
class AcquirerTerminal:
    """A terminal as one acquirer knows it: fields 41, 42 and 18."""

    terminal_id: UUID
    acquirer: str
    terminal_number: str
    merchant_number: str
    category: str

    def merchant(self, currency: str) -> Merchant:
        """Who asks, in messages of that currency."""
        return Merchant(self.terminal_number, self.merchant_number, self.category, currency_number(currency))


class AcquirerTerminalRepository:
    """Reads and writes terminals' numbers on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def of_terminal(self, terminal_id: UUID) -> list[AcquirerTerminal]:
        """A terminal's numbers at all its acquirers, by the acquirers' names."""
        rows = await self._connection.execute(
            select(acquirer_terminals)
            .where(acquirer_terminals.c.terminal_id == terminal_id)
            .order_by(acquirer_terminals.c.acquirer)
        )
        return [_numbers(row) for row in rows]

    async def get(self, terminal_id: UUID, acquirer: str) -> AcquirerTerminal | None:
        """A terminal's numbers at one acquirer."""
        row = (await self._connection.execute(select(acquirer_terminals).where(*_is(terminal_id, acquirer)))).first()
        return None if row is None else _numbers(row)

    async def next_trace_number(self, terminal_id: UUID, acquirer: str) -> int:
        """The terminal's next trace number at an acquirer: 1 to 999,999, then 1 again.

        The row stays locked until the transaction ends, so no number is given out twice.
        """
        following = acquirer_terminals.c.last_trace_number % LARGEST_TRACE_NUMBER + 1
        result = await self._connection.execute(
            update(acquirer_terminals)
            .where(*_is(terminal_id, acquirer))
            .values(last_trace_number=following)
            .returning(acquirer_terminals.c.last_trace_number)
        )
        return int(result.scalar_one())

    async def replace(self, terminal_id: UUID, numbers: Sequence[AcquirerTerminal], at: datetime, by: UUID) -> None:
        """Make these the terminal's numbers. Where an acquirer stays, its trace numbers go on counting."""
        known = {each.acquirer for each in await self.of_terminal(terminal_id)}
        wanted = {each.acquirer for each in numbers}
        await self._connection.execute(
            delete(acquirer_terminals).where(
                acquirer_terminals.c.terminal_id == terminal_id, acquirer_terminals.c.acquirer.not_in(wanted)
            )
        )
        new = [{**_values(each, at, by), "last_trace_number": 0} for each in numbers if each.acquirer not in known]
        if new:
            await self._connection.execute(insert(acquirer_terminals), new)
        # A terminal has a handful of acquirers at most.
        for each in (each for each in numbers if each.acquirer in known):
            await self._connection.execute(
                update(acquirer_terminals).where(*_is(terminal_id, each.acquirer)).values(_values(each, at, by))
            )


def _is(terminal_id: UUID, acquirer: str) -> tuple[Any, Any]:
    return acquirer_terminals.c.terminal_id == terminal_id, acquirer_terminals.c.acquirer == acquirer


def _numbers(row: Row[Any]) -> AcquirerTerminal:
    return AcquirerTerminal(row.terminal_id, row.acquirer, row.terminal_number, row.merchant_number, row.category)


def _values(numbers: AcquirerTerminal, at: datetime, by: UUID) -> dict[str, Any]:
    return {
        "terminal_id": numbers.terminal_id,
        "acquirer": numbers.acquirer,
        "terminal_number": numbers.terminal_number,
        "merchant_number": numbers.merchant_number,
        "category": numbers.category,
        "changed_at": at,
        "changed_by": by,
    }
