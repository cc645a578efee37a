"""An X or Z report as blocks for paper, section by section. Pure."""

from __future__ import annotations

from libs.contracts.printing import Block, Cell, CellsBlock
from services.sales.domain.print_sections import Printable, pair, plain, text
from services.sales.domain.report_rows import SECTION_NAMES, Fact, Figures, Heading, ReportRow, report_page
from services.sales.domain.reports import ShiftReport

REPORT_SECTIONS = ("store", "title", "head", *SECTION_NAMES)
_COLUMNS = 42
_SMALLEST_SHARE = 8


def printable_report(report: ShiftReport, language: str | None = None) -> Printable:
    """The report in sections (REPORT_SECTIONS); a section without content is empty."""
    page = report_page(report, language)
    return Printable(
        language=page.language,
        title=plain(page.title),
        sections={
            "store": (text(page.store_name, bold=True, centred=True),),
            "title": (text(page.title, size=2, bold=True, centred=True),),
            "head": tuple(_block(row) for row in page.head),
            **{name: tuple(_block(row) for row in page.sections.get(name, ())) for name in SECTION_NAMES},
        },
    )


def _block(row: ReportRow) -> Block:
    match row:
        case Heading(words):
            return text(words, bold=True)
        case Fact(label, words):
            return pair(label, words)
        case Figures(label, ((amount, _),)):
            return pair(label, amount)
        case Figures(label, cells):
            rest = max(_SMALLEST_SHARE, _COLUMNS - sum(columns for _, columns in cells))
            return CellsBlock(
                cells=(
                    Cell(text=plain(label), share=rest),
                    *(Cell(text=plain(words), share=columns, align="right") for words, columns in cells),
                )
            )
