"""Timers of catalog: telling of bulk changes, importing files, forgetting what is old."""

from __future__ import annotations

from datetime import timedelta

from libs.host.service import Job
from libs.persistence import Database
from libs.persistence.idempotency import IdempotencyStore
from services.catalog.settings import CatalogSettings
from services.catalog.storage.imports import ImportRepository
from services.catalog.use_cases.announce_products import announce_due
from services.catalog.use_cases.run_import import ImportLimits, run_import


def all_jobs(database: Database, settings: CatalogSettings, answers: IdempotencyStore) -> list[Job]:
    """The timers of the service."""
    limits = ImportLimits(settings.import_batch_rows, settings.import_largest_refusals, settings.import_largest_rows)

    async def announce() -> None:
        while True:
            async with database.transaction() as work:
                told = await announce_due(work, settings.announce_batch_products)
            if told < settings.announce_batch_products:
                return
            async with database.reading() as connection:
                importing = await ImportRepository(connection).next_open() is not None
            if importing:
                # One batch a turn: telling of what a large file has changed must not slow the file itself down.
                return

    async def import_files() -> None:
        while True:
            async with database.reading() as connection:
                progress = await ImportRepository(connection).next_open()
            if progress is None:
                return
            await run_import(database, progress, limits)

    async def prune() -> None:
        async with database.transaction() as work:
            imports = ImportRepository(work.connection)
            await imports.forget_files_before(work.now - timedelta(days=settings.keep_import_files_days))
            await imports.forget_before(work.now - timedelta(days=settings.keep_imports_days))
            keys_until = work.now - timedelta(days=settings.keep_idempotency_keys_days)
            await answers.forget_before(work.connection, keys_until)

    return [
        Job("announce", settings.announce_every_s, announce),
        Job("import", settings.import_every_s, import_files),
        Job("prune", settings.prune_every_s, prune),
    ]
