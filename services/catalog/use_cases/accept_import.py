"""Take a file in: read it as a whole, refuse what cannot be read, and leave the rest to the importing job."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

from libs.persistence import UnitOfWork, new_id
from services.catalog.domain.csv_text import DELIMITERS, ENCODINGS, decode, find_delimiter
from services.catalog.domain.import_rows import CsvFile, open_file
from services.catalog.domain.import_state import ImportProgress, ImportState
from services.catalog.domain.refusals import ImportUnreadable, UnknownPriceList
from services.catalog.storage.imports import ImportRepository
from services.catalog.storage.price_lists import PriceListRepository


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a file is to be read. `delimiter` is comma, semicolon or tab, found out if None.

    `price_list` is the list of prices in a file that has no column for it. A dry run reports and changes nothing.
    """

    encoding: str
    delimiter: str | None
    price_list: str | None
    dry_run: bool
    file_name: str | None


async def accept_import(
    work: UnitOfWork, file: bytes, options: ImportOptions, created_by: UUID, *, largest_rows: int
) -> ImportProgress:
    """Store the file to be imported. Raises ImportUnreadable or UnknownPriceList."""
    # In a thread, because megabytes are decoded and split here while others wait for their answers.
    opened = await asyncio.to_thread(_open, file, options, largest_rows)
    lists = await PriceListRepository(work.connection).all()
    if options.price_list is not None and options.price_list not in lists:
        raise UnknownPriceList(f"There is no price list {options.price_list!r}.", field="price_list")
    if "price" in opened.header.names and "price_list" not in opened.header.names and options.price_list is None:
        raise ImportUnreadable(
            "The file has prices but does not say of which price list: add a column 'price_list', "
            "or send price_list= with the file.",
            field="price_list",
        )
    progress = ImportProgress(
        id=new_id(),
        state=ImportState.WAITING,
        dry_run=options.dry_run,
        file_name=options.file_name,
        encoding=options.encoding,
        delimiter=opened.delimiter,
        price_list=options.price_list,
        total_rows=opened.row_count,
        done_rows=0,
        created_rows=0,
        changed_rows=0,
        unchanged_rows=0,
        refused_rows=0,
        attempts=0,
        failure=None,
        created_by=created_by,
        created_at=work.now,
        started_at=None,
        finished_at=None,
    )
    await ImportRepository(work.connection).insert(progress, file)
    return progress


def _open(file: bytes, options: ImportOptions, largest_rows: int) -> CsvFile:
    if options.encoding not in ENCODINGS:
        raise ImportUnreadable(f"The encoding is one of {', '.join(ENCODINGS)}.", field="encoding")
    if options.delimiter is not None and options.delimiter not in DELIMITERS:
        raise ImportUnreadable(f"The delimiter is one of {', '.join(DELIMITERS)}.", field="delimiter")
    if not file:
        raise ImportUnreadable("The file is empty.", field="file")
    text = decode(file, options.encoding)
    delimiter = DELIMITERS[options.delimiter] if options.delimiter else find_delimiter(text)
    return open_file(text, delimiter, largest_rows=largest_rows)
