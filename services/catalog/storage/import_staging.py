"""Stage a batch of an import with COPY, and find in one query what of it the catalogue cannot take."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from pydantic_core import to_json
from sqlalchemy import text

from libs.persistence import Connection, new_id
from services.catalog.domain.import_columns import PRODUCT_COLUMNS, STAGED_COLUMN, Header
from services.catalog.domain.import_rows import ImportRow, RowRefusal
from services.catalog.domain.price import LARGEST_PRICES

_JSON_COLUMNS = ("names", "options")
_PRICE = ("price_list", "amount_minor", "minimum_quantity_milli", "starts_at", "ends_at")


def staged_columns(header: Header) -> list[str]:
    """The columns of the staging table that a file with this header fills, besides the row's own."""
    columns = [STAGED_COLUMN.get(name, name) for name in header.names if name in PRODUCT_COLUMNS]
    if header.languages:
        columns.append("names")
    if header.options:
        columns.append("options")
    if header.describes_products:
        columns += ["search_name", "search_codes"]
    if "price" in header.names:
        columns += _PRICE
    return columns


async def stage(connection: Connection, import_id: UUID, rows: Sequence[ImportRow], header: Header) -> None:
    """Copy the rows into the staging table, find their products by code, and lock these in one order."""
    columns = staged_columns(header)
    raw = await connection.get_raw_connection()
    driver: psycopg.AsyncConnection[Any] | None = raw.driver_connection
    assert driver is not None
    copy = sql.SQL("COPY import_rows (import_id, row_number, new_product_id, code, {}) FROM STDIN").format(
        sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    async with driver.cursor() as cursor, cursor.copy(copy) as target:
        for row in rows:
            values = [_copied(column, row.values.get(column)) for column in columns]
            await target.write_row((import_id, row.row_number, new_id(), row.code, *values))
    await connection.execute(text(_LOCK), {"import_id": import_id})
    await connection.execute(text(_RESOLVE), {"import_id": import_id})


def _copied(column: str, value: Any) -> Any:
    return to_json(value).decode() if value is not None and column in _JSON_COLUMNS else value


# In the order of ids, as every change of several products locks them; what is waited for is then read anew.
_LOCK = """
SELECT p.id FROM products p JOIN import_rows r ON r.code = p.code
WHERE r.import_id = :import_id ORDER BY p.id FOR NO KEY UPDATE OF p
"""
_RESOLVE = """
UPDATE import_rows r SET
    product_id = (SELECT p.id FROM products p WHERE p.code = r.code),
    variant_of = (SELECT p.id FROM products p WHERE p.code = r.variant_of_code)
WHERE r.import_id = :import_id
"""


async def refuse_unfit(
    connection: Connection, import_id: UUID, header: Header, promised_codes: Collection[str]
) -> list[RowRefusal]:
    """Take out of the staged batch, and return, the rows that contradict what the catalogue holds.

    `promised_codes` are products that an attempt without effect would have made: they count as parents.
    """
    checks = " UNION ALL ".join(_checks(header, staged_columns(header)))
    statement = text(
        f"WITH unfit AS ({checks}) "  # noqa: S608 - composed of the constants below, no value among them
        'SELECT DISTINCT ON (row_number) row_number, "column", value, message FROM unfit ORDER BY row_number, "column"'
    )
    found = await connection.execute(
        statement,
        {"import_id": import_id, "promised": list(promised_codes), "largest_prices": LARGEST_PRICES},
    )
    refusals = [RowRefusal(row.row_number, row.column, row.value or "", row.message) for row in found]
    if refusals:
        await connection.execute(
            text("DELETE FROM import_rows WHERE import_id = :import_id AND row_number = ANY(:rows)"),
            {"import_id": import_id, "rows": [refusal.row_number for refusal in refusals]},
        )
    return refusals


def _checks(header: Header, columns: Sequence[str]) -> list[str]:
    checks = [_NAMELESS, _UNTAXED] if header.describes_products else [_UNKNOWN_PRODUCT]
    if "barcodes" in columns:
        checks.append(_BARCODE_TAKEN)
    if "item_code" in columns:
        checks.append(_ITEM_CODE_TAKEN)
    if "variant_of_code" in columns:
        checks += [_NO_PARENT, _PARENT_IS_VARIANT, _HAS_VARIANTS]
    if "options" in columns:
        checks.append(_OPTIONS_WITHOUT_PARENT)
    if "unit" in columns:
        checks.append(_PIECES_WITH_FRACTIONS)
    if "price" in header.names:
        checks += [_FRACTION_OF_A_PIECE, _TOO_MANY_PRICES]
    return checks


def _check(column: str, value: str, message: str, source: str, where: str) -> str:
    return (
        f"SELECT r.row_number, '{column}' AS \"column\", ({value})::text AS value, {message} AS message "  # noqa: S608
        f"FROM import_rows r LEFT JOIN products p ON p.id = r.product_id {source} "
        f"WHERE r.import_id = :import_id AND ({where})"
    )


_UNKNOWN_PRODUCT = _check(
    "code", "r.code", "'there is no product with this code; import it first'", "", "r.product_id IS NULL"
)
_NAMELESS = _check(
    "name", "r.name", "'this product is new: give its name'", "", "r.product_id IS NULL AND r.name IS NULL"
)
_UNTAXED = _check(
    "tax_category",
    "r.tax_category",
    "'give a tax category; only a gift card has none'",
    "",
    "coalesce(r.tax_category, p.tax_category) IS NULL AND coalesce(r.kind, p.kind, 'goods') <> 'gift_card'",
)
_BARCODE_TAKEN = _check(
    "barcodes",
    "b.barcode",
    "'the barcode ' || b.barcode || ' belongs to ' || o.code || '; take it away there first'",
    # Unnested, because a join by `= ANY` of an array reads all barcodes for each row.
    "CROSS JOIN unnest(r.barcodes) AS given (barcode) JOIN product_barcodes b ON b.barcode = given.barcode "
    "JOIN products o ON o.id = b.product_id",
    "b.product_id IS DISTINCT FROM r.product_id",
)
_ITEM_CODE_TAKEN = _check(
    "item_code",
    "r.item_code",
    "'the item code belongs to ' || o.code",
    "JOIN products o ON o.item_code = r.item_code",
    "o.id IS DISTINCT FROM r.product_id",
)
_NO_PARENT = _check(
    "variant_of",
    "r.variant_of_code",
    "'there is no product with this code to be a variant of'",
    "",
    "r.variant_of_code IS NOT NULL AND r.variant_of IS NULL AND r.variant_of_code <> ALL(CAST(:promised AS text[]))",
)
_PARENT_IS_VARIANT = _check(
    "variant_of",
    "r.variant_of_code",
    "'the parent is a variant itself, or this very product'",
    "JOIN products o ON o.id = r.variant_of",
    "o.variant_of IS NOT NULL OR o.id = r.product_id",
)
_HAS_VARIANTS = _check(
    "variant_of",
    "r.variant_of_code",
    "'this product has variants of its own, so it cannot be one'",
    "",
    "r.variant_of IS NOT NULL AND EXISTS (SELECT FROM products v WHERE v.variant_of = r.product_id)",
)
_OPTIONS_WITHOUT_PARENT = _check(
    "options",
    "r.options",
    "'options tell variants apart: name the parent in variant_of'",
    "",
    "r.options <> '{}' AND r.variant_of_code IS NULL AND p.variant_of IS NULL",
)
_PIECES_WITH_FRACTIONS = _check(
    "unit",
    "r.unit",
    "'a quantity break of this product is not whole, so it cannot become pieces'",
    "",
    "r.unit = 'piece' AND EXISTS "
    "(SELECT FROM prices x WHERE x.product_id = r.product_id AND x.minimum_quantity_milli % 1000 <> 0)",
)
_FRACTION_OF_A_PIECE = _check(
    "minimum_quantity",
    "trim_scale(r.minimum_quantity_milli / 1000.0)",
    "'this product is counted in pieces: write a whole number'",
    "",
    "r.minimum_quantity_milli % 1000 <> 0 AND coalesce(r.unit, p.unit, 'piece') = 'piece'",
)
_TOO_MANY_PRICES = _check(
    "price",
    "r.amount_minor",
    "'a product has at most ' || CAST(:largest_prices AS text) || ' prices'",
    "JOIN (SELECT code, count(*) AS number FROM import_rows WHERE import_id = :import_id GROUP BY code) s "
    "ON s.code = r.code",
    "r.amount_minor IS NOT NULL AND s.number + "
    "(SELECT count(*) FROM prices x WHERE x.product_id = r.product_id) > CAST(:largest_prices AS integer)",
)
