"""Lock-out (retail rule 26 rests on it: an override is worth what the manager's PIN is worth)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.identity.domain.tries import LockedOut, LockOutPolicy, Tries, count_try

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
POLICY = LockOutPolicy(
    free_tries=3,
    first_lock=timedelta(seconds=30),
    longest_lock=timedelta(seconds=200),
    forget_after=timedelta(hours=24),
)


def after(count: int) -> Tries:
    """The state after `count` wrong tries, each as soon as it is allowed."""
    state, now = Tries(), NOON
    for _ in range(count):
        now = max(now, state.locked_until or now)
        state = count_try(state, now, POLICY)
    return state


@pytest.mark.parametrize(("count", "seconds"), [(1, 0), (2, 0), (3, 30), (4, 60), (5, 120), (6, 200), (40, 200)])
def test_pause_after_wrong_tries(count: int, seconds: int) -> None:
    assert POLICY.lock_after(count) == timedelta(seconds=seconds)


def test_free_tries_do_not_lock() -> None:
    assert after(2) == Tries(2, NOON, None)
    assert after(2).left(POLICY) == 1


def test_last_free_try_locks_from_its_moment() -> None:
    assert after(3) == Tries(3, NOON, NOON + timedelta(seconds=30))
    assert after(3).left(POLICY) == 0


def test_nothing_is_even_checked_while_locked_and_the_state_stays() -> None:
    locked = after(3)
    with pytest.raises(LockedOut) as refused:
        count_try(locked, NOON + timedelta(seconds=29, milliseconds=1), POLICY)
    assert refused.value.facts == {"retry_after_s": 1}
    assert "Wait 1 second," in refused.value.sentence


def test_wait_is_told_in_minutes_when_it_is_long() -> None:
    locked = Tries(9, NOON, NOON + timedelta(seconds=121))
    with pytest.raises(LockedOut, match="Wait 3 minutes") as refused:
        count_try(locked, NOON, POLICY)
    assert refused.value.facts == {"retry_after_s": 121}


def test_first_try_after_the_pause_doubles_it() -> None:
    end = NOON + timedelta(seconds=30)
    assert count_try(after(3), end, POLICY) == Tries(4, end, end + timedelta(seconds=60))


def test_tries_are_forgotten_after_a_day() -> None:
    assert count_try(after(2), NOON + timedelta(hours=23, minutes=59), POLICY).count == 3
    assert count_try(after(2), NOON + timedelta(hours=24), POLICY) == Tries(1, NOON + timedelta(hours=24), None)


@given(st.lists(st.integers(0, 4000), min_size=1, max_size=200))
@settings(max_examples=50, deadline=None)
def test_guesses_within_a_day_are_bounded_however_they_are_spread(pauses_s: list[int]) -> None:
    """Whoever guesses without a break gets the free tries and one for each longest pause, roughly."""
    state, now, checked = Tries(), NOON, 0
    for pause_s in pauses_s:
        now += timedelta(seconds=pause_s)
        try:
            state = count_try(state, now, POLICY)
        except LockedOut:
            continue
        checked += 1
    elapsed_s = (now - NOON).total_seconds()
    doubling_s = 30 + 60 + 120
    most = 3 + 3 + max(0, elapsed_s - doubling_s) // 200 + 1 + (3 * (elapsed_s // 86_400))
    assert checked <= most


class LockOut(RuleBasedStateMachine):
    """Any order of wrong and right tries, waiting and unlocking keeps what lock-out promises."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self.state = Tries()
        self.wrong_in_a_row = 0
        self.locked_until: datetime | None = None
        self.last_at: datetime | None = None

    @rule(seconds=st.integers(0, 300))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def wait_a_day(self) -> None:
        self.now += timedelta(days=1)

    @rule(right=st.booleans())
    def try_once(self, right: bool) -> None:
        expected_locked = self.locked_until is not None and self.now < self.locked_until
        if expected_locked:
            with pytest.raises(LockedOut) as refused:
                count_try(self.state, self.now, POLICY)
            assert self.locked_until is not None
            assert self.now + timedelta(seconds=refused.value.facts["retry_after_s"]) >= self.locked_until
            return
        counted = count_try(self.state, self.now, POLICY)
        if self.last_at is not None and self.now - self.last_at >= POLICY.forget_after:
            self.wrong_in_a_row = 0
        self.last_at = self.now
        if right:
            self.state, self.wrong_in_a_row, self.locked_until = Tries(0, self.now), 0, None
            return
        self.state = counted
        self.wrong_in_a_row += 1
        over = self.wrong_in_a_row - POLICY.free_tries
        pause_s = min(200, 30 * 2**over) if over >= 0 else 0
        self.locked_until = self.now + timedelta(seconds=pause_s) if pause_s else None

    @rule()
    def unlock(self) -> None:
        self.state, self.wrong_in_a_row, self.locked_until, self.last_at = Tries(), 0, None, None

    @invariant()
    def state_agrees_with_the_model(self) -> None:
        assert self.state.count == self.wrong_in_a_row
        assert self.state.locked_until == self.locked_until
        assert (self.state.locked_until is not None) == (self.state.count >= POLICY.free_tries)


TestLockOut = LockOut.TestCase
TestLockOut.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
