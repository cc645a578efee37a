"""When a request is reversed, and what becomes of a reversal (protocols.md D, time-out rule).

A request without a reply is never sent again. It is reversed: the reversal is stored in the same transaction that marks
the request, and sent until the host confirms it. A reply that comes late is discarded: the reversal stands.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from services.payments.domain.concentrator.message import Message
from services.payments.domain.concentrator.replies import APPROVED, DUPLICATE, NOT_FOUND, HostUncertain, decision_in

ReversalType = Literal["0420", "0421"]
# Confirmed; seen before, so confirmed before; nothing to undo.
_SETTLED_CODES = frozenset({APPROVED, DUPLICATE, NOT_FOUND})


class Sending(StrEnum):
    """How far a request got."""

    UNSENT = "unsent"
    UNANSWERED = "unanswered"
    ANSWERED = "answered"


class NextStep(StrEnum):
    """What follows a request. `may_send` it: nothing left, another link may be tried."""

    MAY_SEND = "may_send"
    REVERSE = "reverse"
    DONE = "done"


def step_after(sending: Sending, reply: Message | None, *, uncertain_codes: Collection[str] = ()) -> NextStep:
    """What follows a request that moves money."""
    if sending is Sending.UNSENT:
        return NextStep.MAY_SEND
    if sending is Sending.UNANSWERED or reply is None:
        return NextStep.REVERSE
    uncertain = isinstance(decision_in(reply, uncertain_codes=uncertain_codes), HostUncertain)
    return NextStep.REVERSE if uncertain else NextStep.DONE


class StoredKind(StrEnum):
    """What waits in the store-and-forward queue, in the order in which it is sent."""

    REVERSAL = "reversal"
    COMPLETION = "completion"


class StoredState(StrEnum):
    """`refused`: the host said no, and a person must look into it."""

    WAITING = "waiting"
    CONFIRMED = "confirmed"
    REFUSED = "refused"


class AlreadySettled(Exception):
    """The stored message was confirmed or refused before; nothing more is sent for it."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses between attempts: `first_s`, doubled each time up to `longest_s`."""

    first_s: int = 5
    longest_s: int = 300

    def after(self, attempts: int) -> timedelta:
        """The pause after that many attempts."""
        return timedelta(seconds=min(self.first_s * 2 ** max(0, min(attempts - 1, 30)), self.longest_s))


@dataclass(frozen=True, slots=True)
class Stored:
    """A message in the queue. It keeps its trace through all attempts, so the host can tell a repeat."""

    kind: StoredKind
    acquirer: str
    terminal_id: str
    sequence: int
    attempts: int = 0
    state: StoredState = StoredState.WAITING
    next_at: datetime | None = None
    code: str | None = None

    @property
    def message_type(self) -> str:
        """0420 at first, 0421 for every repeat; 0220 and 0221 for completions."""
        first, repeat = ("0420", "0421") if self.kind is StoredKind.REVERSAL else ("0220", "0221")
        return first if self.attempts == 0 else repeat

    def attempted(self, at: datetime, backoff: Backoff) -> Stored:
        """Marked before it is sent: from now on it may be known to the host. Raises AlreadySettled."""
        self._demand_waiting()
        attempts = self.attempts + 1
        return replace(self, attempts=attempts, next_at=at + backoff.after(attempts))

    def answered(self, reply: Message) -> Stored:
        """After the host's reply. A host that is out of order is asked again; another refusal is for a person.

        Raises AlreadySettled.
        """
        self._demand_waiting()
        code = reply.fields.get(39, "")
        if code in _SETTLED_CODES:
            return replace(self, state=StoredState.CONFIRMED, code=code, next_at=None)
        if code in ("91", "96", ""):
            return replace(self, code=code)
        return replace(self, state=StoredState.REFUSED, code=code, next_at=None)

    def due(self, now: datetime) -> bool:
        """Whether it is to be sent now."""
        return self.state is StoredState.WAITING and (self.next_at is None or self.next_at <= now)

    def _demand_waiting(self) -> None:
        if self.state is not StoredState.WAITING:
            raise AlreadySettled(f"The {self.kind} was {self.state} before.")


def next_to_send(queue: Collection[Stored], now: datetime) -> Stored | None:
    """What one terminal sends next: reversals before completions, each in the order they were stored.

    What waits for its next attempt holds up what stands behind it, so the order holds.
    """
    waiting = [item for item in queue if item.state is StoredState.WAITING]
    if not waiting:
        return None
    first = min(waiting, key=lambda item: (item.kind is not StoredKind.REVERSAL, item.sequence))
    return first if first.due(now) else None
