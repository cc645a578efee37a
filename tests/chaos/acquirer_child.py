"""A process with payments in it, to be killed while it does something at an acquirer whose host runs elsewhere."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import text

from libs.testkit.databases import DatabaseServer
from services.payments.gateways.acquirer import read_dialect
from tests.integration.payments.acquirer.crossings import LONG_S, crosses, settles, tries_again
from tests.integration.payments.acquirer.host import Books, Host
from tests.integration.payments.concentrated_shop import (
    TERMINAL,
    ConcentratedShop,
    add_concentrated_terminal,
)
from tests.integration.payments.terminal_shop import Clock, open_terminal_shop


@dataclass(frozen=True)
class Orders:
    """What a child shall do: one crossing, of which it dies, or with none settle what its predecessors have left."""

    database_url: str
    acquirers_file: str
    terminal_number: str
    crossing: str | None = None
    point: str = ""


@asynccontextmanager
async def _replica(orders: Orders, clock: Clock) -> AsyncIterator[ConcentratedShop]:
    os.environ["TILLSTREAM_PAYMENTS_ACQUIRERS_FILE"] = orders.acquirers_file
    # What is stored is told when the child says so.
    os.environ["TILLSTREAM_PAYMENTS_FORWARD_EVERY_S"] = "3600"
    os.environ["TILLSTREAM_BUS__RELAY_LEASE_S"] = "0.6"
    # Its databases are its parent's, so it needs no server to make any.
    server = DatabaseServer(orders.database_url)
    async with open_terminal_shop(server, database_url=orders.database_url, clock=clock) as shop:
        terminal_id = await add_concentrated_terminal(shop, TERMINAL, orders.terminal_number)
        hosts = [Host(read_dialect(dialect), Books()) for dialect in ("ascii", "ascii", "bcd")]
        yield ConcentratedShop(shop, *hosts, terminal_id)


async def _work(orders: Orders) -> None:
    if orders.crossing is not None:
        async with _replica(orders, Clock()) as banks:
            await crosses(banks, orders.crossing, orders.point, "kill")
        return
    async with _replica(orders, Clock(timedelta(seconds=LONG_S))) as banks:
        async with banks.shop.database.reading() as connection:
            rows = await connection.execute(
                text("select intent_id, store_id, till_id from intents where state in ('awaiting_card', 'sent')")
            )
            left = [(UUID(str(row.intent_id)), str(row.store_id), str(row.till_id)) for row in rows]
        for intent_id, store_id, till_id in left:
            till = banks.shop.person(store_ids=[store_id], store_id=store_id, till_id=till_id)
            await tries_again(till, intent_id)
        await settles(banks)


def main(orders: Orders) -> None:
    """The child process."""
    # The parent's interrupt (Ctrl-C) ends the parent, which ends us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.chdir(Path(__file__).parents[2])
    asyncio.run(_work(orders))
