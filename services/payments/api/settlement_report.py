"""The report of a day's end: who ended which terminal's day, both sides' totals, differences, batches, each payment."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from libs.contracts.permissions import Permission
from libs.contracts.terminals import SchemeTotal
from libs.contracts.values import CurrencyCode, Instant
from libs.web.authentication import Caller, require
from libs.web.transactions import Reading, resource
from services.payments.api.settlements import DifferenceView, UnknownSettlement
from services.payments.api.transactions import TransactionView
from services.payments.domain.concentrator.batch import BatchTotals, Total
from services.payments.domain.concentrator.closing import Batch, BatchState
from services.payments.domain.settlement import SettlementState
from services.payments.gateways.acquirer.concentrator import Concentrator
from services.payments.storage.batches import BatchRepository
from services.payments.storage.differences import DifferenceRepository
from services.payments.storage.settlements import SettlementRepository
from services.payments.storage.transactions import TransactionRepository

router = APIRouter(tags=["settlement"])
Acquirers = Annotated[Concentrator, resource(Concentrator)]
MOST_LINES = 5_000
MOST_DIFFERENCES = 500


class TotalView(BaseModel):
    """How many, and how much in minor units."""

    count: int
    minor: int


class BatchTotalsView(BaseModel):
    """Debits took money from cards, credits gave it back; what was reversed is in both its lines."""

    debits: TotalView
    debit_reversals: TotalView
    credits: TotalView
    credit_reversals: TotalView
    net_minor: int

    @classmethod
    def of(cls, totals: BatchTotals) -> BatchTotalsView:
        """The totals as the API tells them."""
        return cls(
            debits=_total(totals.debits),
            debit_reversals=_total(totals.debit_reversals),
            credits=_total(totals.credits),
            credit_reversals=_total(totals.credit_reversals),
            net_minor=totals.net_minor,
        )


class BatchView(BaseModel):
    """A batch with one acquirer. `open`: its totals are being told; `uploading`: they did not agree and each item is
    told; `advising`: that is done and the totals are told once more. `code` is the acquirer's last.
    """

    acquirer: str
    title: str
    state: BatchState
    item_count: int
    uploaded_count: int
    attempts: int
    next_at: Instant | None
    code: str | None
    out_of_balance: bool
    totals: BatchTotalsView
    their_totals: BatchTotalsView | None

    @classmethod
    def of(cls, batch: Batch, title: str) -> BatchView:
        """The batch as the API tells it."""
        return cls(
            acquirer=batch.acquirer,
            title=title,
            state=batch.state,
            item_count=batch.item_count,
            uploaded_count=batch.uploaded_count,
            attempts=batch.attempts,
            next_at=batch.next_at,
            code=batch.code,
            out_of_balance=batch.out_of_balance,
            totals=BatchTotalsView.of(batch.totals),
            their_totals=BatchTotalsView.of(batch.their_totals) if batch.their_totals else None,
        )


class SettlementReportView(BaseModel):
    """A terminal's day. `lines` are its payments, the oldest first, at most 5,000 of `line_count`."""

    settlement_id: UUID
    store_id: UUID
    till_id: UUID
    terminal_id: UUID
    terminal: str
    state: SettlementState
    currency: CurrencyCode
    requested_at: Instant
    requested_by: UUID
    requested_by_name: str | None
    closed_at: Instant | None
    reason: str | None
    our_totals: list[SchemeTotal]
    terminal_totals: list[SchemeTotal]
    difference_count: int
    differences: list[DifferenceView]
    batches: list[BatchView]
    line_count: int
    lines: list[TransactionView]


@router.get(
    "/settlements/{settlement_id}/report",
    dependencies=[require(Permission.PAYMENTS_READ)],
    summary="The report of a terminal's end of day",
)
async def show_settlement_report(
    settlement_id: UUID, caller: Caller, reading: Reading, acquirers: Acquirers
) -> SettlementReportView:
    """Batches are those of a concentrated terminal, one with each of its acquirers."""
    settlement = await SettlementRepository(reading).get(settlement_id)
    if settlement is None:
        raise UnknownSettlement(f"No settlement {settlement_id} is known.", field="settlement_id")
    caller.demand_store(settlement.store_id)
    differences = await DifferenceRepository(reading).page(
        settlement.store_id, None, MOST_DIFFERENCES, unclosed=False, settlement_id=settlement_id, file_id=None
    )
    batches = await BatchRepository(reading).of_settlement(settlement_id)
    transactions = TransactionRepository(reading)
    names = set(SettlementReportView.model_fields) - {"terminal", "differences", "batches", "line_count", "lines"}
    return SettlementReportView(
        **{name: getattr(settlement, name) for name in names},
        terminal=settlement.terminal_name,
        differences=[DifferenceView.of(each) for each in differences],
        batches=[BatchView.of(each, title_of(acquirers, each.acquirer)) for each in batches],
        line_count=await transactions.count_of_settlement(settlement_id),
        lines=[TransactionView.of(each) for each in await transactions.of_settlement(settlement_id, MOST_LINES)],
    )


def title_of(acquirers: Concentrator, name: str) -> str:
    """What an acquirer's dialect is called; its own name where it is not configured here any more."""
    return acquirers.title_of(name) if name in acquirers.acquirers else name


def _total(total: Total) -> TotalView:
    return TotalView(count=total.count, minor=total.sum_minor)
