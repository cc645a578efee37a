"""Lock-out: how wrong PINs and passwords are counted, and how long one has to wait.

A try is counted before it is checked and taken back when it was right. So guesses sent at the same moment to several
replicas cannot slip past the count, and a crash in between costs a try instead of giving one away.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.contracts.refusal import TooMany


class LockedOut(TooMany):
    """Too many wrong tries; `retry_after_s` says how long to wait."""

    type = "locked-out"


@dataclass(frozen=True, slots=True)
class LockOutPolicy:
    """`free_tries` wrong ones in a row start a pause of `first_lock`, and every further one doubles it up to
    `longest_lock`. Tries are forgotten `forget_after` the last one.
    """

    free_tries: int
    first_lock: timedelta
    longest_lock: timedelta
    forget_after: timedelta

    def lock_after(self, count: int) -> timedelta:
        """The pause after `count` wrong tries in a row; zero while some are free."""
        excess = count - self.free_tries
        if excess < 0:
            return timedelta()
        # A second doubled 32 times is longer than any limit; unbounded, the number itself would overflow.
        return min(self.longest_lock, self.first_lock * (1 << min(excess, 32)))


@dataclass(frozen=True, slots=True)
class Tries:
    """The tries in a row that were not right, for one code and one kind of secret."""

    count: int = 0
    last_at: datetime | None = None
    locked_until: datetime | None = None

    def left(self, policy: LockOutPolicy) -> int:
        """How many more wrong ones are free."""
        return max(0, policy.free_tries - self.count)


def count_try(tries: Tries, now: datetime, policy: LockOutPolicy) -> Tries:
    """The state with one more try, which is about to be checked. Raises LockedOut if it may not even be checked."""
    if tries.locked_until is not None and now < tries.locked_until:
        raise locked_out(tries.locked_until, now)
    forgotten = tries.last_at is not None and now - tries.last_at >= policy.forget_after
    count = 1 if forgotten else tries.count + 1
    lock = policy.lock_after(count)
    return Tries(count, now, now + lock if lock else None)


def locked_out(until: datetime, now: datetime) -> LockedOut:
    """The refusal that says how long to wait."""
    wait_s = max(1, -((now - until) // timedelta(seconds=1)))
    return LockedOut(
        f"Too many wrong tries. Wait {_duration(wait_s)}, or ask a manager to unlock this code.", retry_after_s=wait_s
    )


def _duration(seconds: int) -> str:
    if seconds < 120:
        return "1 second" if seconds == 1 else f"{seconds} seconds"
    return f"{-(-seconds // 60)} minutes"
