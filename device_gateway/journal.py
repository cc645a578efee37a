"""The journal of a gateway: what it was asked, what it was about to do, what became of it, and what it has to report.

An SQLite file in WAL mode with `synchronous=FULL`: when a step is over it is on the disk, and only then is a device
touched. A step's state and the event that reports it commit together. Used by the workers' threads and by the event
loop's helpers alike: one connection, one step at a time.
"""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, create_engine, delete, event, select, tuple_
from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from device_gateway.journal_steps import Reported, Step
from device_gateway.journal_tables import (
    COMPLETED_VERSIONS,
    SCHEMA_VERSION,
    commands,
    drawer_openings,
    metadata,
    outbox,
    print_jobs,
    prints,
    sequences,
)
from device_gateway.journal_terminals import begin_memory, prune_operations
from libs.contracts.refusal import Refusal
from libs.host.errors import NotAvailable
from libs.persistence import Clock

FILE_NAME = "journal.sqlite"
BUSY_TIMEOUT_S = 5.0
PRUNED_STATES = ("printed", "unknown", "failed", "expired")


class JournalFailed(Refusal):
    """The journal cannot be written or read at present, e.g. because the disk is full. Nothing was done."""

    status = 503
    type = "journal-failed"


class JournalRefused(JournalFailed):
    """What should be written contradicts what the journal holds; trying again would not help. Nothing was done."""


Listener = Callable[[tuple[Reported, ...]], None]


class Journal:
    """See the module's description. `gateway_id` and `store_id` go into what is reported."""

    def __init__(self, engine: Engine, lock_file: Any, gateway_id: UUID, store_id: UUID, clock: Clock) -> None:
        self._engine = engine
        self._lock_file = lock_file
        self._gateway_id = gateway_id
        self._store_id = store_id
        self._clock = clock
        self._turn = threading.RLock()
        self._listeners: list[Listener] = []
        self._closed = False

    @property
    def clock(self) -> Clock:
        """The clock that steps take their time from."""
        return self._clock

    def listen(self, listener: Listener) -> None:
        """Call `listener` after every step that reported something, in the thread of the step. It must not fail."""
        self._listeners.append(listener)

    @contextmanager
    def step(self) -> Iterator[Step]:
        """One transaction: it is on the disk when the block has ended, and nothing of it is if the block raised.

        Raises JournalFailed.
        """
        with self._turn:
            self._demand_open()
            try:
                with self._engine.begin() as connection:
                    step = Step(connection, self._gateway_id, self._store_id, self._clock())
                    yield step
            except (DataError, IntegrityError) as error:
                raise JournalRefused(f"The journal does not take this: {_reason(error)}.") from error
            except SQLAlchemyError as error:
                raise JournalFailed(f"The journal cannot be written: {_reason(error)}.") from error
        # After the step, and outside its turn: whoever listens may open one of its own.
        if step.reported:
            for listener in self._listeners:
                listener(tuple(step.reported))

    def prune(self, keep: timedelta, batch_rows: int) -> int:
        """Forget what is finished, reported and older than `keep`, up to `batch_rows` of each; how many rows went.

        Raises JournalFailed.
        """
        with self._turn:
            self._demand_open()
            try:
                with self._engine.begin() as connection:
                    return _prune(connection, self._clock() - keep, batch_rows)
            except SQLAlchemyError as error:
                raise JournalFailed(f"The journal cannot be pruned: {_reason(error)}.") from error

    def close(self) -> None:
        """Let go of the file."""
        with self._turn:
            self._closed = True
            self._engine.dispose()
            self._lock_file.close()

    def _demand_open(self) -> None:
        # A driver that hung when the gateway stopped must not write into what another gateway may own by now.
        if self._closed:
            raise JournalFailed("The journal is closed: the gateway has stopped.")


