"""Search as you type."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from libs.contracts.permissions import Permission
from libs.contracts.refusal import Invalid
from libs.web.authentication import require
from libs.web.paging import Page, Paging, encode_cursor
from libs.web.transactions import Reading
from services.catalog.api.product_schemas import ProductAnswer
from services.catalog.storage.search import LARGEST_OFFSET
from services.catalog.use_cases.search import search_catalogue

router = APIRouter(tags=["products"])


@router.get("/search", dependencies=[require(Permission.CATALOG_READ)], summary="Search products as you type")
async def get_search(
    connection: Reading,
    paging: Paging,
    q: Annotated[str, Query(min_length=1, max_length=200, description="Words of a name, a code, or a barcode.")],
    active: Annotated[bool | None, Query(description="Only active, or only inactive ones.")] = True,
) -> Page[ProductAnswer]:
    after = paging.after_keys(int)
    offset = 0 if after is None else after[0]
    if not 0 <= offset <= LARGEST_OFFSET:
        raise Invalid("cursor: not one that this list gave out; leave it away to start again", field="cursor")
    found = await search_catalogue(connection, q, active=active, offset=offset, limit=paging.limit + 1)
    more = len(found) > paging.limit and offset + paging.limit <= LARGEST_OFFSET
    return Page(
        items=[ProductAnswer.of(product) for product in found[: paging.limit]],
        next_cursor=encode_cursor([offset + paging.limit]) if more else None,
    )
