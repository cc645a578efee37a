"""Payments' own copy of gateways, tills and terminals; the terminals that stand alone; tills' defaults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, any_, bindparam, func, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.types import Uuid

from libs.contracts.gateway import DeviceChanged
from libs.contracts.identity import GatewayChanged, TillChanged
from libs.persistence import Connection
from services.payments.domain.terminal import Terminal, TerminalKind
from services.payments.storage.tables import UNDECIDED, UNSETTLED, gateways, intents, terminals, till_defaults, tills


@dataclass(frozen=True, slots=True)
class Undone:
    """What a terminal has still to do before it may go: payments not settled, and payments not decided."""

    unsettled_count: int
    undecided_count: int


class TerminalRepository:
    """Reads and writes terminals on one connection. A fact older than the one held changes nothing."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def put_gateway(self, version: int, gateway: GatewayChanged) -> None:
        """Keep a gateway as it is now."""
        await self._put(
            gateways,
            [gateways.c.gateway_id],
            {
                "gateway_id": gateway.gateway_id,
                "store_id": gateway.store_id,
                "name": gateway.name,
                "active": gateway.active,
                "version": version,
            },
        )

    async def put_till(self, version: int, till: TillChanged) -> None:
        """Keep a till as it is now."""
        await self._put(
            tills,
            [tills.c.till_id],
            {"till_id": till.till_id, "store_id": till.store_id, "active": till.active, "version": version},
        )

    async def put_device(self, version: int, device: DeviceChanged) -> None:
        """Keep a wired terminal as its gateway tells of it."""
        await self._put(
            terminals,
            [terminals.c.terminal_id],
            {
                "terminal_id": device.device_id,
                "store_id": device.store_id,
                "name": device.name,
                "kind": TerminalKind.WIRED.value,
                "gateway_id": device.gateway_id,
                "till_ids": list(device.till_ids),
                "active": device.configured,
                "state": device.state,
                "driver": device.driver,
                "version": version,
                "changed_at": device.changed_at,
            },
        )

    async def _put(self, table: Any, key: list[Any], values: dict[str, Any]) -> None:
        statement = insert(table).values(values)
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=key, set_=values, where=table.c.version < statement.excluded.version
            )
        )

    async def store_of_till(self, till_id: UUID) -> UUID | None:
        """The store of an active till; None for a till that payments has not heard of."""
        statement = select(tills.c.store_id).where(tills.c.till_id == till_id, tills.c.active)
        return (await self._connection.execute(statement)).scalar_one_or_none()

    async def default_of(self, till_id: UUID) -> UUID | None:
        """The terminal that a till uses unless told otherwise."""
        statement = select(till_defaults.c.terminal_id).where(till_defaults.c.till_id == till_id)
        return (await self._connection.execute(statement)).scalar_one_or_none()

    async def set_default(self, till_id: UUID, terminal_id: UUID, at: datetime, by: UUID) -> None:
        """Make a terminal the till's default."""
        values = {"till_id": till_id, "terminal_id": terminal_id, "changed_at": at, "changed_by": by}
        await self._connection.execute(
            insert(till_defaults)
            .values(values)
            .on_conflict_do_update(index_elements=[till_defaults.c.till_id], set_=values)
        )

    async def of_store(self, store_id: UUID) -> list[Terminal]:
        """The usable terminals of a store: a wired one only while its gateway is not withdrawn."""
        rows = await self._connection.execute(
            select(terminals)
            .outerjoin(gateways, gateways.c.gateway_id == terminals.c.gateway_id)
            .where(
                terminals.c.store_id == store_id,
                terminals.c.active,
                or_(gateways.c.active.is_(None), gateways.c.active),
            )
            .order_by(terminals.c.name, terminals.c.terminal_id)
        )
        return [_terminal(row) for row in rows]

    async def page(self, store_id: UUID, after: tuple[str, UUID] | None, limit: int) -> list[Terminal]:
        """All terminals of a store by name, those out of use too."""
        statement = select(terminals).where(terminals.c.store_id == store_id)
        if after is not None:
            statement = statement.where(tuple_(terminals.c.name, terminals.c.terminal_id) > after)
        rows = await self._connection.execute(
            statement.order_by(terminals.c.name, terminals.c.terminal_id).limit(limit)
        )
        return [_terminal(row) for row in rows]

    async def get(self, terminal_id: UUID, *, lock: bool = False) -> Terminal | None:
        """One terminal."""
        statement = select(terminals).where(terminals.c.terminal_id == terminal_id)
        row = (await self._connection.execute(statement.with_for_update() if lock else statement)).one_or_none()
        return None if row is None else _terminal(row)

    async def add_unwired(self, terminal: Terminal, at: datetime) -> bool:
        """Store a terminal that no gateway owns. False when the store has one of this name."""
        result = await self._connection.execute(
            insert(terminals)
            .values(
                terminal_id=terminal.terminal_id,
                store_id=terminal.store_id,
                name=terminal.name,
                kind=terminal.kind.value,
                gateway_id=None,
                till_ids=[],
                active=True,
                state=terminal.state,
                driver=None,
                version=1,
                changed_at=at,
            )
            .on_conflict_do_nothing()
            .returning(terminals.c.terminal_id)
        )
        return result.first() is not None

    async def release(self, terminal_id: UUID, at: datetime, by: UUID, note: str | None) -> None:
        """Note who let the terminal go; one that no gateway owns is out of use from now on."""
        await self._connection.execute(
            update(terminals)
            .where(terminals.c.terminal_id == terminal_id)
            .values(
                released_at=at,
                released_by=by,
                release_note=note,
                changed_at=at,
                active=and_(terminals.c.active, terminals.c.gateway_id.is_not(None)),
            )
        )

    async def undone(self, terminal_ids: Sequence[UUID]) -> dict[UUID, Undone]:
        """What these terminals have still to do, in one query; terminals with nothing to do are left out."""
        rows = await self._connection.execute(
            select(
                intents.c.terminal_id,
                func.count().filter(text(UNSETTLED)).label("unsettled"),
                func.count().filter(text(UNDECIDED)).label("undecided"),
            )
            .where(
                intents.c.terminal_id == any_(bindparam("ids", list(terminal_ids), ARRAY(Uuid()))),
                or_(text(UNSETTLED), text(UNDECIDED)),
            )
            .group_by(intents.c.terminal_id)
        )
        return {row.terminal_id: Undone(row.unsettled, row.undecided) for row in rows}


def _terminal(row: Row[Any]) -> Terminal:
    return Terminal(
        row.terminal_id,
        row.store_id,
        row.name,
        row.gateway_id,
        tuple(row.till_ids),
        row.active,
        row.state,
        row.driver,
        TerminalKind(row.kind),
    )
