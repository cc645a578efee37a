"""X and Z as plain text of 42 columns, in the language of the store."""

from __future__ import annotations

from services.sales.domain.columns import DOUBLE_RULE, RULE, centred, pair, row
from services.sales.domain.report_rows import Fact, Figures, Heading, ReportRow, report_page
from services.sales.domain.reports import ShiftReport


def report_text(report: ShiftReport) -> str:
    """The report in lines of at most 42 columns, ending with a line feed."""
    page = report_page(report)
    lines = [centred(page.store_name), centred(page.title), DOUBLE_RULE]
    lines += [line for one in page.head for line in _lines(one)]
    for rows in page.sections.values():
        lines += [RULE, *(line for one in rows for line in _lines(one))]
    return "\n".join(line.rstrip() for line in [*lines, DOUBLE_RULE]) + "\n"


def _lines(one: ReportRow) -> list[str]:
    match one:
        case Heading(text):
            return [text]
        case Fact(label, text):
            return pair(label, text)
        case Figures(label, cells):
            return row(label, *cells)
