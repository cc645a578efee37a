"""One attempt to tell an acquirer of a batch, and what the reply changes. It moves no money: it may be done again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from libs.persistence import UnitOfWork, new_id
from services.payments.domain.concentrator.batch import settlement
from services.payments.domain.concentrator.closing import Batch, BatchState, ItemTold, item_told
from services.payments.domain.concentrator.message import Message
from services.payments.domain.concentrator.requests import Merchant, batch_item
from services.payments.domain.concentrator.reversing import Backoff
from services.payments.domain.settlement import ITEM_REFUSED, STILL_DIFFERING, UPLOADED, Difference
from services.payments.storage.acquirer_terminals import AcquirerTerminalRepository
from services.payments.storage.batch_differences import BatchDifferenceRepository, Refused
from services.payments.storage.batches import BatchRepository, StandingItem
from services.payments.storage.differences import DifferenceRepository
from services.payments.storage.settlements import Settlement, SettlementRepository
from services.payments.use_cases.record_settlement import conclude


@dataclass(frozen=True, slots=True)
class Telling:
    """What is to be told now, its traces stored already: the totals, or the next items.

    `complete`: there are no items after these.
    """

    batch: Batch
    merchant: Merchant
    items: tuple[StandingItem, ...] = ()
    complete: bool = False

    def messages(self) -> Iterator[Message]:
        """What is sent, one after the other: an item only after the one before it was answered."""
        batch = self.batch
        assert batch.traces is not None, "what is told has its trace"
        if batch.state is not BatchState.UPLOADING:
            yield settlement(self.merchant, batch.traces.number(0), batch.totals, batch.message_type)
        for index, item in enumerate(self.items):
            yield batch_item(self.merchant, batch.traces.number(index), item.sent)


async def begin_telling(
    work: UnitOfWork, settlement_id: UUID, acquirer: str, page_items: int, backoff: Backoff
) -> Telling | None:
    """Note what is about to be sent before it is: its traces, and when it is due again should nothing come of it.

    None when nothing is due: the batch is closed, or another turn has it.
    """
    repository = BatchRepository(work.connection)
    batch = await repository.locked(settlement_id, acquirer)
    if batch is None or batch.next_at is None or batch.next_at > work.now:
        return None
    numbers = await AcquirerTerminalRepository(work.connection).get(batch.terminal_id, acquirer)
    assert numbers is not None, "a terminal keeps its numbers while a batch of it is open"
    items: list[StandingItem] = []
    complete = False
    if batch.state is BatchState.UPLOADING:
        wanted = batch.traces.count if batch.traces else page_items
        # One more than is told says whether there are any after them.
        items = await repository.items(batch, wanted + 1)
        complete = len(items) <= wanted
        items = items[:wanted]
    traces = batch.traces or await repository.reserve_traces(batch, max(1, len(items)), work.now)
    attempted = batch.attempted(traces, work.now, backoff)
    await repository.save(attempted, work.now)
    return Telling(attempted, numbers.merchant(batch.currency), tuple(items), complete)


async def record_told(work: UnitOfWork, telling: Telling, replies: Sequence[Message]) -> bool:
    """Take in the replies: to the totals, or to the items up to the first that was not answered.

    Whether the batch goes on at once. Without any reply nothing changes, and it is told again in its time.
    """
    batch = await BatchRepository(work.connection).locked(telling.batch.settlement_id, telling.batch.acquirer)
    if batch is None or (batch.state, batch.traces) != (telling.batch.state, telling.batch.traces):
        # Another turn has gone on with it.
        return False
    answered = batch
    if batch.state is BatchState.UPLOADING:
        answered = await _items_told(work, batch, telling, replies)
    elif replies:
        answered = batch.totals_answered(replies[0], work.now)
    await BatchRepository(work.connection).save(answered, work.now)
    if answered.closed:
        await _conclude_if_last(work, answered)
        return False
    goes_on = answered.next_at is not None and answered.next_at <= work.now
    if not goes_on:
        # Whoever looks at the settlement is told what it waits for.
        reason = _waits_for(batch.acquirer, replies[-1] if replies else None)
        await SettlementRepository(work.connection).explain(batch.settlement_id, reason)
    return goes_on


def _waits_for(acquirer: str, reply: Message | None) -> str:
    if reply is None:
        return f"{acquirer} does not answer. It is asked again by itself."
    code = reply.fields.get(39, "")
    return f"{acquirer} answered with code {code}. It is asked again by itself."


async def _items_told(work: UnitOfWork, batch: Batch, telling: Telling, replies: Sequence[Message]) -> Batch:
    said = [item_told(reply) for reply in replies]
    count = said.index(ItemTold.ASK_AGAIN) if ItemTold.ASK_AGAIN in said else len(said)
    told = telling.items[:count]
    refused = [item for item, what in zip(told, said, strict=False) if what is ItemTold.REFUSED]
    if refused:
        settled = await _settlement(work, batch.settlement_id)
        await DifferenceRepository(work.connection).add([_refused(work, settled, batch, each) for each in refused])
    return batch.items_told(
        told[-1].message_id if told else None,
        count,
        work.now,
        complete=telling.complete and count == len(telling.items),
        code=replies[-1].fields.get(39) if replies else None,
    )


async def _conclude_if_last(work: UnitOfWork, batch: Batch) -> None:
    """With its last batch the settlement is settled: the settlement's lock makes two that end at once take turns."""
    settlement = await _settlement(work, batch.settlement_id)
    found = BatchDifferenceRepository(work.connection)
    if batch.out_of_balance:
        refused = await found.refused(batch.settlement_id, batch.acquirer)
        await DifferenceRepository(work.connection).add([_uploaded(work, settlement, batch, refused)])
    batches = await BatchRepository(work.connection).of_settlement(batch.settlement_id)
    if not all(each.closed for each in batches):
        return
    counts = await found.counts(batch.settlement_id)
    # What an acquirer took item by item, or agreed to in all, is what it owes; where it disputes that nobody knows.
    agreed = counts.keys() <= {UPLOADED}
    await conclude(
        work,
        replace(settlement, difference_count=sum(each.found for each in counts.values())),
        settlement.our_totals if agreed else (),
        unclosed_count=sum(each.unclosed for each in counts.values()),
    )


