"""What each kind of promotion takes off, and how promotions compete, stack and exclude each other."""

from dataclasses import replace

from libs.money import Quantity
from libs.pricing import (
    EVERYTHING,
    BundleGroup,
    PricedBasket,
    ProductSelector,
    Promotion,
    PromotionKind,
    price_basket,
)
from tests.unit.pricing.shop import basket, book, line, product, these

TEN_PERCENT = Promotion("ten", "Ten percent", PromotionKind.PERCENT_OFF, EVERYTHING, percent_ppm=100_000)
THREE_FOR_TWO = Promotion(
    "3for2", "Three for two", PromotionKind.BUY_X_GET_Y, EVERYTHING, buy_quantity_milli=2000, get_quantity_milli=1000
)
MEAL_DEAL = Promotion(
    "meal",
    "Meal deal",
    PromotionKind.BUNDLE,
    groups=(
        BundleGroup(these("sandwich", "wrap"), 1000),
        BundleGroup(these("cola", "water"), 1000),
    ),
    amount_minor=500,
    currency="EUR",
)


def discounts(priced: PricedBasket) -> dict[str, int]:
    return {each.line_id: each.discount_minor for each in priced.lines}


def test_percent_off_takes_its_share_of_named_products_only() -> None:
    promotion = replace(TEN_PERCENT, products=these("apple"))
    priced = price_basket(basket(line(product("apple", 555), 3), line(product("pear", 555))), book(promotion))
    assert discounts(priced) == {"apple": -167, "pear": 0}


def test_percent_off_a_category_leaves_excluded_products_and_categories_alone() -> None:
    selector = ProductSelector(
        category_ids=frozenset({"food"}),
        excluded_product_ids=frozenset({"pear"}),
        excluded_category_ids=frozenset({"organic"}),
    )
    sold = basket(
        line(product("apple")),
        line(product("pear")),
        line(product("kiwi", category_ids=frozenset({"food", "organic"}))),
    )
    assert discounts(price_basket(sold, book(replace(TEN_PERCENT, products=selector)))) == {
        "apple": -100,
        "pear": 0,
        "kiwi": 0,
    }


def test_amount_off_is_for_each_unit_and_stops_at_the_price() -> None:
    promotion = Promotion("a", "A", PromotionKind.AMOUNT_OFF, EVERYTHING, amount_minor=150, currency="EUR")
    sold = basket(line(product("apple", 1000), 3), line(product("plum", 100), 2), line(product("nuts", 800), "0.500"))
    assert discounts(price_basket(sold, book(promotion))) == {"apple": -450, "plum": -200, "nuts": -75}


def test_a_fixed_price_never_makes_anything_dearer() -> None:
    promotion = Promotion("f", "F", PromotionKind.FIXED_PRICE, EVERYTHING, amount_minor=799, currency="EUR")
    sold = basket(line(product("apple", 1000), 2), line(product("plum", 500), 2))
    assert discounts(price_basket(sold, book(promotion))) == {"apple": -402, "plum": 0}


def test_an_amount_in_another_currency_does_not_hold() -> None:
    promotion = Promotion("a", "A", PromotionKind.AMOUNT_OFF, EVERYTHING, amount_minor=150, currency="PLN")
    assert price_basket(basket(line(product())), book(promotion)).discount_minor == 0


def test_three_for_two_gives_the_cheapest_of_each_three_and_spreads_it_over_all_three() -> None:
    sold = basket(line(product("a", 1000)), line(product("b", 800)), line(product("c", 600)), line(product("d", 400)))
    priced = price_basket(sold, book(THREE_FOR_TWO))
    # 6.00 off the set of 24.00; the fourth is not in a set
    assert discounts(priced) == {"a": -250, "b": -200, "c": -150, "d": 0}


def test_three_for_two_counts_every_full_set_in_one_line() -> None:
    priced = price_basket(basket(line(product(), 8)), book(THREE_FOR_TWO)).lines[0]
    assert priced.discount_minor == -2000
    assert [(each.sets, each.quantity_milli) for each in priced.adjustments] == [(2, 6000)]


