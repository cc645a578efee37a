"""Merge a staged batch into the catalogue with a handful of statements, whatever its size.

Only what differs is written, so that the same file a second time changes nothing and tells nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from libs.persistence import Connection
from services.catalog.domain.import_columns import Header
from services.catalog.domain.import_state import BatchResult
from services.catalog.domain.product import search_codes, search_name
from services.catalog.storage.import_staging import staged_columns

_OWN_COLUMNS = (
    "name",
    "kind",
    "unit",
    "tax_category",
    "item_code",
    "minimum_age_years",
    "discountable",
    "image_url",
    "tracks_stock",
    "active",
)
_TEXT_COLUMNS = ("names", "options")


class BatchInterference(RuntimeError):
    """Somebody else took a code or a barcode while the batch was merged: it is rolled back and tried again."""


@dataclass(frozen=True, slots=True)
class _Difference:
    """What one staged row changes."""

    product_id: UUID
    is_new: bool
    product: bool
    prices: bool


async def merge(connection: Connection, import_id: UUID, header: Header, now: datetime) -> BatchResult:
    """Merge what is staged and note what must be told of. Raises BatchInterference."""
    columns = staged_columns(header)
    given = {"import_id": import_id, "languages": list(header.languages), "options": list(header.options), "now": now}
    if header.describes_products:
        await _insert_new(connection, given)
    differences = await _differences(connection, columns, given)
    changed = {each.product_id for each in differences if each.product and not each.is_new}
    touched = {each.product_id for each in differences if each.product}
    priced = {each.product_id for each in differences if each.prices}
    new = {each.product_id for each in differences if each.is_new}
    await _update_changed(connection, columns, given, changed)
    await _count_versions(connection, priced - changed - new, now)
    if touched:
        await _replace_categories(connection, columns, given, touched)
        await _replace_barcodes(connection, columns, given, touched)
    if priced:
        await connection.execute(text(_UPSERT_PRICES), {**given, "products": sorted(priced)})
    if changed & touched and header.describes_products:
        await _refresh_search(connection, sorted(changed))
    await _mark_due(connection, touched, priced)
    await connection.execute(text("DELETE FROM import_rows WHERE import_id = :import_id"), given)
    created = sum(each.is_new for each in differences)
    altered = sum(not each.is_new and (each.product or each.prices) for each in differences)
    return BatchResult(created, altered, len(differences) - created - altered)


async def _insert_new(connection: Connection, given: dict[str, Any]) -> None:
    expected = (await connection.execute(text(_COUNT_NEW), given)).scalar_one()
    if not expected:
        return
    inserted = await connection.execute(text(_INSERT_NEW), given)
    if inserted.rowcount != expected:
        raise BatchInterference("a product of this batch was created by somebody else at the same moment")
    await connection.execute(text(_ADOPT_NEW), given)


_COUNT_NEW = "SELECT count(*) FROM import_rows WHERE import_id = :import_id AND product_id IS NULL"
_ADOPT_NEW = "UPDATE import_rows SET product_id = new_product_id WHERE import_id = :import_id AND product_id IS NULL"
_INSERT_NEW = """
INSERT INTO products (
    id, version, code, name, names, kind, unit, tax_category, item_code, minimum_age_years, discountable, image_url,
    variant_of, options, tracks_stock, active, search_name, search_codes, created_at, changed_at
)
SELECT
    new_product_id, 1, code, name, coalesce(names, '{}'), coalesce(kind, 'goods'), coalesce(unit, 'piece'),
    tax_category, item_code, minimum_age_years, coalesce(discountable, true), image_url, variant_of,
    coalesce(options, '{}'), coalesce(tracks_stock, true), coalesce(active, true), search_name, search_codes, :now, :now
