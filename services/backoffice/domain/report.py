"""The transaction report: which days are meant, and totals by scheme. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

LONGEST_DAYS = 400
GIVEN_BACK = frozenset({"refund"})
"""The kinds whose money goes back to the card."""


class WrongDays(ValueError):
    """The days of a report cannot be used; the text says what would be right."""


@dataclass(frozen=True, slots=True)
class Days:
    """The first and the last day of a report, both included."""

    first: date
    last: date

    @classmethod
    def of(cls, first: str | None, last: str | None, today: date) -> Days:
        """From what a form holds; nothing is today. Raises WrongDays."""
        begins, ends = _day(first) or today, _day(last) or today
        if ends < begins:
            raise WrongDays("The last day is before the first one.")
        if ends - begins > timedelta(days=LONGEST_DAYS):
            raise WrongDays(f"These are more than {LONGEST_DAYS} days. Ask for fewer at once.")
        return cls(begins, ends)


def _day(text: str | None) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise WrongDays(f"{text!r} is no date; one is written as in 2026-03-02.") from error


@dataclass(frozen=True, slots=True)
class KindTotal:
    """What one scheme's transactions of one kind come to, in minor units: those by which money moved."""

    scheme: str
    kind: str
    currency: str
    count: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class SchemeLine:
    """A scheme in one currency: taken, given back, and what remains."""

    scheme: str
    currency: str
    taken_count: int
    taken_minor: int
    back_count: int
    back_minor: int

    @property
    def net_minor(self) -> int:
        """What remains of what was taken."""
        return self.taken_minor - self.back_minor


ALL_SCHEMES = "All schemes"


def by_scheme(totals: Iterable[KindTotal]) -> list[SchemeLine]:
    """One line for each scheme and currency, by currency and then the largest first; after each currency its sum."""
    lines: dict[tuple[str, str], SchemeLine] = {}
    for total in totals:
        if not total.count:
            # Only declines, say: whoever adds up money has nothing of them.
            continue
        for scheme in (total.scheme, ALL_SCHEMES):
            key = (total.currency, scheme)
            lines[key] = _with(lines.get(key) or SchemeLine(scheme, total.currency, 0, 0, 0, 0), total)
    return sorted(lines.values(), key=lambda each: (each.currency, each.scheme == ALL_SCHEMES, -each.net_minor))


def _with(line: SchemeLine, total: KindTotal) -> SchemeLine:
    taken_count, taken_minor, back_count, back_minor = (
        (line.taken_count, line.taken_minor, line.back_count + total.count, line.back_minor + total.amount_minor)
        if total.kind in GIVEN_BACK
        else (line.taken_count + total.count, line.taken_minor + total.amount_minor, line.back_count, line.back_minor)
    )
    return SchemeLine(line.scheme, line.currency, taken_count, taken_minor, back_count, back_minor)
