"""Promotions as facts: the round trip, and every refusal names its field."""

import json
from datetime import date, time
from typing import Any

import pytest

from libs.pricing import (
    EVERYTHING,
    BundleGroup,
    InvalidPromotion,
    PriceBook,
    PricingError,
    ProductSelector,
    Promotion,
    PromotionKind,
    ReturnPolicy,
    promotion_from_facts,
)

FULL = Promotion(
    "meal",
    "Meal deal",
    PromotionKind.BUNDLE,
    groups=(
        BundleGroup(ProductSelector(product_ids=frozenset({"a", "b"})), 1000),
        BundleGroup(ProductSelector(category_ids=frozenset({"drinks"}), excluded_product_ids=frozenset({"c"})), 2000),
    ),
    amount_minor=500,
    currency="EUR",
    limit_per_basket=3,
    customer_groups=frozenset({"gold"}),
    coupon_code="LUNCH",
    store_ids=frozenset({"s1", "s2"}),
    starts_on=date(2026, 5, 1),
    ends_on=date(2026, 5, 31),
    weekdays=frozenset({1, 2, 3}),
    hours_from=time(22, 0),
    hours_until=time(2, 30),
    priority=7,
    exclusive=True,
    stacking_group="lunch",
    return_policy=ReturnPolicy.WHOLE_BUNDLE,
)
BUY_GET = Promotion(
    "bg",
    "Buy and get",
    PromotionKind.BUY_X_GET_Y,
    EVERYTHING,
    buy_quantity_milli=2000,
    get_quantity_milli=1000,
    get_products=ProductSelector(product_ids=frozenset({"mug"})),
)


@pytest.mark.parametrize("promotion", [FULL, BUY_GET], ids=lambda each: each.id)
def test_facts_come_back_as_the_same_promotion_through_json(promotion: Promotion) -> None:
    assert promotion_from_facts(json.loads(json.dumps(promotion.facts()))) == promotion


def test_what_is_left_out_takes_its_default() -> None:
    facts = {"id": "x", "name": "X", "kind": "percent_off", "products": {"everything": True}, "percent_ppm": 100_000}
    assert promotion_from_facts(facts) == Promotion(
        "x", "X", PromotionKind.PERCENT_OFF, EVERYTHING, percent_ppm=100_000
    )


PERCENT = {"id": "x", "name": "X", "kind": "percent_off", "products": {"everything": True}, "percent_ppm": 100_000}
AMOUNT = {**PERCENT, "kind": "amount_off", "percent_ppm": None, "amount_minor": 5, "currency": "EUR"}
BUNDLE = {
    **AMOUNT,
    "kind": "bundle",
    "products": None,
    "groups": [{"products": {"product_ids": ["a"]}, "quantity_milli": 1000}],
}
THRESHOLD = {**AMOUNT, "kind": "basket_threshold", "threshold_minor": 100}


@pytest.mark.parametrize(
    ("facts", "changes", "field"),
    [
        (PERCENT, {"id": None}, "id"),
        (PERCENT, {"name": " "}, "name"),
        (PERCENT, {"kind": "gift"}, "kind"),
        (PERCENT, {"percent_ppm": 0}, "percent_ppm"),
        (PERCENT, {"percent_ppm": 1_000_001}, "percent_ppm"),
        (PERCENT, {"percent_ppm": 10.0}, "percent_ppm"),
        (PERCENT, {"percent_ppm": True}, "percent_ppm"),
        (PERCENT, {"percent_ppm": None}, "percent_ppm"),
        (PERCENT, {"amount_minor": 5, "currency": "EUR"}, "amount_minor"),
        (PERCENT, {"products": {}}, "products"),
        (PERCENT, {"products": []}, "products"),
        (PERCENT, {"products": {"product_ids": "apple"}}, "products.product_ids"),
        (PERCENT, {"products": {"products": ["apple"]}}, "products.products"),
        (PERCENT, {"percent": 10}, "percent"),
        (PERCENT, {"weekdays": [0]}, "weekdays"),
        (PERCENT, {"weekdays": ["Monday"]}, "weekdays"),
        (PERCENT, {"starts_on": "1 May"}, "starts_on"),
        (PERCENT, {"starts_on": "2026-05-02", "ends_on": "2026-05-01"}, "ends_on"),
        (PERCENT, {"hours_from": "22:00"}, "hours_until"),
        (PERCENT, {"hours_from": "25:00", "hours_until": "02:00"}, "hours_from"),
        (PERCENT, {"hours_from": "08:00", "hours_until": "08:00"}, "hours_until"),
        (PERCENT, {"hours_from": "08:00+01:00", "hours_until": "09:00"}, "hours_from"),
        (PERCENT, {"exclusive": "yes"}, "exclusive"),
        (PERCENT, {"coupon_code": " "}, "coupon_code"),
        (PERCENT, {"return_policy": "never"}, "return_policy"),
        (PERCENT, {"limit_per_basket": 0}, "limit_per_basket"),
        (PERCENT, {"threshold_minor": 5, "currency": "EUR"}, "threshold_minor"),
        (PERCENT, {"buy_quantity_milli": 1000}, "buy_quantity_milli"),
        (PERCENT, {"get_products": {"everything": True}}, "get_products"),
        (PERCENT, {"groups": BUNDLE["groups"]}, "groups"),
        (AMOUNT, {"currency": None}, "currency"),
        (AMOUNT, {"currency": "EURO"}, "currency"),
        (AMOUNT, {"amount_minor": 0}, "amount_minor"),
        (AMOUNT, {"amount_minor": -5}, "amount_minor"),
        (AMOUNT, {"kind": "member_price"}, "customer_groups"),
        (AMOUNT, {"kind": "buy_x_get_y"}, "amount_minor"),
        (BUNDLE, {"groups": []}, "groups"),
        (BUNDLE, {"products": {"everything": True}}, "products"),
        (BUNDLE, {"percent_ppm": 1}, "percent_ppm"),
        (BUNDLE, {"groups": [{"products": {}, "quantity_milli": 1}]}, "groups[0].products"),
        (BUNDLE, {"groups": [{"products": {"everything": True}}]}, "groups[0].quantity_milli"),
        (BUNDLE, {"groups": [{"products": {"everything": 1}, "quantity_milli": 1}]}, "groups[0].products.everything"),
        (THRESHOLD, {"threshold_minor": None}, "threshold_minor"),
        (THRESHOLD, {"threshold_minor": 0}, "threshold_minor"),
        (THRESHOLD, {"limit_per_basket": 1}, "limit_per_basket"),
    ],
)
def test_a_promotion_that_cannot_work_is_refused_by_field(
    facts: dict[str, Any], changes: dict[str, Any], field: str
) -> None:
    promotion_from_facts(facts)
    with pytest.raises(InvalidPromotion) as refused:
        promotion_from_facts({**facts, **changes})
    assert refused.value.field == field
    assert str(refused.value).startswith(f"{field}: ")


def test_a_book_refuses_two_promotions_with_one_id() -> None:
    with pytest.raises(PricingError, match="promotions: 'meal' is given twice"):
        PriceBook.compile([FULL, FULL], [])
