"""Import products and prices from CSV, watch it, and read what was refused and why."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import Field
from starlette.datastructures import UploadFile

from libs.contracts.permissions import Permission
from libs.persistence import Database
from libs.web.authentication import Caller, RequestBody, require
from libs.web.paging import Page, Paging
from libs.web.transactions import Reading, Work, resource
from services.catalog.api.import_schemas import ImportAnswer, RefusalAnswer
from services.catalog.domain.csv_text import DELIMITERS, ENCODINGS, UTF_8, lines
from services.catalog.domain.import_state import ImportProgress
from services.catalog.domain.refusals import ImportUnreadable, NotFoundHere
from services.catalog.settings import CatalogSettings
from services.catalog.storage.imports import ImportRepository
from services.catalog.use_cases.accept_import import ImportOptions, accept_import

router = APIRouter(tags=["imports"])
_imports = require(Permission.CATALOG_IMPORT)
Settings = Annotated[CatalogSettings, resource(CatalogSettings)]

LARGEST_FILE_BYTES = 64 * 1024 * 1024
PROGRESS_POLL_S = 0.5
REPORT_CHUNK_ROWS = 1_000
_REPORT_HEADER = ("row", "column", "value", "message")
_FILE = {"type": "string", "format": "binary", "description": "A CSV file; its first line names the columns."}
_REQUEST_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {"schema": _FILE},
            "multipart/form-data": {"schema": {"type": "object", "properties": {"file": _FILE}, "required": ["file"]}},
        },
    }
}


class ImportQuery(RequestBody):
    """How to read the file. Unknown parameters are refused: a misspelt `dry_run` would change the catalogue."""

    encoding: str = Field(default=UTF_8, description=f"One of {', '.join(ENCODINGS)}.")
    delimiter: str | None = Field(default=None, description=f"One of {', '.join(DELIMITERS)}; found out if absent.")
    price_list: str | None = Field(
        default=None, max_length=64, description="Of the prices in a file without a column price_list."
    )
    dry_run: bool = Field(default=False, description="Report what would happen, and change nothing.")
    file_name: str | None = Field(default=None, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")


@router.post(
    "/imports",
    status_code=202,
    dependencies=[_imports],
    max_body_size=LARGEST_FILE_BYTES,
    openapi_extra=_REQUEST_BODY,
    summary="Import a CSV file of products and prices",
)
async def post_import(
    request: Request,
    response: Response,
    caller: Caller,
    work: Work,
    settings: Settings,
    query: Annotated[ImportQuery, Query()],
) -> ImportAnswer:
    """Take a file in and import it in the background; watch `GET /imports/{id}` or its `/progress`.

    The header line names the columns, in any order: `code`, which must be there, and any of `name`, `name:<language>`,
    `kind`, `unit`, `tax_category`, `categories` and `barcodes` (several with | between them), `item_code`,
    `minimum_age_years`, `discountable`, `image_url`, `variant_of` (the parent's code), `option:<name>`, `tracks_stock`,
    `active`, `price`, `price_list`, `currency`, `minimum_quantity`, `starts_at`, `ends_at`. A product that is new needs
    a name and a tax category; of one that is known, only what the file has columns for is changed, and an empty cell
    means "none" (an empty `price` leaves prices alone). A file without product columns is one of prices and may name a
    product many times. The same file again changes nothing.
    """
    name, file = await _uploaded(request)
    options = ImportOptions(query.encoding, query.delimiter, query.price_list, query.dry_run, query.file_name or name)
    progress = await accept_import(work, file, options, caller.id, largest_rows=settings.import_largest_rows)
    response.headers["Location"] = f"/catalog/v1/imports/{progress.id}"
    return ImportAnswer.of(progress)


async def _uploaded(request: Request) -> tuple[str | None, bytes]:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "multipart/form-data":
        return None, await request.body()
    async with request.form(max_files=1, max_fields=10) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise ImportUnreadable("Send the CSV as the part 'file' of the form.", field="file")
        name = (file.filename or "").rsplit("/", 1)[-1].rsplit("\\", 1)[-1][:200]
        printable = name if name and name.isprintable() else None
        return printable, await file.read()


@router.get("/imports", dependencies=[_imports], summary="List imports, the latest first")
async def get_imports(connection: Reading, paging: Paging) -> Page[ImportAnswer]:
    after = paging.after_keys(datetime.fromisoformat, UUID)
    found = await ImportRepository(connection).page(None if after is None else (after[0], after[1]), paging.limit + 1)
    return paging.page(found, lambda each: (each.created_at.isoformat(), str(each.id)), ImportAnswer.of)


@router.get("/imports/{import_id}", dependencies=[_imports], summary="See how far an import has come")
async def get_import(import_id: UUID, connection: Reading) -> ImportAnswer:
    return ImportAnswer.of(_found(await ImportRepository(connection).find(import_id), import_id))


@router.get(
    "/imports/{import_id}/progress",
    dependencies=[_imports],
    response_class=EventSourceResponse,
    summary="Watch an import until it is over",
)
async def watch_import(import_id: UUID, request: Request) -> AsyncIterator[ServerSentEvent]:
    """Server-Sent Events named `progress`, each an import as `GET /imports/{id}` tells it; the last one is over."""
    database: Database = request.app.state.context.database
    shown: ImportAnswer | None = None
    while True:
        async with database.reading() as connection:
            progress = await ImportRepository(connection).find(import_id)
        if progress is None:
            yield ServerSentEvent(event="missing", data=f"There is no import {import_id}.")
            return
        answer = ImportAnswer.of(progress)
        if answer != shown:
            shown = answer
            yield ServerSentEvent(event="progress", data=answer)
        if progress.state.is_over:
            return
        await asyncio.sleep(PROGRESS_POLL_S)


@router.get("/imports/{import_id}/refusals", dependencies=[_imports], summary="Read what was refused and why")
async def get_refusals(import_id: UUID, connection: Reading, paging: Paging) -> Page[RefusalAnswer]:
    repository = ImportRepository(connection)
    _found(await repository.find(import_id), import_id)
    after = paging.after_keys(int)
    refusals = await repository.refusals(import_id, None if after is None else after[0], paging.limit + 1)
    return paging.page(refusals, lambda refusal: (refusal.row_number,), RefusalAnswer.of)


@router.get(
    "/imports/{import_id}/refusals.csv",
    dependencies=[_imports],
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}}, "description": "row, column, value, message"}},
    summary="Download what was refused and why",
)
async def download_refusals(import_id: UUID, connection: Reading, request: Request) -> StreamingResponse:
    progress = _found(await ImportRepository(connection).find(import_id), import_id)
    database: Database = request.app.state.context.database

    async def report() -> AsyncIterator[str]:
        # With a byte order mark, which spreadsheets take as the sign of UTF-8.
        yield "\ufeff" + lines([_REPORT_HEADER], progress.delimiter)
        after: int | None = None
        while True:
            async with database.reading() as chunk:
                refusals = await ImportRepository(chunk).refusals(import_id, after, REPORT_CHUNK_ROWS)
            rows = [(str(each.row_number), each.column, each.value, each.message) for each in refusals]
            yield lines(rows, progress.delimiter)
            if len(refusals) < REPORT_CHUNK_ROWS:
                return
            after = refusals[-1].row_number

    disposition = f'attachment; filename="refusals-{import_id}.csv"'
    return StreamingResponse(report(), media_type="text/csv", headers={"Content-Disposition": disposition})


def _found(progress: ImportProgress | None, import_id: UUID) -> ImportProgress:
    if progress is None:
        raise NotFoundHere(f"There is no import {import_id}.", field="import_id")
    return progress
