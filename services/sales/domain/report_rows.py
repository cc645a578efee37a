"""X and Z reports in the words of a language, row by row: what is printed and what is shown as text say the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.numbers import format_decimal

from libs.money import currency
from services.sales.domain.receipt_labels import LABELS, Language, language_for
from services.sales.domain.report_labels import REPORT_LABELS
from services.sales.domain.reports import DrawerCash, ShiftReport, Tally

_COUNT_COLUMNS = 6
_AMOUNT_COLUMNS = 14
_TAX_COLUMNS = 12


@dataclass(frozen=True, slots=True)
class Heading:
    """A text on a row of its own, above what it is about."""

    text: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A label and what it is for this report."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Figures:
    """A label and numbers; each number comes with the columns that it should have of 42."""

    label: str
    cells: tuple[tuple[str, int], ...]


ReportRow = Heading | Fact | Figures


@dataclass(frozen=True, slots=True)
class ReportPage:
    """A report from top to bottom. `sections` are named, in the order in which they are printed; none is empty."""

    language: Language
    store_name: str
    title: str
    head: tuple[ReportRow, ...]
    sections: dict[str, tuple[ReportRow, ...]]


SECTION_NAMES = ("documents", "goods", "taxes", "tenders", "voided", "drawer", "foreign", "differences")


def report_page(report: ShiftReport, language: str | None = None) -> ReportPage:
    """The report in `language` if reports are printed in it, else in the store's."""
    return _Writer(report, language_for(language, report.language)).page()


