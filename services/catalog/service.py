"""The composition root of catalog."""

from __future__ import annotations

from pathlib import Path

from libs.host.service import Service, ServiceContext, ServiceDefinition
from libs.persistence.idempotency import IdempotencyStore
from services.catalog.api import (
    barcode_layouts,
    categories,
    exports,
    feed,
    imports,
    price_lists,
    products,
    promotions,
    search,
    stock,
    tax_categories,
)
from services.catalog.handlers import STOCK
from services.catalog.jobs import all_jobs
from services.catalog.settings import CatalogSettings
from services.catalog.storage.tables import idempotency_keys, metadata


def build(context: ServiceContext[CatalogSettings]) -> Service:
    """Wire the service."""
    answers = IdempotencyStore(idempotency_keys)
    return Service(
        routers=[
            products.router,
            categories.router,
            tax_categories.router,
            price_lists.router,
            promotions.router,
            barcode_layouts.router,
            stock.router,
            imports.router,
            exports.router,
            search.router,
            feed.router,
        ],
        consumers=[STOCK],
        jobs=all_jobs(context.database, context.settings, answers),
        resources={
            CatalogSettings: context.settings,
            IdempotencyStore: answers,
        },
    )


definition = ServiceDefinition(
    name="catalog",
    summary="Products, prices, promotions, tax categories and stock.",
    settings=CatalogSettings,
    metadata=metadata,
    migrations=Path(__file__).parent / "storage" / "migrations",
    build=build,
)
