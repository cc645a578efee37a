"""Payments for benches: replicas with one acquirer, tills with a concentrated terminal each, and tenders to be paid."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
from joserfc.jwk import ECKey
from psycopg import sql

from libs.bus.bus import MessageBus
from libs.bus.settings import BusSettings
from libs.bus.transports.local import LocalTransport
from libs.bus.transports.rabbit import remove
from libs.contracts.tenders import AuthorizeTender
from libs.host.migration import consumers_of
from libs.host.settings import HostSettings
from libs.persistence import Database, create_engine, new_id
from libs.persistence.migrate import migrate, service_url
from libs.testkit.brokers import rabbitmq_server, redis_server
from libs.testkit.databases import database_server
from services.payments.domain.terminal import Terminal, TerminalKind
from services.payments.service import definition
from services.payments.settings import PaymentsSettings
from services.payments.storage.acquirer_terminals import AcquirerTerminal, AcquirerTerminalRepository
from services.payments.storage.tables import messaging
from services.payments.storage.terminals import TerminalRepository
from services.payments.use_cases.authorize_tender import authorize_tender
from tests.bench.sales_shop import jwks, replica, token

AMOUNT_MINOR = 10_000
CURRENCY = "PLN"
ACQUIRER = "bench"
ACQUIRERS = """
default = "{name}"

[[acquirer]]
name = "{name}"
dialect = "ascii"
primary = "127.0.0.1:{port}"
"""


@dataclass(frozen=True)
class CardShop:
    """The running replicas at `urls`, a cashier's token, and one tender of each till that waits for its card."""

    urls: list[str]
    database_url: str
    token: str
    first_tenders: list[UUID]

    def prepare(self, count: int) -> list[list[str]]:
        """So many further tenders for each till, made of its first one; their ids, till by till."""
        with psycopg.connect(self.database_url) as connection:
            described = connection.execute("select * from payments.intents limit 0").description or ()
            columns = sql.SQL(", ").join(
                sql.Identifier(column.name) for column in described if column.name != "intent_id"
            )
            copy = sql.SQL(
                "insert into payments.intents (intent_id, {columns}) select gen_random_uuid(), {columns}"
                " from payments.intents, generate_series(1, %s) where intent_id = %s returning intent_id::text"
            ).format(columns=columns)
            return [
                [row[0] for row in connection.execute(copy, [count, first]).fetchall()] for first in self.first_tenders
            ]


@contextmanager
def card_shop(tills: int, acquirer_port: int, folder: Path, *, replicas: int) -> Iterator[CardShop]:
    """Payments as `tillstream run payments` runs it: real PostgreSQL, RabbitMQ and Redis, nobody else there."""
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
    file = folder / f"acquirers-{acquirer_port}.toml"
    file.write_text(ACQUIRERS.format(name=ACQUIRER, port=acquirer_port), encoding="utf-8")
    name = f"bench_{secrets.token_hex(4)}"
    names = BusSettings(namespace=name, queue_prefix=f"{name}.")
    with database_server() as server, rabbitmq_server() as broker_url, redis_server() as redis_url, jwks(key) as edge:
        database_url = server.create()
        payments_url = service_url(database_url, definition.schema)
        try:
            migrate(database_url, [definition], {definition.schema: payments_url})
            store_id, till_id = uuid4(), uuid4()
            first = asyncio.run(_furnished(payments_url, store_id, till_id, tills))
            settings = {
                "TILLSTREAM_PAYMENTS_DATABASE_URL": payments_url,
                "TILLSTREAM_PAYMENTS_ACQUIRERS_FILE": str(file),
                "TILLSTREAM_RABBITMQ_URL": broker_url,
                "TILLSTREAM_REDIS_URL": redis_url,
                "TILLSTREAM_EDGE_URL": edge,
                "TILLSTREAM_BUS__NAMESPACE": names.namespace,
                "TILLSTREAM_BUS__QUEUE_PREFIX": names.queue_prefix,
                "TILLSTREAM_LOG_LEVEL": "WARNING",
            }
            with ExitStack() as stack:
                urls = [replica(stack, definition.name, settings) for _ in range(replicas)]
                yield CardShop(urls, database_url, token(key, store_id, till_id), first)
        finally:
            asyncio.run(remove(broker_url, names, consumers_of([definition], HostSettings())))
            server.drop(database_url)


async def _furnished(url: str, store_id: UUID, till_id: UUID, tills: int) -> list[UUID]:
    """A concentrated terminal for each till, and a tender at each that waits for its card, as sales asks for it."""
    database = Database(create_engine(url, schema=definition.schema))
    # Gives the database its outbox, which the replicas send; it is never started.
    MessageBus(definition.name, database, messaging, LocalTransport())
    limits = PaymentsSettings().limits
    tenders = []
    for number in range(tills):
        terminal_id, name = uuid4(), f"keyed-{number}"
        terminal = Terminal(terminal_id, store_id, name, None, (), active=True, kind=TerminalKind.CONCENTRATED)
        numbers = AcquirerTerminal(terminal_id, ACQUIRER, f"BENCH{number:03d}", "MERCHANT0000001", "5411")
        command = AuthorizeTender(
            tender_id=new_id(),
            sale_id=new_id(),
            store_id=store_id,
            till_id=till_id,
            kind="card",
            currency=CURRENCY,
            amount_minor=AMOUNT_MINOR,
            instrument=name,
        )
        async with database.transaction() as work:
            await TerminalRepository(work.connection).add_unwired(terminal, work.now)
            await AcquirerTerminalRepository(work.connection).replace(terminal_id, [numbers], work.now, uuid4())
            await authorize_tender(work, command, limits)
        tenders.append(command.tender_id)
    await database.close()
    return tenders
