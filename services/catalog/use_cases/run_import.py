"""Carry an accepted file into the catalogue, batch by batch, from wherever an earlier turn stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from libs.persistence import Database
from services.catalog.domain.csv_text import decode
from services.catalog.domain.import_rows import CheckedRow, RowReader, open_file
from services.catalog.domain.import_state import ImportProgress, ImportState
from services.catalog.domain.refusals import ImportUnreadable
from services.catalog.storage.import_merge import BatchInterference
from services.catalog.storage.imports import ImportRepository
from services.catalog.use_cases.import_batch import import_batch, read_known

MOST_TRIES_OF_A_BATCH = 3


@dataclass(frozen=True, slots=True)
class ImportLimits:
    """How much at once, and how many refusals are kept."""

    batch_rows: int
    largest_refusals: int
    largest_rows: int


async def run_import(database: Database, progress: ImportProgress, limits: ImportLimits) -> None:
    """Import what is left of a file, each batch in a transaction of its own.

    Killed at any moment, it goes on behind the last batch that was committed, here or on another replica.
    """
    async with database.transaction() as work:
        state = await ImportRepository(work.connection).begin_attempt(progress.id, work.now)
    if state is not ImportState.RUNNING:
        return
    try:
        reader = await _reader(database, progress, limits)
    except ImportUnreadable as unreadable:
        async with database.transaction() as work:
            await ImportRepository(work.connection).fail(progress.id, unreadable.sentence, work.now)
        return
    batches = reader.batches(limits.batch_rows, skip=progress.done_rows)
    promises = progress.dry_run and "variant_of" in reader.file.header.names
    # In a thread, so that reading and checking a batch keeps nobody at the service waiting.
    while batch := await asyncio.to_thread(next, batches, None):
        codes = list(reader.codes) if promises else []

        async def attempt(
            done: ImportProgress = progress, batch: Sequence[CheckedRow] = batch, codes: Sequence[str] = codes
        ) -> bool:
            async with database.transaction() as work:
                header = reader.file.header
                return await import_batch(
                    work, done, header, batch, file_codes=codes, largest_refusals=limits.largest_refusals
                )

        if not await _tried(attempt):
            return
        progress = replace(progress, done_rows=progress.done_rows + len(batch))


async def _reader(database: Database, progress: ImportProgress, limits: ImportLimits) -> RowReader:
    async with database.reading() as connection:
        file = await ImportRepository(connection).file(progress.id)
        known = await read_known(connection)
    if file is None:
        raise ImportUnreadable("The file is gone. Upload it again.")

    def open_again() -> RowReader:
        text = decode(file, progress.encoding)
        opened = open_file(text, progress.delimiter, largest_rows=limits.largest_rows)
        return RowReader(opened, known, progress.price_list)

    return await asyncio.to_thread(open_again)


async def _tried(attempt: Callable[[], Awaitable[bool]]) -> bool:
    """Try a batch again when somebody else changed the same products at the same moment."""
    for _ in range(MOST_TRIES_OF_A_BATCH - 1):
        try:
            return await attempt()
        except BatchInterference:
            continue
    return await attempt()
