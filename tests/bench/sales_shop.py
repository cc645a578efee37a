"""A shop for benches of sales: the service in a process of its own, tills with open shifts, and their tokens."""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID, uuid4

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from infra.demo.goods import ean_check_digit
from libs.bus.settings import BusSettings
from libs.bus.transports.rabbit import remove
from libs.contracts.catalog import PriceChanged, PriceFacts, ProductChanged, TaxCategoryChanged, TaxRateFacts
from libs.contracts.identity import StoreChanged, TillChanged
from libs.contracts.message import Message
from libs.contracts.permissions import MANAGER
from libs.host.migration import consumers_of
from libs.host.settings import HostSettings
from libs.persistence import Database, create_engine, new_id
from libs.persistence.migrate import migrate, service_url
from libs.testkit.brokers import rabbitmq_server, redis_server
from libs.testkit.databases import database_server
from libs.web.authentication import ISSUER
from services.sales.service import definition
from services.sales.use_cases.keep_catalogue import CatalogueChanges, keep_catalogue
from tests.integration.host.processes import child, free_port, until_ready

CURRENCY = "EUR"
PRODUCTS = 1_000
TOKEN_LIFETIME_S = 3_600


@dataclass(frozen=True)
class SalesShop:
    """The running replicas at `urls`. `tokens` are those of the cashiers, `shift_ids` and `till_ids` in their order."""

    urls: list[str]
    database_url: str
    tokens: list[str]
    till_ids: list[UUID]
    shift_ids: list[UUID]
    codes: list[str]


@contextmanager
def sales_shop(tills: int, *, replicas: int = 1) -> Iterator[SalesShop]:
    """Sales as `tillstream run sales` runs it: real PostgreSQL, RabbitMQ and Redis, nobody else in the database."""
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
    name = f"bench_{secrets.token_hex(4)}"
    names = BusSettings(namespace=name, queue_prefix=f"{name}.")
    with database_server() as server, rabbitmq_server() as broker_url, redis_server() as redis_url, jwks(key) as edge:
        database_url = server.create()
        sales_url = service_url(database_url, definition.schema)
        try:
            migrate(database_url, [definition], {definition.schema: sales_url})
            store, till_ids, codes = asyncio.run(_stock(sales_url, tills))
            settings = {
                "TILLSTREAM_SALES_DATABASE_URL": sales_url,
                "TILLSTREAM_RABBITMQ_URL": broker_url,
                "TILLSTREAM_REDIS_URL": redis_url,
                "TILLSTREAM_EDGE_URL": edge,
                "TILLSTREAM_BUS__NAMESPACE": names.namespace,
                "TILLSTREAM_BUS__QUEUE_PREFIX": names.queue_prefix,
                "TILLSTREAM_LOG_LEVEL": "WARNING",
            }
            with ExitStack() as stack:
                urls = [replica(stack, "sales", settings) for _ in range(replicas)]
                tokens = [token(key, store.store_id, till_id) for till_id in till_ids]
                shift_ids = [_open_shift(urls[0], each) for each in tokens]
                yield SalesShop(urls, database_url, tokens, till_ids, shift_ids, codes)
        finally:
            asyncio.run(remove(broker_url, names, consumers_of([definition], HostSettings())))
            server.drop(database_url)


def replica(stack: ExitStack, service: str, settings: dict[str, str]) -> str:
    """The URL of a service as `tillstream run` runs it, ready, and ended with the stack."""
    port = free_port()
    process = stack.enter_context(child(["libs.host.cli", "run", service, "--port", str(port)], settings))
    url = f"http://127.0.0.1:{port}"
    until_ready(f"{url}/{service}/readyz", process)
    return url


def _barcode(number: int) -> str:
    digits = f"5391{number:08d}"
    return digits + ean_check_digit(digits)


async def _stock(url: str, tills: int) -> tuple[StoreChanged, list[UUID], list[str]]:
    """Tell sales of a store, its tills and its goods, as events would; gives store, tills and barcodes."""
    store = StoreChanged(
        store_id=uuid4(),
        code="B1",
        name="Bench",
        country="IE",
        currency=CURRENCY,
        time_zone="Europe/Dublin",
        language="en",
        tax_mode="inclusive",
        tax_rounding="per_rate",
        cash_rounding_minor=5,
        price_list="retail",
        tax_number="IE1234567T",
    )
    till_ids = [uuid4() for _ in range(tills)]
    changes = CatalogueChanges()
    messages: list[Message] = [
        store,
        *(_till(store.store_id, till_id, number) for number, till_id in enumerate(till_ids, 1)),
    ]
    for category, rate_ppm in (("standard", 230_000), ("reduced", 135_000)):
        rate = TaxRateFacts(code="VAT", name="VAT", rate_ppm=rate_ppm, valid_from=None, valid_until=None)
        messages.append(TaxCategoryChanged(code=category, name=category, rates=(rate,)))
    for number in range(PRODUCTS):
        messages += _product(number)
    for message in messages:
        changes.add(message, 1)
    database = Database(create_engine(url, schema=definition.schema))
    async with database.transaction() as work:
        await keep_catalogue(work.connection, changes)
    await database.close()
    return store, till_ids, [_barcode(number) for number in range(PRODUCTS)]


def _till(store_id: UUID, till_id: UUID, number: int) -> TillChanged:
    return TillChanged(
        till_id=till_id, store_id=store_id, code=str(number), name=f"Till {number}", enrolled=True, active=True
    )


def _product(number: int) -> tuple[ProductChanged, PriceChanged]:
    product_id = uuid4()
    product = ProductChanged(
        product_id=product_id,
        code=f"P{number:05d}",
        name=f"Product number {number}",
        category_ids=(f"category-{number % 20}",),
        kind="goods",
        unit="piece",
        tax_category="reduced" if number % 3 else "standard",
        barcodes=(_barcode(number),),
        item_code=None,
        minimum_age_years=None,
        discountable=True,
        image_url=None,
        variant_of=None,
    )
    price = PriceFacts(
        price_list="retail", currency=CURRENCY, amount_minor=99 + number * 7 % 900, minimum_quantity_milli=0
    )
    return product, PriceChanged(product_id=product_id, prices=(price,))


def token(key: ECKey, store_id: UUID, till_id: UUID) -> str:
    """A cashier's token at a till, with everything that a manager may do."""
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "sub": str(uuid4()),
        "kind": "staff",
        "name": "A Cashier",
        "permissions": sorted(MANAGER),
        "store_ids": [str(store_id)],
        "store_id": str(store_id),
        "till_id": str(till_id),
        "exp": int((datetime.now(UTC) + timedelta(seconds=TOKEN_LIFETIME_S)).timestamp()),
        "limits": {"discount_ppm": 100_000, "refund_minor": 100_000, "cash_out_minor": 100_000},
    }
    return jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key, algorithms=["ES256"])


def _open_shift(url: str, token: str) -> UUID:
    shift_id = new_id()
    response = httpx.post(
        f"{url}/sales/v1/shifts",
        json={"shift_id": str(shift_id), "currency": CURRENCY, "float_minor": 10_000},
        headers={"Authorization": f"Bearer {token}"},
    )
    response.raise_for_status()
    return shift_id


@contextmanager
def jwks(key: ECKey) -> Iterator[str]:
    """What identity would publish, at the base URL that is yielded."""
    document = json.dumps(KeySet([key]).as_dict(private=False)).encode()

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(document)))
            self.end_headers()
            self.wfile.write(document)

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the name in the base class
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
