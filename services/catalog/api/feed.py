"""The catalogue for tills and other services: a snapshot, and the changes since."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from time import monotonic
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from libs.contracts.permissions import Permission
from libs.contracts.values import LARGEST_MINOR
from libs.persistence import Database
from libs.web.authentication import require
from libs.web.openapi import problems
from libs.web.transactions import resource
from services.catalog.api.compression import gzipped, takes_gzip
from services.catalog.settings import CatalogSettings
from services.catalog.use_cases.read_feed import (
    read_changes,
    snapshot_position,
    snapshot_products,
    snapshot_rules,
)

router = APIRouter(tags=["feed"])
_reads = require(Permission.CATALOG_READ)
Settings = Annotated[CatalogSettings, resource(CatalogSettings)]
LARGEST_CHANGES = 2_000
NDJSON = "application/x-ndjson"


class ChangesAnswer(BaseModel):
    """Changes in their order, each thing once and whole; `position` is what to send as `after` the next time."""

    items: list[dict[str, Any]] = Field(
        description="Each has `kind` (product, promotion, tax_category, barcode_layouts), `position`, and under the "
        "name of its kind the facts that the event of it carries; a product also `prices`."
    )
    position: int
    more: bool = Field(description="There is more already: ask again at once.")


@router.get(
    "/snapshot",
    dependencies=[_reads],
    response_class=StreamingResponse,
    responses={
        200: {"content": {NDJSON: {}}, "description": "One JSON object on each line."},
        304: {"description": "Nothing has changed since the snapshot with this ETag."},
    },
    summary="Read the whole catalogue",
)
async def get_snapshot(
    request: Request,
    settings: Settings,
    if_none_match: Annotated[str | None, Header(max_length=200)] = None,
) -> Response:
    """Newline-delimited JSON: a line with the `position`, then an item a line, then a line of kind `end`.

    Items are as in `/changes`. Read `/changes?after=<position>` afterwards: what changed while the snapshot was sent
    comes there again, so that both together are exactly the catalogue. A snapshot without its `end` was cut short.
    """
    database: Database = request.app.state.context.database
    async with database.reading() as connection:
        position = await snapshot_position(connection)
    headers = {"ETag": f'W/"{position}"', "Vary": "Accept-Encoding", "Cache-Control": "no-cache"}
    if if_none_match is not None and headers["ETag"] in [tag.strip() for tag in if_none_match.split(",")]:
        return Response(status_code=304, headers=headers)
    lines = _snapshot_lines(database, position, settings.feed_chunk_products)
    if takes_gzip(request):
        return StreamingResponse(gzipped(lines), media_type=NDJSON, headers={**headers, "Content-Encoding": "gzip"})
    return StreamingResponse(lines, media_type=NDJSON, headers=headers)


async def _snapshot_lines(database: Database, position: int, chunk_products: int) -> AsyncIterator[bytes]:
    # A short query for each chunk: no transaction stays open while a slow till downloads.
    yield f'{{"kind":"start","position":{position}}}\n'.encode()
    async with database.reading() as connection:
        rules = await snapshot_rules(connection)
    yield _lines(rules)
    count = 0
    after: UUID | None = None
    while True:
        async with database.reading() as connection:
            items, after = await snapshot_products(connection, after, chunk_products)
        count += len(items)
        yield _lines(items)
        if after is None:
            yield f'{{"kind":"end","position":{position},"products":{count}}}\n'.encode()
            return


def _lines(items: Sequence[str]) -> bytes:
    return "".join(f"{item}\n" for item in items).encode()


@router.get(
    "/changes",
    dependencies=[_reads],
    response_model=ChangesAnswer,
    responses=problems(409),
    summary="Read what changed since",
)
async def get_changes(
    request: Request,
    settings: Settings,
    after: Annotated[int, Query(ge=0, le=LARGEST_MINOR, description="The position reached so far.")],
    limit: Annotated[int, Query(ge=1, le=LARGEST_CHANGES, description="Items in one answer.")] = 500,
    wait: Annotated[float, Query(ge=0, le=60, description="Wait so many seconds for a change.")] = 0,
) -> Response:
    """Changes behind `after`, in order. With `wait` the answer comes when there is one, or empty after the wait."""
    database: Database = request.app.state.context.database
    until_s = monotonic() + min(wait, settings.feed_wait_s)
    while True:
        async with database.reading() as connection:
            changes = await read_changes(connection, after, limit)
        if changes.items or monotonic() >= until_s:
            break
        await asyncio.sleep(settings.feed_poll_s)
    more = "true" if changes.more else "false"
    body = f'{{"items":[{",".join(changes.items)}],"position":{changes.position},"more":{more}}}'.encode()
    if not takes_gzip(request):
        return Response(body, media_type="application/json", headers={"Vary": "Accept-Encoding"})

    async def once() -> AsyncIterator[bytes]:
        yield body

    headers = {"Vary": "Accept-Encoding", "Content-Encoding": "gzip"}
    return StreamingResponse(gzipped(once()), media_type="application/json", headers=headers)
