"""How a batch comes to its end: totals told (0500), else each item (0320) and the totals once more (0520).

Nothing of it moves money, so whatever was not answered is told again, with the trace it had: the host knows a repeat.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID

from services.payments.domain.concentrator.batch import (
    AfterSettlement,
    BatchTotals,
    Total,
    step_after_settlement,
)
from services.payments.domain.concentrator.message import Message
from services.payments.domain.concentrator.numbers import LARGEST_TRACE_NUMBER, Trace
from services.payments.domain.concentrator.replies import APPROVED, DUPLICATE, ISSUER_DOWN, OUT_OF_BALANCE, SYSTEM_ERROR
from services.payments.domain.concentrator.reversing import Backoff

_ASK_AGAIN = frozenset({"", ISSUER_DOWN, SYSTEM_ERROR})


class BatchState(StrEnum):
    """What is told next: the totals; each item, because the totals did not agree; the totals as an advice; nothing."""

    OPEN = "open"
    UPLOADING = "uploading"
    ADVISING = "advising"
    CLOSED = "closed"


class ItemTold(StrEnum):
    """What the reply to one item says."""

    TAKEN = "taken"
    REFUSED = "refused"
    ASK_AGAIN = "ask_again"


@dataclass(frozen=True, slots=True)
class Traces:
    """Trace numbers reserved at one moment: `count` of them from `first` on, 1 following 999,999."""

    first: int
    count: int
    at: datetime

    def number(self, index: int) -> Trace:
        """The trace of the message at `index`, from 0."""
        return Trace((self.first + index - 1) % LARGEST_TRACE_NUMBER + 1, self.at)

    def after(self, used: int) -> Traces | None:
        """What is left once the first `used` have done their work."""
        left = self.count - used
        return Traces(self.number(used).trace_number, left, self.at) if left > 0 else None


@dataclass(frozen=True, slots=True)
class Batch:
    """A terminal's batch with an acquirer; amounts in minor units of `currency`.

    `item_count` are the items that stand: what was reversed is in the totals and is not told item by item.
    `uploaded_to` is the last item that was told. `their_totals` are the acquirer's own, where it told them.
    """

    settlement_id: UUID
    acquirer: str
    terminal_id: UUID
    currency: str
    totals: BatchTotals
    item_count: int
    state: BatchState = BatchState.OPEN
    uploaded_count: int = 0
    attempts: int = 0
    next_at: datetime | None = None
    code: str | None = None
    traces: Traces | None = None
    out_of_balance: bool = False
    their_totals: BatchTotals | None = None
    uploaded_to: UUID | None = None

    @property
    def message_type(self) -> Literal["0500", "0520"]:
        """How the totals are told."""
        return "0520" if self.state is BatchState.ADVISING else "0500"

    @property
    def closed(self) -> bool:
        """Whether nothing more is told."""
        return self.state is BatchState.CLOSED

    @property
    def disputed(self) -> bool:
        """Whether it ended without the acquirer's agreement, although it was told everything."""
        return self.closed and self.code == OUT_OF_BALANCE

    def attempted(self, traces: Traces, at: datetime, backoff: Backoff) -> Batch:
        """Marked before anything is sent; should nothing come of it, it is told again after a growing pause."""
        attempts = self.attempts + 1
        return replace(self, traces=traces, attempts=attempts, next_at=at + backoff.after(attempts))

    def totals_answered(self, reply: Message, at: datetime) -> Batch:
        """After the reply to its totals."""
        code = reply.fields.get(39, "")
        step = step_after_settlement(reply)
        if step is AfterSettlement.CLOSED:
            return self._now(BatchState.CLOSED, code, at)
        if step is AfterSettlement.UPLOAD:
            differing = replace(self, out_of_balance=True, their_totals=_theirs_in(reply, self.totals))
            if self.state is BatchState.ADVISING:
                # It knows each item and our totals now. What is left to do is for people.
                return differing._now(BatchState.CLOSED, OUT_OF_BALANCE, at)
            return differing._now(BatchState.UPLOADING if self.item_count else BatchState.ADVISING, code, at)
        if code == DUPLICATE and self.attempts > 1:
            # An earlier attempt got there and only its reply was lost: the advice asks for it once more.
            advised = self.state is BatchState.ADVISING
            return self._now(BatchState.CLOSED if advised else BatchState.ADVISING, code, at)
        if code == DUPLICATE:
            return replace(self, code=code, traces=None)
        return replace(self, code=code)

    def items_told(self, last: UUID | None, count: int, at: datetime, *, complete: bool, code: str | None) -> Batch:
        """After a page of items, of which the first `count` were answered, `last` being the last of them.

        `complete`: there are no items after them.
        """
        told = replace(
            self,
            uploaded_count=self.uploaded_count + count,
            uploaded_to=last or self.uploaded_to,
            traces=self.traces.after(count) if self.traces else None,
            code=code or self.code,
        )
        if complete:
            return told._now(BatchState.ADVISING, told.code, at)
        return replace(told, attempts=0, next_at=at) if told.traces is None else told

    def _now(self, state: BatchState, code: str | None, at: datetime) -> Batch:
        next_at = None if state is BatchState.CLOSED else at
        return replace(self, state=state, code=code, traces=None, attempts=0, next_at=next_at)


def item_told(reply: Message) -> ItemTold:
    """What the reply to an item (0330) says. One that the host has seen before is told."""
    code = reply.fields.get(39, "")
    if code in (APPROVED, DUPLICATE):
        return ItemTold.TAKEN
    return ItemTold.ASK_AGAIN if code in _ASK_AGAIN else ItemTold.REFUSED


def _theirs_in(reply: Message, ours: BatchTotals) -> BatchTotals | None:
    """The acquirer's totals in its reply; None if it tells none, or only repeats ours, with which it does not agree."""
    found = [_total(reply, count, total) for count, total in ((76, 88), (77, 89), (74, 86), (75, 87))]
    if found[0] is None and found[2] is None:
        return None
    debits, debit_reversals, credited, credit_reversals = (total or Total() for total in found)
    theirs = BatchTotals(debits, debit_reversals, credited, credit_reversals)
    return None if theirs == ours else theirs


def _total(reply: Message, count_field: int, sum_field: int) -> Total | None:
    count, total = reply.fields.get(count_field, ""), reply.fields.get(sum_field, "")
    if not all(text.isascii() and text.isdecimal() for text in (count, total)):
        return None
    return Total(int(count), int(total))
