"""Retail rules 2, 6, 7 and 8: returns from the frozen line, in portions, and what they do to promotions."""

from dataclasses import replace

import pytest

from libs.money import Quantity
from libs.pricing import (
    EVERYTHING,
    BundleGroup,
    PricedBasket,
    PricedLine,
    PricingError,
    Promotion,
    PromotionKind,
    ReturnExceedsSale,
    ReturnPolicy,
    TaxMode,
    TaxPolicy,
    TaxRounding,
    broken_bundles,
    freeze_sale,
    price_basket,
    refund,
    return_line,
    return_recomputed,
    thaw_sale,
)
from tests.unit.pricing.shop import EXCLUSIVE, basket, book, line, product, quantities, these

ONE = Quantity.of(1)
THREE_FOR_TWO = Promotion(
    "3for2", "Three for two", PromotionKind.BUY_X_GET_Y, EVERYTHING, buy_quantity_milli=2000, get_quantity_milli=1000
)
MEAL_DEAL = Promotion(
    "meal",
    "Meal deal",
    PromotionKind.BUNDLE,
    groups=(BundleGroup(these("wrap"), 1000), BundleGroup(these("cola"), 1000)),
    amount_minor=500,
    currency="EUR",
    return_policy=ReturnPolicy.WHOLE_BUNDLE,
)


def in_ones(sold: PricedLine) -> list[PricedLine]:
    count = sold.quantity.milli // 1000
    return [return_line(sold, sold.quantity, Quantity.of(done), ONE) for done in range(count)]


def test_rule_2_partial_returns_use_the_price_paid_and_the_last_unit_takes_the_remainder() -> None:
    sold = price_basket(basket(line(product(price_minor=333), 3, amount_discount_minor=99)), book()).lines[0]
    assert sold.total_minor == 900
    odd = price_basket(basket(line(product(price_minor=334), 3, amount_discount_minor=2)), book()).lines[0]
    assert [each.total_minor for each in in_ones(sold)] == [-300, -300, -300]
    assert [each.total_minor for each in in_ones(odd)] == [-333, -334, -333]


def test_rule_2_portions_sum_to_the_whole_in_every_amount() -> None:
    policy = TaxPolicy(TaxMode.EXCLUSIVE, TaxRounding.PER_RATE)
    apples = line(product("apple", 337, "mongolia"), 7, percent_discount_ppm=130_000, amount_discount_minor=11)
    sold = price_basket(basket(apples, amount_discount_minor=17, policy=policy), book(THREE_FOR_TWO)).lines[0]
    parts = in_ones(sold)
    assert sum(part.gross_minor for part in parts) == -sold.gross_minor
    assert sum(part.net_minor for part in parts) == -sold.net_minor
    assert sum(part.total_minor for part in parts) == -sold.total_minor
    for index, tax in enumerate(sold.taxes):
        assert sum(part.taxes[index].tax_minor for part in parts) == -tax.tax_minor
        assert sum(part.taxes[index].base_minor for part in parts) == -tax.base_minor
    for index, adjustment in enumerate(sold.adjustments):
        assert sum(part.adjustments[index].amount_minor for part in parts) == -adjustment.amount_minor


def test_rule_2_a_full_refund_is_the_sale_with_the_other_sign() -> None:
    sale = price_basket(basket(line(product("tea", 999, "standard"), 3), line(product("milk", 77, "reduced"))), book())
    returned = refund(sale)
    assert returned.total_minor == -sale.total_minor
    assert returned.lines == tuple(return_line(each, each.quantity, Quantity(0), each.quantity) for each in sale.lines)
    assert [(tax.base_minor, tax.tax_minor) for tax in returned.taxes] == [
        (-tax.base_minor, -tax.tax_minor) for tax in sale.taxes
    ]
    assert refund(returned) == sale


def test_rule_7_a_return_needs_nothing_but_the_frozen_line() -> None:
    apples = line(product(price_minor=1000), 2, percent_discount_ppm=100_000)
    frozen = price_basket(basket(apples, policy=EXCLUSIVE), book()).lines[0]
    returned = return_line(frozen, Quantity.of(2), Quantity(0), ONE)
    assert (returned.unit_price_minor, returned.total_minor) == (1000, -900)


