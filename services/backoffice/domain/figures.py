"""Amounts, dates and ages as people read them: English words, figures as the store's country writes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_currency, format_decimal, get_currency_symbol

from libs.money import currency

NOTHING = "–"
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400


@lru_cache(maxsize=64)
def locale_of(language: str, country: str) -> Locale:
    """How a country writes figures: `de` and `AT`; where the pair is unknown, the language, else English."""
    for tag in (f"{language.split('-')[0]}_{country.upper()}", language.split("-")[0], "en_GB"):
        try:
            return Locale.parse(tag)
        except (UnknownLocaleError, ValueError):
            continue
    raise AssertionError("English is known")


@dataclass(frozen=True, slots=True)
class Figures:
    """Writes figures for one store: its country's way, its time zone."""

    locale: Locale
    zone: ZoneInfo

    @classmethod
    def of(cls, language: str, country: str, time_zone: str) -> Figures:
        """For a store's language, country and IANA time zone. Raises ZoneInfoNotFoundError for an unknown zone."""
        return cls(locale_of(language, country), ZoneInfo(time_zone))

    @classmethod
    def neutral(cls) -> Figures:
        """For what belongs to no store: English, UTC."""
        return cls.of("en", "GB", "UTC")

    def money(self, amount_minor: int, code: str) -> str:
        """An amount of minor units with its currency, such as `1.234,50 €`."""
        digits = currency(code).digits
        # The decimals are ISO 4217's, as everywhere else here, and not the fewer that are customary in cash.
        pattern = self.locale.currency_formats["standard"].pattern.split(";")[0]
        head, point, tail = pattern.partition(".00")
        exact = head + ("." + "0" * digits if digits else "") + tail if point else pattern
        if exact.startswith("¤") and get_currency_symbol(code, self.locale)[-1].isalpha():
            exact = exact.replace("¤", "¤\N{NO-BREAK SPACE}", 1)
        amount = Decimal(amount_minor).scaleb(-digits)
        return format_currency(amount, code, format=exact, locale=self.locale, currency_digits=False)

    def count(self, number: int) -> str:
        """A whole number with the country's grouping."""
        return format_decimal(number, locale=self.locale)

    def moment(self, at: datetime) -> str:
        """Date and time of day where the store is, to the minute."""
        return format_datetime(at.astimezone(self.zone), "short", locale=self.locale)

    def exact_moment(self, at: datetime) -> str:
        """The same to the second, for histories."""
        return format_datetime(at.astimezone(self.zone), "medium", locale=self.locale)

    def time_of_day(self, at: datetime) -> str:
        """Only the time, to the second."""
        return format_time(at.astimezone(self.zone), "medium", locale=self.locale)

    def day(self, day: date) -> str:
        """A date of the calendar."""
        return format_date(day, "medium", locale=self.locale)

    def today(self, now: datetime) -> date:
        """The date where the store is."""
        return now.astimezone(self.zone).date()

    def day_begins(self, day: date) -> datetime:
        """The instant at which a date begins where the store is, in UTC; on days that skip midnight, the first one."""
        return datetime.combine(day, time.min, self.zone).astimezone(UTC)

    def day_ends(self, day: date) -> datetime:
        """The instant at which the next date begins: days of 23 and of 25 hours come out right."""
        return self.day_begins(day + timedelta(days=1))


def age(seconds: int) -> str:
    """How long something has been waiting: `45 s`, `12 min`, `3 h 5 min`, `2 d 4 h`."""
    if seconds < _MINUTE_S:
        return f"{max(seconds, 0)} s"
    if seconds < _HOUR_S:
        return f"{seconds // _MINUTE_S} min"
    if seconds < _DAY_S:
        return f"{seconds // _HOUR_S} h {seconds % _HOUR_S // _MINUTE_S} min"
    return f"{seconds // _DAY_S} d {seconds % _DAY_S // _HOUR_S} h"


def age_since(at: datetime, now: datetime) -> str:
    """The age of what happened at `at`."""
    return age(int((now - at).total_seconds()))
