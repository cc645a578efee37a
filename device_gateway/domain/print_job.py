"""What becomes of a document that is to be printed: the state machine of each copy, and the job they make up.

    queued -> printing -> printed | unknown | failed
    queued -> expired | failed (no printer could ever print it)
    printing -> queued (certainly nothing came out: it is tried again)

A copy that is `unknown` stays so for ever. It may be offered as a duplicate, which is another job with a mark on the
paper: nothing that may have come out is silently printed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from libs.contracts.refusal import Conflict

Proof = Literal["confirmed", "probable"]


class PrintState(StrEnum):
    """Where a copy, or a job, stands."""

    QUEUED = "queued"
    PRINTING = "printing"
    PRINTED = "printed"
    UNKNOWN = "unknown"
    FAILED = "failed"
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self not in (PrintState.QUEUED, PrintState.PRINTING)


class IllegalTransition(Exception):
    """A copy was told something that cannot be true in its state; the text names both."""


class NothingToDuplicate(Conflict):
    """A marked duplicate was asked for a job that came out, may still come out, or is being duplicated already."""

    type = "nothing-to-duplicate"


@dataclass(frozen=True, slots=True)
class Print:
    """One copy on paper. `not_before` is when the next attempt may begin; `proof` how it is known to have come out."""

    state: PrintState = PrintState.QUEUED
    attempts: int = 0
    not_before: datetime | None = None
    proof: Proof | None = None
    reason: str | None = None

    def begin(self) -> Print:
        """It is about to be sent to the printer: stored before the first byte leaves."""
        self._demand("begin", PrintState.QUEUED)
        return replace(self, state=PrintState.PRINTING, attempts=self.attempts + 1, not_before=None, reason=None)

    def came_out(self, *, confirmed: bool) -> Print:
        """It was printed."""
        self._demand("come out", PrintState.PRINTING)
        return replace(self, state=PrintState.PRINTED, proof="confirmed" if confirmed else "probable", reason=None)

    def may_have_come_out(self, reason: str) -> Print:
        """Nobody can tell: a person has to look."""
        self._demand("be in doubt", PrintState.PRINTING)
        return replace(self, state=PrintState.UNKNOWN, reason=reason)

    def did_not_come_out(self, reason: str, *, not_before: datetime) -> Print:
        """Certainly nothing came out: it waits for its next attempt."""
        self._demand("wait again", PrintState.PRINTING)
        return replace(self, state=PrintState.QUEUED, not_before=not_before, reason=reason)

    def fail(self, reason: str) -> Print:
        """It cannot be printed here, now or later, and certainly nothing came out."""
        self._demand("fail", PrintState.QUEUED, PrintState.PRINTING)
        return replace(self, state=PrintState.FAILED, not_before=None, reason=reason)

    def expire(self) -> Print:
        """Its time is over before anything was sent."""
        self._demand("expire", PrintState.QUEUED)
        reason = "It was not printed in time, and nobody waits for it any more."
        return replace(self, state=PrintState.EXPIRED, not_before=None, reason=reason)

    def _demand(self, verb: str, *states: PrintState) -> None:
        if self.state not in states:
            raise IllegalTransition(f"a copy that is {self.state} cannot {verb}")


def state_of(copies: Sequence[Print]) -> PrintState:
    """The state of a job by its copies: doubt and failure show at once, `printed` only when all have come out."""
    states = {copy.state for copy in copies}
    for outstanding in (PrintState.UNKNOWN, PrintState.FAILED, PrintState.PRINTING):
        if outstanding in states:
            return outstanding
    if PrintState.QUEUED in states:
        # Between two copies the job is being printed, unless nothing has come out so far.
        return PrintState.PRINTING if PrintState.PRINTED in states else PrintState.QUEUED
    return PrintState.EXPIRED if PrintState.EXPIRED in states else PrintState.PRINTED


def proof_of(copies: Sequence[Print]) -> Proof | None:
    """How it is known that all copies came out: as good as the weakest of them; None if they did not."""
    if state_of(copies) is not PrintState.PRINTED:
        return None
    return "confirmed" if all(copy.proof == "confirmed" for copy in copies) else "probable"


def reason_of(copies: Sequence[Print]) -> str | None:
    """Why the job is in its state, in the words of the copy that is."""
    state = state_of(copies)
    return next((copy.reason for copy in copies if copy.state is state and copy.reason is not None), None)


def is_expired(expires_at: datetime | None, now: datetime) -> bool:
    """Whether a command's time is over; one without an expiry waits for ever."""
    return expires_at is not None and expires_at <= now


def next_attempt_at(now: datetime, attempts: int, *, first_s: float, limit_s: float) -> datetime:
    """When a copy that did not come out is tried again: after `first_s`, then twice as long, up to `limit_s`."""
    # Bounded exponent: a printer without paper over the weekend must not overflow a float.
    return now + timedelta(seconds=min(first_s * 2.0 ** min(max(attempts - 1, 0), 32), limit_s))


def copies_to_duplicate(copies: Sequence[Print], duplicates: Sequence[PrintState]) -> int:
    """How many copies a marked duplicate of a job has: one for each that is unknown or failed.

    `duplicates` are the states of the duplicates made so far. Raises NothingToDuplicate.
    """
    if any(not state.is_final or state is PrintState.PRINTED for state in duplicates):
        raise NothingToDuplicate(
            "A duplicate of this document has been printed, or is about to be. Look at the printer."
        )
    missing = sum(copy.state in (PrintState.UNKNOWN, PrintState.FAILED) for copy in copies)
    if not missing:
        raise NothingToDuplicate(
            f"This document is {state_of(copies)}. A marked duplicate is for documents that are unknown or failed."
        )
    return missing
