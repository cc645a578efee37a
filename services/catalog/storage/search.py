"""Search as you type: what is exactly it, what begins so, what holds all the words; by indexes, without extensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, text

from libs.persistence import Connection
from services.catalog.domain.catalogue import CatalogueProduct
from services.catalog.storage.products import CATALOGUE_PRODUCT, product_of
from services.catalog.storage.tables import products

# How many that begin so, and how many that hold the words, are ranked. One letter fits half of the catalogue, and
# whoever typed it will type another before looking at that many.
CANDIDATE_ROWS = 500
LARGEST_OFFSET = 2 * CANDIDATE_ROWS
# The last character there is: a range up to it is a prefix, which the index serves also in a prepared statement.
_LAST_CHARACTER = "\U0010ffff"

_EXACT_AND_BEGINNING = """
WITH exact AS (
    SELECT p.id, p.search_name, 0 AS tier, 1::real AS rank FROM products p
    WHERE p.id IN (
        SELECT c.id FROM products c WHERE c.code = :typed
        UNION ALL SELECT i.id FROM products i WHERE i.item_code = :typed
        UNION ALL SELECT b.product_id FROM product_barcodes b WHERE b.barcode = ANY(:barcodes)
    )
    AND (CAST(:active AS boolean) IS NULL OR p.active = :active)
), beginning AS (
    SELECT p.id, p.search_name, 1 AS tier, 1::real AS rank FROM products p
    WHERE p.search_name ~>=~ :folded AND p.search_name ~<=~ :folded_end
    AND (CAST(:active AS boolean) IS NULL OR p.active = :active)
    ORDER BY p.search_name USING ~<~ LIMIT :candidates
), scanned AS (
    SELECT p.id, p.search_name, 1 AS tier, 1::real AS rank
    FROM (
        SELECT b.product_id FROM product_barcodes b
        WHERE b.barcode >= :code AND b.barcode <= :code_end ORDER BY b.barcode LIMIT :candidates
    ) b JOIN products p ON p.id = b.product_id
    WHERE CAST(:active AS boolean) IS NULL OR p.active = :active
)"""
_HOLDING = """, holding AS (
    SELECT h.id, h.search_name, 2 AS tier, ts_rank(h.search, to_tsquery('simple', :words)) AS rank
    FROM (
        SELECT p.id, p.search_name, p.search FROM products p
        WHERE p.search @@ to_tsquery('simple', :words)
        AND (CAST(:active AS boolean) IS NULL OR p.active = :active)
        LIMIT :candidates
    ) h
)"""
_BEST = """, best AS (
    SELECT DISTINCT ON (c.id) c.id, c.search_name, c.tier, c.rank
    FROM (SELECT * FROM exact UNION ALL SELECT * FROM beginning UNION ALL SELECT * FROM scanned{more}) c
    ORDER BY c.id, c.tier
)
SELECT id FROM best ORDER BY tier, rank DESC, search_name, id OFFSET :offset LIMIT :limit"""
# In two steps: what begins so fills most pages, and looking for words in the middle costs the more the shorter they
# are. Both sort by tier first, so the pages of one search fit together.
_FIRST = text(_EXACT_AND_BEGINNING + _BEST.format(more=""))
_ALL = text(_EXACT_AND_BEGINNING + _HOLDING + _BEST.format(more=" UNION ALL SELECT * FROM holding"))


async def search_products(
    connection: Connection,
    typed: str,
    folded: str,
    words: str,
    barcodes: Sequence[str],
    *,
    active: bool | None,
    offset: int,
    limit: int,
) -> list[CatalogueProduct]:
    """Up to `limit` products behind the first `offset`, the best first.

    `typed` is the text, `folded` the same folded, `words` a tsquery of its words as prefixes, and `barcodes` are the
    stored forms that it may be the whole of.
    """
    parameters: dict[str, Any] = {
        "typed": typed,
        "folded": folded,
        "folded_end": folded + _LAST_CHARACTER,
        "code": typed.upper(),
        "code_end": typed.upper() + _LAST_CHARACTER,
        "barcodes": list(barcodes),
        "active": active,
        "candidates": CANDIDATE_ROWS,
        "offset": offset,
        "limit": limit,
    }
    ids = [row.id for row in await connection.execute(_FIRST, parameters)]
    if len(ids) < limit:
        ids = [row.id for row in await connection.execute(_ALL, {**parameters, "words": words})]
    rows = await connection.execute(CATALOGUE_PRODUCT.where(products.c.id == func.any(ids)))
    by_id = {row.id: product_of(row) for row in rows}
    return [by_id[product_id] for product_id in ids if product_id in by_id]