def test_rule_8_no_more_than_was_sold_comes_back() -> None:
    sold = price_basket(basket(line(product(), 3)), book()).lines[0]
    with pytest.raises(ReturnExceedsSale, match="returning_quantity: is 2, but only 1 can come back"):
        return_line(sold, Quantity.of(3), Quantity.of(2), Quantity.of(2))
    with pytest.raises(ReturnExceedsSale, match="sold_quantity: is 3 on the sold line, not 4"):
        return_line(sold, Quantity.of(4), Quantity.of(0), ONE)
    with pytest.raises(ReturnExceedsSale, match="returning_quantity: is positive"):
        return_line(sold, Quantity.of(3), Quantity.of(0), Quantity(0))
    with pytest.raises(ReturnExceedsSale, match="sold_quantity"):
        return_line(-sold, Quantity.of(-3), Quantity.of(0), ONE)


def test_rule_4_a_return_pays_back_its_share_of_the_basket_discount_and_no_more() -> None:
    sold = basket(line(product("a", 10_000)), line(product("b", 20_000)), amount_discount_minor=3000)
    sale = price_basket(sold, book())
    assert return_line(sale.lines[0], ONE, Quantity(0), ONE).total_minor == -9000


def test_rule_6_prorated_is_the_default_for_a_broken_promotion() -> None:
    sale = price_basket(basket(line(product(), 3)), book(THREE_FOR_TWO))
    assert sale.lines[0].return_policy is ReturnPolicy.PRORATED
    assert return_line(sale.lines[0], Quantity.of(3), Quantity(0), ONE).total_minor == -667
    assert broken_bundles(sale.lines, quantities({"apple": 1})) == ()


def test_rule_6_whole_bundle_takes_back_complete_bundles_only() -> None:
    sale = price_basket(basket(line(product("wrap", 400), 3), line(product("cola", 200), 2)), book(MEAL_DEAL))
    assert sale.total_minor == 500 + 500 + 400
    assert sale.lines[0].return_policy is ReturnPolicy.WHOLE_BUNDLE
    broken = broken_bundles(sale.lines, quantities({"cola": 1}))
    assert [(each.promotion_id, each.name, each.line_ids) for each in broken] == [
        ("meal", "Meal deal", ("cola", "wrap"))
    ]
    assert broken_bundles(sale.lines, quantities({"cola": 1, "wrap": 1})) == ()
    assert broken_bundles(sale.lines, quantities({"cola": 2, "wrap": 3})) == ()
    assert broken_bundles(sale.lines, quantities({"wrap": 1})) == ()  # the third wrap was outside the deal
    assert len(broken_bundles(sale.lines, quantities({"wrap": 2}))) == 1


def test_rule_6_whole_bundle_holds_over_several_bundles_of_one_promotion() -> None:
    whole = replace(THREE_FOR_TWO, return_policy=ReturnPolicy.WHOLE_BUNDLE)
    sale = price_basket(basket(line(product("a", 1000), 4), line(product("b", 900), 2)), book(whole))
    assert [(each.line_id, each.discount_minor) for each in sale.lines] == [("a", -1321), ("b", -579)]
    allowed = [{"a": 3}, {"a": 1, "b": 2}, {"a": 4, "b": 2}]
    refused = [{"b": 1}, {"a": 1}, {"b": 2}, {"a": 4}, {"a": 3, "b": 2}]
    assert [broken_bundles(sale.lines, quantities(each)) for each in allowed] == [(), (), ()]
    assert all(broken_bundles(sale.lines, quantities(each)) for each in refused)


def recompute(
    sale: PricedBasket, already: dict[str, int], now: dict[str, int], promotion: Promotion
) -> tuple[int, list[tuple[str, Quantity, int]]]:
    sold = basket(line(product("apple", 1000), 3), line(product("pear", 500)))
    refunded = return_recomputed(sold, sale, book(promotion), quantities(already), quantities(now))
    return refunded.total_minor, [(each.line_id, each.quantity, each.total_minor) for each in refunded.lines]


def test_rule_6_recompute_prices_what_is_kept_and_claws_the_discount_back() -> None:
    promotion = replace(THREE_FOR_TWO, products=these("apple"), return_policy=ReturnPolicy.RECOMPUTE)
    sold = basket(line(product("apple", 1000), 3), line(product("pear", 500)))
    sale = price_basket(sold, book(promotion))
    assert sale.total_minor == 2500
    # three apples for 20.00, two kept for 20.00: nothing comes back for the first, then the price of each
    assert recompute(sale, {}, {"apple": 1}, promotion) == (0, [("apple", Quantity.of(-1), 0)])
    assert recompute(sale, {"apple": 1}, {"apple": 1}, promotion)[0] == -1000
    assert recompute(sale, {"apple": 2}, {"apple": 1, "pear": 1}, promotion)[0] == -1500


