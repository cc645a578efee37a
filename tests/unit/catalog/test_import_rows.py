"""The rows of an import by themselves: order, repeats, and what each cell may hold."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from services.catalog.domain.import_columns import Known
from services.catalog.domain.import_rows import CheckedRow, ImportRow, RowReader, RowRefusal, open_file
from services.catalog.domain.price import PriceList

FOOD, DRINKS = uuid4(), uuid4()
KNOWN = Known(
    frozenset({"standard"}),
    {"food": FOOD, "drinks": DRINKS},
    {code: PriceList(code, code, currency) for code, currency in (("retail", "EUR"), ("yen", "JPY"), ("dinar", "KWD"))},
)


def read(text: str, delimiter: str = ",", price_list: str | None = None, size: int = 100) -> list[CheckedRow]:
    file = open_file(text, delimiter, largest_rows=1_000)
    return [row for batch in RowReader(file, KNOWN, price_list).batches(size, skip=0) for row in batch]


def only(column: str, cell: str, delimiter: str = ",") -> Any:
    """The value of a cell, or what is said of it."""
    (row,) = read(f"code{delimiter}{column}\nA{delimiter}{cell}\n", delimiter)
    return row.values if isinstance(row, ImportRow) else row.message


def price(cell: str, price_list: str = "retail", delimiter: str = ",") -> Any:
    text = (
        delimiter.join(["code", "price", "price_list"]) + "\n" + delimiter.join(["A", f'"{cell}"', price_list]) + "\n"
    )
    (row,) = read(text, delimiter)
    return row.values["amount_minor"] if isinstance(row, ImportRow) else row.message


@pytest.mark.parametrize(
    ("cell", "price_list", "delimiter", "expected"),
    [
        ("12.99", "retail", ",", 1_299),
        ("12.9", "retail", ",", 1_290),
        ("0", "retail", ",", 0),
        ("12,99", "retail", ";", 1_299),
        ("1299", "yen", ",", 1_299),
        ("1.299", "dinar", ",", 1_299),
        ("12,99", "retail", ",", "write a number such as 12.99, without thousands separators or currency"),
        ("1.299,00", "retail", ";", "write a number such as 12.99 or 12,99, without thousands separators or currency"),
        ("-1", "retail", ",", "write a number such as 12.99, without thousands separators or currency"),
        ("€1", "retail", ",", "write a number such as 12.99, without thousands separators or currency"),
        ("1e3", "retail", ",", "write a number such as 12.99, without thousands separators or currency"),
        ("12.999", "retail", ",", "EUR has 2 decimals at most"),
        ("1.5", "yen", ",", "JPY has 0 decimals at most"),
        ("999999999999999", "retail", ",", "that is more money than can be stored"),
        ("", "retail", ",", "write a price"),
    ],
)
def test_amounts_are_decimals_of_the_lists_currency(
    cell: str, price_list: str, delimiter: str, expected: int | str
) -> None:
    assert price(cell, price_list, delimiter) == expected


@pytest.mark.parametrize(
    ("column", "cell", "expected"),
    [
        ("categories", "drinks|food", {"category_ids": sorted([FOOD, DRINKS])}),
        ("categories", "", {"category_ids": []}),
        ("barcodes", "05901234123457 | 5901234123457|96385074", {"barcodes": ["5901234123457", "96385074"]}),
        ("active", "YES", {"active": True}),
        ("active", "0", {"active": False}),
        ("minimum_age_years", "", {"minimum_age_years": None}),
        ("item_code", "0042", {"item_code": "42"}),
        ("variant_of", "P", {"variant_of_code": "P"}),
        ("name:pl", "Mleko", {"names": {"pl": "Mleko"}}),
        ("name:pl", "", {"names": {}}),
        ("option:size", "M", {"options": {"size": "M"}}),
    ],
)
def test_a_cell_becomes_a_value(column: str, cell: str, expected: dict[str, Any]) -> None:
    values = only(column, cell)
    assert {name: values[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("column", "cell", "words"),
    [
        ("name", "", "1 to 200 characters"),
        ("kind", "book", "write one of goods, gift_card, service"),
        ("unit", "lb", "write one of piece, kg, l, m"),
        ("tax_category", "", "only a gift card has none"),
        ("tax_category", "none", "make it first"),
        ("active", "", "write true or false"),
        ("minimum_age_years", "18.0", "an age of 1 to 99"),
        ("minimum_age_years", "1" * 5_000, "an age of 1 to 99"),
        ("image_url", "picture.jpg", "absolute URL"),
        ("barcodes", "5901234123458", "the code is 5901234123457"),
    ],
)
def test_a_wrong_cell_is_told_what_would_be_right(column: str, cell: str, words: str) -> None:
    assert words in only(column, cell)


def test_parents_come_before_their_variants_and_never_in_one_batch() -> None:
    text = "code,variant_of\nV1,P\nP,\nV2,P\nQ,\n"
    file = open_file(text, ",", largest_rows=10)
    batches = list(RowReader(file, KNOWN, None).batches(10, skip=0))
    assert [[row.row_number for row in batch] for batch in batches] == [[3, 5], [2, 4]]


@pytest.mark.parametrize("skip", range(8))
def test_whoever_goes_on_reads_exactly_the_rest(skip: int) -> None:
    text = "code,variant_of\n" + "".join(f"C{number},{'P' if number % 3 else ''}\n" for number in range(7))
    file = open_file(text, ",", largest_rows=10)
    whole = [row.row_number for row in read(text)]
    rest = [row.row_number for batch in RowReader(file, KNOWN, None).batches(2, skip=skip) for row in batch]
    assert rest == whole[skip:]


def test_repeats_are_noticed_across_batches_and_after_going_on() -> None:
    text = "code,barcodes\nA,96385074\nB,\nA,\nC,096385074\n"
    file = open_file(text.replace("096385074", "0000096385074"), ",", largest_rows=10)
    (third,), (fourth,) = RowReader(file, KNOWN, None).batches(1, skip=2)
    assert third == RowRefusal(4, "code", "A", "row 2 is about this product already")
    assert fourth == RowRefusal(5, "barcodes", "0000096385074", "row 2 has the barcode 96385074 already")


def test_a_default_price_list_serves_a_file_without_the_column() -> None:
    (row,) = read("code,price\nA,1.5\n", price_list="retail")
    assert isinstance(row, ImportRow)
    assert (row.values["price_list"], row.values["amount_minor"]) == ("retail", 150)
