"""The blocks of known documents, exactly, in every language. A changed golden is a changed receipt: look at it."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from libs.contracts.printing import Cell, CellsBlock, ImageBlock, PairBlock, QrBlock, RuleBlock, TextBlock
from services.sales.domain.print_sections import Printable
from services.sales.domain.receipt import Receipt, make_receipt
from services.sales.domain.receipt_labels import LANGUAGES, Language
from services.sales.domain.receipt_print import (
    GIFT_SECTIONS,
    RECEIPT_SECTIONS,
    NoGiftReceipt,
    printable_gift_receipt,
    printable_receipt,
)
from services.sales.domain.report_print import REPORT_SECTIONS, printable_report
from services.sales.domain.reports import ShiftReport
from services.sales.layout_samples import gift_values, receipt_values, report_values, samples
from services.sales.layout_templates import LayoutKind, shipped_layout
from tests.unit.sales.documents import Goods, document, frozen_lines, priced_lines, sale, store
from tests.unit.sales.printing.written import written
from tests.unit.sales.test_receipt import shopping

GOLDENS = Path(__file__).parent / "goldens"


def golden(kind: str, language: Language) -> str:
    return (GOLDENS / f"{kind}.{language}.txt").read_text(encoding="utf-8")


def printed(kind: LayoutKind, printable: Printable, values: dict[str, object]) -> str:
    return written(shipped_layout(kind).document(printable, values).blocks)


def z_report() -> ShiftReport:
    report = next(iter(samples("z_report", "en"))).values["report"]
    assert isinstance(report, ShiftReport)
    return report


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_receipt_is_these_blocks_in_every_language(language: Language) -> None:
    receipt = make_receipt(shopping(), store(), language=language)
    printable = printable_receipt(receipt, None)
    assert printed("receipt", printable, receipt_values(receipt)) == golden("receipt", language)
    assert printable.language == language
    assert printable.title == f"{receipt.header.title} {receipt.header.number_text}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_gift_receipt_is_these_blocks_in_every_language(language: Language) -> None:
    receipt = make_receipt(shopping(), store(), language=language)
    shown = printed("gift_receipt", printable_gift_receipt(receipt, None), gift_values(receipt))
    assert shown == golden("gift_receipt", language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_z_report_is_these_blocks_in_every_language(language: Language) -> None:
    report = z_report()
    shown = printed("z_report", printable_report(report, language), report_values(report))
    assert shown == golden("z_report", language)


def test_the_blocks_of_a_small_sale_one_by_one() -> None:
    sold = sale([Goods("Mleko", 350, "2", tax_category="reduced")], store(), sale_id=UUID(int=7))
    receipt = make_receipt(sold, store(receipt_footer="Do zobaczenia!"))
    blocks = shipped_layout("receipt").document(printable_receipt(receipt, b"PNG"), receipt_values(receipt)).blocks
    code = receipt.receipt_code
    assert blocks == (
        ImageBlock(png=b"UE5H"),
        TextBlock(text="Corner Grocery", align="center", bold=True, size=2),
        TextBlock(text="ul. Długa 7", align="center"),
        TextBlock(text="00-238 Warszawa", align="center"),
        TextBlock(text="NIP 5260250995", align="center"),
        RuleBlock(),
        TextBlock(text="Potwierdzenie zakupu Nr 4812", bold=True),
        TextBlock(text="19 lis 2025, 14:03:07"),
        PairBlock(left="Kasa 7", right="Obsługa: Anna"),
        RuleBlock(),
        TextBlock(text="Mleko"),
        PairBlock(left="2 szt. × 3,50", right="7,00", indent=2),
        RuleBlock(),
        PairBlock(left="SUMA", right="7,00 zł", bold=True, size=2),
        PairBlock(left="Gotówka", right="7,00"),
        RuleBlock(),
        CellsBlock(
            cells=(
                Cell(text="", share=5),
                Cell(text="Netto", share=4, align="right"),
                Cell(text="Podatek", share=4, align="right"),
            )
        ),
        CellsBlock(
            cells=(
                Cell(text="VAT 8 %", share=5),
                Cell(text="6,48", share=4, align="right"),
                Cell(text="0,52", share=4, align="right"),
            )
        ),
        TextBlock(text="Ceny zawierają podatek."),
        RuleBlock(),
        TextBlock(text="Do zobaczenia!", align="center"),
        TextBlock(text="Prosimy zachować to potwierdzenie: kod będzie potrzebny przy zwrocie.", align="center"),
        QrBlock(data=code, caption=" ".join(code[start : start + 4] for start in range(0, len(code), 4))),
    )


def test_a_copy_of_a_voided_receipt_says_both_above_everything() -> None:
    receipt = make_receipt(shopping(), store(), copy_number=2, voided=True)
    sections = printable_receipt(receipt, None).sections
    assert written(sections["marks"]) == "text bold center: *** KOPIA 2 ***\ntext bold center: *** ANULOWANO ***\n"


def test_what_people_entered_drives_no_printer() -> None:
    shop = store(name="Corner\x1b@ Grocery\n!code")
    receipt = make_receipt(sale([Goods("Tea\x1dV\x00", 100)], shop), shop)
    sections = printable_receipt(receipt, None).sections
    assert written(sections["store"]).splitlines()[0] == "text bold size 2 center: Corner @ Grocery !code"
    assert written(sections["lines"]).splitlines()[0] == "text: Tea V "


def test_a_document_without_taxes_has_no_table_and_no_two_lines_in_a_row() -> None:
    untaxed = sale([Goods("Stamp", 100)], store()).model_copy(update={"taxes": ()})
    receipt = make_receipt(untaxed, store())
    shown = printed("receipt", printable_receipt(receipt, None), receipt_values(receipt))
    assert "cells" not in shown
    assert "rule\nrule\n" not in shown


def test_sections_are_the_ones_that_layouts_are_told_of() -> None:
    receipt = make_receipt(shopping(), store())
    assert tuple(printable_receipt(receipt, None).sections) == RECEIPT_SECTIONS
    assert tuple(printable_gift_receipt(receipt, None).sections) == GIFT_SECTIONS
    assert tuple(printable_report(z_report()).sections) == REPORT_SECTIONS


def returned() -> Receipt:
    goods = [Goods("Tea", 100, "-1")]
    return make_receipt(document(frozen_lines(goods, priced_lines(goods, store())), store()), store())


def test_nobody_is_given_what_was_brought_back_or_voided() -> None:
    voided = make_receipt(shopping(), store(), voided=True)
    void = make_receipt(shopping().model_copy(update={"kind": "void"}), store())
    for receipt in (returned(), voided, void):
        with pytest.raises(NoGiftReceipt, match="for goods that were bought"):
            printable_gift_receipt(receipt, None)
