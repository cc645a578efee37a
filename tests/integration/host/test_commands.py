"""The command line against a real database and broker: what it prints, and the exit codes that scripts rely on."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import uuid4

import psycopg
import pytest
import structlog

from libs.bus.settings import BusSettings
from libs.bus.transports.rabbit import remove
from libs.host.cli import main
from libs.host.console import err, out
from libs.host.migration import consumers_of
from libs.host.registry import all_services
from libs.host.settings import HostSettings
from libs.persistence.migrate import service_url
from tests.integration.host.processes import free_port

DEAD_MESSAGE = """
insert into sales.inbox (message_id, consumer, key, type, status, blocks, attempts, headers, body, last_error,
  received_at)
values (%s, 'sales.catalogue', 'k', 'tillstream.catalog.price_changed.v1', 'dead', true, 8, '{}', '{}',
  'the price was negative', now())
"""


@dataclass
class Finished:
    returncode: int
    stdout: str
    stderr: str


class Tillstream:
    """Runs `tillstream` in this process, with the settings of one installation and no others."""

    def __init__(
        self, settings: dict[str, str], patch: pytest.MonkeyPatch, captured: pytest.CaptureFixture[str]
    ) -> None:
        self.settings = settings
        self._patch = patch
        self._captured = captured

    def __call__(self, *arguments: str, answer: str = "") -> Finished:
        with self._patch.context() as patch:
            for name in [name for name in os.environ if name.startswith("TILLSTREAM_")]:
                patch.delenv(name)
            for name, value in self.settings.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["tillstream", *arguments])
            patch.setattr(sys, "stdin", io.StringIO(answer))
            for console in (out, err):
                patch.setattr(console, "width", 200)
            self._captured.readouterr()
            try:
                main()
                code = 0
            except SystemExit as ended:
                code = int(ended.code or 0)
            printed = self._captured.readouterr()
        return Finished(code, printed.out, printed.err)


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def database(new_database: Callable[..., str]) -> str:
    return new_database()


@pytest.fixture
def tillstream(database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Tillstream:
    settings = {"TILLSTREAM_DATABASE_URL": database, "TILLSTREAM_STARTUP_WAIT_S": "2"}
    return Tillstream(settings, monkeypatch, capsys)


@pytest.fixture
def migrated(tillstream: Tillstream) -> Tillstream:
    finished = tillstream("migrate", "--no-broker")
    assert finished.returncode == 0, finished.stderr
    return tillstream


def kill(database: str) -> str:
    """Put a dead message into the inbox of sales; its id."""
    message = str(uuid4())
    with psycopg.connect(service_url(database, "sales"), autocommit=True) as connection:
        connection.execute(DEAD_MESSAGE, [message])
    return message


def status_of(database: str, message: str) -> tuple[str, bool]:
    with psycopg.connect(database) as connection:
        row = connection.execute("select status, blocks from sales.inbox where message_id = %s", [message]).fetchone()
    assert row is not None
    status, blocks = row
    return status, blocks


@pytest.fixture
def namespace(rabbitmq_url: str, broker_namespace: str) -> Iterator[str]:
    """Names on the shared broker, with everything that an installation declares under them gone at the end."""
    yield broker_namespace
    names = BusSettings(namespace=broker_namespace, queue_prefix=f"{broker_namespace}.")
    asyncio.run(remove(rabbitmq_url, names, consumers_of(all_services(), HostSettings(bus=names))))


@pytest.mark.rabbitmq
def test_migrate_makes_schemas_and_queues_and_may_be_repeated(
    tillstream: Tillstream, database: str, rabbitmq_url: str, namespace: str
) -> None:
    tillstream.settings |= {
        "TILLSTREAM_RABBITMQ_URL": rabbitmq_url,
        "TILLSTREAM_BUS__NAMESPACE": namespace,
        "TILLSTREAM_BUS__QUEUE_PREFIX": f"{namespace}.",
        "TILLSTREAM_STARTUP_WAIT_S": "30",
    }
    for _ in range(2):
        finished = tillstream("migrate")
        assert finished.returncode == 0, finished.stderr
        assert finished.stdout == f"Up to date: {', '.join(each.name for each in all_services())}.\n"
    with psycopg.connect(database) as connection:
        rows = connection.execute("select nspname from pg_namespace where nspname in ('catalog', 'identity', 'sales')")
        assert len(rows.fetchall()) == 3


def test_migrate_gives_up_on_a_database_that_does_not_answer_without_its_password(tillstream: Tillstream) -> None:
    port = free_port()
    tillstream.settings["TILLSTREAM_DATABASE_URL"] = f"postgresql://owner:s3cret@127.0.0.1:{port}/tillstream"
    finished = tillstream("migrate", "--no-broker")
    assert finished.returncode == 3
    assert f"postgresql://owner:***@127.0.0.1:{port}/tillstream cannot be used" in finished.stderr
    assert "s3cret" not in finished.stderr
    assert "Traceback" not in finished.stderr


def test_migrate_without_a_database_url_says_which_variable_is_missing(tillstream: Tillstream) -> None:
    del tillstream.settings["TILLSTREAM_DATABASE_URL"]
    finished = tillstream("migrate")
    assert finished.returncode == 2
    assert "TILLSTREAM_DATABASE_URL is not set: it must be the URL of the owner who migrates" in finished.stderr


def test_the_migrations_of_every_service_lead_to_its_tables(tillstream: Tillstream) -> None:
    finished = tillstream("schema", "check")
    assert finished.returncode == 0, finished.stderr


def test_a_service_that_does_not_exist_is_answered_with_those_that_do(tillstream: Tillstream) -> None:
    finished = tillstream("schema", "new", "salse", "Typing error")
    assert finished.returncode == 2
    there_are = "the services are backoffice, catalog, identity, payments, sales."
    assert f"There is no service 'salse'; {there_are}" in finished.stderr


def test_no_dead_message_is_exit_code_0(migrated: Tillstream) -> None:
    finished = migrated("messages", "dead")
    assert (finished.returncode, finished.stdout) == (0, "No message is dead.\n")


def test_dead_messages_are_listed_with_their_error_and_exit_code_1(migrated: Tillstream, database: str) -> None:
    message = kill(database)
    finished = migrated("messages", "dead", "--service", "sales")
    assert finished.returncode == 1
    assert message in finished.stdout
    assert "the price was negative" in finished.stdout
    assert "There are dead messages" in finished.stderr


def test_a_replayed_message_waits_for_its_next_attempt_and_keeps_its_key_in_order(
    migrated: Tillstream, database: str
) -> None:
    message, other = kill(database), kill(database)
    finished = migrated("messages", "replay", message)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == "1 messages will be handled again.\n"
    assert status_of(database, message) == ("deferred", True)
    assert status_of(database, other) == ("dead", True)


def test_all_dead_messages_are_discarded_only_after_a_yes(migrated: Tillstream, database: str) -> None:
    message = kill(database)
    kill(database)
    refused = migrated("messages", "discard", "--all", answer="n\n")
    assert refused.returncode == 1
    assert "Nothing was changed." in refused.stderr
    assert status_of(database, message) == ("dead", True)
    agreed = migrated("messages", "discard", "--all", answer="y\n")
    assert agreed.returncode == 0
    assert "2 messages are discarded." in agreed.stdout
    assert status_of(database, message) == ("discarded", False)


@pytest.mark.parametrize("arguments", [["messages", "replay"], ["messages", "discard", "x", "--all"]])
def test_neither_an_id_nor_all_or_both_is_refused(migrated: Tillstream, arguments: list[str]) -> None:
    finished = migrated(*arguments)
    assert finished.returncode == 2
    assert "Say which message to" in finished.stderr


def test_an_id_that_is_not_dead_is_said_so(migrated: Tillstream) -> None:
    finished = migrated("messages", "replay", "no-such-message")
    assert finished.returncode == 1
    assert "No dead message has the id no-such-message." in finished.stderr


def test_messages_of_a_database_that_is_not_migrated_is_one_sentence(tillstream: Tillstream) -> None:
    finished = tillstream("messages", "dead", "--service", "sales")
    assert finished.returncode == 3
    assert "Traceback" not in finished.stderr
