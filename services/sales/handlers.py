"""What sales hears: catalogue, stores, tills and staff, kept as copies so that a sale waits for nobody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from libs.bus.consumer import ProjectionConsumer, Received
from libs.contracts.catalog import (
    BarcodeLayoutsChanged,
    PriceChanged,
    ProductChanged,
    PromotionChanged,
    TaxCategoryChanged,
)
from libs.contracts.identity import StaffChanged, StoreChanged, TillChanged
from libs.persistence import UnitOfWork
from services.sales.use_cases.keep_catalogue import CatalogueChanges, keep_catalogue


async def on_catalogue_changes(batch: Sequence[Received[Any]], work: UnitOfWork) -> None:
    """Keep a batch of facts, in the order in which they came."""
    changes = CatalogueChanges()
    for received in batch:
        changes.add(received.message, received.envelope.sequence)
    await keep_catalogue(work.connection, changes)


catalogue_consumer = ProjectionConsumer(
    name="sales.catalogue",
    messages=(
        ProductChanged,
        PriceChanged,
        PromotionChanged,
        TaxCategoryChanged,
        BarcodeLayoutsChanged,
        StoreChanged,
        TillChanged,
        StaffChanged,
    ),
    handler=on_catalogue_changes,
)
