"""The state machine of a copy and of a job, driven by whatever may happen in whatever order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from device_gateway.domain.orders import DrawerOpening, OpeningState, PrintJob, Trail, opening_of_job
from device_gateway.domain.print_job import (
    IllegalTransition,
    NothingToDuplicate,
    Print,
    PrintState,
    copies_to_duplicate,
    is_expired,
    next_attempt_at,
    state_of,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ID = UUID("019a0000-0000-7000-8000-000000000001")
TILL = UUID("019a0000-0000-7000-8000-000000000002")


def job(copies: int = 1, **changed: object) -> PrintJob:
    values: dict[str, object] = {
        "job_id": ID,
        "till_id": TILL,
        "printer": "printer",
        "document_kind": "receipt",
        "title": "Receipt 1",
        "document": b"{}",
        "copies": (Print(),) * copies,
        "received_at": NOON,
        "changed_at": NOON,
        "trail": Trail("c"),
    }
    return PrintJob(**(values | changed))  # type: ignore[arg-type]


QUEUED = Print()
PRINTING = QUEUED.begin()
PRINTED = PRINTING.came_out(confirmed=True)
UNKNOWN = PRINTING.may_have_come_out("the line broke")
FAILED = PRINTING.fail("wrong profile")
EXPIRED = QUEUED.expire()

STEPS: dict[str, Callable[[Print], Print]] = {
    "begin": Print.begin,
    "come out": lambda copy: copy.came_out(confirmed=True),
    "be in doubt": lambda copy: copy.may_have_come_out("the line broke"),
    "wait again": lambda copy: copy.did_not_come_out("paper out", not_before=NOON),
    "fail": lambda copy: copy.fail("wrong profile"),
    "expire": Print.expire,
}


@pytest.mark.parametrize(
    ("copy", "allowed"),
    [
        (QUEUED, {"begin", "fail", "expire"}),
        (PRINTING, {"come out", "be in doubt", "wait again", "fail"}),
        (PRINTED, set()),
        (UNKNOWN, set()),
        (FAILED, set()),
        (EXPIRED, set()),
    ],
)
def test_only_the_transitions_of_the_design_are_possible(copy: Print, allowed: set[str]) -> None:
    for verb, step in STEPS.items():
        if verb in allowed:
            assert step(copy) != copy
        else:
            with pytest.raises(IllegalTransition, match=f"{copy.state} cannot {verb}"):
                step(copy)


@pytest.mark.parametrize(
    ("copies", "state"),
    [
        ((QUEUED, QUEUED), PrintState.QUEUED),
        ((PRINTING, QUEUED), PrintState.PRINTING),
        ((PRINTED, QUEUED), PrintState.PRINTING),
        ((PRINTED, PRINTED), PrintState.PRINTED),
        ((UNKNOWN, QUEUED), PrintState.UNKNOWN),
        ((UNKNOWN, PRINTED), PrintState.UNKNOWN),
        ((FAILED, PRINTED), PrintState.FAILED),
        ((PRINTED, EXPIRED), PrintState.EXPIRED),
        ((EXPIRED, EXPIRED), PrintState.EXPIRED),
        ((EXPIRED, UNKNOWN), PrintState.UNKNOWN),
    ],
)
def test_a_job_shows_doubt_at_once_and_printed_only_when_all_copies_are(
    copies: tuple[Print, ...], state: PrintState
) -> None:
    assert state_of(copies) is state


def test_a_job_is_only_as_well_proved_as_its_weakest_copy() -> None:
    probable = PRINTING.came_out(confirmed=False)
    assert job().with_copy(1, PRINTED, NOON).proof == "confirmed"
    assert job(2).with_copy(1, PRINTED, NOON).with_copy(2, probable, NOON).proof == "probable"
    assert job(2).with_copy(1, PRINTED, NOON).proof is None


def test_an_order_without_an_expiry_waits_for_ever_and_one_with_it_ends_exactly_then() -> None:
    assert not is_expired(None, NOON)
    assert not is_expired(NOON + timedelta(microseconds=1), NOON)
    assert is_expired(NOON, NOON)


def test_the_pause_between_attempts_doubles_up_to_its_limit() -> None:
    pauses = [
        (next_attempt_at(NOON, attempts, first_s=0.5, limit_s=15) - NOON).total_seconds()
        for attempts in (1, 2, 3, 6, 7, 10_000)
    ]
    assert pauses == [0.5, 1.0, 2.0, 15.0, 15.0, 15.0]


@pytest.mark.parametrize(
    ("copies", "expected"), [((UNKNOWN,), 1), ((FAILED, FAILED), 2), ((PRINTED, UNKNOWN), 1), ((UNKNOWN, EXPIRED), 1)]
)
def test_a_duplicate_has_one_copy_for_each_that_is_unknown_or_failed(copies: tuple[Print, ...], expected: int) -> None:
    assert copies_to_duplicate(copies, []) == expected


@pytest.mark.parametrize("copies", [(QUEUED,), (PRINTING,), (PRINTED,), (EXPIRED,)])
def test_what_came_out_or_may_still_do_so_is_not_duplicated(copies: tuple[Print, ...]) -> None:
    with pytest.raises(NothingToDuplicate, match="marked duplicate"):
        copies_to_duplicate(copies, [])


@pytest.mark.parametrize("earlier", [PrintState.QUEUED, PrintState.PRINTING, PrintState.PRINTED])
def test_a_second_duplicate_needs_the_first_to_have_come_to_nothing(earlier: PrintState) -> None:
    with pytest.raises(NothingToDuplicate, match="has been printed, or is about to be"):
        copies_to_duplicate((UNKNOWN,), [PrintState.FAILED, earlier])
    assert copies_to_duplicate((UNKNOWN,), [PrintState.UNKNOWN, PrintState.FAILED, PrintState.EXPIRED]) == 1


def test_a_drawer_is_told_to_open_once() -> None:
    opening = opening_of_job(job(open_drawer="cash_sale"), "printer", NOON, late_s=60)
    begun = opening.to(OpeningState.OPENING, NOON)
    assert opening.opening_id == opening_of_job(job(open_drawer="cash_sale"), "printer", NOON, late_s=60).opening_id
    for state in (OpeningState.OPENING, OpeningState.WAITING, OpeningState.EXPIRED):
        with pytest.raises(IllegalTransition):
            begun.to(state, NOON)
    assert opening.expires_at == NOON + timedelta(seconds=60)
    ended = begun.to(OpeningState.SENT, NOON)
    for state in OpeningState:
        with pytest.raises(IllegalTransition):
            ended.to(state, NOON)
    assert isinstance(ended, DrawerOpening)


class Printing(RuleBasedStateMachine):
    """A job at a printer of which only the paper knows the truth. The gateway may stop at any moment."""

    @initialize(copies=st.integers(1, 3))
    def accept(self, copies: int) -> None:
        self.job = job(copies)
        self.paper = [0] * copies
        self.begun: int | None = None

    @property
    def waiting(self) -> list[int]:
        return [number for number, copy in enumerate(self.job.copies, 1) if copy.state is PrintState.QUEUED]

    @precondition(lambda self: self.begun is None and self.waiting)
    @rule()
    def begin(self) -> None:
        self.begun = self.waiting[0]
        self.job = self.job.with_copy(self.begun, self.job.copies[self.begun - 1].begin(), NOON)

    @precondition(lambda self: self.begun is not None)
    @rule(came_out=st.booleans(), answer_lost=st.booleans())
    def send(self, came_out: bool, answer_lost: bool) -> None:
        assert self.begun is not None
        self.paper[self.begun - 1] += came_out
        copy = self.job.copies[self.begun - 1]
        if answer_lost:
            copy = copy.may_have_come_out("the line broke")
        elif came_out:
            copy = copy.came_out(confirmed=True)
        else:
            copy = copy.did_not_come_out("paper out", not_before=NOON)
        self.job = self.job.with_copy(self.begun, copy, NOON)
        self.begun = None

    @precondition(lambda self: self.begun is not None)
    @rule(came_out=st.booleans())
    def stop_in_the_middle(self, came_out: bool) -> None:
        assert self.begun is not None
        self.paper[self.begun - 1] += came_out
        stopped = self.job.copies[self.begun - 1].may_have_come_out("the gateway stopped")
        self.job = self.job.with_copy(self.begun, stopped, NOON)
        self.begun = None

    @precondition(lambda self: self.begun is None)
    @rule()
    def run_out_of_time(self) -> None:
        self.job = self.job.with_all_waiting("expire", NOON)

    @invariant()
    def nothing_is_printed_twice(self) -> None:
        assert all(count <= 1 for count in getattr(self, "paper", ()))

    @invariant()
    def what_is_said_is_true(self) -> None:
        for copy, count in zip(getattr(self, "job", job()).copies, getattr(self, "paper", ()), strict=False):
            if copy.state is PrintState.PRINTED:
                assert count == 1
            if copy.state in (PrintState.QUEUED, PrintState.EXPIRED, PrintState.FAILED):
                assert count == 0


TestPrinting = Printing.TestCase
TestPrinting.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
