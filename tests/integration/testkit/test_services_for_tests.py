"""How tests find their servers: what is absent is skipped loudly, or fails where it must not be absent."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from libs.testkit import brokers, databases
from libs.testkit.databases import DatabaseServer, database_server

ROOT = Path(__file__).parents[3]
NO_BROKER = """
from libs.testkit import brokers
brokers._listens = lambda host, port: False
brokers._docker_answers = lambda: False
from tests.conftest import *
from tests.conftest import pytest_terminal_summary
"""
NEEDS_A_BROKER = """
def test_with_a_broker(rabbitmq_url):
    pass

def test_without():
    pass
"""


def _run_pytest(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(NO_BROKER)
    (folder / "test_broker.py").write_text(NEEDS_A_BROKER)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("TILLSTREAM_", "PYTEST_"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder)],
        cwd=ROOT,
        env={**inherited, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_tests_without_their_broker_are_left_out_and_named_at_the_end(tmp_path: Path) -> None:
    result = _run_pytest(tmp_path)
    assert result.returncode == 0, result.stdout
    assert "1 passed, 1 skipped" in result.stdout
    assert "1 TESTS LEFT OUT" in result.stdout
    assert "no RabbitMQ: TILLSTREAM_TEST_RABBITMQ_URL is not set" in result.stdout
    assert "test_with_a_broker" in result.stdout


def test_where_services_are_required_their_absence_is_a_failure(tmp_path: Path) -> None:
    result = _run_pytest(tmp_path, TILLSTREAM_REQUIRE_SERVICES="1")
    assert result.returncode == 1
    assert "1 passed, 1 error" in result.stdout


def test_a_configured_broker_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILLSTREAM_TEST_RABBITMQ_URL", "amqp://elsewhere/")
    with brokers.rabbitmq_server() as url:
        assert url == "amqp://elsewhere/"


def test_each_database_is_new_and_a_template_is_copied(new_database: Callable[..., str]) -> None:
    first = new_database()
    with psycopg.connect(first, autocommit=True) as connection:
        connection.execute("create table marked (number int)")
        connection.execute("insert into marked values (7)")
    copy, empty = new_database(first), new_database()
    with psycopg.connect(copy) as connection:
        assert connection.execute("select number from marked").fetchone() == (7,)
    with psycopg.connect(empty) as connection:
        assert connection.execute("select to_regclass('marked')").fetchone() == (None,)


def test_databases_are_dropped_at_the_end_even_with_a_client_connected(postgres_server: DatabaseServer) -> None:
    own = DatabaseServer(postgres_server.admin_url)
    url = own.create()
    with psycopg.connect(url) as client:
        own.drop_all()
        with pytest.raises(psycopg.OperationalError):
            client.execute("select 1")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)


def test_without_any_server_the_embedded_one_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TILLSTREAM_TEST_DATABASE_URL", raising=False)
    monkeypatch.setattr(databases, "_may_create_databases", lambda _url: False)
    with database_server() as server, psycopg.connect(server.create()) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