def test_buy_two_get_a_named_product_at_half_price() -> None:
    promotion = replace(THREE_FOR_TWO, products=these("coffee"), get_products=these("mug"), percent_ppm=500_000)
    coffee, mug = product("coffee", 400), product("mug", 800)
    assert price_basket(basket(line(coffee, 2), line(mug, 2)), book(promotion)).discount_minor == -400
    assert price_basket(basket(line(coffee, 1), line(mug, 2)), book(promotion)).discount_minor == 0
    assert price_basket(basket(line(coffee, 5), line(mug, 2)), book(promotion)).discount_minor == -800


def test_mix_and_match_is_n_of_a_set_for_a_price_dearest_units_first() -> None:
    promotion = Promotion(
        "mix",
        "Three snacks",
        PromotionKind.BUNDLE,
        groups=(BundleGroup(these("nuts", "chips", "gum"), 3000),),
        amount_minor=500,
        currency="EUR",
    )
    sold = basket(line(product("gum", 100), 2), line(product("nuts", 300), 2), line(product("chips", 200), 2))
    # dearest first: 3.00 + 3.00 + 2.00 for 5.00; 2.00 + 1.00 + 1.00 would be no gain
    assert discounts(price_basket(sold, book(promotion))) == {"gum": 0, "nuts": -225, "chips": -75}


def test_a_bundle_of_several_parts_applies_as_often_as_it_is_complete() -> None:
    sold = basket(line(product("sandwich", 400), 2), line(product("wrap", 450)), line(product("cola", 200), 2))
    priced = price_basket(sold, book(MEAL_DEAL))
    # wrap and cola 6.50, sandwich and cola 6.00; the second sandwich stays at its price
    assert priced.discount_minor == -150 - 100
    assert priced.total_minor == 1000 + 400


def test_a_bundle_at_a_percentage() -> None:
    promotion = replace(MEAL_DEAL, amount_minor=None, currency=None, percent_ppm=200_000)
    sold = basket(line(product("sandwich", 400)), line(product("cola", 200)))
    assert discounts(price_basket(sold, book(promotion))) == {"sandwich": -80, "cola": -40}


def test_a_limit_counts_units_dearest_first_or_bundles() -> None:
    sold = basket(line(product("a", 1000), 2), line(product("b", 2000), 1))
    assert discounts(price_basket(sold, book(replace(TEN_PERCENT, limit_per_basket=2)))) == {"a": -100, "b": -200}
    once = replace(THREE_FOR_TWO, limit_per_basket=1)
    assert price_basket(basket(line(product(), 9)), book(once)).discount_minor == -1000


def test_units_left_over_by_a_bundle_take_the_next_promotion_of_the_group() -> None:
    first = replace(THREE_FOR_TWO, priority=1)
    priced = price_basket(basket(line(product(), 4)), book(first, TEN_PERCENT)).lines[0]
    assert [each.amount_minor for each in priced.adjustments] == [-1000, -100]


def test_higher_priority_goes_first_and_one_group_gives_a_unit_one_promotion() -> None:
    small = replace(TEN_PERCENT, id="small", percent_ppm=50_000, priority=1)
    priced = price_basket(basket(line(product())), book(TEN_PERCENT, small)).lines[0]
    assert [each.source_id for each in priced.adjustments] == ["small"]


def test_of_equal_priority_the_larger_share_off_goes_first_line_by_line() -> None:
    on_apples = replace(TEN_PERCENT, id="apples", products=these("apple"), percent_ppm=500_000)
    sold = basket(line(product("apple", 100)), line(product("pear", 10_000)))
    assert discounts(price_basket(sold, book(TEN_PERCENT, on_apples))) == {"apple": -50, "pear": -1000}


def test_promotions_of_different_groups_add_up_each_on_what_is_left() -> None:
    second = replace(TEN_PERCENT, id="second", stacking_group="season")
    priced = price_basket(basket(line(product())), book(TEN_PERCENT, second)).lines[0]
    assert sorted(each.amount_minor for each in priced.adjustments) == [-100, -90]


