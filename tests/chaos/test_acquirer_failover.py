"""Sixteen tills pay by card through two links while the primary dies and comes back and a replica is killed.

The acquirer's two hosts share one set of books, and at the end they are compared with payments, intent by intent. A
run takes about 20 seconds; TILLSTREAM_ACQUIRER_ROUNDS makes everything die so many times.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import secrets
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from random import Random
from time import monotonic

import httpx
import pytest

from libs.testkit.databases import DatabaseServer
from libs.testkit.hosting import migrated_database
from services.payments.domain.concentrator.message import Message
from services.payments.gateways.acquirer import read_dialect
from services.payments.jobs import watch
from services.payments.service import definition
from tests.chaos.acquirer_child import Replica, WallClock, serve
from tests.chaos.card_tills import CardTill, Paid
from tests.integration.host.processes import free_port
from tests.integration.payments.acquirer.agreement import disagreements, undecided
from tests.integration.payments.acquirer.crossings import LONG_S
from tests.integration.payments.acquirer.host import Behaviour, Books, Host, listening
from tests.integration.payments.concentrated_shop import add_concentrated_terminal
from tests.integration.payments.terminal_shop import Person, TerminalShop, open_terminal_shop, settings_of

TILLS = 16
TERMINALS = 8
ROUNDS = int(os.environ.get("TILLSTREAM_ACQUIRER_ROUNDS", "1"))
SEED = int(os.environ.get("TILLSTREAM_ACQUIRER_SEED", secrets.randbelow(1_000_000)))
WITHIN_S = 60.0
LOST_AT_ONCE = 8
PRIMARY_DEAD = "primary dead"
ACQUIRERS = """
default = "first-bank"

[[acquirer]]
name = "first-bank"
dialect = "ascii"
primary = "127.0.0.1:{primary}"
backup = "127.0.0.1:{backup}"
answer_timeout_s = 5
connect_timeout_s = 5
echo_timeout_s = 5
echo_every_s = 0.2
reconnect_pause_s = 0.1
failures = 2
healthy_echoes = 2
stay_s = 1
"""

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["tests.chaos.acquirer_child", "tests.chaos.bus_child"])


@dataclass
class Bank:
    """The acquirer with its two hosts."""

    primary: Host
    backup: Host
    _faults: int = field(default=0)

    @property
    def books(self) -> Books:
        return self.primary.books

    def charges(self, host: Host) -> int:
        """How many payments a host was asked for."""
        return sum(message.mti == "0200" for message in host.seen)

    async def asked(self, host: Host, more: int) -> None:
        """Wait until a host was asked for so many further payments."""
        wanted = self.charges(host) + more
        await until(lambda: self.charges(host) >= wanted)

    async def loses(self, hosts: Sequence[Host], count: int) -> None:
        """Leave that many payments without an answer, every second of them booked; return when they are there."""
        self._faults = 0

        def behave(request: Message) -> Behaviour:
            if request.mti != "0200":
                return "answer"
            self._faults += 1
            return "act_and_ignore" if self._faults % 2 else "ignore"

        for host in hosts:
            host.behave = behave
        await until(lambda: self._faults >= count)

    def recovers(self) -> None:
        for host in (self.primary, self.backup):
            host.behave = lambda request: "answer"


async def until(happened: Callable[[], bool]) -> None:
    deadline = monotonic() + WITHIN_S
    while not happened():
        assert monotonic() < deadline, f"TILLSTREAM_ACQUIRER_SEED={SEED}: nothing happens any more"
        await asyncio.sleep(0.01)


class OtherReplica:
    """Payments in a process of its own, which may be killed and started again at the same port."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._process: ForkServerProcess | None = None
        self.url = f"http://127.0.0.1:{replica.port}"

    async def start(self) -> None:
        self._process = _processes.Process(target=serve, args=(self._replica,), daemon=True)
        self._process.start()
        deadline = monotonic() + WITHIN_S
        async with httpx.AsyncClient() as http:
            while True:
                try:
                    if (await http.get(f"{self.url}/payments/readyz")).status_code == httpx.codes.OK:
                        return
                except httpx.TransportError:
                    pass
                assert self._process.is_alive(), "the replica ended at once"
                assert monotonic() < deadline, "the replica does not become ready"
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        await asyncio.to_thread(self._process.join, WITHIN_S)
        assert self._process.exitcode == -signal.SIGKILL


