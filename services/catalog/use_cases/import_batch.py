"""Import one batch of a file's rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from libs.persistence import Connection, UnitOfWork
from services.catalog.domain.import_columns import Header, Known
from services.catalog.domain.import_rows import CheckedRow, ImportRow, RowRefusal
from services.catalog.domain.import_state import BatchResult, ImportProgress
from services.catalog.storage.categories import CategoryRepository
from services.catalog.storage.import_merge import merge
from services.catalog.storage.import_staging import refuse_unfit, stage
from services.catalog.storage.imports import ImportRepository
from services.catalog.storage.price_lists import PriceListRepository
from services.catalog.storage.rules import RuleRepository
from services.catalog.storage.transactions import undone


async def read_known(connection: Connection) -> Known:
    """What the cells of a file may name."""
    return Known(
        frozenset(await RuleRepository(connection).tax_category_codes()),
        await CategoryRepository(connection).ids_by_code(),
        await PriceListRepository(connection).all(),
    )


async def import_batch(
    work: UnitOfWork,
    progress: ImportProgress,
    header: Header,
    rows: Sequence[CheckedRow],
    *,
    file_codes: Collection[str],
    largest_refusals: int,
) -> bool:
    """Import `rows`, which follow the rows done so far, and count them; False if another replica was faster.

    A dry run does the same and undoes it, all but the report; `file_codes` are the products its file has named so far.
    Raises BatchInterference when the batch must be tried again.
    """
    imports = ImportRepository(work.connection)
    present = await imports.find(progress.id, for_update=True)
    if present is None or present.state.is_over or present.done_rows != progress.done_rows:
        return False
    refusals = [row for row in rows if isinstance(row, RowRefusal)]
    taken = [row for row in rows if isinstance(row, ImportRow)]
    result = BatchResult()
    if taken and progress.dry_run:
        async with undone(work.connection):
            unfit, result = await _import(work, progress, header, taken, file_codes)
        refusals += unfit
    elif taken:
        unfit, result = await _import(work, progress, header, taken, ())
        refusals += unfit
    room = max(0, largest_refusals - present.refused_rows)
    await imports.add_refusals(progress.id, refusals[:room])
    await imports.advance(progress.id, len(rows), result, len(refusals), work.now)
    return True


async def _import(
    work: UnitOfWork, progress: ImportProgress, header: Header, rows: Sequence[ImportRow], promised: Collection[str]
) -> tuple[list[RowRefusal], BatchResult]:
    await stage(work.connection, progress.id, rows, header)
    unfit = await refuse_unfit(work.connection, progress.id, header, promised)
    return unfit, await merge(work.connection, progress.id, header, work.now)
