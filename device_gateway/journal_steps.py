"""What a step of the gateway reads and writes in its journal. Use cases work with a `Step`; only the edge opens one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from device_gateway.domain.orders import DrawerOpening, OpeningState, PrintJob, Trail
from device_gateway.domain.print_job import Print, PrintState
from device_gateway.journal_tables import commands, devices, drawer_openings, outbox, print_jobs, prints, sequences
from libs.bus.sealing import seal
from libs.contracts.gateway import DeviceChanged, DrawerOpened, PrintJobChanged
from libs.contracts.message import Event
from libs.persistence import Origin, Outgoing

SOURCE = "/gateway"
MESSAGE_LIMIT_BYTES = 4_000_000
_JOB_FIELDS = (
    "job_id",
    "till_id",
    "printer",
    "document_kind",
    "title",
    "document",
    "received_at",
    "changed_at",
    "expires_at",
    "open_drawer",
    "sale_id",
    "requested_by",
    "duplicate_of",
    "mark",
)
_OPENING_FIELDS = (
    "opening_id",
    "till_id",
    "drawer",
    "reason",
    "state",
    "detail",
    "received_at",
    "changed_at",
    "expires_at",
    "sale_id",
    "requested_by",
)


@dataclass(frozen=True, slots=True)
class Reported:
    """An event that a step has put into the outbox."""

    event: Event


@dataclass(frozen=True, slots=True)
class NextCopy:
    """The copy at the head of a printer's queue: `number` counts from 1."""

    job: PrintJob
    number: int

    @property
    def copy(self) -> Print:
        """The copy itself."""
        return self.job.copies[self.number - 1]


