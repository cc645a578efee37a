"""Download the catalogue as CSV, in the form that imports read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from libs.contracts.permissions import Permission
from libs.persistence import Database
from libs.web.authentication import require
from libs.web.transactions import resource
from services.catalog.domain.csv_text import DELIMITERS, lines
from services.catalog.settings import CatalogSettings
from services.catalog.use_cases.export_catalogue import (
    PRICE_HEADER,
    all_price_lists,
    price_rows,
    product_columns,
    product_rows,
)

router = APIRouter(tags=["exports"])
_reads = require(Permission.CATALOG_READ)
Settings = Annotated[CatalogSettings, resource(CatalogSettings)]
Delimiter = Annotated[Literal["comma", "semicolon", "tab"], Query(description="What separates the cells.")]
_CSV: dict[int | str, dict[str, object]] = {200: {"content": {"text/csv": {}}, "description": "A CSV file in UTF-8."}}
# Spreadsheets take it as the sign of UTF-8; imports accept it.
_BYTE_ORDER_MARK = "\ufeff"


@router.get(
    "/exports/products",
    dependencies=[_reads],
    response_class=StreamingResponse,
    responses=_CSV,
    summary="Download all products",
)
async def export_products(request: Request, settings: Settings, delimiter: Delimiter = "comma") -> StreamingResponse:
    database: Database = request.app.state.context.database
    separator = DELIMITERS[delimiter]

    async def file() -> AsyncIterator[str]:
        # Chunk by chunk with short queries: no transaction stays open for as long as somebody downloads.
        async with database.reading() as connection:
            columns = await product_columns(connection)
        yield _BYTE_ORDER_MARK + lines([columns.header], separator)
        after: UUID | None = None
        while True:
            async with database.reading() as connection:
                rows, after = await product_rows(connection, columns, after, settings.feed_chunk_products)
            yield lines(rows, separator)
            if after is None:
                return

    return _download(file(), "products.csv")


@router.get(
    "/exports/prices",
    dependencies=[_reads],
    response_class=StreamingResponse,
    responses=_CSV,
    summary="Download all prices",
)
async def export_prices(request: Request, settings: Settings, delimiter: Delimiter = "comma") -> StreamingResponse:
    database: Database = request.app.state.context.database
    separator = DELIMITERS[delimiter]

    async def file() -> AsyncIterator[str]:
        yield _BYTE_ORDER_MARK + lines([PRICE_HEADER], separator)
        after: UUID | None = None
        while True:
            async with database.reading() as connection:
                lists = await all_price_lists(connection)
                rows, after = await price_rows(connection, lists, after, settings.feed_chunk_products)
            yield lines(rows, separator)
            if after is None:
                return

    return _download(file(), "prices.csv")


def _download(file: AsyncIterator[str], name: str) -> StreamingResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(file, media_type="text/csv", headers=headers)
