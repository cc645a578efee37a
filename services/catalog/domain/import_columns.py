"""The columns of product and price files: what each may hold, and how a cell becomes a value.

A file has a header line. `code` must be there; every other column may be missing, and then what it would say stays as
it is. An empty cell of a column that is there says "none".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from libs.barcodes import normalise_barcode, normalise_item_code
from libs.contracts.refusal import Refusal
from libs.contracts.values import LARGEST_MINOR
from libs.money import InvalidQuantity, Quantity, Unit, currency
from services.catalog.domain.price import PriceList
from services.catalog.domain.product import (
    LARGEST_AGE_YEARS,
    LARGEST_BARCODES,
    LARGEST_CATEGORIES,
    ProductKind,
    checked_code,
    checked_image_url,
    checked_name,
)
from services.catalog.domain.refusals import ImportUnreadable

SEPARATOR = "|"
NAME_PREFIX = "name:"
OPTION_PREFIX = "option:"
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_TRUE = frozenset({"true", "yes", "1"})
_FALSE = frozenset({"false", "no", "0"})
_PLAIN_DECIMAL = re.compile(r"[0-9]{1,15}(\.[0-9]+)?", re.ASCII)


class WrongCell(Exception):
    """A cell that cannot be taken; its text says what would be right."""


@dataclass(frozen=True, slots=True)
class Known:
    """What cells may name: codes of tax categories, of categories with their ids, and of price lists."""

    tax_categories: frozenset[str]
    categories: Mapping[str, UUID]
    price_lists: Mapping[str, PriceList]


@dataclass(frozen=True, slots=True)
class CellReader:
    """Reads cells of one file. `decimal_comma` holds where the comma does not separate cells."""

    known: Known
    decimal_comma: bool

    def decimal(self, cell: str) -> Decimal:
        """A decimal number without thousands separators."""
        text = cell.replace(",", ".") if self.decimal_comma else cell
        if not _PLAIN_DECIMAL.fullmatch(text):
            example = "12.99 or 12,99" if self.decimal_comma else "12.99"
            raise WrongCell(f"write a number such as {example}, without thousands separators or currency")
        try:
            return Decimal(text)
        except InvalidOperation as error:
            raise WrongCell("write a number such as 12.99") from error

    def amount_minor(self, cell: str, currency_code: str) -> int:
        """An amount of money with at most the currency's decimals, in minor units."""
        digits = currency(currency_code).digits
        scaled = self.decimal(cell).scaleb(digits)
        if scaled != scaled.to_integral_value():
            raise WrongCell(f"{currency_code} has {digits} decimals at most")
        if scaled > LARGEST_MINOR:
            raise WrongCell("that is more money than can be stored")
        return int(scaled)

    def quantity_milli(self, cell: str) -> int:
        """A quantity, in thousandths."""
        try:
            return Quantity.of(self.decimal(cell)).milli
        except InvalidQuantity as error:
            raise WrongCell("a quantity has at most three decimals") from error


def _refusing(check: Callable[[str], Any]) -> Callable[[CellReader, str], Any]:
    """A cell reader from a domain check, whose refusal becomes what is said of the cell."""

    def read(_reader: CellReader, cell: str) -> Any:
        try:
            return check(cell)
        except Refusal as refusal:
            raise WrongCell(refusal.sentence) from refusal

    return read


def _optional(read: Callable[[CellReader, str], Any]) -> Callable[[CellReader, str], Any]:
    return lambda reader, cell: read(reader, cell) if cell else None


def _choice(*choices: str) -> Callable[[CellReader, str], str]:
    def read(_reader: CellReader, cell: str) -> str:
        if cell in choices:
            return cell
        raise WrongCell(f"write one of {', '.join(choices)}")

    return read


def _flag(_reader: CellReader, cell: str) -> bool:
    text = cell.lower()
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise WrongCell("write true or false")


def _age(_reader: CellReader, cell: str) -> int:
    if cell.isascii() and cell.isdecimal() and 1 <= int(cell[:4]) <= LARGEST_AGE_YEARS:
        return int(cell)
    raise WrongCell(f"write an age of 1 to {LARGEST_AGE_YEARS} years, or nothing")


def _tax_category(reader: CellReader, cell: str) -> str:
    if cell in reader.known.tax_categories:
        return cell
    raise WrongCell(f"there is no tax category {cell!r}; make it first")


def _categories(reader: CellReader, cell: str) -> list[UUID]:
    codes = _parts(cell)
    for code in codes:
        if code not in reader.known.categories:
            raise WrongCell(f"there is no category {code!r}; make it first")
    if len(codes) > LARGEST_CATEGORIES:
        raise WrongCell(f"at most {LARGEST_CATEGORIES} categories for a product")
    return sorted({reader.known.categories[code] for code in codes})