async def _settlement(work: UnitOfWork, settlement_id: UUID) -> Settlement:
    settlement = await SettlementRepository(work.connection).get(settlement_id, lock=True)
    assert settlement is not None, "a batch is of a settlement"
    return settlement


def _refused(work: UnitOfWork, settlement: Settlement, batch: Batch, item: StandingItem) -> Difference:
    """The acquirer did not take one item: what we have and it has not."""
    minor = -item.sent.amount_minor if item.refund else item.sent.amount_minor
    return Difference(
        new_id(),
        settlement.store_id,
        ITEM_REFUSED,
        settlement.currency,
        minor,
        0,
        1,
        0,
        work.now,
        settlement_id=settlement.settlement_id,
        intent_id=item.intent_id,
        acquirer=batch.acquirer,
    )


def _uploaded(work: UnitOfWork, settlement: Settlement, batch: Batch, refused: Refused) -> Difference:
    """The totals did not agree. Theirs are those of the acquirer's reply; where it told none, what it took by items."""
    theirs = batch.their_totals
    if theirs is None:
        their_count, theirs_minor = batch.uploaded_count - refused.count, batch.totals.net_minor - refused.net_minor
    else:
        their_count, theirs_minor = theirs.standing_count, theirs.net_minor
    return Difference(
        new_id(),
        settlement.store_id,
        STILL_DIFFERING if batch.disputed else UPLOADED,
        settlement.currency,
        batch.totals.net_minor,
        theirs_minor,
        batch.item_count,
        their_count,
        work.now,
        settlement_id=settlement.settlement_id,
        acquirer=batch.acquirer,
    )
