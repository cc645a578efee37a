"""Retail rules 4, 5, 10 and 11: discounts given by hand, their order, their allocation, and what never takes any."""

from typing import Any

import pytest

from libs.pricing import (
    EVERYTHING,
    AdjustmentKind,
    PricingError,
    Promotion,
    PromotionKind,
    TaxMode,
    TaxPolicy,
    TaxRounding,
    price_basket,
)
from tests.unit.pricing.shop import EXCLUSIVE, basket, book, gift_card, line, product


def test_rule_5_line_percent_then_basket_percent_then_line_amount_then_basket_amount() -> None:
    sold = basket(
        line(product(), 1, percent_discount_ppm=100_000, amount_discount_minor=100, percent_discount_reason="Dented"),
        percent_discount_ppm=100_000,
        amount_discount_minor=50,
    )
    priced = price_basket(sold, book()).lines[0]
    # 1000 - 10 % = 900; - 10 % = 810; - 1.00 = 710; - 0.50 = 660
    assert [(each.kind, each.name, each.amount_minor) for each in priced.adjustments] == [
        (AdjustmentKind.LINE_PERCENT, "Dented", -100),
        (AdjustmentKind.BASKET_PERCENT, "Basket discount", -90),
        (AdjustmentKind.LINE_AMOUNT, "Discount", -100),
        (AdjustmentKind.BASKET_AMOUNT, "Basket discount", -50),
    ]
    assert priced.total_minor == 660


def test_rule_5_promotions_come_before_every_discount_by_hand() -> None:
    half = Promotion("half", "Half price", PromotionKind.PERCENT_OFF, EVERYTHING, percent_ppm=500_000)
    priced = price_basket(basket(line(product(), percent_discount_ppm=100_000)), book(half)).lines[0]
    assert [(each.name, each.amount_minor) for each in priced.adjustments] == [("Half price", -500), ("Discount", -50)]


def test_rule_5_every_step_is_explained_on_the_line() -> None:
    sold = basket(line(product(tax="standard"), 2, percent_discount_ppm=75_000, percent_discount_reason="Dented"))
    assert price_basket(sold, book()).lines[0].explanation == (
        "price list retail",
        "2 × 10.00 = 20.00",
        "Dented: 7.5 %: -1.50",
        "including VAT 21 % on 15.29: 3.21",
        "to pay: 18.50",
    )


def test_rule_4_a_basket_discount_is_allocated_across_tax_rates_by_largest_remainder() -> None:
    sold = basket(
        line(product("tea", 1000, "standard")),
        line(product("milk", 1000, "reduced")),
        line(product("rice", 1000, "none")),
        amount_discount_minor=1000,
        policy=EXCLUSIVE,
    )
    priced = price_basket(sold, book())
    assert [each.discount_minor for each in priced.lines] == [-334, -333, -333]
    assert [each.tax_minor for each in priced.lines] == [140, 33, 0]  # on 6.66, 6.67 and nothing
    assert (priced.discount_minor, priced.total_minor) == (-1000, 2000 + 173)


def test_rule_4_a_percentage_off_the_basket_is_taken_once_from_the_whole() -> None:
    lines = [line(product(price_minor=5), line_id=str(number)) for number in range(3)]
    priced = price_basket(basket(*lines, percent_discount_ppm=100_000), book())
    assert priced.discount_minor == -2  # 1.5 of 15, where 0.5 of each line would have made 3
    assert [each.discount_minor for each in priced.lines] == [-1, -1, 0]


def test_rule_4_a_basket_discount_above_the_goods_makes_them_free_and_no_more() -> None:
    sold = basket(line(product("tea", 300)), line(product("milk", 200)), amount_discount_minor=900)
    priced = price_basket(sold, book())
    assert [each.total_minor for each in priced.lines] == [0, 0]


def test_a_line_amount_above_its_price_stops_at_zero() -> None:
    priced = price_basket(basket(line(product(price_minor=300), amount_discount_minor=500)), book())
    assert (priced.discount_minor, priced.total_minor) == (-300, 0)


def test_rule_11_a_gift_card_is_never_discounted_and_says_so() -> None:
    half = Promotion("half", "Half price", PromotionKind.PERCENT_OFF, EVERYTHING, percent_ppm=500_000)
    card = line(gift_card(5000), percent_discount_ppm=100_000)
    sold = basket(card, line(product()), percent_discount_ppm=100_000, amount_discount_minor=100)
    priced = price_basket(sold, book(half))
    assert [each.total_minor for each in priced.lines] == [5000, 350]
    assert priced.lines[0].notes == ("price list retail", "no discount: Gift-Card is never discounted")


def test_a_product_that_is_not_discountable_keeps_its_price() -> None:
    book_product = product("book", 1000, discountable=False)
    priced = price_basket(basket(line(book_product), line(product()), amount_discount_minor=100), book())
    assert [each.total_minor for each in priced.lines] == [1000, 900]


def test_a_price_changed_by_hand_is_kept_beside_the_list_price_and_takes_no_promotion() -> None:
    half = Promotion("half", "Half price", PromotionKind.PERCENT_OFF, EVERYTHING, percent_ppm=500_000)
    changed = line(product(), 2, price_override_minor=800, price_override_reason="Display piece")
    priced = price_basket(basket(changed), book(half)).lines[0]
    assert (priced.list_price_minor, priced.unit_price_minor, priced.total_minor) == (1000, 800, 1600)
    assert priced.notes == ("price changed from 10.00 to 8.00 by hand: Display piece",)


@pytest.mark.parametrize("policy", [EXCLUSIVE, TaxPolicy(TaxMode.EXCLUSIVE, TaxRounding.PER_RATE)])
def test_rule_10_a_returned_line_is_the_exact_mirror_beside_a_sold_one(policy: TaxPolicy) -> None:
    apples = product("apple", 333, "standard")
    sold = price_basket(basket(line(apples, 2, "in", percent_discount_ppm=70_000), policy=policy), book())
    mixed = price_basket(
        basket(
            line(apples, 2, "in", percent_discount_ppm=70_000),
            line(product("pear", 100), 1),
            line(apples, -2, "out", percent_discount_ppm=70_000),
            policy=policy,
        ),
        book(),
    )
    assert [each.line_id for each in mixed.lines] == ["in", "pear", "out"]
    assert mixed.lines[2].total_minor == -sold.total_minor == -749
    assert [(tax.base_minor, tax.tax_minor) for tax in mixed.lines[2].taxes] == [(-619, -130)]
    assert mixed.total_minor == 100


def test_rule_10_a_mixed_document_may_be_negative_and_the_basket_amount_comes_off_what_is_sold() -> None:
    mixed = basket(line(product("pear", 500)), line(product("apple", 2000), -1), amount_discount_minor=100)
    priced = price_basket(mixed, book())
    assert [each.total_minor for each in priced.lines] == [400, -2000]
    assert priced.total_minor == -1600


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"percent_discount_ppm": 1_000_001}, "percent_discount_ppm"),
        ({"amount_discount_minor": -1}, "amount_discount_minor"),
        ({"price_override_minor": -1}, "price_override_minor"),
        ({"quantity": 0}, "quantity"),
    ],
)
def test_a_line_that_makes_no_sense_is_refused_by_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(PricingError) as refused:
        line(product(), **changes)
    assert refused.value.field == field
