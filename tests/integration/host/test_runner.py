"""`tillstream run`: a service in a process of its own, on real PostgreSQL and RabbitMQ."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from uuid import uuid4

import httpx
import psycopg
import pytest

from libs.bus.settings import BusSettings
from libs.bus.transports.rabbit import remove
from libs.host.migration import consumers_of
from libs.host.settings import HostSettings
from libs.persistence.migrate import migrate, service_url
from tests.integration.host.processes import child, free_port, until_ready
from tests.integration.host.toy import echo, toy

pytestmark = pytest.mark.rabbitmq


def run(name: str) -> list[str]:
    return ["tests.integration.host.toy_host", "run", name]


class Installation:
    """The settings of one set of processes that belong together."""

    def __init__(self, admin_url: str, rabbitmq_url: str, namespace: str) -> None:
        self.admin_url = admin_url
        self.ports = {"toy": free_port(), "echo": free_port()}
        self.common = {
            "TILLSTREAM_RABBITMQ_URL": rabbitmq_url,
            "TILLSTREAM_BUS__NAMESPACE": namespace,
            "TILLSTREAM_BUS__QUEUE_PREFIX": f"{namespace}.",
            "TILLSTREAM_EDGE_URL": f"http://127.0.0.1:{self.ports['echo']}",
        }

    def migrate(self) -> None:
        migrate(self.admin_url, [toy, echo], {name: service_url(self.admin_url, name) for name in ("toy", "echo")})

    def settings(self, name: str, port: int | None = None) -> dict[str, str]:
        return {
            **self.common,
            f"TILLSTREAM_{name.upper()}_DATABASE_URL": service_url(self.admin_url, name),
            "TILLSTREAM_PORT": str(port or self.ports[name]),
        }

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"


@pytest.fixture
def installation(new_database: Callable[..., str], rabbitmq_url: str, broker_namespace: str) -> Iterator[Installation]:
    yield Installation(new_database(), rabbitmq_url, broker_namespace)
    names = BusSettings(namespace=broker_namespace, queue_prefix=f"{broker_namespace}.")
    # The broker is shared with others: what the processes declared on it goes with them.
    asyncio.run(remove(rabbitmq_url, names, consumers_of([toy, echo], HostSettings(bus=names))))


def test_two_services_in_two_processes_hear_and_ask_each_other(installation: Installation) -> None:
    installation.migrate()
    store = str(uuid4())
    with (
        child(run("echo"), installation.settings("echo")) as echoing,
        child(run("toy"), installation.settings("toy")) as toying,
    ):
        until_ready(installation.url("echo") + "/echo/readyz", echoing)
        until_ready(installation.url("toy") + "/toy/readyz", toying)
        answer = httpx.post(installation.url("toy") + "/toy/v1/stores", json={"store_id": store, "name": "Corner"})
        assert answer.status_code == 201
        deadline = time.monotonic() + 30
        while httpx.get(installation.url("toy") + f"/toy/v1/heard/{store}").json() != "Corner":
            assert time.monotonic() < deadline, echoing.output
            time.sleep(0.05)
        assert toying.stop() == 0
        assert echoing.stop() == 0
    assert "Traceback" not in toying.output + echoing.output


def test_it_waits_for_its_migrations_and_says_so(installation: Installation) -> None:
    with child(run("toy"), installation.settings("toy")) as toying:
        toying.until(lambda line: '"event": "waiting"' in line)
        installation.migrate()
        until_ready(installation.url("toy") + "/toy/readyz", toying)
        assert "lacks 1 migrations of toy" in toying.output or "does not answer" in toying.output


def test_an_old_replica_starts_on_a_database_that_a_newer_version_has_migrated(installation: Installation) -> None:
    installation.migrate()
    with psycopg.connect(installation.admin_url, autocommit=True) as connection:
        connection.execute("UPDATE toy.schema_version SET version_num = '9999'")
    with child(run("toy"), installation.settings("toy")) as toying:
        until_ready(installation.url("toy") + "/toy/readyz", toying)
        assert "the database is ahead of this version" in toying.output


def test_it_gives_up_on_a_broker_that_does_not_come_and_names_it(installation: Installation) -> None:
    installation.migrate()
    settings = {
        **installation.settings("toy"),
        "TILLSTREAM_RABBITMQ_URL": f"amqp://guest:guest@127.0.0.1:{free_port()}/",
        "TILLSTREAM_BUS__CONNECT_TIMEOUT_S": "0.5",
        "TILLSTREAM_STARTUP_WAIT_S": "1",
    }
    with child(run("toy"), settings) as toying:
        assert toying.ended() == 3
    assert "Waited 1 s in vain: the broker does not answer" in toying.output


def test_it_gives_up_on_a_database_that_does_not_come_without_showing_the_password(
    installation: Installation,
) -> None:
    settings = {
        **installation.settings("toy"),
        "TILLSTREAM_TOY_DATABASE_URL": f"postgresql://tillstream_toy:s3cret@127.0.0.1:{free_port()}/tillstream",
        "TILLSTREAM_STARTUP_WAIT_S": "1",
    }
    with child(run("toy"), settings) as toying:
        assert toying.ended() == 3
    assert "Waited 1 s in vain: the database does not answer" in toying.output
    assert "s3cret" not in toying.output


def test_a_signal_while_waiting_ends_it_at_once(installation: Installation) -> None:
    with child(run("toy"), installation.settings("toy")) as toying:
        toying.until(lambda line: '"event": "waiting"' in line)
        started = time.monotonic()
        assert toying.stop() == 130
        assert time.monotonic() - started < 10


def test_a_service_without_a_database_url_says_which_variable_is_missing(installation: Installation) -> None:
    settings = installation.settings("toy")
    del settings["TILLSTREAM_TOY_DATABASE_URL"]
    with child(run("toy"), settings) as toying:
        assert toying.ended() == 2
    assert toying.output == (
        "TILLSTREAM_TOY_DATABASE_URL is not set: it must be a PostgreSQL URL, "
        "e.g. postgresql://tillstream_toy:secret@db:5432/tillstream."
    )


def job_holder(connection: psycopg.Connection[tuple[str]]) -> str | None:
    row = connection.execute("SELECT holder FROM toy.leases WHERE name = 'job/tick'").fetchone()
    return row[0] if row else None


def until_held(connection: psycopg.Connection[tuple[str]], *, by_other_than: str | None = None) -> str:
    deadline = time.monotonic() + 20
    while (holder := job_holder(connection)) in (None, by_other_than):
        assert time.monotonic() < deadline, "nobody took the job"
        time.sleep(0.05)
    assert holder is not None
    return holder


def test_of_two_replicas_one_runs_a_job_until_it_stops_and_then_the_other_does(installation: Installation) -> None:
    installation.migrate()
    other = free_port()
    with (
        child(run("toy"), installation.settings("toy")) as first,
        psycopg.connect(installation.admin_url, autocommit=True) as connection,
    ):
        until_ready(installation.url("toy") + "/toy/readyz", first)
        holder = until_held(connection)
        with child(run("toy"), installation.settings("toy", other)) as second:
            until_ready(f"http://127.0.0.1:{other}/toy/readyz", second)
            # Twenty of its turns: the second replica leaves the job alone while the first has it.
            time.sleep(1)
            assert job_holder(connection) == holder
            assert first.stop() == 0
            assert until_held(connection, by_other_than=holder) != holder
            ticks = httpx.get(f"http://127.0.0.1:{other}/toy/v1/ticks/count").json()
            deadline = time.monotonic() + 20
            while httpx.get(f"http://127.0.0.1:{other}/toy/v1/ticks/count").json() <= ticks:
                assert time.monotonic() < deadline, second.output