FROM import_rows WHERE import_id = :import_id AND product_id IS NULL
ORDER BY new_product_id
ON CONFLICT DO NOTHING
"""


async def _differences(connection: Connection, columns: Sequence[str], given: dict[str, Any]) -> list[_Difference]:
    product = " OR ".join(_product_differences(columns)) or "false"
    prices = _PRICE_DIFFERS if "amount_minor" in columns else "false"
    statement = (
        "SELECT r.product_id, r.product_id = r.new_product_id AS is_new, "  # noqa: S608 - constants of this module
        f"r.product_id = r.new_product_id OR {product} AS product, {prices} AS prices "
        "FROM import_rows r JOIN products p ON p.id = r.product_id WHERE r.import_id = :import_id"
    )
    rows = await connection.execute(text(statement), given)
    return [_Difference(row.product_id, row.is_new, row.product, row.prices) for row in rows]


def _product_differences(columns: Sequence[str]) -> list[str]:
    differences = [f"p.{column} IS DISTINCT FROM r.{column}" for column in _OWN_COLUMNS if column in columns]
    differences += [f"p.{column} IS DISTINCT FROM {_merged(column)}" for column in _TEXT_COLUMNS if column in columns]
    if "variant_of_code" in columns:
        differences.append("p.variant_of IS DISTINCT FROM r.variant_of")
    if "category_ids" in columns:
        differences.append(
            "ARRAY(SELECT c.category_id FROM product_categories c WHERE c.product_id = p.id ORDER BY c.category_id) "
            "IS DISTINCT FROM r.category_ids"
        )
    if "barcodes" in columns:
        differences.append(
            "ARRAY(SELECT b.barcode FROM product_barcodes b WHERE b.product_id = p.id ORDER BY b.position) "
            "IS DISTINCT FROM r.barcodes"
        )
    return differences


def _merged(column: str) -> str:
    """Names or options as they become: those in the file's columns replaced, the others kept."""
    replaced = "languages" if column == "names" else "options"
    return f"((p.{column} - CAST(:{replaced} AS text[])) || r.{column})"


_PRICE_DIFFERS = """(r.amount_minor IS NOT NULL AND NOT EXISTS (
    SELECT FROM prices x WHERE x.product_id = r.product_id AND x.price_list = r.price_list
    AND x.minimum_quantity_milli = r.minimum_quantity_milli AND x.starts_at IS NOT DISTINCT FROM r.starts_at
    AND x.ends_at IS NOT DISTINCT FROM r.ends_at AND x.amount_minor = r.amount_minor))"""


async def _update_changed(
    connection: Connection, columns: Sequence[str], given: dict[str, Any], changed: Collection[UUID]
) -> None:
    if not changed:
        return
    settings = [f"{column} = r.{column}" for column in _OWN_COLUMNS if column in columns]
    settings += [f"{column} = {_merged(column)}" for column in _TEXT_COLUMNS if column in columns]
    if "variant_of_code" in columns:
        settings.append("variant_of = r.variant_of")
    settings += ["version = p.version + 1", "changed_at = :now"]
    statement = (
        f"UPDATE products p SET {', '.join(settings)} FROM import_rows r "  # noqa: S608 - constants of this module
        "WHERE r.import_id = :import_id AND p.id = r.product_id AND p.id = ANY(:changed)"
    )
    await connection.execute(text(statement), {**given, "changed": sorted(changed)})


async def _count_versions(connection: Connection, product_ids: Collection[UUID], now: datetime) -> None:
    if product_ids:
        statement = "UPDATE products SET version = version + 1, changed_at = :now WHERE id = ANY(:ids)"
        await connection.execute(text(statement), {"ids": sorted(product_ids), "now": now})


async def _replace_categories(
    connection: Connection, columns: Sequence[str], given: dict[str, Any], touched: Collection[UUID]
) -> None:
    if "category_ids" in columns:
        parameters = {**given, "products": sorted(touched)}
        await connection.execute(text(_DELETE_CATEGORIES), parameters)
        await connection.execute(text(_INSERT_CATEGORIES), parameters)


_DELETE_CATEGORIES = """
DELETE FROM product_categories c USING import_rows r
WHERE r.import_id = :import_id AND c.product_id = r.product_id AND r.product_id = ANY(:products)
AND c.category_id <> ALL(r.category_ids)
"""
_INSERT_CATEGORIES = """
INSERT INTO product_categories (product_id, category_id)
SELECT r.product_id, c FROM import_rows r CROSS JOIN unnest(r.category_ids) AS c
WHERE r.import_id = :import_id AND r.product_id = ANY(:products)
ON CONFLICT DO NOTHING
"""