@dataclass
class Step:
    """A transaction of the journal in progress. `now` is its time; `reported` what it puts into the outbox."""

    connection: Connection
    gateway_id: UUID
    store_id: UUID
    now: datetime
    reported: list[Reported] = field(default_factory=list)

    # Commands

    def is_new(self, message_type: str, subject: str, message_id: str) -> bool:
        """Take note of a command; False if one about the same subject was received before."""
        statement = (
            sqlite_insert(commands)
            .values(type=message_type, subject=subject, message_id=message_id, received_at=self.now)
            .on_conflict_do_nothing()
        )
        return self.connection.execute(statement).rowcount == 1

    # Print jobs

    def add_job(self, job: PrintJob) -> None:
        """Store a new job and report its state."""
        values = {name: getattr(job, name) for name in _JOB_FIELDS}
        result = self.connection.execute(
            insert(print_jobs).values(**values, **_trail_values(job.trail), state=job.state.value)
        )
        assert result.inserted_primary_key is not None
        position = result.inserted_primary_key[0]
        rows = [
            {"position": position, "copy": number, "printer": job.printer, **_print_values(copy)}
            for number, copy in enumerate(job.copies, 1)
        ]
        self.connection.execute(insert(prints), rows)
        self._report_job(job)

    def save_job(self, before: PrintJob, after: PrintJob) -> None:
        """Store what has changed of a job, and report it if its state is another one."""
        position = select(print_jobs.c.position).where(print_jobs.c.job_id == after.job_id).scalar_subquery()
        for number, (old, new) in enumerate(zip(before.copies, after.copies, strict=True), 1):
            if old != new:
                self.connection.execute(
                    update(prints)
                    .where(prints.c.position == position, prints.c.copy == number)
                    .values(**_print_values(new))
                )
        self.connection.execute(
            update(print_jobs)
            .where(print_jobs.c.job_id == after.job_id)
            .values(state=after.state.value, changed_at=after.changed_at)
        )
        if after.state is not before.state:
            self._report_job(after)

    def job(self, job_id: UUID) -> PrintJob | None:
        """A job, or None."""
        found = self._jobs(print_jobs.c.job_id == job_id)
        return found[0] if found else None

    def duplicates_of(self, job_id: UUID) -> list[PrintJob]:
        """The marked duplicates made of a job."""
        return self._jobs(print_jobs.c.duplicate_of == job_id)

    def newest_jobs(
        self, limit: int, *, before: int | None = None, state: str | None = None, printer: str | None = None
    ) -> list[tuple[int, PrintJob]]:
        """Jobs with their positions, the newest first: those before a position, in a state, of a printer."""
        conditions = [
            *([print_jobs.c.position < before] if before is not None else []),
            *([print_jobs.c.state == state] if state is not None else []),
            *([print_jobs.c.printer == printer] if printer is not None else []),
        ]
        chosen = select(print_jobs.c.position).where(*conditions).order_by(print_jobs.c.position.desc()).limit(limit)
        positions = list(self.connection.execute(chosen).scalars())
        if not positions:
            return []
        jobs = self._jobs(print_jobs.c.position.in_(positions))
        return list(zip(positions, reversed(jobs), strict=True))

    def next_copy(self, printer: str) -> NextCopy | None:
        """The first copy that waits for a printer, whether or not its time has come; the others are behind it."""
        statement = (
            select(prints.c.position, prints.c.copy)
            .where(prints.c.printer == printer, prints.c.state == PrintState.QUEUED.value)
            .order_by(prints.c.position, prints.c.copy)
            .limit(1)
        )
        row = self.connection.execute(statement).one_or_none()
        if row is None:
            return None
        return NextCopy(self._jobs(print_jobs.c.position == row.position)[0], row.copy)

    def interrupted_jobs(self, printer: str | None = None) -> list[PrintJob]:
        """The jobs that have a copy in the middle of being printed: of one printer, or all of them."""
        condition = prints.c.state == PrintState.PRINTING.value
        if printer is not None:
            condition &= prints.c.printer == printer
        positions = select(prints.c.position).where(condition)
        return self._jobs(print_jobs.c.position.in_(positions))

    def jobs_out_of_time(self, limit: int) -> list[PrintJob]:
        """Jobs that have copies waiting although their time is over."""
        positions = (
            select(print_jobs.c.position)
            .join(prints, prints.c.position == print_jobs.c.position)
            .where(
                print_jobs.c.expires_at <= self.now,
                print_jobs.c.state.in_(("queued", "printing")),
                prints.c.state == PrintState.QUEUED.value,
            )
            .distinct()
            .limit(limit)
        )
        return self._jobs(print_jobs.c.position.in_(positions))

    def waiting_copies(self, printer: str) -> int:
        """How many copies wait for a printer."""
        waiting = (prints.c.printer == printer) & (prints.c.state == PrintState.QUEUED.value)
        return int(self.connection.execute(select(func.count()).select_from(prints).where(waiting)).scalar_one())

    # Drawer openings

    def add_opening(self, opening: DrawerOpening) -> None:
        """Store a new opening; report it if it is decided already."""
        values = {name: getattr(opening, name) for name in _OPENING_FIELDS}
        self.connection.execute(insert(drawer_openings).values(**values, **_trail_values(opening.trail)))
        if opening.state.is_final:
            self._report_opening(opening)

    def save_opening(self, opening: DrawerOpening) -> None:
        """Store a step of an opening, and report its outcome."""
        self.connection.execute(
            update(drawer_openings)
            .where(drawer_openings.c.opening_id == opening.opening_id)
            .values(state=opening.state.value, detail=opening.detail, changed_at=opening.changed_at)
        )
        if opening.state.is_final:
            self._report_opening(opening)

    def opening(self, opening_id: UUID) -> DrawerOpening | None:
        """An opening, or None."""
        found = self._openings(drawer_openings.c.opening_id == opening_id)
        return found[0] if found else None

    def waiting_openings(self, drawer: str | None = None) -> list[DrawerOpening]:
        """The openings that wait: for one drawer, or all of them."""
        return self._openings_in(OpeningState.WAITING, drawer)

    def interrupted_openings(self, drawer: str | None = None) -> list[DrawerOpening]:
        """The openings in whose middle the gateway is or was: of one drawer, or all of them."""
        return self._openings_in(OpeningState.OPENING, drawer)

    # Devices

    def reported_device(self, name: str) -> Mapping[str, Any] | None:
        """What was last reported of a device, as the event's JSON; None if nothing was."""
        found: Mapping[str, Any] | None = self.connection.execute(
            select(devices.c.reported).where(devices.c.name == name)
        ).scalar_one_or_none()
        return found

    def reported_devices(self) -> dict[str, Mapping[str, Any]]:
        """The same for every device that was ever configured here and not reported as taken out."""
        return {row.name: row.reported for row in self.connection.execute(select(devices))}

    def report_device(self, event: DeviceChanged, trail: Trail) -> None:
        """Report a device as it is now."""
        if event.configured:
            row = {"name": event.name, "reported": event.model_dump(mode="json")}
            statement = sqlite_insert(devices).values(**row)
            self.connection.execute(
                statement.on_conflict_do_update(index_elements=["name"], set_={"reported": row["reported"]})
            )
        else:
            self.connection.execute(delete(devices).where(devices.c.name == event.name))
        self.emit(event, trail)

    # Outbox

    def emit(self, event: Event, trail: Trail) -> None:
        """Put an event into the outbox, with the next sequence number of its subject."""
        counted = sqlite_insert(sequences).values(subject=event.subject, last=1)
        sequence = self.connection.execute(
            counted.on_conflict_do_update(index_elements=["subject"], set_={"last": sequences.c.last + 1}).returning(
                sequences.c.last
            )
        ).scalar_one()
        sealed = seal(
            Outgoing(event, sequence, event.subject),
            Origin(trail.correlation_id, trail.causation_id, trail.traceparent),
            source=SOURCE,
            now=self.now,
            traceparent=trail.traceparent,
            limit_bytes=MESSAGE_LIMIT_BYTES,
        )
        self.connection.execute(
            insert(outbox).values(
                message_id=str(sealed.id),
                subject=event.subject,
                kind=sealed.kind,
                routing_key=sealed.routing_key,
                headers=sealed.headers,
                body=sealed.body,
                created_at=self.now,
            )
        )
        self.reported.append(Reported(event))

    def unsent(self, limit: int) -> Sequence[Any]:
        """The oldest messages that are not sent, in order: rows of the outbox."""
        return self.connection.execute(
            select(outbox).where(outbox.c.sent_at.is_(None)).order_by(outbox.c.number).limit(limit)
        ).all()

    def unsent_count(self) -> int:
        """How many messages are not sent."""
        statement = select(func.count()).select_from(outbox).where(outbox.c.sent_at.is_(None))
        return int(self.connection.execute(statement).scalar_one())

    def mark_sent(self, numbers: Sequence[int], failures: Mapping[int, str]) -> None:
        """Messages that are safe with the bus, and those that never will be, with why."""
        self.connection.execute(update(outbox).where(outbox.c.number.in_(numbers)).values(sent_at=self.now))
        for number, failure in failures.items():
            self.connection.execute(
                update(outbox).where(outbox.c.number == number).values(sent_at=self.now, failure=failure)
            )

    def _jobs(self, condition: Any) -> list[PrintJob]:
        """The jobs of a condition in order of arrival, each with its copies."""
        rows = self.connection.execute(select(print_jobs).where(condition).order_by(print_jobs.c.position)).all()
        copies: dict[int, list[Print]] = {row.position: [] for row in rows}
        statement = select(prints).where(prints.c.position.in_(copies)).order_by(prints.c.position, prints.c.copy)
        for row in self.connection.execute(statement) if rows else ():
            copies[row.position].append(
                Print(PrintState(row.state), row.attempts, row.not_before, row.proof, row.reason)
            )
        return [
            PrintJob(
                **{name: getattr(row, name) for name in _JOB_FIELDS},
                copies=tuple(copies[row.position]),
                trail=Trail(row.correlation_id, row.causation_id, row.traceparent),
            )
            for row in rows
        ]

    def _openings_in(self, state: OpeningState, drawer: str | None) -> list[DrawerOpening]:
        condition = drawer_openings.c.state == state.value
        return self._openings(condition if drawer is None else condition & (drawer_openings.c.drawer == drawer))

    def _openings(self, condition: Any) -> list[DrawerOpening]:
        rows = self.connection.execute(
            select(drawer_openings).where(condition).order_by(drawer_openings.c.received_at)
        ).all()
        return [
            DrawerOpening(
                **{name: getattr(row, name) for name in _OPENING_FIELDS if name != "state"},
                state=OpeningState(row.state),
                trail=Trail(row.correlation_id, row.causation_id, row.traceparent),
            )
            for row in rows
        ]

    def _report_job(self, job: PrintJob) -> None:
        self.emit(
            PrintJobChanged(
                job_id=job.job_id,
                gateway_id=self.gateway_id,
                store_id=self.store_id,
                till_id=job.till_id,
                document_kind=job.document_kind,
                state=job.state.value,
                changed_at=job.changed_at,
                printer=job.printer,
                sale_id=job.sale_id,
                proof=job.proof,
                reason=job.reason,
                duplicate_of=job.duplicate_of,
            ),
            job.trail,
        )

    def _report_opening(self, opening: DrawerOpening) -> None:
        self.emit(
            DrawerOpened.model_validate(
                {
                    "opening_id": opening.opening_id,
                    "gateway_id": self.gateway_id,
                    "store_id": self.store_id,
                    "till_id": opening.till_id,
                    "drawer": opening.drawer,
                    "reason": opening.reason,
                    "outcome": opening.state.value,
                    "opened_at": opening.changed_at,
                    "requested_by": opening.requested_by,
                    "sale_id": opening.sale_id,
                    "detail": opening.detail,
                }
            ),
            opening.trail,
        )


def _print_values(copy: Print) -> dict[str, Any]:
    return {
        "state": copy.state.value,
        "attempts": copy.attempts,
        "not_before": copy.not_before,
        "proof": copy.proof,
        "reason": copy.reason,
    }


def _trail_values(trail: Trail) -> dict[str, Any]:
    return {
        "correlation_id": trail.correlation_id,
        "causation_id": trail.causation_id,
        "traceparent": trail.traceparent,
    }
