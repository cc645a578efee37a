"""Transaction reports: payments of a store by time, as pages, as totals and as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from libs.contracts.permissions import Permission
from libs.contracts.refusal import Invalid
from libs.contracts.values import CurrencyCode, Instant
from libs.money import Money
from libs.persistence import Database
from libs.web.authentication import Caller, require
from libs.web.paging import Page, Paging
from libs.web.transactions import Reading
from services.payments.api.dependencies import Settings
from services.payments.domain.intent import IntentKind, IntentState
from services.payments.storage.transactions import (
    Transaction,
    TransactionFilter,
    TransactionRepository,
    TransactionTotal,
)

router = APIRouter(tags=["transaction reports"])
_reads = require(Permission.PAYMENTS_READ)
LONGEST_REPORT = timedelta(days=400)
# Spreadsheets take it as the sign of UTF-8.
_BYTE_ORDER_MARK = "\ufeff"
_CSV: dict[int | str, dict[str, object]] = {200: {"content": {"text/csv": {}}, "description": "A CSV file in UTF-8."}}
_AMOUNTS = ("amount", "cash_back", "tip", "approved", "captured", "refunded")


class TransactionView(BaseModel):
    """A payment in a report; amounts in minor units, never negative: `kind` says which way money goes.

    `at` is when it was asked for. `acquirer` is told where payments asked the acquirer itself.
    """

    intent_id: UUID
    at: Instant
    decided_at: Instant | None
    store_id: UUID
    till_id: UUID
    terminal_id: UUID | None
    terminal: str | None
    kind: IntentKind
    state: IntentState
    currency: CurrencyCode
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

    @classmethod
    def of(cls, transaction: Transaction) -> TransactionView:
        """The payment as a report tells it."""
        return cls.model_validate(transaction, from_attributes=True)


class TransactionTotalView(BaseModel):
    """Payments of one scheme and kind. `count` has all of them; `taken_count` and `taken_minor` those by which money
    moved and was not reversed, of a pre-authorisation what was completed; `refunded_minor` is what of them went back.
    """

    scheme: str
    kind: IntentKind
    currency: CurrencyCode
    count: int
    taken_count: int
    taken_minor: int
    refunded_minor: int

    @classmethod
    def of(cls, total: TransactionTotal) -> TransactionTotalView:
        """The total as a report tells it."""
        return cls.model_validate(total, from_attributes=True)


class TransactionTotalsView(BaseModel):
    """Totals by scheme, kind and currency."""

    items: list[TransactionTotalView]


async def _wanted(
    caller: Caller,
    store_id: Annotated[UUID, Query()],
    since: Annotated[Instant, Query(alias="from", description="The first instant of the report.")],
    until: Annotated[Instant, Query(description="The instant before which it ends, at most 400 days later.")],
    till_id: Annotated[UUID | None, Query()] = None,
    terminal_id: Annotated[UUID | None, Query()] = None,
    scheme: Annotated[str | None, Query(min_length=1, max_length=40, description="As payments show it.")] = None,
    state: Annotated[IntentState | None, Query()] = None,
) -> TransactionFilter:
    """The caller's filter. Raises Forbidden or Invalid."""
    caller.demand_store(store_id)
    if until < since:
        raise Invalid("The report ends before it begins: until must not be before from.", field="until")
    if until - since > LONGEST_REPORT:
        raise Invalid("A report has at most 400 days. Ask for a part of it at a time.", field="until")
    return TransactionFilter(
        store_id, since, until, till_id, terminal_id, scheme, None if state is None else state.value
    )


Wanted = Annotated[TransactionFilter, Depends(_wanted)]


@router.get("/transactions", dependencies=[_reads], summary="The card payments of a store by time, the oldest first")
async def list_transactions(wanted: Wanted, reading: Reading, paging: Paging) -> Page[TransactionView]:
    """`from` and `until` are instants: what a business date is, the caller knows."""
    after = paging.after_keys(datetime.fromisoformat, UUID)
    rows = await TransactionRepository(reading).page(
        wanted, None if after is None else (after[0], after[1]), paging.limit + 1
    )
    return paging.page(rows, lambda row: (row.at.isoformat(), str(row.intent_id)), TransactionView.of)


@router.get("/transactions/totals", dependencies=[_reads], summary="The card payments of a store added up")
async def show_transaction_totals(wanted: Wanted, reading: Reading) -> TransactionTotalsView:
    """By scheme, kind and currency, of the same payments as the list with the same filter."""
    rows = await TransactionRepository(reading).totals(wanted)
    return TransactionTotalsView(items=[TransactionTotalView.of(row) for row in rows])


@router.get(
    "/transactions.csv",
    dependencies=[_reads],
    response_class=StreamingResponse,
    responses=_CSV,
    summary="Download the card payments of a store",
)
async def download_transactions(wanted: Wanted, request: Request, settings: Settings) -> StreamingResponse:
    """The same payments as the list with the same filter; amounts in whole units with a point."""
    database: Database = request.app.state.context.database

    async def file() -> AsyncIterator[str]:
        yield _BYTE_ORDER_MARK + _line(_HEADER)
        after: tuple[datetime, UUID] | None = None
        # Chunk by chunk with short queries: no transaction stays open for as long as somebody downloads.
        while True:
            async with database.reading() as connection:
                rows = await TransactionRepository(connection).page(wanted, after, settings.transactions_chunk_rows)
            yield "".join(_line(_cells(row)) for row in rows)
            if len(rows) < settings.transactions_chunk_rows:
                return
            after = (rows[-1].at, rows[-1].intent_id)

    headers = {"Content-Disposition": 'attachment; filename="transactions.csv"'}
    return StreamingResponse(file(), media_type="text/csv", headers=headers)


_TEXTS_BEFORE = ("at", "till_id", "terminal", "kind", "state", "currency")
_TEXTS_AFTER = (
    "scheme",
    "masked_number",
    "approval_code",
    "retrieval_reference",
    "acquirer",
    "sale_id",
    "intent_id",
    "original_intent_id",
    "settlement_id",
)
_HEADER = (*_TEXTS_BEFORE, *_AMOUNTS, *_TEXTS_AFTER)


def _cells(row: Transaction) -> list[str]:
    amounts = [str(Money(getattr(row, f"{name}_minor"), row.currency).decimal()) for name in _AMOUNTS]
    return [
        *(_text(getattr(row, name)) for name in _TEXTS_BEFORE),
        *amounts,
        *(_text(getattr(row, name)) for name in _TEXTS_AFTER),
    ]


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    written = "" if value is None else str(value)
    # A spreadsheet would calculate what begins like this; terminals and acquirers write schemes and codes as they like.
    return f"'{written}" if written[:1] in ("=", "+", "-", "@", "\t") else written


def _line(cells: Any) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()