def _barcodes(_reader: CellReader, cell: str) -> list[str]:
    parts = _parts(cell)
    if len(parts) > LARGEST_BARCODES:
        raise WrongCell(f"at most {LARGEST_BARCODES} barcodes for a product")
    try:
        # A dictionary, because it keeps the order and drops a barcode that is given in two forms.
        return list(dict.fromkeys(normalise_barcode(part) for part in parts))
    except Refusal as refusal:
        raise WrongCell(refusal.sentence) from refusal


def _parts(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(SEPARATOR) if part.strip()]


def _price_list(reader: CellReader, cell: str) -> str:
    if cell in reader.known.price_lists:
        return cell
    raise WrongCell(f"there is no price list {cell!r}; make it first")


def _moment(_reader: CellReader, cell: str) -> datetime:
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError as error:
        raise WrongCell("write a time such as 2026-05-31T08:00:00+02:00") from error
    if moment.tzinfo is None:
        raise WrongCell("write the time with its offset, such as 2026-05-31T08:00:00+02:00, or Z for UTC")
    return moment


PRODUCT_COLUMNS: Mapping[str, Callable[[CellReader, str], Any]] = {
    "name": _refusing(checked_name),
    "kind": _choice(*(kind.value for kind in ProductKind)),
    "unit": _choice(*(unit.value for unit in Unit)),
    "tax_category": _optional(_tax_category),
    "categories": _categories,
    "barcodes": _barcodes,
    "item_code": _optional(_refusing(normalise_item_code)),
    "minimum_age_years": _optional(_age),
    "discountable": _flag,
    "image_url": _optional(_refusing(checked_image_url)),
    "variant_of": _optional(_refusing(checked_code)),
    "tracks_stock": _flag,
    "active": _flag,
}
"""Columns of a product, each with how its cells are read."""

STAGED_COLUMN = {"categories": "category_ids", "variant_of": "variant_of_code"}
"""What a column is called where batches are staged, if not by its own name."""

PRICE_COLUMNS = ("price", "currency", "price_list", "minimum_quantity", "starts_at", "ends_at")
"""Columns of a price; `price` is in the currency of the price list, which `currency` may state again as a check."""

read_code = _refusing(checked_code)
read_name = _refusing(checked_name)
read_price_list = _price_list
read_moment = _optional(_moment)


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of a file, in their order.

    A file with product columns says of each product once; one with price columns only may name a product many times.
    """

    names: tuple[str, ...]

    @property
    def describes_products(self) -> bool:
        """Whether it says anything but prices."""
        return any(name != "code" and name not in PRICE_COLUMNS for name in self.names)

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages with a column of names."""
        return tuple(name.removeprefix(NAME_PREFIX) for name in self.names if name.startswith(NAME_PREFIX))

    @property
    def options(self) -> tuple[str, ...]:
        """Options with a column."""
        return tuple(name.removeprefix(OPTION_PREFIX) for name in self.names if name.startswith(OPTION_PREFIX))


def read_header(cells: list[str]) -> Header:
    """The header of a file. Raises ImportUnreadable naming a column that is missing, unknown or there twice."""
    names = tuple(_header_name(cell) for cell in cells)
    for index, name in enumerate(names):
        if name in names[:index]:
            raise ImportUnreadable(f"The column {name} is there twice.", field="file", column=name)
        if not _is_column(name):
            raise ImportUnreadable(
                f"There is no column {name!r}. Columns are code, {', '.join(PRODUCT_COLUMNS)}, "
                f"{NAME_PREFIX}<language>, {OPTION_PREFIX}<name>, {', '.join(PRICE_COLUMNS)}.",
                field="file",
                column=name,
            )
    if "code" not in names:
        raise ImportUnreadable("The header line has no column 'code', which names the product.", field="file")
    if len(names) == 1:
        raise ImportUnreadable("The file has no column besides 'code'.", field="file")
    if "price" not in names and any(name in PRICE_COLUMNS for name in names):
        raise ImportUnreadable("The file says where prices hold but has no column 'price'.", field="file")
    return Header(names)


def _header_name(cell: str) -> str:
    name = cell.strip()
    for prefix in (NAME_PREFIX, OPTION_PREFIX):
        if name.lower().startswith(prefix):
            return prefix + name[len(prefix) :].strip()
    return name.lower()


def _is_column(name: str) -> bool:
    if name.startswith(NAME_PREFIX):
        return bool(_LANGUAGE.fullmatch(name.removeprefix(NAME_PREFIX)))
    if name.startswith(OPTION_PREFIX):
        return 1 <= len(name.removeprefix(OPTION_PREFIX)) <= 64
    return name == "code" or name in PRODUCT_COLUMNS or name in PRICE_COLUMNS