async def _replace_barcodes(
    connection: Connection, columns: Sequence[str], given: dict[str, Any], touched: Collection[UUID]
) -> None:
    if "barcodes" not in columns:
        return
    parameters = {**given, "products": sorted(touched)}
    await connection.execute(text(_DELETE_BARCODES), parameters)
    expected = (await connection.execute(text(_COUNT_BARCODES), parameters)).scalar_one()
    if expected and (await connection.execute(text(_INSERT_BARCODES), parameters)).rowcount != expected:
        raise BatchInterference("a barcode of this batch was given to another product at the same moment")


_DELETE_BARCODES = """
DELETE FROM product_barcodes b USING import_rows r
WHERE r.import_id = :import_id AND b.product_id = r.product_id AND r.product_id = ANY(:products)
AND b.barcode <> ALL(r.barcodes)
"""
_COUNT_BARCODES = """
SELECT coalesce(sum(cardinality(r.barcodes)), 0) FROM import_rows r
WHERE r.import_id = :import_id AND r.product_id = ANY(:products)
"""
_INSERT_BARCODES = """
INSERT INTO product_barcodes (barcode, product_id, position)
SELECT b.barcode, r.product_id, b.place - 1
FROM import_rows r CROSS JOIN unnest(r.barcodes) WITH ORDINALITY AS b (barcode, place)
WHERE r.import_id = :import_id AND r.product_id = ANY(:products)
ORDER BY b.barcode
ON CONFLICT (barcode) DO UPDATE SET position = excluded.position
WHERE product_barcodes.product_id = excluded.product_id
"""
_UPSERT_PRICES = """
INSERT INTO prices (product_id, price_list, minimum_quantity_milli, starts_at, ends_at, amount_minor)
SELECT r.product_id, r.price_list, r.minimum_quantity_milli, r.starts_at, r.ends_at, r.amount_minor
FROM import_rows r
WHERE r.import_id = :import_id AND r.amount_minor IS NOT NULL AND r.product_id = ANY(:products)
ORDER BY r.product_id, r.row_number
ON CONFLICT (product_id, price_list, minimum_quantity_milli, starts_at)
DO UPDATE SET ends_at = excluded.ends_at, amount_minor = excluded.amount_minor
"""


async def _refresh_search(connection: Connection, product_ids: Sequence[UUID]) -> None:
    """Fold anew what changed products are found by; accents are folded here, not by the database."""
    rows = (await connection.execute(text(_SEARCHED), {"ids": product_ids})).all()
    found = [
        (row.id, search_name(row.name, row.code, row.names), search_codes(row.barcodes, row.item_code)) for row in rows
    ]
    stale = [each for each, row in zip(found, rows, strict=True) if each[1:] != (row.search_name, row.search_codes)]
    if stale:
        ids, names, codes = zip(*stale, strict=True)
        await connection.execute(text(_STORE_SEARCHED), {"ids": list(ids), "names": list(names), "codes": list(codes)})


_SEARCHED = """
SELECT p.id, p.code, p.name, p.names, p.item_code, p.search_name, p.search_codes,
    ARRAY(SELECT b.barcode FROM product_barcodes b WHERE b.product_id = p.id ORDER BY b.position) AS barcodes
FROM products p WHERE p.id = ANY(:ids)
"""
_STORE_SEARCHED = """
UPDATE products p SET search_name = s.search_name, search_codes = s.search_codes
FROM unnest(CAST(:ids AS uuid[]), CAST(:names AS text[]), CAST(:codes AS text[])) AS s (id, search_name, search_codes)
WHERE p.id = s.id
"""


async def _mark_due(connection: Connection, touched: set[UUID], priced: set[UUID]) -> None:
    ids = sorted(touched | priced)
    if ids:
        parameters = {
            "ids": ids,
            "products": [product_id in touched for product_id in ids],
            "prices": [product_id in priced for product_id in ids],
        }
        await connection.execute(text(_MARK_DUE), parameters)


_MARK_DUE = """
INSERT INTO product_announcements (product_id, sequence, change_number, product_due, prices_due)
SELECT d.id, 0, 0, d.product_due, d.prices_due
FROM unnest(CAST(:ids AS uuid[]), CAST(:products AS boolean[]), CAST(:prices AS boolean[]))
    AS d (id, product_due, prices_due)
ORDER BY d.id
ON CONFLICT (product_id) DO UPDATE SET
    product_due = product_announcements.product_due OR excluded.product_due,
    prices_due = product_announcements.prices_due OR excluded.prices_due
"""
