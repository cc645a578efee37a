"""Batches of concentrated terminals: what is in them, and how far their settlement with each acquirer got."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, and_, case, func, insert, literal, select, text, union_all, update

from libs.contracts.terminals import SchemeTotal
from libs.persistence import Connection
from services.payments.domain.concentrator.batch import BatchTotals, Total
from services.payments.domain.concentrator.closing import Batch, BatchState, Traces
from services.payments.domain.concentrator.numbers import LARGEST_TRACE_NUMBER, Trace
from services.payments.domain.concentrator.requests import REFUND, Sent
from services.payments.domain.intent import IntentKind
from services.payments.domain.settlement import NO_SCHEME
from services.payments.storage.concentrator_tables import (
    acquirer_batches,
    acquirer_messages,
    acquirer_terminals,
    stored_messages,
)
from services.payments.storage.tables import UNSETTLED, intents, settlements

_TOTALS = ("debits", "debit_reversals", "credits", "credit_reversals")
_HOLD = "0100"


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What a settlement took in: by card scheme, and by acquirer with the number of items that stand."""

    by_scheme: tuple[SchemeTotal, ...]
    by_acquirer: Mapping[str, tuple[BatchTotals, int]]


@dataclass(frozen=True, slots=True)
class StandingItem:
    """An item of a batch that was not reversed."""

    message_id: UUID
    intent_id: UUID
    sent: Sent

    @property
    def refund(self) -> bool:
        """Whether it gives money back."""
        return self.sent.processing_code == REFUND


class BatchRepository:
    """Reads and writes batches on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def take_in(self, settlement_id: UUID, terminal_id: UUID, currency: str, acquirers: Sequence[str]) -> TakenIn:
        """Put what a terminal took and was not settled into a settlement, payments and messages alike.

        One statement marks and adds both, so that they are of the same moment and what is added is what was marked.
        """
        taken = (
            update(intents)
            .where(intents.c.terminal_id == terminal_id, intents.c.currency == currency, text(UNSETTLED))
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
        message = acquirer_messages.c
        marked = (
            update(acquirer_messages)
            .where(
                message.terminal_id == terminal_id,
                message.acquirer.in_(acquirers),
                message.currency == currency,
                text("settlement_id IS NULL AND state = 'approved'"),
            )
            .values(settlement_id=settlement_id)
            .returning(message.acquirer, message.mti, message.processing_code, message.reversed, message.approved_minor)
            .cte("marked")
        )
        rows = (await self._connection.execute(union_all(_by_scheme(taken), _by_acquirer(marked)))).all()
        return TakenIn(
            tuple(_scheme_total(row) for row in sorted(rows, key=lambda row: str(row.name)) if row.what == "scheme"),
            {row.name: (_batch_totals(row), row.items) for row in rows if row.what == "acquirer"},
        )

    async def add(self, batches: Sequence[Batch], at: datetime) -> None:
        """Store new batches."""
        if batches:
            await self._connection.execute(insert(acquirer_batches), [_values(each, at) for each in batches])

    async def due(self, now: datetime, limit: int) -> list[tuple[UUID, str]]:
        """The batches that something is to be told of now, those that wait longest first."""
        rows = await self._connection.execute(
            select(acquirer_batches.c.settlement_id, acquirer_batches.c.acquirer)
            .where(text("state <> 'closed'"), acquirer_batches.c.next_at <= now)
            .order_by(acquirer_batches.c.next_at)
            .limit(limit)
        )
        return [(row.settlement_id, row.acquirer) for row in rows]

    async def locked(self, settlement_id: UUID, acquirer: str) -> Batch | None:
        """One batch, locked until the end of the transaction."""
        statement = (
            _batches()
            .where(acquirer_batches.c.settlement_id == settlement_id, acquirer_batches.c.acquirer == acquirer)
            .with_for_update(of=acquirer_batches)
        )
        row = (await self._connection.execute(statement)).one_or_none()
        return None if row is None else _batch(row)

    async def of_settlement(self, settlement_id: UUID) -> list[Batch]:
        """All batches of a settlement, by the acquirers' names."""
        rows = await self._connection.execute(
            _batches().where(acquirer_batches.c.settlement_id == settlement_id).order_by(acquirer_batches.c.acquirer)
        )
        return [_batch(row) for row in rows]

    async def save(self, batch: Batch, at: datetime) -> None:
        """Store a batch that was read with its lock."""
        await self._connection.execute(
            update(acquirer_batches)
            .where(
                acquirer_batches.c.settlement_id == batch.settlement_id, acquirer_batches.c.acquirer == batch.acquirer
            )
            .values(_values(batch, at))
        )

    async def items(self, batch: Batch, limit: int) -> list[StandingItem]:
        """The next items of a batch that stand, after the last that was told."""
        message = acquirer_messages.c
        statement = select(acquirer_messages).where(
            message.settlement_id == batch.settlement_id,
            message.acquirer == batch.acquirer,
            message.mti != _HOLD,
            message.reversed.is_(False),
        )
        if batch.uploaded_to is not None:
            statement = statement.where(message.message_id > batch.uploaded_to)
        return [
            _item(row) for row in await self._connection.execute(statement.order_by(message.message_id).limit(limit))
        ]

    async def reserve_traces(self, batch: Batch, count: int, at: datetime) -> Traces:
        """The terminal's next trace numbers at the acquirer, given out once."""
        numbers = acquirer_terminals.c
        result = await self._connection.execute(
            update(acquirer_terminals)
            .where(numbers.terminal_id == batch.terminal_id, numbers.acquirer == batch.acquirer)
            .values(last_trace_number=(numbers.last_trace_number + count - 1) % LARGEST_TRACE_NUMBER + 1)
            .returning(numbers.last_trace_number)
        )
        last = int(result.scalar_one())
        return Traces((last - count) % LARGEST_TRACE_NUMBER + 1, count, at)

    async def waiting_at(self, terminal_id: UUID) -> int:
        """How many stored messages of a terminal its acquirers have not confirmed."""
        statement = select(func.count()).where(stored_messages.c.terminal_id == terminal_id, text("state = 'waiting'"))
        return int((await self._connection.execute(statement)).scalar_one())

    async def open_at(self, terminal_id: UUID) -> int:
        """How many batches of a terminal are not closed. There are few open ones at any time."""
        statement = select(func.count()).where(acquirer_batches.c.terminal_id == terminal_id, text("state <> 'closed'"))
        return int((await self._connection.execute(statement)).scalar_one())


