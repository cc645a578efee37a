from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.printing import (
    BarcodeBlock,
    Block,
    FeedBlock,
    PairBlock,
    PrintedDocument,
    QrBlock,
    RuleBlock,
    TextBlock,
)
from services.sales.domain.print_markup import INERT, MarkupError, printed_document
from services.sales.domain.print_sections import Printable

STORE = TextBlock(text="Corner Grocery")
PRINTABLE = Printable("en", "Receipt", {"store": (STORE,), "marks": ()})


def blocks(markup: str) -> tuple[Block, ...]:
    return printed_document(markup, PRINTABLE).blocks


@pytest.mark.parametrize(
    ("line", "block"),
    [
        ("!store", STORE),
        ("! store", STORE),
        (".", FeedBlock(rows=1)),
        (". 3", FeedBlock(rows=3)),
        ("# Big sale!", TextBlock(text="Big sale!", align="center", bold=True, size=2)),
        ("## Opening hours", TextBlock(text="Opening hours", align="center", bold=True)),
        ("^ Mon to Sat", TextBlock(text="Mon to Sat", align="center")),
        ("> until Friday", TextBlock(text="until Friday", align="right")),
        ("* Important", TextBlock(text="Important", bold=True)),
        ("Phone || 555 0100", PairBlock(left="Phone", right="555 0100")),
        ("* Phone || 555 0100", PairBlock(left="Phone", right="555 0100", bold=True)),
        ("# Total || 9.99", PairBlock(left="Total", right="9.99", bold=True, size=2)),
        ("@qr https://shop.example/r/1", QrBlock(data="https://shop.example/r/1")),
        ("@barcode ABC-123", BarcodeBlock(symbology="code128", data="ABC-123")),
        (r"\# not a heading", TextBlock(text="# not a heading")),
        ("#1 in town", TextBlock(text="#1 in town")),
        ("Mail us @ shop", TextBlock(text="Mail us @ shop")),
        ("  Thank you  ", TextBlock(text="Thank you")),
    ],
)
def test_a_line_is_a_block(line: str, block: Block) -> None:
    assert blocks(line) == (block,)


def test_lines_across_the_paper_part_what_is_there() -> None:
    rule = RuleBlock()
    assert blocks("---\n!store\n---\n!marks\n---\n\nThanks\n---\n") == (STORE, rule, TextBlock(text="Thanks"))


def test_what_people_entered_is_text_whatever_it_begins_with() -> None:
    assert blocks(f"{INERT}!store") == (TextBlock(text="!store"),)
    assert blocks(f"{INERT}---") == (TextBlock(text="---"),)
    assert blocks(f"* {INERT}# one") == (TextBlock(text="# one", bold=True),)


@pytest.mark.parametrize(
    ("markup", "line", "cause"),
    [
        ("Hello\n!stor", 2, "there is no section 'stor'; there are store, marks"),
        ("\n\n. 21", 3, "1 to 20 empty rows are possible"),
        (". 0", 1, "1 to 20 empty rows are possible"),
        ("@barcode ż", 1, "@barcode cannot print this"),
        ("@qr", 1, "@qr cannot print this"),
        ("!marks\n---\n", 3, "there is nothing to print"),
        (".\n" * 2_001, 2_001, "at most 2000 blocks"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_with_its_cause(markup: str, line: int, cause: str) -> None:
    with pytest.raises(MarkupError, match=cause) as refused:
        blocks(markup)
    assert refused.value.line == line


@given(st.text(max_size=200))
def test_any_text_is_a_document_or_a_named_error(markup: str) -> None:
    try:
        document = printed_document(markup, PRINTABLE)
    except MarkupError:
        return
    assert PrintedDocument.model_validate_json(document.model_dump_json()) == document


@given(st.text(max_size=80))
def test_a_value_is_printed_as_text_and_as_nothing_else(value: str) -> None:
    from services.sales.layout_templates import Layout

    document = Layout.read("!store\n{{ name }}").document(PRINTABLE, {"name": value})
    assert {type(block) for block in document.blocks} == {TextBlock}
    assert len(document.blocks) <= 2
