"""The host of iso8583sim, somebody else's program, in an environment of its own outside this repository.

It is AGPL: a separate program that the tests talk to over TCP, never imported, in no lock file of ours. It is installed
into the user's cache the first time, where a package index can be reached; else the tests that need it are left out.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

PACKAGE = "iso8583sim==1.6.0"
# Its MAC needs it.
_BESIDE = "cryptography>=43"
_INSTALLED_WITHIN_S = 120
_STARTED_WITHIN_S = 20.0


class IndependentHostAbsent(Exception):
    """iso8583sim cannot be had; the text says why."""


def installed() -> Path:
    """The Python of the environment that has iso8583sim. Raises IndependentHostAbsent."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tillstream"
    environment = cache / PACKAGE.replace("==", "-") / f"python{sys.version_info.major}.{sys.version_info.minor}"
    python, complete = environment / "bin" / "python", environment / "complete"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        # Several runs of the tests may find it missing at the same moment.
        with (cache / "iso8583sim.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not complete.exists():
                shutil.rmtree(environment, ignore_errors=True)
                _run([sys.executable, "-m", "venv", "--without-pip", str(environment)])
                pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-compile"]
                _run([*pip, PACKAGE, _BESIDE])
                complete.touch()
    except (OSError, subprocess.SubprocessError) as error:
        raise IndependentHostAbsent(f"{PACKAGE} cannot be installed ({type(error).__name__}).") from error
    return python


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, timeout=_INSTALLED_WITHIN_S, stdin=subprocess.DEVNULL, capture_output=True)


@contextlib.contextmanager
def independent_host(
    python: Path, folder: Path, rules: Sequence[Mapping[str, Any]], *, wire: str = "ascii-binary", tpdu: str = ""
) -> Iterator[int]:
    """Serve with these rules; yields the port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = folder / f"rules-{wire}.json"
    path.write_text(json.dumps({"rules": list(rules)}), encoding="utf-8")
    start = [str(python), "-c", "from iso8583sim.cli.commands import main; main()", "serve", "--port", str(port)]
    options = ["--rules", str(path), "--format", wire, "--header", "2b", *(["--tpdu", tpdu] if tpdu else [])]
    with (folder / f"host-{wire}.log").open("wb") as log:
        process = subprocess.Popen([*start, *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            _wait_for(port, process)
            yield port
        finally:
            process.terminate()
            process.wait(_STARTED_WITHIN_S)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _STARTED_WITHIN_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert process.poll() is None, "iso8583sim ended at once."
            assert time.monotonic() < deadline, "iso8583sim does not listen."
            time.sleep(0.05)
        else:
            return


def independent_mac(python: Path, data: bytes, key: str) -> str:
    """The retail MAC of some bytes as iso8583sim computes it."""
    code = (
        "import sys; from iso8583sim.security.mac import generate_mac; "
        "print(generate_mac(bytes.fromhex(sys.argv[1]), sys.argv[2]))"
    )
    ran = subprocess.run(
        [str(python), "-c", code, data.hex(), key], check=True, capture_output=True, timeout=_STARTED_WITHIN_S
    )
    return ran.stdout.decode("ascii").strip()
