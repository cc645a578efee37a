"""Figures as a store's country writes them, and days where the store is."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from services.backoffice.domain.figures import Figures, age, locale_of

VIENNA = Figures.of("de", "AT", "Europe/Vienna")
WARSAW = Figures.of("pl", "PL", "Europe/Warsaw")
ULAANBAATAR = Figures.of("mn", "MN", "Asia/Ulaanbaatar")
SPACE = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("figures", "amount_minor", "currency", "written"),
    [
        (VIENNA, 4_250, "EUR", f"€{SPACE}42,50"),
        (VIENNA, -4_250, "EUR", f"-€{SPACE}42,50"),
        (WARSAW, 123_456, "PLN", f"1{SPACE}234,56{SPACE}zł"),
        (Figures.neutral(), 100_000_001, "EUR", "€1,000,000.01"),
        (Figures.neutral(), 1_234, "JPY", "JP¥1,234"),
        (Figures.neutral(), 1_234_567, "KWD", f"KWD{SPACE}1,234.567"),
    ],
)
def test_money_is_written_with_all_the_decimals_of_its_currency(
    figures: Figures, amount_minor: int, currency: str, written: str
) -> None:
    assert figures.money(amount_minor, currency) == written


def test_tugriks_keep_the_decimals_that_books_keep() -> None:
    assert "12" in ULAANBAATAR.money(1_200_034, "MNT")
    assert ULAANBAATAR.money(1_200_034, "MNT").rstrip(f"{SPACE}₮").endswith("34")


def test_an_unknown_pair_of_language_and_country_falls_back_to_the_language_then_to_english() -> None:
    assert str(locale_of("de", "JP")) == "de"
    assert str(locale_of("xx", "YY")) == "en_GB"


def test_times_are_where_the_store_is() -> None:
    assert VIENNA.moment(datetime(2026, 7, 1, 22, 30, tzinfo=UTC)) == "02.07.26, 00:30"
    assert VIENNA.today(datetime(2026, 7, 1, 22, 30, tzinfo=UTC)) == date(2026, 7, 2)


def test_a_day_of_23_and_one_of_25_hours_come_out_right() -> None:
    spring, autumn = date(2026, 3, 29), date(2026, 10, 25)
    assert (VIENNA.day_ends(spring) - VIENNA.day_begins(spring)).total_seconds() == 23 * 3_600
    assert (VIENNA.day_ends(autumn) - VIENNA.day_begins(autumn)).total_seconds() == 25 * 3_600
    assert VIENNA.day_begins(spring) == datetime(2026, 3, 28, 23, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-3, "0 s"), (59, "59 s"), (60, "1 min"), (3_599, "59 min"), (11_100, "3 h 5 min"), (187_200, "2 d 4 h")],
)
def test_an_age_has_the_two_largest_units(seconds: int, words: str) -> None:
    assert age(seconds) == words
