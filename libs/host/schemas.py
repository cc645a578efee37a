"""Work on the schemas of all services: migrate, compare with the code, write new migrations."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import MetaData
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from libs.host.errors import CheckFailed, NotAvailable
from libs.host.postgres import embedded_postgres
from libs.host.registry import AnyServiceDefinition, AnyStoredDefinition, with_tables
from libs.host.settings import HostSettings
from libs.persistence.migrate import DatabaseAhead, autogenerate, differences, migrate

Advance = Callable[[str, int], None]


def migrate_services(
    definitions: Sequence[AnyServiceDefinition],
    admin_url: str,
    service_urls: dict[str, str],
    advance: Advance = lambda _what, _finished: None,
) -> None:
    """Bring the schemas and roles up to date; services without tables have none.

    Raises NotAvailable if the database does not answer, CheckFailed if it is ahead of this code.
    """

    def report(schema: str, what: str) -> None:
        advance(f"{schema} {what}", 1 if what == "ready" else 0)

    try:
        migrate(admin_url, with_tables(definitions), service_urls, report)
    except DatabaseAhead as error:
        raise CheckFailed(f"Nothing was migrated: {error}.") from error
    except OperationalError as error:
        where = make_url(admin_url).render_as_string(hide_password=True)
        raise NotAvailable(f"The database at {where} cannot be used: {_first_line(error.orig)}") from error


@contextmanager
def scratch_database(settings: HostSettings) -> Iterator[str]:
    """An empty database for the block: on the server of TILLSTREAM_DATABASE_URL if set, else one of our own."""
    if settings.database_url is None:
        with (
            tempfile.TemporaryDirectory(prefix="tillstream-scratch-") as folder,
            embedded_postgres(Path(folder)) as url,
        ):
            yield url
        return
    name = sql.Identifier(f"tillstream_scratch_{secrets.token_hex(4)}")
    try:
        with psycopg.connect(settings.database_url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
    except psycopg.OperationalError as error:
        raise NotAvailable(f"The database server cannot be used: {_first_line(error)}") from error
    try:
        yield make_url(settings.database_url).set(database=name.as_string().strip('"')).render_as_string(False)
    finally:
        with psycopg.connect(settings.database_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def schema_differences(
    definitions: Sequence[AnyServiceDefinition], settings: HostSettings, advance: Advance
) -> dict[str, list[str]]:
    """For each service what its migrations lack of the tables in code; services without difference are left out."""
    found: dict[str, list[str]] = {}
    with scratch_database(settings) as url:
        for definition in with_tables(definitions):
            migrate(url, [_without_tables(definition)], {})
            missing = differences(url, definition)
            if missing:
                found[definition.name] = missing
            advance(definition.name, 1)
    return found


def write_migration(definition: AnyStoredDefinition, message: str, settings: HostSettings) -> Path | None:
    """Write the next migration of a service from its tables in code; None if nothing has changed."""
    with scratch_database(settings) as url:
        migrate(url, [_without_tables(definition)], {})
        return autogenerate(url, definition, message)


def _without_tables(definition: AnyStoredDefinition) -> AnyStoredDefinition:
    """The same migrations, also where the tables in code are ahead of them."""
    return replace(definition, metadata=MetaData())


def _first_line(error: BaseException | None) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0]
