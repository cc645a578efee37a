"""kill -9 at every fault point between a till's card and its acquirer: what the books say stands is what we say."""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest
from sqlalchemy import text

from libs.persistence import Database, create_engine
from libs.testkit.databases import DatabaseServer
from libs.testkit.hosting import migrated_database
from services.payments.gateways.acquirer import read_dialect
from services.payments.service import definition
from tests.chaos.acquirer_child import Orders, main
from tests.integration.payments.acquirer.agreement import disagreements
from tests.integration.payments.acquirer.crossings import CROSSINGS, behaviour, decided
from tests.integration.payments.acquirer.host import Books, Host, listening
from tests.integration.payments.concentrated_shop import ACQUIRERS

KILLED = -signal.SIGKILL
CHILD_TIMEOUT_S = 120.0
# A refund whose answer is lost passes the same points as a purchase whose answer is; exceptions strike at both.
KILLED_AT = [crossing for crossing in CROSSINGS if crossing != "lost refund"]
TERMINAL_NUMBER = "KILL{:04d}"

_processes = multiprocessing.get_context("forkserver")
# Children are forked from a process that has imported everything already.
_processes.set_forkserver_preload(["tests.chaos.acquirer_child", "tests.chaos.bus_child"])


async def _ended(orders: Orders) -> int | None:
    child: ForkServerProcess = _processes.Process(target=main, args=(orders,), daemon=True)
    child.start()
    await asyncio.to_thread(child.join, CHILD_TIMEOUT_S)
    return child.exitcode


def _settings(folder: Path, primary: Host, backup: Host) -> dict[str, str]:
    file = folder / "acquirers.toml"
    file.write_text(ACQUIRERS.format(primary=primary.port, backup=backup.port, other=1), encoding="utf-8")
    return {
        "TILLSTREAM_PAYMENTS_ACQUIRERS_FILE": str(file),
        # What is stored is told when the child says so.
        "TILLSTREAM_PAYMENTS_FORWARD_EVERY_S": "3600",
        "TILLSTREAM_BUS__RELAY_LEASE_S": "0.6",
    }


@pytest.mark.parametrize("crossing", KILLED_AT)
async def test_kill_9_at_a_fault_point_neither_charges_twice_nor_loses_a_reversal(
    postgres_server: DatabaseServer, tmp_path: Path, crossing: str
) -> None:
    """A replica dies at each point in turn; the last one comes back later, and the tills try again."""
    url = await migrated_database([definition], postgres_server)
    books = Books()
    dialect = read_dialect("ascii")
    try:
        async with listening(dialect, books) as primary, listening(dialect, books) as backup:
            primary.behave = backup.behave = behaviour(crossing)
            settings = _settings(tmp_path, primary, backup)
            for number, point in enumerate(CROSSINGS[crossing]):
                orders = Orders(url, settings, TERMINAL_NUMBER.format(number), crossing, point)
                assert await _ended(orders) == KILLED, point
            assert await _ended(Orders(url, settings, TERMINAL_NUMBER.format(len(CROSSINGS[crossing])))) == 0
        states = await _states(url, crossing)
        assert await _checked(url, books) == []
        assert states == [decided(crossing, point) for point in CROSSINGS[crossing]]
    finally:
        await asyncio.to_thread(postgres_server.drop, url)


async def _states(url: str, crossing: str) -> list[str]:
    """The states of the payments during which replicas were killed, in that order."""
    async with _reading(url) as database, database.reading() as connection:
        rows = await connection.execute(
            text(
                "select i.state from intents i join acquirer_terminals t using (terminal_id)"
                " where t.acquirer = 'first-bank' and i.kind = :kind order by t.terminal_number"
            ),
            {"kind": "refund" if crossing.endswith("refund") else "purchase"},
        )
        return list(rows.scalars())


async def _checked(url: str, books: Books) -> list[str]:
    async with _reading(url) as database:
        return await disagreements(database, {"first-bank": books})


@asynccontextmanager
async def _reading(url: str) -> AsyncIterator[Database]:
    database = Database(create_engine(url, schema=definition.schema))
    try:
        yield database
    finally:
        await database.close()
