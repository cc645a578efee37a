"""Intents and their history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, any_, bindparam, func, insert, null, select, text, true, tuple_, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.types import DateTime, Integer, Uuid

from libs.contracts.terminals import CardFacts, CardReferences
from libs.persistence import Connection, new_id
from services.payments.domain.intent import Action, Intent, IntentKind, IntentState, Release
from services.payments.domain.payment import Actor, HistoryEntry, Payment
from services.payments.domain.terminal import TerminalKind
from services.payments.storage.tables import UNRESOLVED, intent_history, intents


class IntentRepository:
    """Reads and writes intents on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, payment: Payment) -> bool:
        """Store a new payment; False when there is one with its id, also one that is stored at this moment."""
        result = await self._connection.execute(
            upsert(intents)
            .values({"intent_id": payment.intent.intent_id, **_values(payment), "changed_at": payment.created_at})
            .on_conflict_do_nothing()
            .returning(intents.c.intent_id)
        )
        return result.first() is not None

    async def get(self, intent_id: UUID, *, lock: bool = False) -> Payment | None:
        """A payment, locked until the end of the transaction if asked for."""
        statement = select(intents).where(intents.c.intent_id == intent_id)
        row = (await self._connection.execute(statement.with_for_update() if lock else statement)).one_or_none()
        return None if row is None else _payment(row)

    async def save(self, payment: Payment, at: datetime) -> None:
        """Store a payment that was read with `lock`."""
        await self._connection.execute(
            update(intents)
            .where(intents.c.intent_id == payment.intent.intent_id)
            .values(**_values(payment), changed_at=at)
        )

    async def write_history(self, intent_id: UUID, entries: Sequence[HistoryEntry]) -> None:
        """Append to a payment's history."""
        await self._connection.execute(insert(intent_history), [_history_values(intent_id, each) for each in entries])

    async def history(self, intent_id: UUID) -> list[HistoryEntry]:
        """The history of a payment, oldest first. Ids of entries grow with time."""
        rows = await self._connection.execute(
            select(intent_history).where(intent_history.c.intent_id == intent_id).order_by(intent_history.c.entry_id)
        )
        return [_history_entry(row) for row in rows]

    async def page(
        self,
        store_ids: Sequence[UUID] | None,
        after: tuple[datetime, UUID] | None,
        limit: int,
        *,
        state: str | None = None,
        sale_id: UUID | None = None,
    ) -> list[Payment]:
        """Payments of these stores (None: of all), oldest first; `state` is one, `unresolved` or `anomalous`."""
        order = (intents.c.created_at, intents.c.intent_id)
        statement = select(intents).order_by(*order).limit(limit)
        if state == "unresolved":
            statement = statement.where(text(f"intents.{UNRESOLVED}"))
        elif state == "anomalous":
            statement = statement.where(text("intents.anomaly_count > 0"))
        elif state is not None:
            statement = statement.where(intents.c.state == state)
        if sale_id is not None:
            statement = statement.where(intents.c.sale_id == sale_id)
        if after is not None:
            statement = statement.where(tuple_(*order) > after)
        if store_ids is not None:
            statement = _of_each_store(statement, store_ids, limit)
        return [_payment(row) for row in await self._connection.execute(statement)]

    async def due(self, now: datetime, limit: int) -> list[Payment]:
        """Payments that something is due for, locked; those that another transaction works on are left out."""
        rows = await self._connection.execute(
            select(intents)
            .where(intents.c.due_at <= now)
            .order_by(intents.c.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return [_payment(row) for row in rows]

    async def locked(self, intent_ids: Sequence[UUID]) -> list[Payment]:
        """Payments, locked in one order."""
        rows = await self._connection.execute(
            select(intents)
            .where(intents.c.intent_id == any_(bindparam("ids", list(intent_ids), ARRAY(Uuid()))))
            .order_by(intents.c.intent_id)
            .with_for_update()
        )
        return [_payment(row) for row in rows]

    async def reschedule(self, asked: Sequence[tuple[UUID, int, datetime]]) -> None:
        """Note how often payments were asked for, and when it is due again; one statement for all."""
        if not asked:
            return
        wanted = (
            _unnest("ids", [each[0] for each in asked], Uuid()),
            _unnest("counts", [each[1] for each in asked], Integer()),
            _unnest("due", [each[2] for each in asked], DateTime(timezone=True)),
        )
        source = select(*wanted).subquery("source")
        await self._connection.execute(
            update(intents)
            .where(intents.c.intent_id == source.c.ids)
            .values(asked=source.c.counts, due_at=source.c.due)
        )


def _of_each_store(statement: Select[Any], store_ids: Sequence[UUID], limit: int) -> Select[Any]:
    """The first rows of each store by its index, then the first of all: no more is read than is shown, per store."""
    stores = func.unnest(bindparam("stores", list(store_ids), ARRAY(Uuid())), type_=Uuid()).table_valued("store_id")
    named = stores.render_derived()
    rows = statement.where(intents.c.store_id == named.c.store_id).lateral("rows")
    return select(rows).select_from(named.join(rows, true())).order_by(rows.c.created_at, rows.c.intent_id).limit(limit)


def _unnest(name: str, values: list[Any], kind: Any) -> Any:
    return func.unnest(bindparam(name, values, ARRAY(kind)), type_=kind).label(name)


def _values(payment: Payment) -> dict[str, Any]:
    intent = payment.intent
    references = payment.references
    return {
        "store_id": payment.store_id,
        "till_id": payment.till_id,
        "kind": intent.kind.value,
        "state": intent.state.value,
        "version": intent.version,
        "currency": intent.currency,
        "amount_minor": intent.amount_minor,
        "cash_back_minor": intent.cash_back_minor,
        "tip_minor": intent.tip_minor,
        "approved_minor": intent.approved_minor,
        "captured_minor": intent.captured_minor,
        "refunded_minor": intent.refunded_minor,
        "refund_pending_minor": intent.refund_pending_minor,
        "pending": intent.pending.value if intent.pending else None,
        "pending_minor": intent.pending_minor,
        "resting": intent.resting.value if intent.resting else None,
        "release": intent.release.value,
        "is_tender": payment.is_tender,
        "sale_id": payment.sale_id,
        "original_intent_id": payment.original_intent_id,
        "fulfils_release": payment.fulfils_release,
        "terminal_id": payment.terminal_id,
        "terminal_name": payment.terminal_name,
        "terminal_kind": payment.terminal_kind.value if payment.terminal_kind else None,
        "gateway_id": payment.gateway_id,
        "operation_id": payment.operation_id,
        "first_operation_id": payment.first_operation_id,
        "instalments": payment.instalments,
        "scheme": payment.card.scheme if payment.card else None,
        "card": payment.card.model_dump(mode="json") if payment.card else null(),
        "refs": references.model_dump(mode="json") if references else null(),
        "approval_code": references.approval_code if references else None,
        "retrieval_reference": references.retrieval_reference if references else None,
        "reason_code": payment.reason_code,
        "reason": payment.reason,
        "due_at": payment.due_at,
        "asked": payment.asked,
        "anomaly_count": payment.anomaly_count,
        "outcome_count": payment.outcome_count,
        "event_count": payment.event_count,
        "settlement_id": payment.settlement_id,
        "created_at": payment.created_at,
        "decided_at": payment.decided_at,
    }


def _payment(row: Row[Any]) -> Payment:
    intent = Intent(
        intent_id=row.intent_id,
        kind=IntentKind(row.kind),
        currency=row.currency,
        amount_minor=row.amount_minor,
        cash_back_minor=row.cash_back_minor,
        tip_minor=row.tip_minor,
        state=IntentState(row.state),
        pending=Action(row.pending) if row.pending else None,
        pending_minor=row.pending_minor,
        resting=IntentState(row.resting) if row.resting else None,
        approved_minor=row.approved_minor,
        captured_minor=row.captured_minor,
        refunded_minor=row.refunded_minor,
        refund_pending_minor=row.refund_pending_minor,
        release=Release(row.release),
        version=row.version,
    )
    return Payment(
        intent=intent,
        card=CardFacts.model_validate(row.card) if row.card else None,
        references=CardReferences.model_validate(row.refs) if row.refs else None,
        terminal_kind=TerminalKind(row.terminal_kind) if row.terminal_kind else None,
        **{name: getattr(row, name) for name in _PLAIN},
    )


_PLAIN = (
    "store_id",
    "till_id",
    "is_tender",
    "created_at",
    "sale_id",
    "original_intent_id",
    "fulfils_release",
    "terminal_id",
    "terminal_name",
    "gateway_id",
    "operation_id",
    "first_operation_id",
    "instalments",
    "reason_code",
    "reason",
    "due_at",
    "asked",
    "anomaly_count",
    "outcome_count",
    "event_count",
    "settlement_id",
    "decided_at",
)


def _history_values(intent_id: UUID, entry: HistoryEntry) -> dict[str, Any]:
    return {
        "intent_id": intent_id,
        "entry_id": new_id(),
        "kind": entry.kind,
        "from_state": entry.from_state.value if entry.from_state else None,
        "to_state": entry.to_state.value,
        "at": entry.at,
        "actor_kind": entry.actor.kind,
        "actor_id": entry.actor.id,
        "actor_name": entry.actor.name,
        "approved_by_id": entry.actor.approved_by_id,
        "approved_by_name": entry.actor.approved_by_name,
        "operation_id": entry.operation_id,
        "reason": entry.reason,
    }


def _history_entry(row: Row[Any]) -> HistoryEntry:
    return HistoryEntry(
        kind=row.kind,
        from_state=IntentState(row.from_state) if row.from_state else None,
        to_state=IntentState(row.to_state),
        at=row.at,
        actor=Actor(row.actor_kind, row.actor_name, row.actor_id, row.approved_by_id, row.approved_by_name),
        operation_id=row.operation_id,
        reason=row.reason,
    )
