"""The journal: durable, one at a time, constant in cost, pruned, and clear about what is wrong with it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event

from device_gateway.domain.orders import DrawerOpening, OpeningState, PrintJob, Trail
from device_gateway.domain.print_job import Print
from device_gateway.journal import Journal, JournalFailed, open_journal
from device_gateway.use_cases.expire_orders import expire_orders
from libs.host.errors import NotAvailable
from libs.persistence import new_id
from tests.integration.device_gateway.core.stand import GATEWAY, STORE, TILL

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@contextmanager
def journal_in(folder: Path, clock: Clock | None = None) -> Iterator[Journal]:
    journal = open_journal(folder, gateway_id=GATEWAY, store_id=STORE, clock=clock or Clock())
    try:
        yield journal
    finally:
        journal.close()


def job(**changed: Any) -> PrintJob:
    values: dict[str, Any] = {
        "job_id": new_id(),
        "till_id": TILL,
        "printer": "printer",
        "document_kind": "receipt",
        "title": "Receipt",
        "document": b"{}",
        "copies": (Print(),),
        "received_at": NOON,
        "changed_at": NOON,
        "trail": Trail("correlation", "cause", None),
        "expires_at": NOON + timedelta(minutes=5),
        "open_drawer": "cash_sale",
        "sale_id": new_id(),
        "requested_by": new_id(),
        "duplicate_of": None,
        "mark": "DUPLIKAT",
    }
    return PrintJob(**(values | changed))


def opening(**changed: Any) -> DrawerOpening:
    values: dict[str, Any] = {
        "opening_id": new_id(),
        "till_id": TILL,
        "drawer": "printer",
        "reason": "change",
        "received_at": NOON,
        "changed_at": NOON,
        "trail": Trail("correlation"),
    }
    return DrawerOpening(**(values | changed))


def test_what_was_written_is_read_again_exactly(tmp_path: Path) -> None:
    first, opened = job(copies=(Print(), Print().begin())), opening(sale_id=new_id())
    with journal_in(tmp_path) as journal, journal.step() as step:
        step.add_job(first)
        step.add_opening(opened)
    with journal_in(tmp_path) as journal, journal.step() as step:
        assert step.job(first.job_id) == first
        assert step.opening(opened.opening_id) == opened
        assert step.interrupted_jobs() == [first]
        assert step.waiting_openings("printer") == [opened]


def test_a_step_that_fails_leaves_nothing_behind_neither_state_nor_report(tmp_path: Path) -> None:
    first = job()
    heard: list[Any] = []
    with journal_in(tmp_path) as journal:
        journal.listen(heard.append)

        def fail_halfway() -> None:
            with journal.step() as step:
                step.add_job(first)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail_halfway()
        with journal.step() as step:
            assert step.job(first.job_id) is None
            assert step.unsent(10) == []
        assert heard == []


def test_every_commit_is_on_the_disk_before_anything_else_happens(tmp_path: Path) -> None:
    with journal_in(tmp_path) as journal, journal.step() as step:
        pragmas = {
            name: step.connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous")
        }
    # 2 is FULL: in WAL mode the log is synced at each commit (SQLite, "PRAGMA synchronous").
    assert pragmas == {"journal_mode": "wal", "synchronous": 2}


def test_two_gateways_cannot_share_a_journal(tmp_path: Path) -> None:
    with (
        journal_in(tmp_path),
        pytest.raises(NotAvailable, match=r"A gateway is running on .* already"),
        journal_in(tmp_path),
    ):
        pass
    with journal_in(tmp_path):
        pass


def test_a_damaged_journal_is_a_sentence_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").write_bytes(b"this is no database at all, but it is long enough to be read" * 100)
    with (
        pytest.raises(NotAvailable, match="move it and its -wal and -shm files away and start again"),
        journal_in(tmp_path),
    ):
        pass


def test_a_journal_whose_pages_are_damaged_is_noticed_at_the_start(tmp_path: Path) -> None:
    with journal_in(tmp_path) as journal:
        for _ in range(200):
            with journal.step() as step:
                step.add_job(job())
    path = tmp_path / "journal.sqlite"
    damaged = bytearray(path.read_bytes())
    damaged[4096 * 3 : -4096] = b"\x5a" * (len(damaged) - 4096 * 4)
    path.write_bytes(bytes(damaged))
    with pytest.raises(NotAvailable, match="start again: the gateway then begins a new one"), journal_in(tmp_path):
        pass


def test_a_journal_of_another_version_is_refused(tmp_path: Path) -> None:
    with journal_in(tmp_path):
        pass
    connection = sqlite3.connect(tmp_path / "journal.sqlite")
    connection.execute("PRAGMA user_version = 7")
    connection.close()
    with pytest.raises(NotAvailable, match="another version of the gateway"), journal_in(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(NotAvailable, match=r"cannot be written"), journal_in(tmp_path / "file" / "gateway"):
        pass


def test_a_full_disk_is_said_and_nothing_of_the_step_is_kept(tmp_path: Path) -> None:
    with journal_in(tmp_path) as journal:
        with journal.step() as step:
            pages = step.connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            step.connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        large = job(document=b"x" * 200_000)
        with pytest.raises(JournalFailed, match="database or disk is full"), journal.step() as step:
            step.add_job(large)
        with journal.step() as step:
            assert step.job(large.job_id) is None


def test_a_stopped_gateway_writes_no_more(tmp_path: Path) -> None:
    with journal_in(tmp_path) as journal:
        pass
    with pytest.raises(JournalFailed, match="closed"), journal.step():
        pass


def test_reports_of_a_subject_are_numbered_without_gaps_and_kept_apart(tmp_path: Path) -> None:
    one, two = job(), job()
    with journal_in(tmp_path) as journal:
        with journal.step() as step:
            step.add_job(one)
            step.add_job(two)
        with journal.step() as step:
            step.save_job(one, one.with_copy(1, one.copies[0].begin(), NOON))
        with journal.step() as step:
            rows = step.unsent(10)
        numbers = [(row.subject, row.headers["ce-sequence"]) for row in rows]
        assert numbers == [(str(one.job_id), "1"), (str(two.job_id), "1"), (str(one.job_id), "2")]
        assert rows[0].routing_key.startswith(f"gateway.print_job_changed.v1.{STORE}.p")
        assert rows[0].headers["ce-causationid"] == "cause"


def test_old_finished_orders_are_forgotten_and_everything_else_is_kept(tmp_path: Path) -> None:
    clock = Clock()
    done = job(copies=(Print().begin().came_out(confirmed=True),))
    half = job(copies=(Print().begin().may_have_come_out("cut"), Print()))
    waiting, new = job(expires_at=None), job(received_at=NOON + timedelta(days=30))
    with journal_in(tmp_path, clock) as journal:
        with journal.step() as step:
            for each in (done, half, waiting, new):
                assert step.is_new("print", str(each.job_id), "m")
                step.add_job(each)
            step.add_opening(opening(state=OpeningState.OPENED))
            numbers = [row.number for row in step.unsent(100)]
            step.mark_sent(numbers[:2], {})
        clock.now = NOON + timedelta(days=40)
        assert journal.prune(timedelta(days=35), 100) > 0
        with journal.step() as step:
            kept = [step.job(each.job_id) is not None for each in (done, half, waiting, new)]
            assert kept == [False, True, True, True]
            assert [row.number for row in step.unsent(100)] == numbers[2:]
        assert journal.prune(timedelta(days=35), 100) == 0


def test_what_is_out_of_time_expires_in_one_sweep(tmp_path: Path) -> None:
    clock = Clock()
    late, endless = job(), job(expires_at=None)
    late_opening = opening(expires_at=NOON + timedelta(seconds=10))
    with journal_in(tmp_path, clock) as journal:
        with journal.step() as step:
            for each in (late, endless):
                step.add_job(each)
            step.add_opening(late_opening)
        with journal.step() as step:
            assert expire_orders(step) == 0
        clock.now = NOON + timedelta(minutes=5)
        with journal.step() as step:
            assert expire_orders(step) == 2
        with journal.step() as step:
            assert expire_orders(step) == 0
            ended = step.job(late.job_id)
            assert ended is not None
            assert ended.state.value == "expired"
            assert step.waiting_openings() == []


def test_nothing_that_happens_all_day_reads_a_whole_table(tmp_path: Path) -> None:
    """Every statement of a job's life goes by an index, so that its cost does not grow with the journal."""
    plans: list[str] = []
    with journal_in(tmp_path) as journal:

        def explain(_connection: Any, cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
            if statement.startswith(("SELECT", "UPDATE", "DELETE")) and not many:
                for row in cursor.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", parameters):
                    if row[3].startswith("SCAN"):
                        plans.append(f"{row[3]}: {statement}")

        event.listen(journal._engine, "before_cursor_execute", explain)
        first, late = job(), job(expires_at=NOON)
        with journal.step() as step:
            step.is_new("print", "7", "m")
            step.add_job(first)
            step.add_job(late)
        with journal.step() as step:
            waiting = step.next_copy("printer")
            assert waiting is not None
            begun = first.with_copy(1, first.copies[0].begin(), NOON)
            step.save_job(first, begun)
        with journal.step() as step:
            step.interrupted_jobs("printer")
            step.interrupted_jobs()
            step.interrupted_openings("printer")
            step.waiting_openings("printer")
            step.waiting_openings()
            step.waiting_copies("printer")
            expire_orders(step)
            step.duplicates_of(first.job_id)
            step.job(first.job_id)
            for query in ({}, {"before": 7}, {"state": "unknown"}, {"printer": "printer"}):
                step.newest_jobs(20, **query)
            numbers = [row.number for row in step.unsent(100)]
            step.mark_sent(numbers, {})
        journal.prune(timedelta(days=1), 100)
        assert isinstance(first.job_id, UUID)
    # What may be scanned: the index of what is not sent, and the primary key backwards, up to a page of jobs.
    allowed = (
        "SCAN CONSTANT ROW",
        "SCAN (subquery",
        "SCAN outbox USING INDEX outbox_unsent",
        "SCAN outbox USING COVERING INDEX outbox_u",
    )
    scans = [plan for plan in plans if not plan.startswith(allowed)]
    assert [plan for plan in scans if "ORDER BY print_jobs.position DESC" not in plan] == []
