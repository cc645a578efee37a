"""Payments as a transaction report shows them: by store and time, narrowed down, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, case, func, select, text, tuple_

from libs.persistence import Connection
from services.payments.domain.intent import IntentKind
from services.payments.domain.settlement import NO_SCHEME
from services.payments.storage.concentrator_tables import acquirer_messages
from services.payments.storage.tables import intents

# Money moved and has not gone back as a whole by a reversal or a void.
_TAKEN = (
    "intents.state IN ('approved', 'captured', 'part_refunded', 'refunded', 'completed', 'voiding', 'reversal_refused')"
)


@dataclass(frozen=True, slots=True)
class TransactionFilter:
    """Payments of a store from an instant on and before another, perhaps only some of them.

    The scheme `unknown` is that of payments whose card's scheme nobody told.
    """

    store_id: UUID
    since: datetime
    until: datetime
    till_id: UUID | None = None
    terminal_id: UUID | None = None
    scheme: str | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True)
class Transaction:
    """A payment in a report. Amounts in minor units, never negative: `kind` says which way money goes."""

    intent_id: UUID
    at: datetime
    decided_at: datetime | None
    store_id: UUID
    till_id: UUID
    terminal_id: UUID | None
    terminal: str | None
    kind: str
    state: str
    currency: str
    amount_minor: int
    cash_back_minor: int
    tip_minor: int
    approved_minor: int
    captured_minor: int
    refunded_minor: int
    scheme: str | None
    masked_number: str | None
    approval_code: str | None
    retrieval_reference: str | None
    acquirer: str | None
    sale_id: UUID | None
    original_intent_id: UUID | None
    settlement_id: UUID | None


@dataclass(frozen=True, slots=True)
class TransactionTotal:
    """Payments of one scheme, kind and currency: all of them, and those by which money moved."""

    scheme: str
    kind: str
    currency: str
    count: int
    taken_count: int
    taken_minor: int
    refunded_minor: int


class TransactionRepository:
    """Reads payments for reports on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def page(
        self, wanted: TransactionFilter, after: tuple[datetime, UUID] | None, limit: int
    ) -> list[Transaction]:
        """The payments, oldest first."""
        return [_transaction(row) for row in await self._connection.execute(page_statement(wanted, after, limit))]

    async def totals(self, wanted: TransactionFilter) -> list[TransactionTotal]:
        """The payments added up by scheme, kind and currency."""
        rows = await self._connection.execute(totals_statement(wanted))
        # PostgreSQL adds whole numbers up to decimals.
        return [
            TransactionTotal(
                row.scheme,
                row.kind,
                row.currency,
                row.number,
                row.taken_number,
                int(row.taken_minor),
                int(row.refunded_minor),
            )
            for row in rows
        ]

    async def of_settlement(self, settlement_id: UUID, limit: int) -> list[Transaction]:
        """The first payments of a settlement, oldest first."""
        statement = _rows().where(intents.c.settlement_id == settlement_id)
        rows = await self._connection.execute(
            statement.order_by(intents.c.created_at, intents.c.intent_id).limit(limit)
        )
        return [_transaction(row) for row in rows]

    async def count_of_settlement(self, settlement_id: UUID) -> int:
        """How many payments a settlement has."""
        statement = select(func.count()).where(intents.c.settlement_id == settlement_id)
        return int((await self._connection.execute(statement)).scalar_one())


def page_statement(wanted: TransactionFilter, after: tuple[datetime, UUID] | None, limit: int) -> Select[Any]:
    """The query of a page."""
    order = (intents.c.created_at, intents.c.intent_id)
    statement = _narrowed(_rows(), wanted)
    if after is not None:
        statement = statement.where(tuple_(*order) > after)
    return statement.order_by(*order).limit(limit)


def totals_statement(wanted: TransactionFilter) -> Select[Any]:
    """The query of the totals."""
    scheme = func.coalesce(intents.c.scheme, NO_SCHEME)
    taken = text(_TAKEN)
    # Of a pre-authorisation what was completed counts, not what was held.
    minor = case(
        (intents.c.kind == IntentKind.PRE_AUTHORISATION.value, intents.c.captured_minor),
        else_=intents.c.approved_minor,
    )
    columns = (scheme.label("scheme"), intents.c.kind, intents.c.currency)
    statement = select(
        *columns,
        func.count().label("number"),
        func.count().filter(taken).label("taken_number"),
        func.coalesce(func.sum(minor).filter(taken), 0).label("taken_minor"),
        func.coalesce(func.sum(intents.c.refunded_minor), 0).label("refunded_minor"),
    )
    return _narrowed(statement, wanted).group_by(*columns).order_by(*columns)


def _rows() -> Select[Any]:
    # The message of a payment's first operation says whose it is, where the concentrator asked an acquirer.
    return select(intents, acquirer_messages.c.acquirer).outerjoin(
        acquirer_messages, acquirer_messages.c.message_id == intents.c.first_operation_id
    )


def _narrowed(statement: Select[Any], wanted: TransactionFilter) -> Select[Any]:
    statement = statement.where(
        intents.c.store_id == wanted.store_id,
        intents.c.created_at >= wanted.since,
        intents.c.created_at < wanted.until,
    )
    if wanted.scheme == NO_SCHEME:
        statement = statement.where(intents.c.scheme.is_(None))
    elif wanted.scheme is not None:
        statement = statement.where(intents.c.scheme == wanted.scheme)
    for column in ("till_id", "terminal_id", "state"):
        value = getattr(wanted, column)
        if value is not None:
            statement = statement.where(intents.c[column] == value)
    return statement


def _transaction(row: Row[Any]) -> Transaction:
    renamed = {
        "at": row.created_at,
        "terminal": row.terminal_name,
        "masked_number": (row.card or {}).get("masked_number"),
    }
    kept = [name for name in Transaction.__dataclass_fields__ if name not in renamed]
    return Transaction(**renamed, **{name: getattr(row, name) for name in kept})
