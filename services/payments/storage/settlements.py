"""Settlements: what a terminal's end of day said, and what ours add up to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, case, func, insert, select, text, tuple_, update
from sqlalchemy.exc import IntegrityError

from libs.contracts.terminals import SchemeTotal
from libs.persistence import Connection
from services.payments.domain.intent import IntentKind
from services.payments.domain.settlement import NO_SCHEME, SettlementState
from services.payments.storage.tables import UNSETTLED, intents, settlements, tills


@dataclass(frozen=True, slots=True)
class Settlement:
    """One end of day of one terminal in one currency."""

    settlement_id: UUID
    store_id: UUID
    till_id: UUID
    terminal_id: UUID
    terminal_name: str
    currency: str
    state: SettlementState
    requested_by: UUID
    requested_at: datetime
    operation_id: UUID | None = None
    terminal_totals: tuple[SchemeTotal, ...] = ()
    our_totals: tuple[SchemeTotal, ...] = ()
    difference_count: int = 0
    reason: str | None = None
    closed_at: datetime | None = None
    requested_by_name: str | None = None


class SettlementRepository:
    """Reads and writes settlements on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, settlement: Settlement) -> bool:
        """Store a new one. False when the terminal's end of day is being asked for already."""
        try:
            async with self._connection.begin_nested():
                await self._connection.execute(insert(settlements).values(_values(settlement)))
        except IntegrityError:
            return False
        return True

    async def get(self, settlement_id: UUID, *, lock: bool = False) -> Settlement | None:
        """One settlement."""
        statement = select(settlements).where(settlements.c.settlement_id == settlement_id)
        row = (await self._connection.execute(statement.with_for_update() if lock else statement)).one_or_none()
        return None if row is None else _settlement(row)

    async def by_operation(self, operation_id: UUID) -> Settlement | None:
        """The settlement that an operation asked for, locked."""
        statement = select(settlements).where(settlements.c.operation_id == operation_id).with_for_update()
        row = (await self._connection.execute(statement)).one_or_none()
        return None if row is None else _settlement(row)

    async def save(self, settlement: Settlement) -> None:
        """Store a settlement that was read with its lock."""
        await self._connection.execute(
            update(settlements)
            .where(settlements.c.settlement_id == settlement.settlement_id)
            .values(_values(settlement))
        )

    async def explain(self, settlement_id: UUID, reason: str) -> None:
        """Say what a settlement that is still being asked for waits for."""
        await self._connection.execute(
            update(settlements)
            .where(
                settlements.c.settlement_id == settlement_id,
                settlements.c.state == SettlementState.REQUESTED.value,
                settlements.c.reason.is_distinct_from(reason),
            )
            .values(reason=reason)
        )

    async def page(
        self, store_id: UUID, after: tuple[datetime, UUID] | None, limit: int, *, newest_first: bool = False
    ) -> list[Settlement]:
        """The settlements of a store by the time they were asked for."""
        keys = (settlements.c.requested_at, settlements.c.settlement_id)
        statement = select(settlements).where(settlements.c.store_id == store_id).limit(limit)
        if after is not None:
            statement = statement.where(tuple_(*keys) < after if newest_first else tuple_(*keys) > after)
        rows = await self._connection.execute(
            statement.order_by(*(key.desc() if newest_first else key.asc() for key in keys))
        )
        return [_settlement(row) for row in rows]

    async def till_of(self, terminal_id: UUID, store_id: UUID) -> UUID | None:
        """The till of a terminal's last payment, else any till of its store that is in use."""
        last = (
            select(intents.c.till_id)
            .where(intents.c.terminal_id == terminal_id)
            .order_by(intents.c.created_at.desc(), intents.c.intent_id.desc())
            .limit(1)
        )
        any_till = select(tills.c.till_id).where(tills.c.store_id == store_id, tills.c.active).order_by(tills.c.till_id)
        for statement in (last, any_till.limit(1)):
            till_id: UUID | None = (await self._connection.execute(statement)).scalar_one_or_none()
            if till_id is not None:
                return till_id
        return None

    async def take_in(
        self, settlement_id: UUID, terminal_id: UUID, currency: str, decided_until: datetime
    ) -> list[SchemeTotal]:
        """Put what a terminal took and was not settled into a settlement, and add it up by scheme.

        One statement marks and adds, so that what is marked is what was added.
        """
        taken = (
            update(intents)
            .where(
                intents.c.terminal_id == terminal_id,
                intents.c.currency == currency,
                intents.c.decided_at <= decided_until,
                text(UNSETTLED),
            )
            .values(settlement_id=settlement_id)
            .returning(
                func.coalesce(intents.c.scheme, NO_SCHEME).label("scheme"),
                intents.c.kind,
                # Of a pre-authorisation what was completed counts, not what was held.
                case(
                    (intents.c.kind == IntentKind.PRE_AUTHORISATION.value, intents.c.captured_minor),
                    else_=intents.c.approved_minor,
                ).label("minor"),
            )
            .cte("taken")
        )
        refund = taken.c.kind == IntentKind.REFUND.value
        rows = await self._connection.execute(
            select(
                taken.c.scheme,
                func.count().filter(~refund).label("sale_count"),
                func.coalesce(func.sum(taken.c.minor).filter(~refund), 0).label("sale_minor"),
                func.count().filter(refund).label("refund_count"),
                func.coalesce(func.sum(taken.c.minor).filter(refund), 0).label("refund_minor"),
            )
            .group_by(taken.c.scheme)
            .order_by(taken.c.scheme)
        )
        return [
            SchemeTotal(
                scheme=row.scheme,
                sale_count=row.sale_count,
                sale_minor=int(row.sale_minor),
                refund_count=row.refund_count,
                refund_minor=int(row.refund_minor),
            )
            for row in rows
        ]


def _values(settlement: Settlement) -> dict[str, Any]:
    return {
        "settlement_id": settlement.settlement_id,
        "store_id": settlement.store_id,
        "till_id": settlement.till_id,
        "terminal_id": settlement.terminal_id,
        "terminal_name": settlement.terminal_name,
        "operation_id": settlement.operation_id,
        "state": settlement.state.value,
        "currency": settlement.currency,
        "terminal_totals": [total.model_dump() for total in settlement.terminal_totals],
        "our_totals": [total.model_dump() for total in settlement.our_totals],
        "difference_count": settlement.difference_count,
        "reason": settlement.reason,
        "requested_by": settlement.requested_by,
        "requested_by_name": settlement.requested_by_name,
        "requested_at": settlement.requested_at,
        "closed_at": settlement.closed_at,
    }


def _settlement(row: Row[Any]) -> Settlement:
    values = {name: getattr(row, name) for name in Settlement.__dataclass_fields__}
    values["state"] = SettlementState(row.state)
    values["terminal_totals"] = tuple(SchemeTotal.model_validate(each) for each in row.terminal_totals)
    values["our_totals"] = tuple(SchemeTotal.model_validate(each) for each in row.our_totals)
    return Settlement(**values)
