"""Search the catalogue as somebody types."""

from __future__ import annotations

from libs.barcodes import parse_scan
from libs.contracts.refusal import Refusal
from libs.persistence import Connection
from services.catalog.domain.catalogue import CatalogueProduct
from services.catalog.domain.folding import fold, prefix_query
from services.catalog.storage.search import search_products


async def search_catalogue(
    connection: Connection, typed: str, *, active: bool | None, offset: int, limit: int
) -> list[CatalogueProduct]:
    """What fits the typed text: first by exact code or barcode, then what begins so, then what holds all its words.

    Accents and capitals do not matter, and the last word may be unfinished. Without a word nothing fits.
    """
    typed = typed.strip()
    words = prefix_query(typed)
    if words is None:
        return []
    return await search_products(
        connection,
        typed,
        fold(typed),
        words,
        _barcodes(typed),
        active=active,
        offset=offset,
        limit=limit,
    )


def _barcodes(typed: str) -> tuple[str, ...]:
    try:
        return parse_scan(typed).candidates
    except Refusal:
        # Half a barcode has no right check digit yet; it is found as the beginning of a word.
        return ()
