"""A terminal's batch with an acquirer: its totals, the settlement message, and what follows the reply."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from libs.contracts.refusal import Invalid
from services.payments.domain.concentrator.message import Message
from services.payments.domain.concentrator.numbers import Trace
from services.payments.domain.concentrator.replies import APPROVED, OUT_OF_BALANCE
from services.payments.domain.concentrator.requests import Merchant

SETTLEMENT = "920000"
_LARGEST_SUM_MINOR = 10**16 - 1
_LARGEST_COUNT = 10**10 - 1


class BatchKind(StrEnum):
    """A debit takes money from a card, a credit gives it back; either may have been reversed."""

    DEBIT = "debit"
    DEBIT_REVERSED = "debit_reversed"
    CREDIT = "credit"
    CREDIT_REVERSED = "credit_reversed"


class BatchTooLarge(Invalid):
    """The totals do not fit into the message."""

    type = "batch-too-large"


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One transaction of a batch, in minor units."""

    kind: BatchKind
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Total:
    """How many, and how much in minor units."""

    count: int = 0
    sum_minor: int = 0


@dataclass(frozen=True, slots=True)
class BatchTotals:
    """The totals of a batch. A reversed transaction counts as what it was and as reversed."""

    debits: Total = Total()
    debit_reversals: Total = Total()
    credits: Total = Total()
    credit_reversals: Total = Total()

    @property
    def net_minor(self) -> int:
        """What the acquirer owes the shop; negative the other way round."""
        charged = self.debits.sum_minor - self.debit_reversals.sum_minor
        return charged - (self.credits.sum_minor - self.credit_reversals.sum_minor)

    @property
    def standing_count(self) -> int:
        """How many transactions were not reversed."""
        return self.debits.count - self.debit_reversals.count + self.credits.count - self.credit_reversals.count


def totals_of(items: Iterable[BatchItem]) -> BatchTotals:
    """The totals of the items of one currency."""
    counts = dict.fromkeys(BatchKind, 0)
    sums = dict.fromkeys(BatchKind, 0)
    for item in items:
        counts[item.kind] += 1
        sums[item.kind] += item.amount_minor

    def reversed_of(kind: BatchKind) -> Total:
        return Total(counts[kind], sums[kind])

    def whole(kind: BatchKind, undone: BatchKind) -> Total:
        return Total(counts[kind] + counts[undone], sums[kind] + sums[undone])

    return BatchTotals(
        debits=whole(BatchKind.DEBIT, BatchKind.DEBIT_REVERSED),
        debit_reversals=reversed_of(BatchKind.DEBIT_REVERSED),
        credits=whole(BatchKind.CREDIT, BatchKind.CREDIT_REVERSED),
        credit_reversals=reversed_of(BatchKind.CREDIT_REVERSED),
    )


def settlement(merchant: Merchant, trace: Trace, totals: BatchTotals, mti: Literal["0500", "0520"] = "0500") -> Message:
    """0500, or 0520 after a batch was uploaded. Field 97 is C for a net credit to the shop [M], D for a debit."""
    net_minor = totals.net_minor
    return Message.of(
        mti,
        {
            **trace.fields,
            3: SETTLEMENT,
            32: merchant.acquirer_id,
            41: f"{merchant.terminal_id:<8}",
            42: f"{merchant.merchant_id:<15}",
            50: merchant.currency_number,
            74: _count(totals.credits),
            75: _count(totals.credit_reversals),
            76: _count(totals.debits),
            77: _count(totals.debit_reversals),
            86: _sum(totals.credits),
            87: _sum(totals.credit_reversals),
            88: _sum(totals.debits),
            89: _sum(totals.debit_reversals),
            97: f"{'C' if net_minor >= 0 else 'D'}{_fitting(abs(net_minor)):016d}",
        },
    )


class AfterSettlement(StrEnum):
    """`upload`: every item is told again (0320), then 0520 closes. `ask_again`: the batch stays open."""

    CLOSED = "closed"
    UPLOAD = "upload"
    ASK_AGAIN = "ask_again"


def step_after_settlement(reply: Message | None) -> AfterSettlement:
    """What follows the reply to 0500 or 0520, or its absence: settling moves no money, so it may be asked again."""
    code = reply.fields.get(39) if reply is not None else None
    # In 0510 and 0530 a host may say so in field 66 alone and answer 00 for the message: 2 is out of balance [M].
    if code == OUT_OF_BALANCE or (reply is not None and reply.fields.get(66) == "2"):
        return AfterSettlement.UPLOAD
    if code == APPROVED:
        return AfterSettlement.CLOSED
    return AfterSettlement.ASK_AGAIN


def _count(total: Total) -> str:
    if total.count > _LARGEST_COUNT:
        raise BatchTooLarge("The batch has too many transactions for one settlement. Settle more often.")
    return f"{total.count:010d}"


def _sum(total: Total) -> str:
    return f"{_fitting(total.sum_minor):016d}"


def _fitting(sum_minor: int) -> int:
    if sum_minor > _LARGEST_SUM_MINOR:
        raise BatchTooLarge("The batch's sum is too large for one settlement. Settle more often.")
    return sum_minor
