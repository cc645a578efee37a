"""When promotions hold: dates, weekdays, local hours, stores, coupons; and what became of a coupon."""

from dataclasses import replace
from datetime import date, datetime, time

import pytest

from libs.pricing import EVERYTHING, Promotion, PromotionKind, UnusedCoupon, price_basket
from tests.unit.pricing.shop import WARSAW, basket, book, line, product, these

HALF = Promotion("half", "Half price", PromotionKind.PERCENT_OFF, EVERYTHING, percent_ppm=500_000)


def holds(promotion: Promotion, day: int, hour: int = 12, minute: int = 0) -> bool:
    """Whether the promotion holds at that local time in May 2026; the 29th is a Friday."""
    sold = replace(basket(line(product())), at=datetime(2026, 5, day, hour, minute, tzinfo=WARSAW))
    return price_basket(sold, book(promotion)).discount_minor != 0


def test_dates_are_inclusive() -> None:
    promotion = replace(HALF, starts_on=date(2026, 5, 10), ends_on=date(2026, 5, 11))
    assert [holds(promotion, day) for day in (9, 10, 11, 12)] == [False, True, True, False]


def test_weekdays_are_those_of_the_store() -> None:
    promotion = replace(HALF, weekdays=frozenset({5, 6}))
    assert [holds(promotion, day) for day in (28, 29, 30, 31)] == [False, True, True, False]


def test_hours_begin_on_the_minute_and_end_before_it() -> None:
    promotion = replace(HALF, hours_from=time(17, 0), hours_until=time(19, 30))
    times = [(16, 59), (17, 0), (19, 29), (19, 30)]
    assert [holds(promotion, 29, *moment) for moment in times] == [False, True, True, False]


def test_hours_that_cross_midnight_belong_to_the_day_they_began_on() -> None:
    promotion = replace(HALF, weekdays=frozenset({5}), hours_from=time(22, 0), hours_until=time(2, 0))
    assert holds(promotion, 29, 22)
    assert holds(promotion, 30, 1, 59)  # Saturday, but Friday's night
    assert not holds(promotion, 30, 2)
    assert not holds(promotion, 29, 1)  # Friday, but Thursday's night
    assert not holds(promotion, 30, 23)


def test_the_last_night_of_a_promotion_ends_after_midnight() -> None:
    promotion = replace(HALF, ends_on=date(2026, 5, 29), hours_from=time(22, 0), hours_until=time(2, 0))
    assert holds(promotion, 30, 1)
    assert not holds(promotion, 30, 22)


def test_a_store_filter() -> None:
    promotion = replace(HALF, store_ids=frozenset({"store-2"}))
    sold = basket(line(product()))
    assert price_basket(sold, book(promotion)).discount_minor == 0
    assert price_basket(replace(sold, store_id="store-2"), book(promotion)).discount_minor == -500


def test_a_coupon_is_needed_and_typed_as_people_type() -> None:
    promotion = replace(HALF, coupon_code="SPRING-5")
    sold = basket(line(product()))
    assert price_basket(sold, book(promotion)).discount_minor == 0
    priced = price_basket(replace(sold, coupons=(" spring-5",)), book(promotion))
    assert (priced.discount_minor, priced.unused_coupons) == (-500, ())


THRESHOLD = Promotion(
    "spend",
    "Spend",
    PromotionKind.BASKET_THRESHOLD,
    EVERYTHING,
    threshold_minor=5000,
    amount_minor=500,
    currency="EUR",
    coupon_code="C",
)


@pytest.mark.parametrize(
    ("promotion", "reason"),
    [
        (replace(HALF, coupon_code="other"), "no promotion of this shop knows it"),
        (replace(HALF, coupon_code="C", store_ids=frozenset({"x"})), "it is not for this store"),
        (replace(HALF, coupon_code="C", customer_groups=frozenset({"x"})), "the customer is not in its group"),
        (replace(HALF, coupon_code="C", starts_on=date(2026, 6, 1)), "it begins on 2026-06-01"),
        (replace(HALF, coupon_code="C", ends_on=date(2026, 5, 1)), "it ended on 2026-05-01"),
        (replace(HALF, coupon_code="C", weekdays=frozenset({1, 7})), "it holds on Monday, Sunday"),
        (replace(HALF, coupon_code="C", hours_from=time(8), hours_until=time(9)), "it holds from 08:00 to 09:00"),
        (
            replace(HALF, coupon_code="C", products=these("pear")),
            "nothing in the basket qualifies, or a better promotion holds",
        ),
        (THRESHOLD, "the goods it counts come to 10.00, it needs 50.00"),
        (replace(THRESHOLD, currency="PLN"), "it is in PLN"),
    ],
)
def test_a_coupon_that_changes_nothing_says_why(promotion: Promotion, reason: str) -> None:
    priced = price_basket(basket(line(product()), coupons=("C",)), book(promotion))
    assert priced.unused_coupons == (UnusedCoupon("C", reason),)
    assert f"coupon C not used: {reason}" in priced.explanation


def test_a_coupon_presented_twice_counts_once() -> None:
    priced = price_basket(basket(line(product()), coupons=("C", "c")), book(replace(HALF, coupon_code="C")))
    assert priced.discount_minor == -500
    assert priced.unused_coupons == (UnusedCoupon("c", "it was already presented"),)