def test_an_exclusive_promotion_keeps_all_others_off_its_units() -> None:
    exclusive = replace(TEN_PERCENT, id="only", exclusive=True, priority=9)
    other = replace(TEN_PERCENT, id="other", stacking_group="season")
    priced = price_basket(basket(line(product())), book(exclusive, other)).lines[0]
    assert [each.source_id for each in priced.adjustments] == ["only"]


def test_an_exclusive_promotion_stays_off_units_another_has_touched() -> None:
    exclusive = replace(TEN_PERCENT, id="only", exclusive=True)
    first = replace(TEN_PERCENT, id="first", stacking_group="season", products=these("apple"), priority=9)
    priced = price_basket(basket(line(product("apple")), line(product("pear"))), book(exclusive, first))
    assert [[each.source_id for each in one.adjustments] for one in priced.lines] == [["first"], ["only"]]


THRESHOLD = Promotion(
    "spend",
    "Spend and save",
    PromotionKind.BASKET_THRESHOLD,
    EVERYTHING,
    threshold_minor=5000,
    amount_minor=500,
    currency="EUR",
)


def test_a_basket_threshold_in_amount_is_shared_by_its_lines() -> None:
    sold = basket(line(product("a", 1000)), line(product("b", 2000), 2))
    assert discounts(price_basket(sold, book(THRESHOLD))) == {"a": -100, "b": -400}
    assert price_basket(basket(line(product("a", 4999))), book(THRESHOLD)).discount_minor == 0


def test_a_basket_threshold_in_percent_counts_what_is_left_after_the_other_promotions() -> None:
    percent = replace(THRESHOLD, amount_minor=None, percent_ppm=100_000)
    assert price_basket(basket(line(product("a", 5000))), book(percent, TEN_PERCENT)).discount_minor == -500
    assert price_basket(basket(line(product("a", 6000))), book(percent, TEN_PERCENT)).discount_minor == -600 - 540


def test_thresholds_of_one_group_compete_and_the_larger_discount_wins() -> None:
    more = replace(THRESHOLD, id="more", threshold_minor=8000, amount_minor=1000)
    priced = price_basket(basket(line(product("a", 9000))), book(THRESHOLD, more)).lines[0]
    assert [(each.source_id, each.amount_minor) for each in priced.adjustments] == [("more", -1000)]


def test_a_line_priced_by_hand_counts_towards_a_threshold_but_keeps_its_price() -> None:
    sold = basket(line(product("a", 1000), price_override_minor=4500), line(product("b", 600)))
    assert discounts(price_basket(sold, book(THRESHOLD))) == {"a": 0, "b": -500}


def test_a_member_price_is_for_members_only() -> None:
    promotion = Promotion(
        "m",
        "Members",
        PromotionKind.MEMBER_PRICE,
        EVERYTHING,
        amount_minor=900,
        currency="EUR",
        customer_groups=frozenset({"gold"}),
    )
    sold = basket(line(product()))
    assert price_basket(sold, book(promotion)).discount_minor == 0
    assert price_basket(replace(sold, customer_groups=frozenset({"gold"})), book(promotion)).discount_minor == -100


def test_the_order_promotions_are_given_in_does_not_matter() -> None:
    promotions = [TEN_PERCENT, THREE_FOR_TWO, MEAL_DEAL, THRESHOLD, replace(TEN_PERCENT, id="same")]
    lines = [line(product("sandwich", 400), 3), line(product("cola", 200), 4), line(product("apple", 3000), 2)]
    assert price_basket(basket(*lines), book(*promotions)) == price_basket(basket(*lines), book(*promotions[::-1]))


def test_a_promotion_on_weighed_goods_takes_the_weight_into_account() -> None:
    priced = price_basket(basket(line(product(price_minor=1999), "0.335")), book(TEN_PERCENT)).lines[0]
    assert (priced.quantity, priced.gross_minor, priced.net_minor) == (Quantity(335), 670, 603)