class _Writer:
    """Writes the rows of one report."""

    def __init__(self, report: ShiftReport, language: Language) -> None:
        self._report = report
        self._language = language
        self._words = REPORT_LABELS[language]
        self._tenders = LABELS[language].tenders
        self._locale = Locale.parse(language)
        self._zone = ZoneInfo(report.time_zone)

    def page(self) -> ReportPage:
        words, report = self._words, self._report
        written = (
            self._documents(),
            self._goods(),
            self._taxes(),
            self._payments(),
            self._voided(),
            self._drawer(),
            self._foreign(),
            self._differences(),
        )
        return ReportPage(
            language=self._language,
            store_name=report.store_name,
            title=f"{words.z_title} {report.z_number}" if report.kind == "z" else words.x_title,
            head=tuple(self._head()),
            sections={name: tuple(rows) for name, rows in zip(SECTION_NAMES, written, strict=True) if rows},
        )

    def _head(self) -> list[ReportRow]:
        report, words = self._report, self._words
        rows: list[ReportRow] = [
            Fact(words.till, report.till_code),
            Fact(words.cashier, report.staff_name),
            Fact(words.business_date, report.business_date.isoformat()),
            Fact(words.opened, self._moment(report.opened_at)),
            Fact(words.closed if report.kind == "z" else words.printed, self._moment(report.made_at)),
        ]
        if report.closed_by_name and report.closed_by != report.staff_id:
            rows.append(Fact(words.closed_by, report.closed_by_name))
        if report.approved_by:
            rows.append(Fact("", words.approved))
        rows.append(Fact(words.numbers, self._numbers()))
        rows += [Fact(words.missing, _range(missing.first, missing.last)) for missing in report.missing_numbers]
        if report.carried_basket_count:
            rows.append(Fact(words.carried, str(report.carried_basket_count)))
        return [*rows, Fact(words.amounts_in, report.currency)]

    def _numbers(self) -> str:
        if self._report.first_number is None or self._report.last_number is None:
            return "-"
        return _range(self._report.first_number, self._report.last_number)

    def _documents(self) -> list[ReportRow]:
        words, report = self._words, self._report
        rows: list[ReportRow] = [Heading(words.documents), *self._tallies(report.documents, words.document_kinds)]
        return [*rows, self._counted(words.total, report.document_count, report.total_minor)]

    def _goods(self) -> list[ReportRow]:
        words, report = self._words, self._report
        rows: list[ReportRow] = [Heading(words.goods), *self._tallies(report.lines, words.line_kinds)]
        rows += self._tallies(report.discounts, words.discount_kinds)
        return [*rows, self._amount(words.net, report.gross_minor + report.discount_minor)]

    def _taxes(self) -> list[ReportRow]:
        words, report = self._words, self._report
        if not report.taxes:
            return []
        rows: list[ReportRow] = [Figures(words.taxes, ((words.taxable, _TAX_COLUMNS), (words.tax, _TAX_COLUMNS)))]
        for tax in report.taxes:
            rate = format_decimal(Decimal(tax.rate_ppm) / 10_000, format="0.####", locale=self._locale)
            cells = (self._money(tax.base_minor), _TAX_COLUMNS), (self._money(tax.tax_minor), _TAX_COLUMNS)
            rows.append(Figures(f"{tax.code} {rate} %", cells))
        return [*rows, self._amount(words.total, report.tax_minor)]

    def _payments(self) -> list[ReportRow]:
        words, report = self._words, self._report
        rows: list[ReportRow] = [Heading(words.tenders), *self._tallies(report.tenders, self._tenders)]
        rows.append(self._amount(words.total, report.tendered_minor))
        if report.rounding_minor:
            rows.append(self._amount(words.rounding, report.rounding_minor))
        # Only cards are asked for more than what they pay of the sale, so that the kind need not be said.
        rows += [self._counted(words.tips, one.count, one.amount_minor) for one in report.tips]
        rows += [self._counted(words.cash_back, one.count, one.amount_minor) for one in report.cash_backs]
        return [*rows, *(self._amount(words.charged, one.amount_minor) for one in report.charged)]

    def _voided(self) -> list[ReportRow]:
        if not self._report.voided:
            return []
        return [Heading(self._words.voided), *self._tallies(self._report.voided, self._words.document_kinds)]

    def _drawer(self) -> list[ReportRow]:
        words = self._words
        rows: list[ReportRow] = [Heading(words.drawer)]
        moved_minor = 0
        for movement in self._report.drawer:
            label = words.drawer_kinds[movement.kind]
            if movement.kind == "float":
                moved_minor += movement.amount_minor
                rows.append(self._amount(label, movement.amount_minor))
            elif movement.kind == "no_sale":
                rows.append(Figures(label, ((str(movement.count), _COUNT_COLUMNS), ("", _AMOUNT_COLUMNS))))
            else:
                signed_minor = -movement.amount_minor if movement.kind == "cash_out" else movement.amount_minor
                moved_minor += signed_minor
                rows.append(self._counted(label, movement.count, signed_minor))
        paid_out_minor = self._report.cash_back_minor
        taken_minor = self._report.cash.expected_minor - moved_minor + paid_out_minor
        rows.append(self._amount(words.cash_taken, taken_minor))
        if paid_out_minor:
            rows.append(self._amount(words.cash_back, -paid_out_minor))
        return [*rows, *self._cash(self._report.cash)]

    def _foreign(self) -> list[ReportRow]:
        if not self._report.foreign:
            return []
        rows: list[ReportRow] = [Heading(self._words.foreign)]
        for cash in self._report.foreign:
            rows += [Heading(cash.currency), *self._cash(cash)]
        return rows

    def _cash(self, cash: DrawerCash) -> list[ReportRow]:
        words = self._words
        rows: list[ReportRow] = [self._amount(words.expected, cash.expected_minor, cash.currency)]
        if cash.counted_minor is None or cash.variance_minor is None:
            return rows
        for notes in cash.denominations or ():
            label = f"  {notes.count} x {self._money(notes.value_minor, cash.currency)}"
            rows.append(self._amount(label, notes.count * notes.value_minor, cash.currency))
        rows.append(self._amount(words.counted, cash.counted_minor, cash.currency))
        verdict = words.short if cash.variance_minor < 0 else words.over if cash.variance_minor else words.exact
        return [*rows, self._amount(f"{words.variance}: {verdict}", cash.variance_minor, cash.currency)]

    def _differences(self) -> list[ReportRow]:
        if not self._report.differences:
            return []
        rows: list[ReportRow] = [Heading(f"*** {self._words.difference} ***")]
        rows += [
            Fact(one.name, f"{self._money(one.found_minor)} / {self._money(one.expected_minor)}")
            for one in self._report.differences
        ]
        return rows

    def _tallies(self, tallies: Sequence[Tally], words: dict[str, str]) -> list[ReportRow]:
        return [
            self._counted(words.get(one.kind, one.kind.replace("_", " ")), one.count, one.amount_minor)
            for one in tallies
        ]

    def _counted(self, label: str, count: int, amount_minor: int) -> Figures:
        return Figures(label, ((str(count), _COUNT_COLUMNS), (self._money(amount_minor), _AMOUNT_COLUMNS)))

    def _amount(self, label: str, amount_minor: int, code: str | None = None) -> Figures:
        return Figures(label, ((self._money(amount_minor, code), _AMOUNT_COLUMNS),))

    def _money(self, amount_minor: int, code: str | None = None) -> str:
        digits = currency(code or self._report.currency).digits
        pattern = "#,##0." + "0" * digits if digits else "#,##0"
        return str(format_decimal(Decimal(amount_minor).scaleb(-digits), format=pattern, locale=self._locale))

    def _moment(self, at: datetime) -> str:
        return at.astimezone(self._zone).strftime("%Y-%m-%d %H:%M")


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first} - {last}"
