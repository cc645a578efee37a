"""Schemas, roles and migrations: one PostgreSQL schema and one least-privilege login role per service.

The migrating owner creates and alters; a service's role may only read and write rows in its own schema. The version
table `schema_version` lives inside the schema. All SQL is what PostgreSQL 15 to 18 accept, without extensions.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any, Protocol

import psycopg
import stamina
from alembic import command
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.config import Config
from alembic.operations.ops import OpContainer, UpgradeOps
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import BLANK_SCHEMA, Connection, MetaData, NullPool, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InternalError

VERSION_TABLE = "schema_version"
ROLE_PREFIX = "tillstream_"
_ENVIRONMENT = Path(__file__).parent / "migration_environment"
_LOCK_KEY = 0x7469_6C6C_7374  # "tillst": one number for every installation; advisory locks are per database
_CONNECT_TIMEOUT_S = 10

Progress = Callable[[str, str], None]


class DatabaseAhead(RuntimeError):
    """The database was migrated by a newer version, whose migrations this one does not know."""


class Migratable(Protocol):
    """What is migrated: a `ServiceDefinition`, or anything else with a schema, tables and a folder of migrations."""

    @property
    def schema(self) -> str: ...

    @property
    def metadata(self) -> MetaData: ...

    @property
    def migrations(self) -> Path: ...


def role_name(schema: str) -> str:
    """The login role that owns nothing and may read and write the rows of `schema`."""
    return ROLE_PREFIX + schema


def service_url(admin_url: str, schema: str) -> str:
    """The URL of a service's role on the database of `admin_url`, with the admin's password.

    For the embedded database and for tests; an installation names each service's URL in its settings.
    """
    return make_url(admin_url).set(username=role_name(schema)).render_as_string(hide_password=False)


def migrate(
    admin_url: str, targets: Sequence[Migratable], service_urls: dict[str, str], progress: Progress | None = None
) -> None:
    """Bring every target's schema to its newest revision, and its role to the rights it should have.

    `service_urls` maps a schema to the URL its service connects with: user and password of that URL become the role.
    A schema without one gets no role. `progress` is called with (schema, what happened). Blocking; safe to run at the
    same time from several places, as an advisory lock lets one after the other through.
    Raises sqlalchemy.exc.OperationalError if the database cannot be reached, and DatabaseAhead.
    """
    report = progress or (lambda _schema, _what: None)
    with _locked(admin_url) as connection:
        for target in targets:
            _prepare_schema(connection, target.schema)
            role = _prepare_role(connection, target.schema, service_urls.get(target.schema))
            _upgrade(connection, target, report)
            if role is not None:
                _protect_version_table(connection, role)
            report(target.schema, "ready")


def pending(admin_url: str, target: Migratable) -> list[str]:
    """The revisions of `target` that the database has not run yet, oldest first, as "id: title".

    Raises DatabaseAhead.
    """
    with _connected(admin_url, target.schema) as connection:
        scripts = ScriptDirectory.from_config(_config(target, connection))
        current = _known_heads(connection, target, scripts)
        revisions = scripts.iterate_revisions("heads", current or "base")
        return [f"{revision.revision}: {revision.doc}" for revision in reversed(list(revisions))]


def differences(admin_url: str, target: Migratable) -> list[str]:
    """What the tables in code have and the migrated database has not, or the other way round; empty when they agree.

    Each entry is a line of the migration that would be missing.
    """
    tables = _unqualified(target.metadata)
    with _connected(admin_url, target.schema) as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts={**options, "target_metadata": tables})
        upgrade = produce_migrations(context, tables).upgrade_ops
        if upgrade is None or upgrade.is_empty():
            return []
        code = render_python_code(_flatten(upgrade), migration_context=context)
        return [line.strip() for line in code.splitlines() if line.strip() and not line.strip().startswith("#")]


def autogenerate(admin_url: str, target: Migratable, message: str) -> Path | None:
    """Write the migration that brings the migrated database to the tables in code; None if they agree already.

    `admin_url` must be a database on which `target` is migrated to its newest revision.
    """
    if not differences(admin_url, target):
        return None
    _versions(target).mkdir(parents=True, exist_ok=True)
    with _connected(admin_url, target.schema) as connection:
        config = _config(target, connection)
        number = len(list(ScriptDirectory.from_config(config).walk_revisions())) + 1
        script = command.revision(config, message=message, autogenerate=True, rev_id=f"{number:04d}")
    if script is None or isinstance(script, list):
        raise RuntimeError(f"alembic wrote no single migration for {target.schema}")
    return Path(script.path)


def _unqualified(metadata: MetaData) -> MetaData:
    """The same tables without a schema name, as the search path of the connection supplies it."""
    copy = MetaData(naming_convention=metadata.naming_convention)
    for table in metadata.sorted_tables:
        # None and BLANK_SCHEMA are documented values that the stubs do not know.
        table.to_metadata(copy, schema=None, referred_schema_fn=lambda *_: BLANK_SCHEMA)  # type: ignore[arg-type]
    return copy


def _flatten(operations: UpgradeOps) -> UpgradeOps:
    """Table operations side by side, so that rendering prints one call per difference."""
    flat: list[Any] = []
    for operation in operations.ops:
        flat.extend(operation.ops if isinstance(operation, OpContainer) else [operation])
    return UpgradeOps(ops=flat)


@contextmanager
def _connected(admin_url: str, schema: str) -> Iterator[Connection]:
    engine = create_engine(
        _driver_url(admin_url),
        poolclass=NullPool,
        connect_args={
            "options": f"-csearch_path={schema} -ctimezone=UTC",
            "application_name": "tillstream-migrate",
            "connect_timeout": _CONNECT_TIMEOUT_S,
        },
    )
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _driver_url(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


@contextmanager
def _locked(admin_url: str) -> Iterator[Connection]:
    """A connection that holds the migration lock of this database."""
    with _connected(admin_url, "public") as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK_KEY})
        connection.commit()
        try:
            yield connection
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK_KEY})
            connection.commit()


def _execute(connection: Connection, statement: sql.Composable) -> None:
    driver: psycopg.Connection[Any] | None = connection.connection.driver_connection
    assert driver is not None
    connection.exec_driver_sql(statement.as_string(driver).replace("%", "%%"))


def _prepare_schema(connection: Connection, schema: str) -> None:
    name = sql.Identifier(schema)
    _execute(connection, sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(name))
    _execute(connection, sql.SQL("REVOKE ALL ON SCHEMA {} FROM PUBLIC").format(name))
    _execute(connection, sql.SQL("SET search_path TO {}").format(name))
    connection.commit()
    # Alembic compares only the default schema, which SQLAlchemy notes once, at the first connection.
    connection.dialect.default_schema_name = schema


def _prepare_role(connection: Connection, schema: str, url: str | None) -> str | None:
    """Create or update the role of `url`; None when the service connects as the migrating owner itself."""
    if url is None:
        return None
    parsed = make_url(url)
    role = parsed.username or role_name(schema)
    if role == connection.execute(text("SELECT current_user")).scalar_one():
        return None
    exists = connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}).first()
    if not exists:
        _create_role(connection, role)
    if parsed.password and not (exists and _can_sign_in(url)):
        _set_password(connection, role, str(parsed.password))
    _grant(connection, schema, role)
    connection.commit()
    return role


def _create_role(connection: Connection, role: str) -> None:
    # Roles belong to the whole server: another database's migration may create the same one at this moment.
    body = sql.SQL(
        "BEGIN CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;"
        " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END"
    ).format(sql.Identifier(role))
    _execute(connection, sql.SQL("DO {}").format(sql.Literal(body.as_string())))
    connection.commit()


def _can_sign_in(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=_CONNECT_TIMEOUT_S).close()
    except psycopg.OperationalError:
        return False
    return True


def _set_password(connection: Connection, role: str, password: str) -> None:
    # Hashed here, so that the server's statement log never holds the password.
    driver: psycopg.Connection[Any] | None = connection.connection.driver_connection
    assert driver is not None
    verifier = driver.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    statement = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier))
    connection.commit()
    # Roles belong to the whole server: while another database's migration changes the same one, PostgreSQL refuses
    # ("tuple concurrently updated") instead of waiting.
    for attempt in stamina.retry_context(on=InternalError, attempts=5, wait_initial=0.05, wait_max=1.0):
        with attempt, connection.begin():
            _execute(connection, statement)


def _grant(connection: Connection, schema: str, role: str) -> None:
    names = {"schema": sql.Identifier(schema), "role": sql.Identifier(role)}
    database = connection.execute(text("SELECT current_database()")).scalar_one()
    for statement in (
        "GRANT CONNECT ON DATABASE {database} TO {role}",
        "GRANT USAGE ON SCHEMA {schema} TO {role}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
        "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT USAGE, SELECT ON SEQUENCES TO {role}",
    ):
        _execute(connection, sql.SQL(statement).format(database=sql.Identifier(database), **names))


def _protect_version_table(connection: Connection, role: str) -> None:
    statement = sql.SQL("REVOKE INSERT, UPDATE, DELETE ON {} FROM {}")
    _execute(connection, statement.format(sql.Identifier(VERSION_TABLE), sql.Identifier(role)))
    connection.commit()


def _upgrade(connection: Connection, target: Migratable, report: Progress) -> None:
    _versions(target).mkdir(parents=True, exist_ok=True)

    def applied(*, step: Any, **_: Any) -> None:
        report(target.schema, f"{step.up_revision_id}: {step.up_revision.doc}")

    config = _config(target, connection, applied)
    scripts = ScriptDirectory.from_config(config)
    _known_heads(connection, target, scripts)
    if not scripts.get_heads() and target.metadata.tables:
        raise RuntimeError(f"the service {target.schema} has tables but no migration in {_versions(target)}")
    command.upgrade(config, "heads")
    connection.commit()


def _known_heads(connection: Connection, target: Migratable, scripts: ScriptDirectory) -> tuple[str, ...]:
    """The revisions that the database is at. Raises DatabaseAhead if one of them is not among `scripts`."""
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    heads = context.get_current_heads()
    known = {revision.revision for revision in scripts.walk_revisions()}
    unknown = sorted(set(heads) - known)
    if unknown:
        raise DatabaseAhead(
            f"the schema {target.schema} is at migration {unknown[0]}, which this version does not know: "
            "run the version that migrated it, or a newer one"
        )
    return heads


def _versions(target: Migratable) -> Path:
    return target.migrations / "versions"


def _config(target: Migratable, connection: Connection, applied: Callable[..., None] | None = None) -> Config:
    config = Config(stdout=StringIO(), cmd_opts=Namespace(quiet=True))  # progress is reported through `applied`
    config.set_main_option("script_location", str(_ENVIRONMENT).replace("%", "%%"))
    config.set_main_option("version_locations", str(_versions(target)).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["connection"] = connection
    config.attributes["metadata"] = _unqualified(target.metadata)
    config.attributes["on_version_apply"] = applied or (lambda **_: None)
    return config
