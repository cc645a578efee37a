"""The composition root of sales: the only file that wires."""

from __future__ import annotations

from pathlib import Path

from libs.host.service import Service, ServiceContext, ServiceDefinition
from libs.persistence.idempotency import IdempotencyStore
from libs.web.live import LiveFeed
from services.sales.api import (
    basket_events,
    baskets,
    continuity,
    exchange_rates,
    price_checks,
    prints,
    receipt_layouts,
    receipts,
    sale_queries,
    sales,
    shifts,
    tenders,
    till_printing,
    voids,
)
from services.sales.domain.shift import ShiftPolicy
from services.sales.handlers import catalogue_consumer
from services.sales.jobs import jobs
from services.sales.price_books import PriceBooks
from services.sales.printing_handlers import devices_consumer, printing_consumer
from services.sales.receipt_layouts import ReceiptLayouts
from services.sales.settings import SalesSettings
from services.sales.storage.tables import idempotency_keys, metadata
from services.sales.tender_handlers import tender_consumer
from services.sales.use_cases.keep_slips import SlipDesk


def build(context: ServiceContext[SalesSettings]) -> Service:
    """Wire the service."""
    books = PriceBooks()
    layouts = ReceiptLayouts()
    feed = LiveFeed(context.redis)
    answers = IdempotencyStore(idempotency_keys)
    return Service(
        routers=[
            # Routes are tried in this order, one after the other: the one that every till calls most goes first.
            sales.router,
            baskets.router,
            basket_events.router,
            tenders.router,
            sale_queries.router,
            receipts.router,
            prints.router,
            receipt_layouts.router,
            voids.router,
            shifts.router,
            exchange_rates.router,
            price_checks.router,
            continuity.router,
            till_printing.router,
        ],
        consumers=[
            catalogue_consumer,
            tender_consumer(feed, SlipDesk(books, context.settings)),
            devices_consumer,
            printing_consumer(books, layouts, context.settings),
        ],
        jobs=jobs(context.database, books, answers, context.settings),
        resources={
            PriceBooks: books,
            ReceiptLayouts: layouts,
            IdempotencyStore: answers,
            LiveFeed: feed,
            SalesSettings: context.settings,
            ShiftPolicy: context.settings.shift_policy,
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
