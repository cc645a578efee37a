"""Fixtures that every test may ask for: servers found or started, databases and broker names of one's own."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack

import pytest

from libs.testkit.brokers import ServiceAbsent, rabbitmq_server, redis_server
from libs.testkit.databases import DatabaseServer, database_server

LEFT_OUT = "LEFT OUT: "


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[DatabaseServer]:
    """A server to create databases on; all of them are dropped at the end of the run."""
    with database_server() as server:
        yield server


@pytest.fixture(scope="session")
def database_url(postgres_server: DatabaseServer) -> str:
    """A database of this test run (of this worker, under xdist), empty at the start and shared by its tests."""
    return postgres_server.create()


@pytest.fixture
def new_database(postgres_server: DatabaseServer) -> Iterator[Callable[..., str]]:
    """Creates further databases: `new_database()` or `new_database(template=url)`; dropped after the test."""
    created: list[str] = []

    def create(template: str | None = None) -> str:
        created.append(postgres_server.create(template=template))
        return created[-1]

    yield create
    for url in created:
        postgres_server.drop(url)


@pytest.fixture(scope="session")
def rabbitmq_url() -> Iterator[str]:
    """The URL of a RabbitMQ that others use too: give exchanges and queues the names of `broker_namespace`."""
    yield from _required(rabbitmq_server())


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    yield from _required(redis_server())


@pytest.fixture
def broker_namespace() -> str:
    """A name nobody else uses: for `BusSettings(namespace=..., queue_prefix=... + ".")`."""
    return f"test-{secrets.token_hex(6)}"


def _required(server: AbstractContextManager[str]) -> Iterator[str]:
    with ExitStack() as stack:
        try:
            url = stack.enter_context(server)
        except ServiceAbsent as absent:
            if os.environ.get("TILLSTREAM_REQUIRE_SERVICES") == "1":
                pytest.fail(str(absent))
            pytest.skip(LEFT_OUT + str(absent))
        yield url


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name every test that was left out for want of a server, where nobody can overlook it."""
    left_out: dict[str, list[str]] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if LEFT_OUT in reason:
            left_out.setdefault(reason.split(LEFT_OUT, 1)[1], []).append(report.nodeid)
    for reason, tests in left_out.items():
        terminalreporter.write_sep("!", f"{len(tests)} TESTS LEFT OUT", red=True, bold=True)
        terminalreporter.write_line(reason, red=True)
        for test in tests:
            terminalreporter.write_line(f"  {test}", red=True)
