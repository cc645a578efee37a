"""Timers: receipts to mail, and the pruning of what need not be kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from libs.host.service import Job
from libs.persistence import Database, UnitOfWork
from libs.persistence.idempotency import IdempotencyStore
from services.sales.price_books import PriceBooks
from services.sales.receipt_mail_job import receipt_mail_job
from services.sales.settings import SalesSettings
from services.sales.storage.baskets import BasketRepository
from services.sales.storage.print_jobs import PrintJobRepository
from services.sales.storage.receipt_emails import ReceiptEmailRepository

PRUNE_EVERY_S = 3_600.0
PRUNE_BATCH_ROWS = 1_000


async def prune(database: Database, answers: IdempotencyStore, settings: SalesSettings) -> None:
    """Forget old answers to retries, mails with their addresses, print jobs, and baskets that ended long ago.

    Their documents are kept for ever.
    """
    now = database.clock()
    async with database.transaction() as work:
        await answers.forget_before(work.connection, now - timedelta(days=settings.idempotency_keep_days))
    mailed_before = now - timedelta(days=settings.receipt_mail_keep_days)
    await _in_batches(
        database, lambda work: ReceiptEmailRepository(work.connection).forget(mailed_before, PRUNE_BATCH_ROWS)
    )
    printed_before = now - timedelta(days=settings.print_job_keep_days)
    await _in_batches(
        database, lambda work: PrintJobRepository(work.connection).forget(printed_before, PRUNE_BATCH_ROWS)
    )
    ended_before = now - timedelta(days=settings.finished_basket_keep_days)
    await _in_batches(
        database, lambda work: BasketRepository(work.connection).forget_finished(ended_before, PRUNE_BATCH_ROWS)
    )


async def _in_batches(database: Database, forget: Callable[[UnitOfWork], Awaitable[int]]) -> None:
    """`forget` rows until there are none left, a batch in each transaction, so that no till ever waits for it."""
    forgotten = PRUNE_BATCH_ROWS
    while forgotten == PRUNE_BATCH_ROWS:
        async with database.transaction() as work:
            forgotten = await forget(work)


def jobs(database: Database, books: PriceBooks, answers: IdempotencyStore, settings: SalesSettings) -> list[Job]:
    """The timers of sales; each runs on one replica at a time."""
    return [
        *receipt_mail_job(database, books, settings),
        Job("sales.prune", PRUNE_EVERY_S, lambda: prune(database, answers, settings)),
    ]