def open_journal(folder: Path, *, gateway_id: UUID, store_id: UUID, clock: Clock) -> Journal:
    """Open the journal in `folder`, or make it. Raises NotAvailable with a sentence."""
    path = folder / FILE_NAME
    lock_file = _take_lock(folder)
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=StaticPool,
        connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_S},
    )
    event.listen(engine, "connect", _configure)
    try:
        with engine.begin() as connection:
            _check(connection, path)
            metadata.create_all(connection)
            for index in (index for table in metadata.sorted_tables for index in table.indexes):
                # Of a table that is there already, `create_all` does not make the newer ones.
                index.create(connection, checkfirst=True)
            begin_memory(connection, clock())
            connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
    except DatabaseError as error:
        engine.dispose()
        lock_file.close()
        raise NotAvailable(
            f"The journal {path} cannot be used ({_reason(error)}). If the disk is full, make room. Else keep the file "
            "for whoever looks after the tills, move it and its -wal and -shm files away and start again: the "
            "gateway then begins a new one."
        ) from error
    except NotAvailable:
        engine.dispose()
        lock_file.close()
        raise
    return Journal(engine, lock_file, gateway_id, store_id, clock)


def _take_lock(folder: Path) -> Any:
    """Hold the folder for as long as the process lives: two gateways on one journal would print twice."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock_file = (folder / "lock").open("w", encoding="ascii")
    except OSError as error:
        raise NotAvailable(
            f"The folder {folder} cannot be written ({error.strerror}). Give the gateway's user the right to."
        ) from error
    try:
        fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock_file.close()
        raise NotAvailable(f"A gateway is running on {folder} already. Stop it first, or use its page.") from error
    return lock_file


def _configure(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _check(connection: Connection, path: Path) -> None:
    findings = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    if findings != "ok":
        raise NotAvailable(
            f"The journal {path} is damaged ({findings}). Keep the file for whoever looks after the tills, move it "
            "and its -wal and -shm files away and start again: the gateway then begins a new one."
        )
    version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    if version not in (0, *COMPLETED_VERSIONS, SCHEMA_VERSION):
        raise NotAvailable(
            f"The journal {path} was written by another version of the gateway (format {version}, this one reads "
            f"{SCHEMA_VERSION}). Install that version again, or a newer one."
        )


def _reason(error: SQLAlchemyError) -> str:
    original = getattr(error, "orig", None)
    return str(original or error).splitlines()[0].rstrip(".")


def _prune(connection: Connection, before: datetime, batch_rows: int) -> int:
    old_jobs = connection.execute(
        select(print_jobs.c.job_id)
        .where(print_jobs.c.received_at < before, print_jobs.c.state.in_(PRUNED_STATES))
        # A job that shows an outcome may still have a copy in the queue.
        .where(
            ~select(prints.c.copy)
            .where(prints.c.position == print_jobs.c.position, prints.c.state.in_(("queued", "printing")))
            .exists()
        )
        .limit(batch_rows)
    ).scalars()
    jobs = list(old_jobs)
    old_openings = connection.execute(
        select(drawer_openings.c.opening_id)
        .where(drawer_openings.c.received_at < before, drawer_openings.c.state.not_in(("waiting", "opening")))
        .limit(batch_rows)
    ).scalars()
    openings = list(old_openings)
    old_sent = select(outbox.c.number).where(outbox.c.sent_at < before).limit(batch_rows)
    old_commands = select(commands.c.type, commands.c.subject).where(commands.c.received_at < before).limit(batch_rows)
    statements = (
        delete(print_jobs).where(print_jobs.c.job_id.in_(jobs)),
        delete(drawer_openings).where(drawer_openings.c.opening_id.in_(openings)),
        # Only with what they count: a job that still waits goes on where it was.
        delete(sequences).where(sequences.c.subject.in_([str(subject) for subject in (*jobs, *openings)])),
        delete(outbox).where(outbox.c.number.in_(old_sent)),
        delete(commands).where(tuple_(commands.c.type, commands.c.subject).in_(old_commands)),
    )
    pruned = sum(connection.execute(statement).rowcount for statement in statements)
    return pruned + prune_operations(connection, before, batch_rows)
