"""Timers: unknown outcomes are inquired for, missing answers noticed, old answers to retries forgotten."""

from __future__ import annotations

from datetime import timedelta

from libs.host.service import Job
from libs.persistence import Database
from libs.persistence.idempotency import IdempotencyStore
from services.payments.settings import PaymentsSettings
from services.payments.storage.operations import OperationRepository
from services.payments.use_cases.inquire import inquire_due
from services.payments.use_cases.record_answer import give_up_waiting, record_given_up


async def watch(database: Database, settings: PaymentsSettings) -> None:
    """One look at everything that waits: commands given up, answers overdue, inquiries due."""
    limits, batch = settings.limits, settings.watch_batch_rows
    async with database.reading() as connection:
        operations = OperationRepository(connection)
        given_up = await operations.given_up(batch)
        overdue = await operations.overdue(database.clock(), batch)
    # A transaction for each, so that one payment never holds up another.
    for operation, failure in given_up:
        async with database.transaction() as work:
            await record_given_up(work, operation, failure, limits)
    for operation in overdue:
        async with database.transaction() as work:
            await give_up_waiting(work, operation, limits)
    asked = batch
    while asked == batch:
        async with database.transaction() as work:
            asked = await inquire_due(work, limits, batch)


def jobs(database: Database, settings: PaymentsSettings, answers: IdempotencyStore) -> list[Job]:
    """The timers of payments; each runs on one replica at a time."""

    async def prune() -> None:
        before = database.clock() - timedelta(days=settings.keep_idempotency_keys_days)
        async with database.transaction() as work:
            await answers.forget_before(work.connection, before)

    return [
        Job("payments.watch", settings.watch_every_s, lambda: watch(database, settings)),
        Job("payments.prune", settings.prune_every_s, prune),
    ]
