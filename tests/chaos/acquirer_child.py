"""Processes with payments in them, to be killed while they do something at an acquirer whose host runs elsewhere."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from joserfc.jwk import ECKey, KeySet
from sqlalchemy import text

from libs.host.server import serving
from libs.host.settings import HostSettings
from libs.testkit.databases import DatabaseServer
from libs.web.authentication import TokenVerifier
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
    settings: Mapping[str, str]
    terminal_number: str
    crossing: str | None = None
    point: str = ""


class WallClock(Clock):
    """The time, which processes agree on, and that a test may move on."""

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._ahead


@asynccontextmanager
async def _replica(orders: Orders, clock: Clock) -> AsyncIterator[ConcentratedShop]:
    # Its databases are its parent's, so it needs no server to make any.
    server = DatabaseServer(orders.database_url)
    async with open_terminal_shop(server, database_url=orders.database_url, clock=clock) as shop:
        terminal_id = await add_concentrated_terminal(shop, TERMINAL, orders.terminal_number)
        # The hosts that listen are the parent's.
        absent = Host(read_dialect("ascii"), Books())
        yield ConcentratedShop(shop, absent, absent, absent, terminal_id)


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
    """The child process that carries out orders."""
    _begin(orders.settings)
    asyncio.run(_work(orders))


@dataclass(frozen=True)
class Replica:
    """A replica that serves HTTP at a port, for holders of tokens that `key` (private, as JSON) has signed."""

    database_url: str
    settings: Mapping[str, str]
    key: str
    port: int


async def _serve(replica: Replica) -> None:
    public = KeySet([ECKey.import_key(json.loads(replica.key))]).as_dict(private=False)
    clock = WallClock()

    async def fetch_keys() -> dict[str, Any]:
        return dict(public)

    server = DatabaseServer(replica.database_url)
    with socket.create_server(("127.0.0.1", replica.port)) as listener:
        async with open_terminal_shop(server, database_url=replica.database_url, clock=clock) as shop:
            app = shop.services.apps["payments"]
            app.state.context = replace(app.state.context, verifier=TokenVerifier(fetch_keys, clock))
            async with serving(app, listener, HostSettings(), behind_proxy=False):
                await asyncio.Event().wait()


def serve(replica: Replica) -> None:
    """The child process that serves until it is ended."""
    _begin(replica.settings)
    asyncio.run(_serve(replica))


def _begin(settings: Mapping[str, str]) -> None:
    # The parent's interrupt (Ctrl-C) ends the parent, which ends us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(settings)
