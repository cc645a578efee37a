"""Search as you type: what is exactly it, what begins so, what holds all the words; by indexes, without extensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

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

_RANKED = """
WITH exact AS (
    SELECT p.id, p.search_name, 0 AS tier, 1::real AS rank FROM products p
    WHERE (p.code = :typed OR p.item_code = :typed
        OR p.id IN (SELECT b.product_id FROM product_barcodes b WHERE b.barcode = ANY(:barcodes)))
    AND (CAST(:active AS boolean) IS NULL OR p.active = :active)
), beginning AS (
    SELECT p.id, p.search_name, 1 AS tier, 1::real AS rank FROM products p
    WHERE p.search_name ~>=~ :folded AND p.search_name ~<=~ :folded_end
    AND (CAST(:active AS boolean) IS NULL OR p.active = :active)
    ORDER BY p.search_name USING ~<~ LIMIT :candidates
), holding AS (
    SELECT h.id, h.search_name, 2 AS tier, ts_rank(h.search, to_tsquery('simple', :words)) AS rank
    FROM (
        SELECT p.id, p.search_name, p.search FROM products p
        WHERE p.search @@ to_tsquery('simple', :words)
        AND (CAST(:active AS boolean) IS NULL OR p.active = :active)
        LIMIT :candidates
    ) h
), best AS (
    SELECT DISTINCT ON (c.id) c.id, c.search_name, c.tier, c.rank
    FROM (SELECT * FROM exact UNION ALL SELECT * FROM beginning UNION ALL SELECT * FROM holding) c
    ORDER BY c.id, c.tier
)
SELECT id FROM best ORDER BY tier, rank DESC, search_name, id OFFSET :offset LIMIT :limit
"""


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
        "words": words,
        "barcodes": list(barcodes),
        "active": active,
        "candidates": CANDIDATE_ROWS,
        "offset": offset,
        "limit": limit,
    }
    ids = [row.id for row in await connection.execute(text(_RANKED), parameters)]
    rows = await connection.execute(CATALOGUE_PRODUCT.where(products.c.id.in_(ids)))
    by_id = {row.id: product_of(row) for row in rows}
    return [by_id[product_id] for product_id in ids if product_id in by_id]
