"""A batch's way to its end: what each reply leads to, and which trace numbers a repeat has."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.payments.domain.concentrator.batch import (
    AfterSettlement,
    BatchItem,
    BatchKind,
    BatchTotals,
    Total,
    step_after_settlement,
    totals_of,
)
from services.payments.domain.concentrator.closing import Batch, BatchState, ItemTold, Traces, item_told
from services.payments.domain.concentrator.message import Message
from services.payments.domain.concentrator.reversing import Backoff

NOW = datetime(2026, 3, 2, 21, 0, tzinfo=UTC)
OURS = totals_of([BatchItem(BatchKind.DEBIT, 10_000), BatchItem(BatchKind.CREDIT, 500)])
LAST = UUID(int=2)
OPEN = Batch(UUID(int=1), "bank", UUID(int=9), "PLN", OURS, 2)


def reply(code: str, mti: str = "0510", **fields: str) -> Message:
    return Message.of(mti, {39: code, **{int(name[1:]): value for name, value in fields.items()}})


def attempted(batch: Batch = OPEN, count: int = 1) -> Batch:
    return batch.attempted(Traces(7, count, NOW), NOW, Backoff())


def test_totals_that_agree_close_the_batch() -> None:
    closed = attempted().totals_answered(reply("00"), NOW)
    assert (closed.state, closed.next_at, closed.traces, closed.out_of_balance) == (
        BatchState.CLOSED,
        None,
        None,
        False,
    )


def test_out_of_balance_in_field_66_counts_although_the_message_itself_was_taken() -> None:
    assert step_after_settlement(reply("00", f66="2")) is AfterSettlement.UPLOAD
    assert attempted().totals_answered(reply("00", f66="2"), NOW).state is BatchState.UPLOADING


def test_out_of_balance_leads_to_an_upload_with_new_traces_and_keeps_their_totals() -> None:
    differing = attempted().totals_answered(
        reply("95", f74="0000000001", f86="0000000000000500", f76="0000000002", f88="0000000000012000"), NOW
    )
    assert (differing.state, differing.out_of_balance, differing.traces) == (BatchState.UPLOADING, True, None)
    assert differing.their_totals == BatchTotals(debits=Total(2, 12_000), credits=Total(1, 500))
    assert (differing.next_at, differing.attempts, differing.code) == (NOW, 0, "95")


@pytest.mark.parametrize("fields", [{}, {"f74": "0000000001", "f86": "0000000000000500"}])
def test_their_totals_are_not_known_when_the_host_tells_none_or_repeats_ours(fields: dict[str, str]) -> None:
    echoed = {**fields, "f76": "0000000001", "f88": "0000000000010000"} if fields else {}
    assert attempted().totals_answered(reply("95", **echoed), NOW).their_totals is None


def test_a_batch_of_nothing_that_does_not_agree_is_advised_at_once() -> None:
    empty = replace(OPEN, totals=BatchTotals(), item_count=0)
    assert attempted(empty).totals_answered(reply("95"), NOW).state is BatchState.ADVISING


def test_no_clear_answer_is_asked_again_with_the_same_trace_and_a_growing_pause() -> None:
    first = attempted()
    assert first.next_at == NOW + timedelta(seconds=5)
    again = first.totals_answered(reply("96"), NOW)
    assert (again.state, again.code, again.traces) == (BatchState.OPEN, "96", Traces(7, 1, NOW))
    assert again.attempted(Traces(7, 1, NOW), NOW, Backoff()).next_at == NOW + timedelta(seconds=10)


def test_a_repeat_that_the_host_has_seen_is_settled_by_an_advice() -> None:
    twice = attempted(attempted())
    advising = twice.totals_answered(reply("94"), NOW)
    assert (advising.state, advising.message_type) == (BatchState.ADVISING, "0520")
    assert attempted(attempted(advising)).totals_answered(reply("94", "0530"), NOW).closed


def test_a_first_message_that_the_host_has_seen_gets_a_trace_of_its_own() -> None:
    refused = attempted().totals_answered(reply("94"), NOW)
    assert (refused.state, refused.traces) == (BatchState.OPEN, None)


def test_what_does_not_agree_after_every_item_was_told_is_closed_and_left_to_people() -> None:
    advising = replace(OPEN, state=BatchState.ADVISING, out_of_balance=True)
    closed = attempted(advising).totals_answered(reply("95", "0530"), NOW)
    assert (closed.closed, closed.code) == (True, "95")


def test_a_page_that_was_answered_in_part_goes_on_with_the_traces_that_are_left() -> None:
    page = attempted(replace(OPEN, state=BatchState.UPLOADING, item_count=5), 3)
    part = page.items_told(LAST, 2, NOW, complete=False, code="00")
    assert (part.uploaded_count, part.uploaded_to, part.traces) == (2, LAST, Traces(9, 1, NOW))
    assert part.next_at == NOW + timedelta(seconds=5)
    whole = page.items_told(LAST, 3, NOW, complete=False, code="00")
    assert (whole.uploaded_count, whole.traces, whole.next_at) == (3, None, NOW)
    assert page.items_told(LAST, 3, NOW, complete=True, code="00").state is BatchState.ADVISING


def test_trace_numbers_go_on_from_one_after_the_largest() -> None:
    traces = Traces(999_999, 3, NOW)
    assert [traces.number(index).trace_number for index in range(3)] == [999_999, 1, 2]
    assert traces.after(1) == Traces(1, 2, NOW)
    assert traces.after(3) is None


@pytest.mark.parametrize(
    ("code", "told"),
    [("00", ItemTold.TAKEN), ("94", ItemTold.TAKEN), ("12", ItemTold.REFUSED), ("96", ItemTold.ASK_AGAIN)],
)
def test_an_item_is_taken_refused_or_told_again(code: str, told: ItemTold) -> None:
    assert item_told(reply(code, "0330")) is told
