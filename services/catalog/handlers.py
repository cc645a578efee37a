"""What catalog hears: finished documents move stock."""

from __future__ import annotations

from libs.bus.consumer import Consumer, Received
from libs.contracts.sales import SaleCompleted
from libs.persistence import UnitOfWork
from services.catalog.use_cases.move_stock_of_sale import move_stock_of_sale


async def _sale_completed(received: Received[SaleCompleted], work: UnitOfWork) -> None:
    await move_stock_of_sale(work, received.message)


STOCK = Consumer(name="catalog.stock", handlers={SaleCompleted: _sale_completed})
