"""Blocks laid out as rows of so many columns."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_gateway.layout import CutRow, RuleRow, TextRow, display_width, plain_text, rows_of, wrapped
from libs.contracts.printing import Block, Cell, CellsBlock, CutBlock, PairBlock, PrintedDocument, TextBlock

texts = st.text(st.characters(codec="utf-8"), max_size=120)


def _rows(*blocks: Block, columns: int = 20, mark: str | None = None) -> list[str]:
    document = PrintedDocument(language="en", blocks=blocks)
    return [row.text for row in rows_of(document, columns, duplicate_mark=mark) if isinstance(row, TextRow)]


def test_a_row_set_out_by_blanks_for_wider_paper_is_drawn_together() -> None:
    assert wrapped("Terminal-ID                     50101700", 32) == ["Terminal-ID             50101700"]
    assert wrapped("Date / Time          19.11.25 / 14:02:55", 32) == ["Date / Time  19.11.25 / 14:02:55"]
    assert wrapped("        ** Payment done **      no. 7", 28) == ["  ** Payment done **   no. 7"]
    # Too long however little is between: broken as any other text.
    assert wrapped("a long heading        and more of it", 20) == ["a long heading", "and more of it"]


@pytest.mark.parametrize(
    ("text", "columns", "rows"),
    [
        ("Rye bread with seeds", 10, ["Rye bread", "with seeds"]),
        ("Rye bread with seeds", 40, ["Rye bread with seeds"]),
        ("Sauerteigroggenbrot", 8, ["Sauertei", "groggenb", "rot"]),
        ("a\n\nb", 8, ["a", "", "b"]),
        ("  indented text", 10, ["  indented", "text"]),
        ("全脂鲜牛奶一升", 8, ["全脂鲜牛", "奶一升"]),
        ("全脂鲜牛，奶", 8, ["全脂鲜", "牛，奶"]),
        ("单x双", 3, ["单x", "双"]),
        ("", 5, [""]),
    ],
)
def test_text_is_wrapped_by_the_width_that_is_seen(text: str, columns: int, rows: list[str]) -> None:
    assert wrapped(text, columns) == rows


@given(texts, st.integers(2, 60))
def test_no_row_is_wider_than_the_paper_and_no_character_is_lost(text: str, columns: int) -> None:
    rows = wrapped(text, columns)
    assert all(display_width(row) <= columns for row in rows)
    assert "".join(rows).replace(" ", "") == plain_text(text).replace("\n", "").replace(" ", "")


@given(texts)
def test_plain_text_has_no_character_that_a_printer_would_obey(text: str) -> None:
    categories = {unicodedata.category(character) for character in plain_text(text).replace("\n", "")}
    assert not categories & {"Cc", "Cf", "Cs", "Zl", "Zp"}


def test_accents_written_apart_are_put_together() -> None:
    assert plain_text("z\u0307o\u0301\u0142w") == "żółw"


@pytest.mark.parametrize(
    ("left", "right", "rows"),
    [
        ("Milk", "1.29", ["Milk            1.29"]),
        ("Organic sourdough bread", "4.75", ["Organic", "sourdough bread 4.75"]),
        ("牛奶", "￥1", ["牛奶             ￥1"]),
        ("Reference", "018f6d2a7c3e7d519", ["Reference", "   018f6d2a7c3e7d519"]),
    ],
)
def test_an_amount_stands_at_the_right_of_the_last_row_of_its_text(left: str, right: str, rows: list[str]) -> None:
    assert _rows(PairBlock(left=left, right=right)) == rows


def test_an_indented_pair_keeps_its_amount_at_the_edge() -> None:
    assert _rows(PairBlock(left="2 x 1.29", right="2.58", indent=2)) == ["  2 x 1.29      2.58"]


def test_cells_share_the_row_and_wrap_each_in_its_own_width() -> None:
    cells = (Cell(text="VAT of the month"), Cell(text="1.05", align="right"))
    assert _rows(CellsBlock(cells=cells)) == ["VAT of the      1.05", "month"]


@given(st.lists(st.tuples(texts, st.integers(1, 100)), min_size=1, max_size=6), st.integers(30, 60))
def test_cells_are_never_wider_than_the_paper(cells: list[tuple[str, int]], columns: int) -> None:
    block = CellsBlock(cells=tuple(Cell(text=text[:40], share=share) for text, share in cells))
    assert all(display_width(row) <= columns for row in _rows(block, columns=columns))


@pytest.mark.parametrize(("align", "row"), [("left", "abc"), ("center", "        abc"), ("right", " " * 17 + "abc")])
def test_text_is_aligned_by_blanks(align: str, row: str) -> None:
    assert _rows(TextBlock.model_validate({"text": "abc", "align": align})) == [row]


def test_large_text_has_fewer_columns() -> None:
    assert _rows(TextBlock(text="eleven char", size=2)) == ["eleven", "char"]


def test_a_mark_stands_at_both_ends_of_every_piece_of_paper() -> None:
    document = PrintedDocument(language="en", blocks=(TextBlock(text="a"), CutBlock(), TextBlock(text="b")))
    mark = TextRow("DUP".rjust(6), bold=True, size=2)
    expected = [mark, RuleRow(), TextRow("a"), RuleRow(), mark, CutRow()]
    rows = rows_of(document, 20, duplicate_mark="DUP")
    assert rows[:6] == expected
    assert rows[6:] == [TextRow("b") if row == TextRow("a") else row for row in expected]


def test_a_document_that_ends_with_a_cut_is_cut_once() -> None:
    document = PrintedDocument(language="en", blocks=(TextBlock(text="a"), CutBlock()))
    assert rows_of(document, 20) == [TextRow("a"), CutRow()]
