"""Which price of the lists holds: store, customer group, time, quantity break, and how ties are broken."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from libs.pricing import PriceEntry, PricingError, price_basket
from tests.unit.pricing.shop import FRIDAY_NOON, basket, book, line, product

RETAIL = PriceEntry("retail", 1000)


def unit_price(*entries: PriceEntry, quantity: int | str = 1, groups: frozenset[str] = frozenset()) -> int:
    sold = basket(line(product(price_minor=entries), quantity), customer_groups=groups)
    return price_basket(sold, book()).lines[0].unit_price_minor


def test_a_price_for_this_store_comes_before_one_for_all_and_one_for_another_is_not_seen() -> None:
    here = PriceEntry("airport", 1200, store_ids=frozenset({"store-1"}))
    elsewhere = PriceEntry("outlet", 500, store_ids=frozenset({"store-2"}))
    assert unit_price(RETAIL, here, elsewhere) == 1200


def test_a_price_for_the_customers_group_comes_before_one_for_all() -> None:
    trade = PriceEntry("trade", 1100, customer_groups=frozenset({"trade"}))
    assert unit_price(RETAIL, trade, groups=frozenset({"trade", "gold"})) == 1100
    assert unit_price(RETAIL, trade, groups=frozenset({"gold"})) == 1000


def test_a_price_with_a_time_holds_from_its_start_until_before_its_end() -> None:
    noon = FRIDAY_NOON.astimezone(UTC)
    later = noon.replace(hour=noon.hour + 1)
    assert unit_price(RETAIL, PriceEntry("sale", 800, starts_at=noon, ends_at=later)) == 800
    assert unit_price(RETAIL, PriceEntry("sale", 800, starts_at=later)) == 1000
    assert unit_price(RETAIL, PriceEntry("sale", 800, ends_at=noon)) == 1000


def test_the_highest_quantity_break_reached_counts_all_lines_of_the_product() -> None:
    prices = (RETAIL, PriceEntry("retail", 900, 6000), PriceEntry("retail", 800, 12_000))
    assert [unit_price(*prices, quantity=number) for number in (5, 6, 11, 12)] == [1000, 900, 900, 800]
    apples = product(price_minor=prices)
    priced = price_basket(basket(line(apples, 4, "a"), line(apples, 2, "b")), book())
    assert [each.unit_price_minor for each in priced.lines] == [900, 900]


def test_ties_go_to_store_then_group_then_time_then_break_then_priority_then_lowest_price() -> None:
    group = frozenset({"gold"})
    ladder = [
        PriceEntry("a", 1000),
        PriceEntry("b", 990),
        PriceEntry("c", 1001, priority=1),
        PriceEntry("d", 1002, 1000),
        PriceEntry("e", 1003, starts_at=datetime(2026, 1, 1, tzinfo=UTC)),
        PriceEntry("f", 1004, customer_groups=group),
        PriceEntry("g", 1005, store_ids=frozenset({"store-1"})),
    ]
    winners = [unit_price(*ladder[: end + 1][::-1], groups=group) for end in range(len(ladder))]
    assert winners == [1000, 990, 1001, 1002, 1003, 1004, 1005]


def test_a_weighed_quantity_is_priced_to_the_nearest_minor_unit() -> None:
    priced = price_basket(basket(line(product(price_minor=1999), "0.335")), book()).lines[0]
    assert priced.gross_minor == 670  # 669.665


def test_a_product_without_a_price_that_holds_is_refused_unless_priced_by_hand() -> None:
    elsewhere = product(price_minor=(PriceEntry("outlet", 500, store_ids=frozenset({"store-2"})),))
    with pytest.raises(PricingError, match="product: Apple has no price in store store-1"):
        price_basket(basket(line(elsewhere)), book())
    by_hand = price_basket(basket(line(elsewhere, price_override_minor=700)), book()).lines[0]
    assert (by_hand.list_price_minor, by_hand.total_minor) == (700, 700)


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(PricingError, match="starts_at"):
        PriceEntry("retail", 1, starts_at=datetime(2026, 1, 1))  # noqa: DTZ001 - the naive time is what is tested
    with pytest.raises(PricingError, match="at: the basket's time has no time zone"):
        replace(basket(), at=datetime(2026, 1, 1))  # noqa: DTZ001 - the naive time is what is tested
