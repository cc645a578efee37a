"""CSV of strangers: strict about encodings, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.domain.csv_text import decode, find_delimiter, guarded, lines, records, unguarded
from services.catalog.domain.refusals import ImportUnreadable

CELL = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20).map(str.strip)


@given(st.lists(st.tuples(CELL, CELL, CELL).filter(any), min_size=1, max_size=5), st.sampled_from(",;\t"))
def test_what_is_written_is_read_back_unchanged(rows: list[tuple[str, str, str]], delimiter: str) -> None:
    assert [tuple(cells) for _, cells in records(lines(rows, delimiter), delimiter)] == rows


@given(st.text())
def test_no_written_cell_is_a_formula_and_the_guard_comes_off(cell: str) -> None:
    assert not guarded(cell).startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
    assert unguarded(guarded(cell)) == cell


def test_a_formula_is_written_with_an_apostrophe_before_it() -> None:
    text = lines([("=HYPERLINK(1)", "@SUM", "'tis", "12.99")], ",")
    assert next(csv.reader(io.StringIO(text))) == ["'=HYPERLINK(1)", "'@SUM", "''tis", "12.99"]


def test_rows_have_the_numbers_that_a_spreadsheet_shows() -> None:
    text = 'code,name\r\n\r\nA,"two\nlines"\r\n,,\r\nB,x\r\n'
    assert [(number, cells[0]) for number, cells in records(text, ",")] == [(1, "code"), (3, "A"), (5, "B")]


@pytest.mark.parametrize(
    ("file", "encoding", "text"),
    [
        (b"\xef\xbb\xbfcode", "utf-8", "code"),
        ("żółć".encode(), "utf-8", "żółć"),
        ("żółć".encode("iso-8859-2"), "iso-8859-2", "żółć"),
        ("код".encode("windows-1251"), "windows-1251", "код"),
        ("код".encode("utf-16"), "utf-16", "код"),
    ],
)
def test_chosen_encodings_are_read(file: bytes, encoding: str, text: str) -> None:
    assert decode(file, encoding) == text


@pytest.mark.parametrize(
    ("file", "encoding", "facts"),
    [
        (b"code\nA\xb3\n", "utf-8", {"byte": 7, "line": 2}),
        (b"code\n\n\xff\xfe", "utf-8", {"byte": 7, "line": 3}),
        (b"code\n\x81", "windows-1252", {"byte": 6, "line": 2}),
        (b"code\n\x00", "utf-8", {"line": 2}),
    ],
)
def test_a_wrong_byte_is_named_with_its_line(file: bytes, encoding: str, facts: dict[str, int]) -> None:
    with pytest.raises(ImportUnreadable) as refused:
        decode(file, encoding)
    assert (refused.value.field, refused.value.facts) == ("encoding", facts)
    assert "encoding=" in refused.value.sentence


@pytest.mark.parametrize(("header", "delimiter"), [("a,b", ","), ("a;b;c,d", ";"), ("a\tb", "\t"), ("code", ",")])
def test_the_header_line_tells_the_delimiter(header: str, delimiter: str) -> None:
    assert find_delimiter(header + "\n1;2,3\t4;5;6;7") == delimiter


@pytest.mark.parametrize("text", ['a,b\n"open', 'a,b\n"x"y,z', "\n", "a,b;c"])
def test_what_cannot_be_split_is_refused(text: str) -> None:
    with pytest.raises(ImportUnreadable):
        list(records(text, find_delimiter(text)))