def test_rule_6_recompute_charges_a_kept_line_that_loses_its_threshold_under_its_own_tax() -> None:
    promotion = Promotion(
        "spend",
        "Spend",
        PromotionKind.BASKET_THRESHOLD,
        EVERYTHING,
        threshold_minor=3000,
        amount_minor=300,
        currency="EUR",
        return_policy=ReturnPolicy.RECOMPUTE,
    )
    sold = basket(line(product("tea", 1000, "standard")), line(product("milk", 2000, "reduced")))
    sale = price_basket(sold, book(promotion))
    refunded = return_recomputed(sold, sale, book(promotion), {}, quantities({"milk": 1}))
    lines = {each.line_id: each for each in refunded.lines}
    assert (lines["milk"].quantity, lines["milk"].total_minor) == (Quantity.of(-1), -1800)
    assert (lines["tea"].quantity, lines["tea"].total_minor) == (Quantity(0), 100)
    assert lines["tea"].tax_minor == 174 - 156
    assert lines["tea"].adjustments[0].amount_minor == 100
    assert refunded.total_minor == -1700
    rest = return_recomputed(sold, sale, book(promotion), quantities({"milk": 1}), quantities({"tea": 1}))
    assert refunded.total_minor + rest.total_minor == -sale.total_minor


def test_rule_6_recompute_leaves_discounts_by_hand_with_the_goods_they_were_given_for() -> None:
    promotion = replace(THREE_FOR_TWO, return_policy=ReturnPolicy.RECOMPUTE)
    sold = basket(
        line(product("a", 1000), amount_discount_minor=100), line(product("b", 800)), amount_discount_minor=170
    )
    sale = price_basket(sold, book(promotion))
    assert [each.total_minor for each in sale.lines] == [810, 720]
    refunded = return_recomputed(sold, sale, book(promotion), {}, quantities({"a": 1}))
    assert [(each.line_id, each.total_minor) for each in refunded.lines] == [("a", -810)]


def test_rule_6_recompute_gives_a_part_of_a_line_its_part_of_the_amount_off() -> None:
    sold = basket(line(product("a", 1000), 4, amount_discount_minor=400))
    sale = price_basket(sold, book())
    refunded = return_recomputed(sold, sale, book(), quantities({"a": 1}), quantities({"a": 2}))
    assert [(each.discount_minor, each.total_minor) for each in refunded.lines] == [(200, -1800)]


def test_rule_7_recompute_uses_the_prices_of_the_sale() -> None:
    sold = basket(line(product("a", 1000), 2))
    sale = price_basket(sold, book())
    dearer = basket(line(product("a", 5000), 2))
    assert return_recomputed(dearer, sale, book(), {}, quantities({"a": 1})).total_minor == -1000


def test_recompute_refuses_what_was_not_sold() -> None:
    sold = basket(line(product("a", 1000), 2))
    sale = price_basket(sold, book())
    with pytest.raises(PricingError, match="line_id: the sale has no line b"):
        return_recomputed(sold, sale, book(), {}, quantities({"b": 1}))
    with pytest.raises(ReturnExceedsSale, match="returning: of line a is more than is left, or nothing"):
        return_recomputed(sold, sale, book(), quantities({"a": 1}), quantities({"a": 2}))


def test_a_package_sold_at_its_label_price_comes_back_in_parts_that_sum_to_the_label() -> None:
    promotion = replace(THREE_FOR_TWO, products=these("apple"), return_policy=ReturnPolicy.RECOMPUTE)
    cheese = replace(line(product("cheese", 4999)), quantity=Quantity(169), label_amount_minor=847)
    sold = basket(line(product("apple", 1000), 3), cheese)
    sale = price_basket(sold, book(promotion))
    assert [each.total_minor for each in sale.lines] == [2000, 847]
    thawed, then = thaw_sale(freeze_sale(sold, sale, book(promotion)))
    assert thawed.lines[1].label_amount_minor == 847
    parts, already = [], Quantity(0)
    for milli in (50, 50, 69):
        returned = {"cheese": already} if already else {}
        back = return_recomputed(thawed, sale, then, returned, {"cheese": Quantity(milli)})
        parts.append(back.total_minor)
        already += Quantity(milli)
    assert parts == [-251, -250, -346]


def test_a_return_keeps_the_label_price_of_what_is_left_whatever_the_list_price_comes_to() -> None:
    cheese = replace(line(product("cheese", 4999)), quantity=Quantity(169), label_amount_minor=847)
    mixed = basket(replace(cheese, quantity=Quantity(-169)))
    assert price_basket(mixed, book()).total_minor == -847
