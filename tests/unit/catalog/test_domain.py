"""Rules of the catalogue that need no database: folding, stock levels, what prices mean."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.domain.folding import fold, prefix_query
from services.catalog.domain.price import Price, PriceList, price_facts
from services.catalog.domain.stock import StockLevel

JANUARY, FEBRUARY, MARCH = (datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2, 3))


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Żółty SER-40%", "zolty ser 40"),
        ("Crème Brûlée", "creme brulee"),
        ("STRASSE straße", "strasse strasse"),
        ("Ærø Øl", "aero ol"),
        ("ﬁlet №5", "filet no5"),
        ("Сүү Ёлка", "сүү елка"),
        (" a_b/c ", "a b c"),
        ("", ""),
    ],
)
def test_folding(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_a_query_finds_words_by_their_beginning() -> None:
    assert prefix_query("Żółty se") == "'zolty':* & 'se':*"
    assert prefix_query(" %& ") is None
    assert prefix_query("a b c d e f g h i j") == " & ".join(f"'{letter}':*" for letter in "abcdefgh")


@given(st.lists(st.integers(min_value=-5_000, max_value=5_000), max_size=30))
def test_low_is_told_once_between_two_rises(changes: list[int]) -> None:
    level, told, expected, was_low = StockLevel(10_000, 3_000, False), 0, 0, False
    for change in changes:
        level, low_now = level.moved(change)
        told += low_now
        is_low = level.on_hand_milli <= 3_000
        expected += is_low and not was_low
        was_low = is_low
    assert (told, level.on_hand_milli) == (expected, 10_000 + sum(changes))


def test_a_price_holds_only_while_its_list_does_too() -> None:
    season = PriceList("season", "Season", "EUR", starts_at=JANUARY, ends_at=MARCH)
    facts = price_facts(Price("season", 100, starts_at=FEBRUARY), season)
    assert facts is not None
    assert (facts.starts_at, facts.ends_at) == (FEBRUARY, MARCH)
    assert price_facts(Price("season", 100, starts_at=MARCH), season) is None
    assert price_facts(Price("season", 100), PriceList("season", "Season", "EUR", active=False)) is None
