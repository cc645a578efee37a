"""Timers: receipts to mail, prints that nobody answers for, and the pruning of what need not be kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

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
PRINTS_EVERY_S = 30.0
MOST_LOGGED = 20
PRINT_UNANSWERED = "The gateway has not said what became of it. Look at the printer; print a copy if it is missing."

_log = structlog.get_logger(__name__)


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


async def give_up_prints(database: Database, settings: SalesSettings) -> None:
    """What became of prints that expired and that no gateway has answered for is not known: it may hang in the
    printer, or the PC is off. Should the gateway still report, that counts.
    """
    before = database.clock() - timedelta(seconds=settings.print_answer_grace_s)

    async def mark(work: UnitOfWork) -> int:
        marked = await PrintJobRepository(work.connection).unanswered(before, PRINT_UNANSWERED, PRUNE_BATCH_ROWS)
        if marked:
            _log.warning(
                "prints_unanswered", job_ids=[str(job_id) for job_id in marked[:MOST_LOGGED]], count=len(marked)
            )
        return len(marked)

    await _in_batches(database, mark)


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
        Job("sales.unanswered-prints", PRINTS_EVERY_S, lambda: give_up_prints(database, settings)),
        Job("sales.prune", PRUNE_EVERY_S, lambda: prune(database, answers, settings)),
    ]
