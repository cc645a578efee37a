"""Timers: receipts to mail, and the pruning of what need not be kept."""

from __future__ import annotations

from datetime import timedelta

from libs.host.service import Job
from libs.persistence import Database
from libs.persistence.idempotency import IdempotencyStore
from services.sales.price_books import PriceBooks
from services.sales.receipt_mail_job import receipt_mail_job
from services.sales.settings import SalesSettings
from services.sales.storage.baskets import BasketRepository

PRUNE_EVERY_S = 3_600.0
PRUNE_BATCH_ROWS = 1_000


async def prune(database: Database, answers: IdempotencyStore, settings: SalesSettings) -> None:
    """Forget old answers to retries, and baskets that ended long ago: their documents are kept for ever."""
    now = database.clock()
    async with database.transaction() as work:
        await answers.forget_before(work.connection, now - timedelta(days=settings.idempotency_keep_days))
    before = now - timedelta(days=settings.finished_basket_keep_days)
    forgotten = PRUNE_BATCH_ROWS
    while forgotten == PRUNE_BATCH_ROWS:
        # A batch in each transaction, so that no till ever waits for it.
        async with database.transaction() as work:
            forgotten = await BasketRepository(work.connection).forget_finished(before, PRUNE_BATCH_ROWS)


def jobs(database: Database, books: PriceBooks, answers: IdempotencyStore, settings: SalesSettings) -> list[Job]:
    """The timers of sales; each runs on one replica at a time."""
    return [
        *receipt_mail_job(database, books, settings),
        Job("sales.prune", PRUNE_EVERY_S, lambda: prune(database, answers, settings)),
    ]
