"""Concentrated terminals with their numbers at acquirers: listed, and given numbers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import any_, bindparam, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import IntegrityError
from sqlalchemy.types import Uuid

from libs.persistence import Connection
from services.payments.domain.terminal import Terminal, TerminalKind
from services.payments.storage.acquirer_terminals import AcquirerTerminal, AcquirerTerminalRepository
from services.payments.storage.concentrator_tables import acquirer_messages, acquirer_terminals
from services.payments.storage.tables import terminals


class ConcentratedTerminalRepository:
    """Reads and writes the numbers of concentrated terminals on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def page(self, store_id: UUID, after: tuple[str, UUID] | None, limit: int) -> list[Terminal]:
        """The concentrated terminals of a store by name, those out of use too."""
        statement = select(terminals).where(
            terminals.c.store_id == store_id, terminals.c.kind == TerminalKind.CONCENTRATED.value
        )
        if after is not None:
            statement = statement.where(tuple_(terminals.c.name, terminals.c.terminal_id) > after)
        rows = await self._connection.execute(
            statement.order_by(terminals.c.name, terminals.c.terminal_id).limit(limit)
        )
        return [
            Terminal(
                row.terminal_id,
                row.store_id,
                row.name,
                None,
                tuple(row.till_ids),
                row.active,
                row.state,
                kind=TerminalKind.CONCENTRATED,
            )
            for row in rows
        ]

    async def numbers(self, terminal_ids: Sequence[UUID]) -> list[AcquirerTerminal]:
        """The numbers of several terminals in one query, by acquirer."""
        rows = await self._connection.execute(
            select(acquirer_terminals)
            .where(acquirer_terminals.c.terminal_id == any_(bindparam("ids", list(terminal_ids), ARRAY(Uuid()))))
            .order_by(acquirer_terminals.c.acquirer)
        )
        return [
            AcquirerTerminal(row.terminal_id, row.acquirer, row.terminal_number, row.merchant_number, row.category)
            for row in rows
        ]

    async def put_numbers(self, terminal_id: UUID, numbers: Sequence[AcquirerTerminal], at: datetime, by: UUID) -> bool:
        """Make these the terminal's numbers. False when another terminal in use has one of them.

        Whoever takes over the number of a terminal out of use goes on with its trace numbers, which the acquirer
        remembers.
        """
        wanted = [(each.acquirer, each.terminal_number) for each in numbers]
        known = acquirer_terminals.c
        try:
            async with self._connection.begin_nested():
                await self._connection.execute(
                    update(acquirer_terminals)
                    .where(
                        tuple_(known.acquirer, known.terminal_number).in_(wanted),
                        known.terminal_id != terminal_id,
                        known.acquirer.not_in(select(known.acquirer).where(known.terminal_id == terminal_id)),
                        known.terminal_id.in_(select(terminals.c.terminal_id).where(~terminals.c.active)),
                    )
                    .values(terminal_id=terminal_id)
                )
                await AcquirerTerminalRepository(self._connection).replace(terminal_id, numbers, at, by)
        except IntegrityError:
            return False
        return True

    async def acquirers_unsettled(self, terminal_id: UUID) -> set[str]:
        """The acquirers that have approved something at a terminal which is not settled."""
        message = acquirer_messages.c
        statement = (
            select(message.acquirer)
            .where(message.terminal_id == terminal_id, text("settlement_id IS NULL AND state = 'approved'"))
            .distinct()
        )
        return set((await self._connection.execute(statement)).scalars())
