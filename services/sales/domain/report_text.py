"""X and Z as plain text of 42 columns, in the language of the store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.numbers import format_decimal

from libs.money import currency
from services.sales.domain.columns import DOUBLE_RULE, RULE, centred, pair, row
from services.sales.domain.receipt_labels import LABELS, language_for
from services.sales.domain.report_labels import REPORT_LABELS
from services.sales.domain.reports import DrawerCash, ShiftReport, Tally

_COUNT_COLUMNS = 6
_AMOUNT_COLUMNS = 14
_TAX_COLUMNS = 12


def report_text(report: ShiftReport) -> str:
    """The report in lines of at most 42 columns, ending with a line feed."""
    return _ReportText(report).text()


class _ReportText:
    """The rows of one report, top to bottom."""

    def __init__(self, report: ShiftReport) -> None:
        self._report = report
        language = language_for(report.language)
        self._words = REPORT_LABELS[language]
        self._tenders = LABELS[language].tenders
        self._locale = Locale.parse(language)
        self._zone = ZoneInfo(report.time_zone)

    def text(self) -> str:
        blocks = (
            self._documents(),
            self._goods(),
            self._taxes(),
            self._payments(),
            self._voided(),
            self._drawer(),
            self._foreign(),
            self._differences(),
        )
        rows = self._head()
        for block in blocks:
            if block:
                rows += [RULE, *block]
        return "\n".join(one.rstrip() for one in [*rows, DOUBLE_RULE]) + "\n"

    def _head(self) -> list[str]:
        report, words = self._report, self._words
        closed = report.kind == "z"
        title = f"{words.z_title} {report.z_number}" if closed else words.x_title
        rows = [centred(report.store_name), centred(title), DOUBLE_RULE]
        rows += pair(words.till, report.till_code)
        rows += pair(words.cashier, report.staff_name)
        rows += pair(words.business_date, report.business_date.isoformat())
        rows += pair(words.opened, self._moment(report.opened_at))
        rows += pair(words.closed if closed else words.printed, self._moment(report.made_at))
        if report.closed_by_name and report.closed_by != report.staff_id:
            rows += pair(words.closed_by, report.closed_by_name)
        if report.approved_by:
            rows += pair("", words.approved)
        rows += pair(words.numbers, self._numbers())
        for missing in report.missing_numbers:
            rows += pair(words.missing, _range(missing.first, missing.last))
        if report.carried_basket_count:
            rows += pair(words.carried, str(report.carried_basket_count))
        return [*rows, *pair(words.amounts_in, report.currency)]

    def _numbers(self) -> str:
        if self._report.first_number is None or self._report.last_number is None:
            return "-"
        return _range(self._report.first_number, self._report.last_number)

    def _documents(self) -> list[str]:
        words, report = self._words, self._report
        rows = [words.documents, *self._tallies(report.documents, words.document_kinds)]
        return [*rows, *self._counted(words.total, report.document_count, report.total_minor)]

    def _goods(self) -> list[str]:
        words, report = self._words, self._report
        rows = [words.goods, *self._tallies(report.lines, words.line_kinds)]
        rows += self._tallies(report.discounts, words.discount_kinds)
        return [*rows, *self._amount(words.net, report.gross_minor + report.discount_minor)]

    def _taxes(self) -> list[str]:
        words, report = self._words, self._report
        if not report.taxes:
            return []
        rows = row(words.taxes, (words.taxable, _TAX_COLUMNS), (words.tax, _TAX_COLUMNS))
        for tax in report.taxes:
            rate = format_decimal(Decimal(tax.rate_ppm) / 10_000, format="0.####", locale=self._locale)
            cells = (self._money(tax.base_minor), _TAX_COLUMNS), (self._money(tax.tax_minor), _TAX_COLUMNS)
            rows += row(f"{tax.code} {rate} %", *cells)
        return [*rows, *self._amount(words.total, report.tax_minor)]

    def _payments(self) -> list[str]:
        words, report = self._words, self._report
        rows = [words.tenders, *self._tallies(report.tenders, self._tenders)]
        rows += self._amount(words.total, report.tendered_minor)
        if report.rounding_minor:
            rows += self._amount(words.rounding, report.rounding_minor)
        return rows

    def _voided(self) -> list[str]:
        if not self._report.voided:
            return []
        return [self._words.voided, *self._tallies(self._report.voided, self._words.document_kinds)]

    def _drawer(self) -> list[str]:
        words = self._words
        rows = [words.drawer]
        moved_minor = 0
        for movement in self._report.drawer:
            label = words.drawer_kinds[movement.kind]
            if movement.kind == "float":
                moved_minor += movement.amount_minor
                rows += self._amount(label, movement.amount_minor)
            elif movement.kind == "no_sale":
                rows += row(label, (str(movement.count), _COUNT_COLUMNS), ("", _AMOUNT_COLUMNS))
            else:
                signed_minor = -movement.amount_minor if movement.kind == "cash_out" else movement.amount_minor
                moved_minor += signed_minor
                rows += self._counted(label, movement.count, signed_minor)
        rows += self._amount(words.cash_taken, self._report.cash.expected_minor - moved_minor)
        return [*rows, *self._cash(self._report.cash)]

    def _foreign(self) -> list[str]:
        if not self._report.foreign:
            return []
        rows = [self._words.foreign]
        for cash in self._report.foreign:
            rows += [cash.currency, *self._cash(cash)]
        return rows

    def _cash(self, cash: DrawerCash) -> list[str]:
        words = self._words
        rows = self._amount(words.expected, cash.expected_minor, cash.currency)
        if cash.counted_minor is None or cash.variance_minor is None:
            return rows
        for notes in cash.denominations or ():
            label = f"  {notes.count} x {self._money(notes.value_minor, cash.currency)}"
            rows += self._amount(label, notes.count * notes.value_minor, cash.currency)
        rows += self._amount(words.counted, cash.counted_minor, cash.currency)
        verdict = words.short if cash.variance_minor < 0 else words.over if cash.variance_minor else words.exact
        return [*rows, *self._amount(f"{words.variance}: {verdict}", cash.variance_minor, cash.currency)]

    def _differences(self) -> list[str]:
        if not self._report.differences:
            return []
        rows = [f"*** {self._words.difference} ***"]
        for one in self._report.differences:
            rows += pair(one.name, f"{self._money(one.found_minor)} / {self._money(one.expected_minor)}")
        return rows

    def _tallies(self, tallies: Sequence[Tally], words: dict[str, str]) -> list[str]:
        rows: list[str] = []
        for one in tallies:
            rows += self._counted(words.get(one.kind, one.kind.replace("_", " ")), one.count, one.amount_minor)
        return rows

    def _counted(self, label: str, count: int, amount_minor: int) -> list[str]:
        return row(label, (str(count), _COUNT_COLUMNS), (self._money(amount_minor), _AMOUNT_COLUMNS))

    def _amount(self, label: str, amount_minor: int, code: str | None = None) -> list[str]:
        return row(label, (self._money(amount_minor, code), _AMOUNT_COLUMNS))

    def _money(self, amount_minor: int, code: str | None = None) -> str:
        digits = currency(code or self._report.currency).digits
        pattern = "#,##0." + "0" * digits if digits else "#,##0"
        return str(format_decimal(Decimal(amount_minor).scaleb(-digits), format=pattern, locale=self._locale))

    def _moment(self, at: datetime) -> str:
        return at.astimezone(self._zone).strftime("%Y-%m-%d %H:%M")


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first} - {last}"