def _by_scheme(taken: Any) -> Select[Any]:
    refund = taken.c.kind == IntentKind.REFUND.value
    nothing = [literal(0).label(name) for name in ("c_count", "c_sum", "d_count", "d_sum", "items")]
    return select(
        literal("scheme").label("what"),
        taken.c.scheme.label("name"),
        *_counted("a", taken.c.minor, ~refund),
        *_counted("b", taken.c.minor, refund),
        *nothing,
    ).group_by(taken.c.scheme)


def _by_acquirer(marked: Any) -> Select[Any]:
    """What was reversed counts as what it was, and as reversed; a hold takes no money."""
    pays = marked.c.mti != _HOLD
    credit = and_(pays, marked.c.processing_code == REFUND)
    debit = and_(pays, marked.c.processing_code != REFUND)
    minor = marked.c.approved_minor
    return select(
        literal("acquirer"),
        marked.c.acquirer,
        *_counted("a", minor, debit),
        *_counted("b", minor, and_(debit, marked.c.reversed)),
        *_counted("c", minor, credit),
        *_counted("d", minor, and_(credit, marked.c.reversed)),
        func.count().filter(pays, ~marked.c.reversed).label("items"),
    ).group_by(marked.c.acquirer)


def _counted(name: str, minor: Any, condition: Any) -> list[Any]:
    return [
        func.count().filter(condition).label(f"{name}_count"),
        func.coalesce(func.sum(minor).filter(condition), 0).label(f"{name}_sum"),
    ]


def _scheme_total(row: Row[Any]) -> SchemeTotal:
    return SchemeTotal(
        scheme=row.name,
        sale_count=row.a_count,
        sale_minor=int(row.a_sum),
        refund_count=row.b_count,
        refund_minor=int(row.b_sum),
    )


def _batch_totals(row: Row[Any]) -> BatchTotals:
    each = [Total(getattr(row, f"{name}_count"), int(getattr(row, f"{name}_sum"))) for name in "abcd"]
    return BatchTotals(*each)


def _batches() -> Select[Any]:
    return select(acquirer_batches, settlements.c.currency).join(
        settlements, settlements.c.settlement_id == acquirer_batches.c.settlement_id
    )


def _item(row: Row[Any]) -> StandingItem:
    sent = Sent(
        row.mti,
        row.processing_code,
        row.approved_minor,
        Trace(row.trace_number, row.traced_at),
        row.retrieval_reference,
        row.condition,
        row.approval_code,
    )
    return StandingItem(row.message_id, row.intent_id, sent)


def _values(batch: Batch, at: datetime) -> dict[str, Any]:
    traces = batch.traces
    return {
        "settlement_id": batch.settlement_id,
        "acquirer": batch.acquirer,
        "terminal_id": batch.terminal_id,
        "state": batch.state.value,
        "totals": _totals_written(batch.totals),
        "item_count": batch.item_count,
        "uploaded_count": batch.uploaded_count,
        "attempts": batch.attempts,
        "next_at": batch.next_at,
        "code": batch.code,
        "changed_at": at,
        "trace_number": traces.first if traces else None,
        "trace_count": traces.count if traces else 0,
        "traced_at": traces.at if traces else None,
        "out_of_balance": batch.out_of_balance,
        "their_totals": _totals_written(batch.their_totals) if batch.their_totals else None,
        "uploaded_to": batch.uploaded_to,
    }


def _batch(row: Row[Any]) -> Batch:
    return Batch(
        settlement_id=row.settlement_id,
        acquirer=row.acquirer,
        terminal_id=row.terminal_id,
        currency=row.currency,
        totals=_totals_read(row.totals),
        item_count=row.item_count,
        state=BatchState(row.state),
        uploaded_count=row.uploaded_count,
        attempts=row.attempts,
        next_at=row.next_at,
        code=row.code,
        traces=None if row.trace_number is None else Traces(row.trace_number, row.trace_count, row.traced_at),
        out_of_balance=row.out_of_balance,
        their_totals=_totals_read(row.their_totals) if row.their_totals else None,
        uploaded_to=row.uploaded_to,
    )


def _totals_written(totals: BatchTotals) -> dict[str, Any]:
    each = {name: getattr(totals, name) for name in _TOTALS}
    return {name: {"count": total.count, "minor": total.sum_minor} for name, total in each.items()}


def _totals_read(written: Mapping[str, Mapping[str, int]]) -> BatchTotals:
    return BatchTotals(**{name: Total(written[name]["count"], written[name]["minor"]) for name in _TOTALS})
