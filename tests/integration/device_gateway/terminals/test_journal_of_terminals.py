"""Operations of terminals in the journal: kept exactly, forgotten in time, and never taken for unsent by mistake."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from device_gateway.domain.card_operations import Approved, Declined, OperationResult, Unknown
from device_gateway.domain.orders import Trail
from device_gateway.domain.placement import PlacedDevice
from device_gateway.domain.terminal_operation import LONGEST_WAIT, OperationState, TerminalOperation
from device_gateway.journal import Journal, open_journal
from device_gateway.journal_terminals import TerminalSteps
from device_gateway.use_cases.accept_terminal_operation import accept_terminal_operation
from device_gateway.use_cases.expire_orders import expire_orders
from device_gateway.use_cases.settle_interrupted import STOPPED, settle_interrupted
from device_gateway.use_cases.settle_terminal_operations import Trouble, turn_away
from libs.contracts.terminals import CardReferences
from libs.persistence import new_id, utc_now
from tests.integration.device_gateway.core.stand import GATEWAY, STORE, TILL
from tests.integration.device_gateway.terminals.gateway_stand import order

DEVICES = [PlacedDevice("first", "terminal", "zvt", (TILL,)), PlacedDevice("second", "terminal", "nexo", (TILL,))]


class Clock:
    """A clock that a test moves on; it begins now, because ids hold the real time."""

    def __init__(self) -> None:
        self.now = utc_now()

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by


@pytest.fixture
def clock() -> Clock:
    return Clock()


@contextmanager
def journal_in(folder: Path, clock: Clock) -> Iterator[Journal]:
    journal = open_journal(folder, gateway_id=GATEWAY, store_id=STORE, clock=clock)
    try:
        yield journal
    finally:
        journal.close()


@pytest.fixture
def journal(tmp_path: Path, clock: Clock) -> Iterator[Journal]:
    with journal_in(tmp_path, clock) as opened:
        yield opened


def accepted(journal: Journal, action: Any = "purchase", valid_s: float | None = 60, **facts: Any) -> TerminalOperation:
    with journal.step() as step:
        expires_at = None if valid_s is None else step.now + timedelta(seconds=valid_s)
        command = order(action, 1_000, **facts)
        return accept_terminal_operation(step, command, Trail("correlation", "cause"), expires_at, DEVICES)


def begun(journal: Journal, operation: TerminalOperation) -> TerminalOperation:
    with journal.step() as step:
        sending = operation.sending(step.now)
        TerminalSteps(step).save(sending)
        return sending


def stored(journal: Journal, operation_id: UUID) -> TerminalOperation:
    with journal.step() as step:
        found = TerminalSteps(step).get(operation_id)
    assert found is not None
    return found


def told(journal: Journal) -> list[str]:
    """The outcomes in the outbox, in order."""
    with journal.step() as step:
        return [row.subject for row in step.unsent(100)]


def test_what_was_written_is_read_again_exactly(tmp_path: Path, clock: Clock) -> None:
    with journal_in(tmp_path, clock) as journal:
        operation = accepted(
            journal, original=CardReferences(trace="7"), inquired_operation_id=new_id(), instalments=3, tip_minor=5
        )
        decided = begun(journal, operation).given(Approved(1_000, references=CardReferences(trace="8")), clock.now)
        with journal.step() as step:
            TerminalSteps(step).save(decided)
    with journal_in(tmp_path, clock) as journal:
        assert stored(journal, operation.operation_id) == decided
        assert told(journal) == [str(operation.operation_id)]


def test_after_a_stop_what_was_sent_is_unknown_and_what_waited_still_waits(tmp_path: Path, clock: Clock) -> None:
    with journal_in(tmp_path, clock) as journal:
        sent, waiting = begun(journal, accepted(journal)), accepted(journal)
        elsewhere = begun(journal, accepted(journal, terminal="second"))
        with journal.step() as step:
            settle_interrupted(step, "The line broke.", "first")
        assert stored(journal, sent.operation_id).state is OperationState.UNKNOWN
        assert stored(journal, elsewhere.operation_id).state is OperationState.SENDING
    with journal_in(tmp_path, clock) as journal:
        with journal.step() as step:
            settle_interrupted(step, STOPPED)
        assert stored(journal, elsewhere.operation_id).state is OperationState.UNKNOWN
        assert stored(journal, waiting.operation_id).state is OperationState.WAITING
        assert told(journal) == [str(sent.operation_id), str(elsewhere.operation_id)]


def test_what_waits_out_of_time_expires_also_while_its_terminal_is_away(journal: Journal, clock: Clock) -> None:
    timed, without_expiry = accepted(journal, valid_s=30), accepted(journal, valid_s=None)
    clock.advance(timedelta(seconds=30))
    with journal.step() as step:
        assert expire_orders(step) == 1
    assert stored(journal, timed.operation_id).state is OperationState.EXPIRED
    clock.advance(LONGEST_WAIT)
    with journal.step() as step:
        assert expire_orders(step) == 1
    assert stored(journal, without_expiry.operation_id).state is OperationState.EXPIRED


def test_patience_counts_from_when_the_terminal_went_away(journal: Journal, clock: Clock) -> None:
    operation = accepted(journal)
    gone_since = clock.now + timedelta(seconds=20)
    patience = timedelta(seconds=5)

    def trouble(_terminal: str | None) -> Trouble:
        return Trouble("It is switched off.", gone_since)

    clock.advance(timedelta(seconds=24))
    with journal.step() as step:
        assert turn_away(step, trouble, patience) == 0
    clock.advance(timedelta(seconds=1))
    with journal.step() as step:
        assert turn_away(step, trouble, patience) == 1
    answer = stored(journal, operation.operation_id).answer
    assert answer is not None
    assert (answer.outcome, answer.reason) == ("not_sent", "It is switched off.")


def _decided(journal: Journal, action: Any, result: OperationResult, **facts: Any) -> TerminalOperation:
    sending = begun(journal, accepted(journal, action, **facts))
    with journal.step() as step:
        decided = sending.given(result, step.now)
        TerminalSteps(step).save(decided)
    return decided


def _held_before(journal: Journal, operation: TerminalOperation | None) -> int | None:
    with journal.step() as step:
        return TerminalSteps(step).held_minor(operation)


def test_a_pre_authorisation_holds_what_was_approved_at_first_and_each_increment(
    journal: Journal, clock: Clock
) -> None:
    payment, other = new_id(), new_id()
    _decided(journal, "pre_authorisation", Approved(5_000), intent_id=payment)
    _decided(journal, "pre_authorisation", Approved(900), intent_id=other)
    first = _decided(journal, "increment", Approved(1_000), intent_id=payment)
    _decided(journal, "increment", Declined("6C", "Cancelled."), intent_id=payment)
    clock.advance(timedelta(seconds=1))
    _decided(journal, "increment", Approved(200), intent_id=payment)
    completion = accepted(journal, "completion", intent_id=payment)

    assert _held_before(journal, first) == 5_000
    assert _held_before(journal, completion) == 6_200
    assert _held_before(journal, accepted(journal, "completion", intent_id=new_id())) is None
    assert _held_before(journal, accepted(journal, "purchase", intent_id=payment)) is None
    assert _held_before(journal, None) is None


def test_while_an_increment_is_in_doubt_nobody_knows_what_is_held(journal: Journal, clock: Clock) -> None:
    payment = new_id()
    _decided(journal, "pre_authorisation", Approved(5_000), intent_id=payment)
    lost = _decided(journal, "increment", Unknown("The line broke."), intent_id=payment)
    completion = accepted(journal, "completion", intent_id=payment)
    assert _held_before(journal, completion) is None

    with journal.step() as step:
        inquiry = _inquiry_about(lost).told(Approved(1_000), lost, clock.now)
        assert inquiry.answer is not None
        TerminalSteps(step).resolve(lost.operation_id, inquiry.answer)
    assert _held_before(journal, completion) == 6_000


def _inquiry_about(operation: TerminalOperation) -> TerminalOperation:
    return replace(
        operation,
        operation_id=new_id(),
        action="inquiry",
        inquired_operation_id=operation.operation_id,
        state=OperationState.SENDING,
        answer=None,
    )


def test_a_journal_of_an_older_gateway_gets_the_indexes_that_are_new(tmp_path: Path, clock: Clock) -> None:
    indexes = "SELECT name FROM sqlite_master WHERE type = 'index' AND name = 'terminal_operations_by_intent'"
    with journal_in(tmp_path, clock):
        pass
    with sqlite3.connect(tmp_path / "journal.sqlite") as connection:
        connection.execute("DROP INDEX terminal_operations_by_intent")
    with journal_in(tmp_path, clock), sqlite3.connect(tmp_path / "journal.sqlite") as connection:
        assert connection.execute(indexes).fetchall() == [("terminal_operations_by_intent",)]


def test_an_operation_that_was_forgotten_is_asked_of_the_terminal_and_not_taken_for_unsent(
    journal: Journal, clock: Clock
) -> None:
    old = accepted(journal, valid_s=None)
    with journal.step() as step:
        TerminalSteps(step).save(old.sending(step.now).given(Approved(1_000), step.now))
    still_waiting = accepted(journal, valid_s=10_000_000)
    clock.advance(timedelta(days=36))
    assert journal.prune(timedelta(days=35), 100) > 0
    with journal.step() as step:
        assert TerminalSteps(step).get(old.operation_id) is None
    assert stored(journal, still_waiting.operation_id).state is OperationState.WAITING
    assert accepted(journal, "inquiry", inquired_operation_id=old.operation_id).state is OperationState.WAITING


def test_an_id_that_does_not_tell_its_time_proves_nothing(journal: Journal) -> None:
    assert accepted(journal, "inquiry", inquired_operation_id=uuid4()).state is OperationState.WAITING
    never_came = accepted(journal, "inquiry", inquired_operation_id=new_id())
    assert never_came.answer is not None
    assert never_came.answer.found is False


def test_an_inquiry_goes_to_the_terminal_that_was_asked(journal: Journal, clock: Clock) -> None:
    sale = begun(journal, accepted(journal, terminal="second"))
    with journal.step() as step:
        TerminalSteps(step).save(sale.given(Unknown("The line broke."), clock.now))
    inquiry = accepted(journal, "inquiry", inquired_operation_id=sale.operation_id, terminal="first")
    assert (inquiry.terminal, inquiry.state) == ("second", OperationState.WAITING)


def test_an_inquiry_without_an_operation_is_unknown(journal: Journal) -> None:
    assert accepted(journal, "inquiry").state is OperationState.UNKNOWN
