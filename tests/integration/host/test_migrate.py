"""Migrations: one schema and one least-privilege role per service, safe to run at once, and no drift unseen."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg import errors
from sqlalchemy import BigInteger, Column, Index, MetaData, Table
from sqlalchemy.engine import make_url

from libs.persistence.migrate import DatabaseAhead, autogenerate, differences, migrate, pending, service_url
from tests.integration.host.toy import echo, toy

BOTH = [toy, echo]


def urls_on(admin_url: str) -> dict[str, str]:
    return {each.schema: service_url(admin_url, each.schema) for each in BOTH}


@pytest.fixture
def migrated(new_database: Callable[..., str]) -> str:
    url = new_database()
    migrate(url, BOTH, urls_on(url))
    return url


def test_progress_names_each_migration_and_each_finished_schema(new_database: Callable[..., str]) -> None:
    seen: list[tuple[str, str]] = []
    url = new_database()
    migrate(url, BOTH, urls_on(url), lambda schema, what: seen.append((schema, what)))
    assert seen == [
        ("toy", "0001: First tables"),
        ("toy", "ready"),
        ("echo", "0001: First tables"),
        ("echo", "ready"),
    ]


def test_a_second_run_has_nothing_to_do(migrated: str) -> None:
    seen: list[tuple[str, str]] = []
    migrate(migrated, BOTH, urls_on(migrated), lambda schema, what: seen.append((schema, what)))
    assert seen == [("toy", "ready"), ("echo", "ready")]


def test_eight_runs_at_once_apply_each_migration_once(new_database: Callable[..., str]) -> None:
    url = new_database()
    seen: list[tuple[str, str]] = []
    with ThreadPoolExecutor(8) as pool:
        runs = [pool.submit(migrate, url, BOTH, urls_on(url), lambda *what: seen.append(what)) for _ in range(8)]
        for run in runs:
            run.result(timeout=60)
    assert seen.count(("toy", "0001: First tables")) == 1
    assert seen.count(("toy", "ready")) == 8
    assert differences(url, toy) == []


def test_the_version_table_lives_in_the_schema_of_the_service(migrated: str) -> None:
    with psycopg.connect(migrated) as connection:
        rows = connection.execute("SELECT schemaname FROM pg_tables WHERE tablename = 'schema_version' ORDER BY 1")
        assert rows.fetchall() == [("echo",), ("toy",)]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE toy.more (id int)",
        "ALTER TABLE toy.stores ADD COLUMN more int",
        "DROP TABLE toy.stores",
        "TRUNCATE toy.stores",
        "UPDATE toy.schema_version SET version_num = 'x'",
        "CREATE SCHEMA more",
        "SELECT * FROM echo.heard",
        "INSERT INTO echo.heard VALUES (gen_random_uuid(), 'x')",
    ],
)
def test_a_service_may_change_rows_in_its_own_schema_and_nothing_else(migrated: str, statement: str) -> None:
    with psycopg.connect(service_url(migrated, "toy"), autocommit=True) as connection:
        with pytest.raises((errors.InsufficientPrivilege, errors.UndefinedTable)):
            connection.execute(statement)
        connection.execute("INSERT INTO toy.stores VALUES (gen_random_uuid(), 'allowed')")
        connection.execute("UPDATE toy.stores SET name = 'still allowed'")
        assert connection.execute("DELETE FROM toy.stores").rowcount == 1


def test_a_service_may_use_tables_that_a_later_migration_adds(migrated: str) -> None:
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute("CREATE TABLE toy.later (id bigint GENERATED ALWAYS AS IDENTITY, name text)")
    with psycopg.connect(service_url(migrated, "toy"), autocommit=True) as connection:
        connection.execute("INSERT INTO toy.later (name) VALUES ('x')")
        assert connection.execute("SELECT id FROM toy.later").fetchone() == (1,)


def test_a_password_in_the_services_url_becomes_the_roles_and_is_never_sent_in_clear(
    new_database: Callable[..., str],
) -> None:
    url = new_database()
    role = "tillstream_test_" + make_url(url).database.rsplit("_", 1)[-1]  # type: ignore[union-attr]
    with_password = make_url(url).set(username=role, password="s3cret-äöü").render_as_string(hide_password=False)
    try:
        migrate(url, [toy], {"toy": with_password})
        with psycopg.connect(url) as connection:
            row = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [role]).fetchone()
        assert row is not None
        assert row[0].startswith("SCRAM-SHA-256$4096:")
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f'DROP OWNED BY "{role}"')
            connection.execute(f'DROP ROLE "{role}"')


def test_pending_names_what_a_database_lacks(new_database: Callable[..., str], migrated: str) -> None:
    assert pending(new_database(), toy) == ["0001: First tables"]
    assert pending(migrated, toy) == []


def test_an_older_version_does_not_touch_what_a_newer_one_has_migrated(migrated: str) -> None:
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute("UPDATE toy.schema_version SET version_num = '9999'")
    with pytest.raises(DatabaseAhead, match="the schema toy is at migration 9999, which this version does not know"):
        migrate(migrated, [toy], urls_on(migrated))
    with pytest.raises(DatabaseAhead):
        pending(migrated, toy)


def test_drift_is_reported_as_the_lines_of_the_missing_migration(migrated: str) -> None:
    assert differences(migrated, toy) == []
    ahead = MetaData()
    for table in toy.metadata.tables.values():
        table.to_metadata(ahead)
    changed = Table("stores", ahead, Column("rank", BigInteger), extend_existing=True, schema="toy")
    Index("stores_rank", changed.c.rank)
    assert differences(migrated, replace(toy, metadata=ahead)) == [
        "op.add_column('stores', sa.Column('rank', sa.BigInteger(), nullable=True))",
        "op.create_index('stores_rank', 'stores', ['rank'], unique=False)",
    ]


def test_drift_in_the_database_is_reported_too(migrated: str) -> None:
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute("ALTER TABLE toy.stores ADD COLUMN by_hand text")
    assert differences(migrated, toy) == ["op.drop_column('stores', 'by_hand')"]


def test_a_written_migration_leads_to_the_tables_in_code(new_database: Callable[..., str], tmp_path: Path) -> None:
    fresh = replace(toy, migrations=tmp_path)
    url = new_database()
    migrate(url, [replace(fresh, metadata=MetaData())], {})
    path = autogenerate(url, fresh, "First tables")
    assert path is not None
    assert path.name == "0001_first_tables.py"
    migrate(url, [fresh], {})
    assert differences(url, fresh) == []
    assert autogenerate(url, fresh, "Nothing") is None


def test_a_service_with_tables_and_no_migration_is_refused(new_database: Callable[..., str], tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="the service toy has tables but no migration"):
        migrate(new_database(), [replace(toy, migrations=tmp_path)], {})
