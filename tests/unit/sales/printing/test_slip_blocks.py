"""A card receipt with its slip, and the slips on paper of their own, block by block in every language."""

from __future__ import annotations

from pathlib import Path

import pytest

from libs.contracts.printing import CutBlock, PairBlock, RuleBlock, TextBlock
from services.sales.domain.print_markup import printed_document
from services.sales.domain.receipt import make_receipt
from services.sales.domain.receipt_labels import LANGUAGES, Language
from services.sales.domain.receipt_print import printable_receipt
from services.sales.domain.slip import SlipCause
from services.sales.domain.slip_print import SlipPiece, SlipSide, slip_document
from services.sales.layout_samples import receipt_values
from services.sales.layout_templates import Layout, shipped_layout
from tests.unit.sales.documents import Goods, card, document, frozen_lines, priced_lines, store
from tests.unit.sales.printing.written import written
from tests.unit.sales.test_slips import SLIP, paid_by_card, slips_of

GOLDENS = Path(__file__).parent / "goldens"
BOTH = (SlipSide.CUSTOMER, SlipSide.MERCHANT)


def golden(kind: str, language: Language) -> str:
    return (GOLDENS / f"{kind}.{language}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_card_receipt_is_these_blocks_in_every_language(language: Language) -> None:
    sold = paid_by_card()
    receipt = make_receipt(sold, store(), language=language, copy_number=1, slips=[slips_of(sold)])
    blocks = shipped_layout("receipt").document(printable_receipt(receipt, None), receipt_values(receipt)).blocks
    assert written(blocks) == golden("card_receipt", language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_slips_on_paper_of_their_own_are_these_blocks_in_every_language(language: Language) -> None:
    sold = paid_by_card()
    slips = slips_of(sold, cause=SlipCause.RELEASED, signature_required=True)
    pieces = [SlipPiece(side, slips, sold.tenders[0]) for side in BOTH]
    printed = slip_document(pieces, store(language=language), "7", duplicate=True)
    assert written(printed.document.blocks).replace("CutBlock(type='cut')", "cut") == golden("slips", language)
    assert printed.document.language == language


def test_each_slip_is_cut_off_and_the_last_one_ends_with_the_document() -> None:
    sold = paid_by_card()
    pieces = [SlipPiece(side, slips_of(sold), sold.tenders[0]) for side in BOTH]
    blocks = slip_document(pieces, store(), "7").document.blocks
    assert sum(isinstance(block, CutBlock) for block in blocks) == 1
    assert blocks[-1] == TextBlock(text="\n".join(["FOR THE SHOP", *SLIP]))


@pytest.mark.parametrize(
    ("layout", "before_it"),
    [("!store\n!total", "pair bold size 2: SUMA"), ("!slips\n---\n!store", ""), ("!store\n---\n!slips\n---\n. 2", "")],
    ids=["a layout that forgot it", "first of all", "before empty rows"],
)
def test_the_customers_slip_is_on_every_layout_once(layout: str, before_it: str) -> None:
    sold = paid_by_card()
    receipt = make_receipt(sold, store(), language="pl", slips=[slips_of(sold)])
    printed = Layout.read(layout).document(printable_receipt(receipt, None), receipt_values(receipt))
    texts = [block.text for block in printed.blocks if isinstance(block, TextBlock)]
    assert texts.count("\n".join(SLIP)) == 1
    if before_it:
        assert printed.blocks[-3] == RuleBlock()
        assert written(printed.blocks[-4:-3]).startswith(before_it)


def test_the_longest_slips_of_many_cards_are_printed_with_the_longest_receipt() -> None:
    goods = [Goods(f"Tea {number}", 100, amount_discount_minor=1, discount_reason="Dented") for number in range(1_000)]
    tenders = [card(1_980) for _ in range(50)]
    sold = document(frozen_lines(goods, priced_lines(goods, store())), store(), tenders)
    slips = [slips_of(sold, *["x" * 80] * 120, tender_id=each.tender_id) for each in tenders]
    receipt = make_receipt(sold, store(), slips=slips)
    printed = shipped_layout("receipt").document(printable_receipt(receipt, None), receipt_values(receipt))
    shown = [block for block in printed.blocks if isinstance(block, PairBlock)]
    amounts = [block for block in shown if block.left.startswith("Tea ")]
    assert [block.left for block in amounts] == [f"Tea {number}\n  1 szt. × 1,00" for number in range(1_000)]
    written_slips = [block.text for block in printed.blocks if isinstance(block, TextBlock) and "xxx" in block.text]
    assert sum(text.count("x") for text in written_slips) == 50 * 120 * 80


def test_what_has_no_slip_ends_as_its_layout_says() -> None:
    receipt = make_receipt(paid_by_card(), store())
    assert printed_document("!title", printable_receipt(receipt, None)).blocks == tuple(
        printable_receipt(receipt, None).sections["title"]
    )
