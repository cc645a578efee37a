"""The composition root of sales: the only file that wires."""

from __future__ import annotations

from pathlib import Path

from libs.host.service import Service, ServiceContext, ServiceDefinition
from libs.persistence.idempotency import IdempotencyStore
from libs.web.live import LiveFeed
from services.sales.api import continuity, sales, tenders
from services.sales.handlers import catalogue_consumer
from services.sales.price_books import PriceBooks
from services.sales.settings import SalesSettings
from services.sales.storage.tables import idempotency_keys, metadata
from services.sales.tender_handlers import tender_consumer


def build(context: ServiceContext[SalesSettings]) -> Service:
    """Wire the service."""
    return Service(
        routers=[
            sales.router,
            tenders.router,
            continuity.router,
        ],
        consumers=[catalogue_consumer, tender_consumer],
        resources={
            PriceBooks: PriceBooks(),
            IdempotencyStore: IdempotencyStore(idempotency_keys),
            LiveFeed: LiveFeed(context.redis),
            SalesSettings: context.settings,
        },
    )


definition = ServiceDefinition(
    name="sales",
    summary="Baskets, sales, returns, shifts, receipts, numbers, X and Z.",
    settings=SalesSettings,
    metadata=metadata,
    migrations=Path(__file__).parent / "storage" / "migrations",
    build=build,
)
