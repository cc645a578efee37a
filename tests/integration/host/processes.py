"""Child processes of the host for tests: started with settings, watched by their output, always ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[3]
START_LIMIT_S = 60.0


class Child:
    """A child process; what it prints is kept."""

    def __init__(self, arguments: list[str], settings: dict[str, str]) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TILLSTREAM_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env={**kept, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def until(self, found: Callable[[str], bool]) -> str:
        """Wait for a line of output."""
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline:
            for line in list(self.lines):
                if found(line):
                    return line
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"not printed; exit code {self.process.poll()}; it printed:\n{self.output}")

    def ended(self, timeout_s: float = 30) -> int:
        """Wait for the end; the exit code."""
        code = self.process.wait(timeout_s)
        self._reader.join(5)
        return code

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.ended()


@contextmanager
def child(arguments: list[str], settings: dict[str, str]) -> Iterator[Child]:
    """A child process that is gone after the block, whatever happened."""
    running = Child(arguments, settings)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.terminate()
            try:
                running.process.wait(15)
            except subprocess.TimeoutExpired:
                running.process.kill()
                running.process.wait(5)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def until_ready(url: str, watched: Child) -> None:
    """Wait until a readiness page answers with 200."""
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        try:
            if httpx.get(url, timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.05)
        assert watched.process.poll() is None, watched.output
    raise AssertionError(f"{url} did not become ready; the process printed:\n{watched.output}")
