"""What a gateway is asked to do, as its journal holds it: print jobs and drawer openings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid5

from device_gateway.domain.print_job import IllegalTransition, Print, PrintState, Proof, proof_of, reason_of, state_of
from libs.contracts.gateway import DocumentKind


@dataclass(frozen=True, slots=True)
class Trail:
    """Where an order came from; what is reported about it carries this on (see libs.persistence.Origin)."""

    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class PrintJob:
    """A document to print. `copies` are its copies in order, `document` the JSON of a PrintedDocument.

    `printer` is None where the till has none. `mark` is printed large on every copy of a duplicate.
    """

    job_id: UUID
    till_id: UUID
    printer: str | None
    document_kind: DocumentKind
    title: str
    document: bytes
    copies: tuple[Print, ...]
    received_at: datetime
    changed_at: datetime
    trail: Trail
    expires_at: datetime | None = None
    open_drawer: str | None = None
    sale_id: UUID | None = None
    requested_by: UUID | None = None
    duplicate_of: UUID | None = None
    mark: str | None = None

    @property
    def state(self) -> PrintState:
        """Where the job stands."""
        return state_of(self.copies)

    @property
    def proof(self) -> Proof | None:
        """How it is known to have come out."""
        return proof_of(self.copies)

    @property
    def reason(self) -> str | None:
        """Why it is in its state, where there is something to say."""
        return reason_of(self.copies)

    def with_copy(self, number: int, copy: Print, now: datetime) -> PrintJob:
        """The job after its copy `number` (from 1) has changed."""
        copies = (*self.copies[: number - 1], copy, *self.copies[number:])
        return replace(self, copies=copies, changed_at=now)

    def with_all_waiting(self, change: str, now: datetime, reason: str = "") -> PrintJob:
        """The job after every copy still waiting was told to `expire` or to `fail`."""
        copies = tuple(
            (copy.expire() if change == "expire" else copy.fail(reason)) if copy.state is PrintState.QUEUED else copy
            for copy in self.copies
        )
        return replace(self, copies=copies, changed_at=now)


class OpeningState(StrEnum):
    """Where the opening of a drawer stands: `waiting` and `opening` come before the outcomes."""

    WAITING = "waiting"
    OPENING = "opening"
    OPENED = "opened"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        """Whether it is an outcome."""
        return self not in (OpeningState.WAITING, OpeningState.OPENING)


_NEXT = {
    OpeningState.WAITING: {OpeningState.OPENING, OpeningState.FAILED, OpeningState.EXPIRED},
    OpeningState.OPENING: {OpeningState.OPENED, OpeningState.SENT, OpeningState.FAILED, OpeningState.UNKNOWN},
}


@dataclass(frozen=True, slots=True)
class DrawerOpening:
    """A drawer to open, and why. It is told to open once: an opening that was cut short is `unknown`, not repeated."""

    opening_id: UUID
    till_id: UUID
    drawer: str
    reason: str
    received_at: datetime
    changed_at: datetime
    trail: Trail
    state: OpeningState = OpeningState.WAITING
    expires_at: datetime | None = None
    requested_by: UUID | None = None
    sale_id: UUID | None = None
    detail: str | None = None

    def to(self, state: OpeningState, now: datetime, detail: str | None = None) -> DrawerOpening:
        """The opening after a step. Raises IllegalTransition."""
        if state not in _NEXT.get(self.state, ()):
            raise IllegalTransition(f"a drawer opening that is {self.state} cannot become {state}")
        return replace(self, state=state, changed_at=now, detail=detail)


def latest(expires_at: datetime | None, received_at: datetime, late_s: float) -> datetime:
    """Until when a drawer may be opened: as long as the order holds, and never later than `late_s` after it came."""
    end = received_at + timedelta(seconds=late_s)
    return end if expires_at is None else min(end, expires_at)


def opening_of_job(job: PrintJob, drawer: str, now: datetime, *, late_s: float) -> DrawerOpening:
    """The opening that a job asks for. Its id follows from the job's, so that it happens once for all attempts.

    A receipt may wait an hour for paper; the drawer does not open then: the customer has gone with the change.
    """
    assert job.open_drawer is not None
    return DrawerOpening(
        opening_id=uuid5(job.job_id, "drawer"),
        till_id=job.till_id,
        drawer=drawer,
        reason=job.open_drawer,
        received_at=now,
        changed_at=now,
        trail=job.trail,
        expires_at=latest(job.expires_at, job.received_at, late_s),
        requested_by=job.requested_by,
        sale_id=job.sale_id,
    )