@asynccontextmanager
async def two_replicas(
    server: DatabaseServer, bank: Bank, folder: Path
) -> AsyncIterator[tuple[TerminalShop, OtherReplica]]:
    """One in this process, which stays, and one that may be killed, on the same database."""
    file = folder / "acquirers.toml"
    file.write_text(ACQUIRERS.format(primary=bank.primary.port, backup=bank.backup.port), encoding="utf-8")
    settings = {
        "TILLSTREAM_PAYMENTS_ACQUIRERS_FILE": str(file),
        "TILLSTREAM_PAYMENTS_FORWARD_EVERY_S": "0.2",
        "TILLSTREAM_PAYMENTS_FIRST_FORWARD_PAUSE_S": "1",
        # A killed process cannot give its leases back.
        "TILLSTREAM_JOB_LEASE_S": "1",
        "TILLSTREAM_BUS__RELAY_LEASE_S": "1",
    }
    url = await migrated_database([definition], server)
    with pytest.MonkeyPatch.context() as patched:
        for name, value in settings.items():
            patched.setenv(name, value)
        try:
            async with open_terminal_shop(server, database_url=url, clock=WallClock()) as shop:
                key = json.dumps(shop.key.as_dict(private=True))
                other = OtherReplica(Replica(url, settings, key, free_port()))
                await other.start()
                try:
                    yield shop, other
                finally:
                    await other.kill()
        finally:
            await asyncio.to_thread(server.drop, url)


async def test_links_and_replicas_die_under_load_and_the_books_say_what_payments_says(
    postgres_server: DatabaseServer, tmp_path: Path
) -> None:
    books, dialect = Books(), read_dialect("ascii")
    async with listening(dialect, books) as primary, listening(dialect, books) as backup:
        bank = Bank(primary, backup)
        async with two_replicas(postgres_server, bank, tmp_path) as (shop, other):
            paid = await _trade(bank, shop, other)
            await _settled(shop)
            broken = await disagreements(shop.database, {"first-bank": books})
    print(f"TILLSTREAM_ACQUIRER_SEED={SEED}", Counter((each.phase, each.state) for each in paid))
    assert broken == []
    _check_what_tills_saw(paid)
    # That all agreed is worth something only if enough went wrong.
    assert sum(each.state in ("unknown", "sent") for each in paid) >= LOST_AT_ONCE * ROUNDS
    assert len(books.reversed) >= LOST_AT_ONCE / 2 * ROUNDS
    assert sum(each.state == "approved" for each in paid) > 4 * TILLS * ROUNDS


async def _trade(bank: Bank, shop: TerminalShop, other: OtherReplica) -> list[Paid]:
    phase = ["both links"]
    chance = Random(SEED)
    names = [f"keyed-{number}" for number in range(TERMINALS)]
    for number, name in enumerate(names):
        await add_concentrated_terminal(shop, name, f"LOAD{number:04d}")
    async with httpx.AsyncClient(base_url=other.url, timeout=30) as http:
        tills = []
        for number in range(TILLS):
            here = shop.person()
            there = Person(http, here.id, here.token)
            tills.append(
                CardTill(number, shop, names[number % TERMINALS], [here, there], Random(chance.random()), phase)
            )
        working = [asyncio.create_task(till.work()) for till in tills]
        try:
            for number in range(ROUNDS):
                await _everything_dies(bank, other, phase, number)
        finally:
            for till in tills:
                till.stopped = True
            await asyncio.gather(*working)
    return [each for till in tills for each in till.paid]


async def _everything_dies(bank: Bank, other: OtherReplica, phase: list[str], number: int) -> None:
    """The primary dies with messages out, and comes back; then a replica does. Everything waits for counts alone."""
    await bank.asked(bank.primary, 3 * TILLS)
    await bank.loses([bank.primary], LOST_AT_ONCE)
    await bank.primary.die()
    phase.append(f"{PRIMARY_DEAD} {number}")
    bank.recovers()
    await bank.asked(bank.backup, 3 * TILLS)
    phase.append("primary back")
    await bank.primary.start()
    await bank.asked(bank.primary, 2 * TILLS)
    phase.append("replica dies")
    await bank.loses([bank.primary, bank.backup], LOST_AT_ONCE)
    await other.kill()
    bank.recovers()
    phase.append("one replica")
    await bank.asked(bank.primary, 2 * TILLS)
    await other.start()
    phase.append("both links")
    await bank.asked(bank.primary, 2 * TILLS)


async def _settled(shop: TerminalShop) -> None:
    """Everybody's time is up: what a dead replica had out is reversed by the one that is left."""
    shop.clock.advance(LONG_S)
    await watch(shop.database, settings_of(shop))
    deadline = monotonic() + WITHIN_S
    while await undecided(shop.database):
        assert monotonic() < deadline, await disagreements(shop.database, {})
        await asyncio.sleep(0.1)


def _check_what_tills_saw(paid: Sequence[Paid]) -> None:
    """With the primary dead each till loses what was out, at most; once it was served over the backup, nothing."""
    assert "declined" not in {each.state for each in paid}, "with one link left, nobody is told that there is none"
    for phase in (f"{PRIMARY_DEAD} {number}" for number in range(ROUNDS)):
        for till in range(TILLS):
            states = [each.state for each in paid if (each.till, each.phase) == (till, phase)]
            assert states[1:] == ["approved"] * len(states[1:])
        assert sum(each.phase == phase and each.state == "approved" for each in paid) >= TILLS
