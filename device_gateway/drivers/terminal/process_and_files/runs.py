"""Starts the program once for an operation, keeps what it leaves in a folder of the operation's own, and never starts
a second one beside it.

The folder of an operation is named by our reference and made before the program starts, so it also answers later,
after this process was killed: the program goes on by itself and holds the terminal's lock until it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from device_gateway.drivers.interface import DeviceMisconfigured
from device_gateway.drivers.terminal.process_and_files.dialect import Dialect
from device_gateway.drivers.terminal.process_and_files.results import ResultFiles

LARGEST_RESULT_BYTES = 65_536
_KILLED_WITHIN_S = 5.0
_LOCK_PATIENCE_S = 0.5
_LOCK_RETRY_S = 0.01
_RUNNING = "running"
_FINISHED = "finished"
_LOCK = "tillstream.lock"
_REFERENCE = re.compile(r"^[0-9A-Za-z]{1,32}$")


class TerminalBusy(Exception):
    """A program that was started before still holds the terminal."""


class NotStarted(Exception):
    """The program certainly did not run; the text is a sentence for a shop assistant."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are. `configuration` is the folder of the bank's files that the program reads, if it needs any."""

    program: Path
    state: Path
    configuration: Path


class Runs:
    """The runs of one terminal's program."""

    def __init__(self, places: Places, dialect: Dialect, *, timeout_s: float, kept_results: int) -> None:
        self._places = places
        self._dialect = dialect
        self._timeout_s = timeout_s
        self._kept_results = kept_results
        self._in_program_folder = dialect.results_in == "program_folder"
        try:
            places.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise DeviceMisconfigured(f"state_folder {places.state} cannot be made ({error.strerror}).") from error

    def known(self, reference: str) -> bool:
        """Whether an operation of that reference was ever begun here."""
        return bool(_REFERENCE.match(reference)) and self._folder(reference).exists()

    def run(self, reference: str, arguments: Sequence[str]) -> ResultFiles:
        """Run the program to its end, or kill it when its time is up, and return what it left.

        Raises TerminalBusy or NotStarted; then it did not run.
        """
        if not _REFERENCE.match(reference):
            raise NotStarted("The reference of the operation must be letters and digits.")
        with self._lock() as lock:
            folder = self._make_ready(reference)
            process = self._start(folder, arguments, lock)
            finished = self._wait(process)
            # The program has run: from here on trouble with files makes the outcome unknown, it is no error.
            with contextlib.suppress(OSError):
                self._collect(folder)
                if finished:
                    (folder / _FINISHED).touch()
                self._forget_oldest()
            return self._read(folder)

    def left_by(self, reference: str) -> ResultFiles:
        """What the operation of that reference left, also if this process was not there at its end.

        Raises TerminalBusy while its program may still run.
        """
        with self._lock():
            with contextlib.suppress(OSError):
                self._collect_leftovers()
            return self._read(self._folder(reference))

    def _folder(self, reference: str) -> Path:
        return self._places.state / reference

    @contextlib.contextmanager
    def _lock(self) -> Iterator[int]:
        """Hold the terminal. The program inherits the lock, so it lasts until both have ended."""
        place = self._places.program.parent if self._in_program_folder else self._places.state
        try:
            lock = os.open(place / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise NotStarted(f"The folder {place} cannot be written to ({error.strerror}).") from error
        try:
            _take(lock)
            yield lock
        finally:
            # Closing, unlike unlocking, leaves it to a program that has inherited it.
            os.close(lock)

    def _make_ready(self, reference: str) -> Path:
        folder = self._folder(reference)
        try:
            self._collect_leftovers()
            folder.mkdir(mode=0o700)
            if self._in_program_folder:
                for name in self._dialect.result_files:
                    (self._places.program.parent / name).unlink(missing_ok=True)
                self._write_durably(self._marker, reference)
            else:
                for name in self._dialect.configuration_files:
                    source = self._places.configuration / name
                    if source.exists():
                        shutil.copyfile(source, folder / name)
        except OSError as error:
            self._discard(folder)
            raise NotStarted(
                f"The terminal's files cannot be made ready ({error.strerror}: {error.filename}). Check free space and "
                "the rights of the gateway's user."
            ) from error
        return folder

    @property
    def _marker(self) -> Path:
        return self._places.state / _RUNNING

    def _write_durably(self, path: Path, text: str) -> None:
        with path.open("w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    def _start(self, folder: Path, arguments: Sequence[str], lock: int) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(  # noqa: S603 - the program stands in devices.toml, its arguments are built by us
                [str(self._places.program), *arguments],
                cwd=self._places.program.parent if self._in_program_folder else folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(lock,),
                start_new_session=True,
            )
        except OSError as error:
            self._discard(folder)
            raise NotStarted(
                f"The terminal's program {self._places.program} cannot be started ({error.strerror}). Check program in "
                "devices.toml."
            ) from error

    def _discard(self, folder: Path) -> None:
        """The program did not start: nothing may look as if it had."""
        self._marker.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)

    def _wait(self, process: subprocess.Popen[bytes]) -> bool:
        """Whether it ended by itself; it and all that it started are dead afterwards."""
        try:
            code = process.wait(self._timeout_s)
        except subprocess.TimeoutExpired:
            code = -signal.SIGKILL
        # The session's other processes too: one left behind would keep the terminal and its lock.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_KILLED_WITHIN_S)
        return code >= 0

    def _collect(self, folder: Path) -> None:
        """Move what lies beside the program into the folder of the operation it belongs to."""
        if self._in_program_folder:
            for name in self._dialect.result_files:
                source = self._places.program.parent / name
                if source.exists():
                    shutil.move(source, folder / name)
            self._marker.unlink(missing_ok=True)

    def _collect_leftovers(self) -> None:
        """If this process was killed during a run, its files still lie beside the program."""
        if not self._in_program_folder or not self._marker.exists():
            return
        reference = self._marker.read_text(encoding="ascii", errors="replace")
        if _REFERENCE.match(reference) and self._folder(reference).exists():
            self._collect(self._folder(reference))
        else:
            self._marker.unlink(missing_ok=True)

    def _read(self, folder: Path) -> ResultFiles:
        return ResultFiles(
            outcome=_content(folder / self._dialect.outcome_file),
            slip=_content(folder / self._dialect.slip_file),
            finished=(folder / _FINISHED).exists(),
        )

    def _forget_oldest(self) -> None:
        folders = sorted(
            (path for path in self._places.state.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime_ns
        )
        for folder in folders[: -self._kept_results]:
            shutil.rmtree(folder, ignore_errors=True)


def _take(lock: int) -> None:
    """Raises TerminalBusy. A process that another thread is just starting holds our descriptor for a moment too."""
    deadline = time.monotonic() + _LOCK_PATIENCE_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise TerminalBusy from error
            time.sleep(_LOCK_RETRY_S)
        else:
            return


def _content(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_RESULT_BYTES)
    except OSError:
        return None
