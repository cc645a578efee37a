"""The rows of an import: each read and checked by itself and against the rows before it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from services.catalog.domain.csv_text import records
from services.catalog.domain.import_columns import (
    NAME_PREFIX,
    OPTION_PREFIX,
    PRODUCT_COLUMNS,
    STAGED_COLUMN,
    CellReader,
    Header,
    Known,
    WrongCell,
    read_code,
    read_header,
    read_moment,
    read_name,
    read_price_list,
)
from services.catalog.domain.product import ProductKind, search_codes, search_name
from services.catalog.domain.refusals import ImportUnreadable

LONGEST_SHOWN_VALUE = 200


@dataclass(frozen=True, slots=True)
class RowRefusal:
    """Why a row was not taken: its number in the file, the column, what stands there and what would be right."""

    row_number: int
    column: str
    value: str
    message: str


@dataclass(frozen=True, slots=True)
class ImportRow:
    """A row that can be taken by what it says itself. `values` are by the columns of the staging table."""

    row_number: int
    code: str
    values: dict[str, Any]


CheckedRow = ImportRow | RowRefusal


@dataclass(frozen=True, slots=True)
class CsvFile:
    """The text of a file that can be read as a whole, its delimiter, header and number of rows."""

    text: str
    delimiter: str
    header: Header
    row_count: int


def open_file(text: str, delimiter: str, *, largest_rows: int) -> CsvFile:
    """Read the header and count the rows. Raises ImportUnreadable for what makes the whole file useless."""
    rows = records(text, delimiter)
    first = next(rows, None)
    if first is None:
        raise ImportUnreadable("The file is empty: its first line names the columns.", field="file")
    header = read_header(first[1])
    row_count = sum(1 for _ in rows)
    if row_count == 0:
        raise ImportUnreadable("The file has a header line and nothing below it.", field="file")
    if row_count > largest_rows:
        raise ImportUnreadable(
            f"The file has {row_count} rows, and {largest_rows} are taken at once: split it.", field="file"
        )
    return CsvFile(text, delimiter, header, row_count)


class RowReader:
    """Reads the rows of one file, in an order in which parents come before their variants.

    `price_list` is the list of prices in a file that has no column for it. What the file has said so far is remembered,
    so that a second row for the same product or barcode is refused.
    """

    def __init__(self, file: CsvFile, known: Known, price_list: str | None) -> None:
        self.file = file
        self._known = known
        self._price_list = price_list
        self._reader = CellReader(known, decimal_comma=file.delimiter != ",")
        self.codes: dict[str, int] = {}
        self._barcodes: dict[str, int] = {}
        self._item_codes: dict[str, int] = {}
        self._prices: dict[tuple[Any, ...], int] = {}

    def batches(self, size: int, *, skip: int) -> Iterator[list[CheckedRow]]:
        """Every row of the file, taken or refused, in batches of at most `size`, without the first `skip` rows.

        Skipped rows are read all the same, for later rows are checked against them. No batch holds both products that
        may be parents and variants, so that a variant finds its parent stored.
        """
        skipped = 0
        for rows in self._passes():
            batch: list[CheckedRow] = []
            for row in rows:
                if skipped < skip:
                    skipped += 1
                    continue
                batch.append(row)
                if len(batch) == size:
                    yield batch
                    batch = []
            if batch:
                yield batch

    def _passes(self) -> Iterator[Iterator[CheckedRow]]:
        names = self.file.header.names
        if "variant_of" not in names:
            yield self._rows_where(lambda _cells: True)
            return
        place = names.index("variant_of")
        yield self._rows_where(lambda cells: not any(cells[place : place + 1]))
        yield self._rows_where(lambda cells: any(cells[place : place + 1]))

    def _rows_where(self, wanted: Callable[[list[str]], bool]) -> Iterator[CheckedRow]:
        rows = records(self.file.text, self.file.delimiter)
        next(rows)
        for number, cells in rows:
            if wanted(cells):
                yield self._row(number, cells)

    def _row(self, number: int, cells: list[str]) -> CheckedRow:
        names = self.file.header.names
        if len(cells) != len(names):
            shown = self.file.delimiter.join(cells)[:LONGEST_SHOWN_VALUE]
            return RowRefusal(number, "", shown, f"the row has {len(cells)} cells and the header {len(names)}")
        row = _Cells(dict(zip(names, cells, strict=True)))
        try:
            code: str = read_code(self._reader, row.at("code"))
            values = self._product_values(row)
            values.update(self._price_values(row))
            self._refuse_repeats(row, code, values)
        except WrongCell as wrong:
            return RowRefusal(number, row.column, row.at(row.column)[:LONGEST_SHOWN_VALUE], str(wrong))
        self._remember(number, code, values)
        return ImportRow(number, code, values)

    def _product_values(self, row: _Cells) -> dict[str, Any]:
        header = self.file.header
        values: dict[str, Any] = {}
        for column in header.names:
            read = PRODUCT_COLUMNS.get(column)
            if read is not None:
                values[STAGED_COLUMN.get(column, column)] = read(self._reader, row.at(column))
        if header.languages:
            values["names"] = self._texts(row, NAME_PREFIX, header.languages)
        if header.options:
            values["options"] = self._texts(row, OPTION_PREFIX, header.options)
        untaxed = "tax_category" in values and values["tax_category"] is None
        if untaxed and not row.at("tax_category") and values.get("kind") != ProductKind.GIFT_CARD:
            raise WrongCell("write a tax category; only a gift card has none")
        return values

    def _texts(self, row: _Cells, prefix: str, keys: Iterable[str]) -> dict[str, str]:
        cells = {key: row.at(prefix + key) for key in keys}
        return {key: read_name(self._reader, row.at(prefix + key)) for key, cell in cells.items() if cell}

    def _price_values(self, row: _Cells) -> dict[str, Any]:
        """The price of a row; none if its cell is empty in a file of products."""
        if not row.at("price"):
            if self.file.header.describes_products:
                return {}
            raise WrongCell("write a price")
        price_list = read_price_list(self._reader, row.at("price_list") or self._price_list or "")
        currency_code = self._known.price_lists[price_list].currency
        if row.at("currency") not in ("", currency_code):
            raise WrongCell(f"the price list {price_list} is in {currency_code}")
        amount_minor = self._reader.amount_minor(row.at("price"), currency_code)
        quantity = row.at("minimum_quantity")
        minimum_quantity_milli = self._reader.quantity_milli(quantity) if quantity else 0
        starts_at = read_moment(self._reader, row.at("starts_at"))
        ends_at = read_moment(self._reader, row.at("ends_at"))
        if starts_at is not None and ends_at is not None and ends_at <= starts_at:
            raise WrongCell("write a time after starts_at")
        return {
            "price_list": price_list,
            "amount_minor": amount_minor,
            "minimum_quantity_milli": minimum_quantity_milli,
            "starts_at": starts_at,
            "ends_at": ends_at,
        }

    def _refuse_repeats(self, row: _Cells, code: str, values: dict[str, Any]) -> None:
        """Raise WrongCell for what an earlier row of the file has said already."""
        if self.file.header.describes_products:
            row.at("code")
            _refuse_known(self.codes, code, "is about this product already")
        else:
            row.at("price")
            _refuse_known(self._prices, _price_key(code, values), "has the price for this already")
        row.at("barcodes")
        for barcode in values.get("barcodes", ()):
            _refuse_known(self._barcodes, barcode, f"has the barcode {barcode} already")
        row.at("item_code")
        _refuse_known(self._item_codes, values.get("item_code"), "has this item code already")

    def _remember(self, number: int, code: str, values: dict[str, Any]) -> None:
        self.codes[code] = number
        if not self.file.header.describes_products:
            self._prices[_price_key(code, values)] = number
            return
        for barcode in values.get("barcodes", ()):
            self._barcodes[barcode] = number
        if values.get("item_code") is not None:
            self._item_codes[values["item_code"]] = number
        # What search finds a new product by; of one that is there already it is worked out after the merge.
        values["search_name"] = search_name(values.get("name") or "", code, values.get("names") or {})
        values["search_codes"] = search_codes(values.get("barcodes", ()), values.get("item_code"))


class _Cells:
    """The cells of a row by their columns; `column` is the one looked at last, so that a refusal can name it."""

    def __init__(self, by_name: dict[str, str]) -> None:
        self._by_name = by_name
        self.column = "code"

    def at(self, column: str) -> str:
        """The cell of a column; empty if the file has no such column."""
        self.column = column
        return self._by_name.get(column, "")


def _refuse_known(known: dict[Any, int], key: Any, what: str) -> None:
    if key is not None and key in known:
        raise WrongCell(f"row {known[key]} {what}")


def _price_key(code: str, values: dict[str, Any]) -> tuple[Any, ...]:
    return code, values.get("price_list"), values.get("minimum_quantity_milli"), values.get("starts_at")
