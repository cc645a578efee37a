"""For every basket, policy and set of promotions: parts sum to wholes, nothing goes below zero, mirrors are exact."""

from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.pricing import (
    Basket,
    PriceBook,
    PricedBasket,
    ProductKind,
    Promotion,
    TaxMode,
    TaxRounding,
    price_basket,
    promotion_from_facts,
    refund,
)
from tests.property.shopping import TAXES, baskets, books, promotions

fast = settings(max_examples=100, deadline=None, derandomize=True)


def assert_adds_up(priced: PricedBasket) -> None:
    assert sum(line.total_minor for line in priced.lines) == priced.total_minor
    assert sum(line.net_minor for line in priced.lines) == priced.net_minor
    assert sum(line.gross_minor for line in priced.lines) == priced.gross_minor
    assert priced.gross_minor + priced.discount_minor == priced.net_minor
    assert sum(tax.tax_minor for tax in priced.taxes) == priced.tax_minor
    for total in priced.taxes:
        same = [
            tax
            for line in priced.lines
            for tax in line.taxes
            if (tax.code, tax.rate_ppm) == (total.code, total.rate_ppm)
        ]
        assert sum(tax.tax_minor for tax in same) == total.tax_minor
        assert sum(tax.base_minor for tax in same) == total.base_minor
    for line in priced.lines:
        assert line.gross_minor + sum(each.amount_minor for each in line.adjustments) == line.net_minor
        if line.tax_mode is TaxMode.INCLUSIVE:
            assert line.total_minor == line.net_minor
            assert all(tax.base_minor + line.tax_minor == line.net_minor for tax in line.taxes)
        else:
            assert line.total_minor == line.net_minor + line.tax_minor
            assert all(tax.base_minor == line.net_minor for tax in line.taxes)


@fast
@given(baskets(signs=(1, 1, -1)), books())
def test_sums_of_parts_equal_the_whole_in_any_document(basket: Basket, book: PriceBook) -> None:
    assert_adds_up(price_basket(basket, book))


@fast
@given(baskets(), books())
def test_no_line_of_a_sale_goes_below_zero_and_no_discount_adds(basket: Basket, book: PriceBook) -> None:
    priced = price_basket(basket, book)
    for line in priced.lines:
        assert 0 <= line.net_minor <= line.gross_minor
        assert all(each.amount_minor <= 0 for each in line.adjustments)
        assert all(tax.tax_minor >= 0 for tax in line.taxes)


@fast
@given(baskets(), books())
def test_rule_10_a_basket_of_returns_is_the_mirror_of_its_sale(basket: Basket, book: PriceBook) -> None:
    returned = replace(basket, lines=tuple(replace(line, quantity=-line.quantity) for line in basket.lines))
    sale = price_basket(basket, book)
    assert price_basket(returned, book).lines == refund(sale).lines
    assert price_basket(returned, book).total_minor == -sale.total_minor


@fast
@given(baskets(), books())
def test_rule_11_gift_cards_keep_their_value_and_bear_no_tax(basket: Basket, book: PriceBook) -> None:
    for line in price_basket(basket, book).lines:
        if line.kind is ProductKind.GIFT_CARD:
            assert (line.adjustments, line.taxes, line.total_minor) == ((), (), line.gross_minor)


@fast
@given(baskets(), books())
def test_rule_3_the_tax_of_a_receipt_is_within_half_a_unit_of_exact_per_rate(basket: Basket, book: PriceBook) -> None:
    policy = replace(basket.tax_policy, rounding=TaxRounding.PER_RATE, mode=TaxMode.EXCLUSIVE)
    priced = price_basket(replace(basket, tax_policy=policy), book)
    for total in priced.taxes:
        assert abs(2 * (total.tax_minor * 1_000_000 - total.base_minor * total.rate_ppm)) <= 1_000_000


@fast
@given(baskets(), books())
def test_rule_3_the_tax_of_a_line_is_within_half_a_unit_of_exact_per_line(basket: Basket, book: PriceBook) -> None:
    policy = replace(basket.tax_policy, rounding=TaxRounding.PER_LINE, mode=TaxMode.INCLUSIVE)
    for line in price_basket(replace(basket, tax_policy=policy), book).lines:
        divisor = 1_000_000 + sum(tax.rate_ppm for tax in line.taxes)
        for tax in line.taxes:
            assert abs(2 * (tax.tax_minor * divisor - line.net_minor * tax.rate_ppm)) <= divisor


@fast
@given(baskets(), books(), st.randoms(use_true_random=False))
def test_promotions_in_any_order_give_the_same_price(basket: Basket, book: PriceBook, chance: Random) -> None:
    shuffled = list(book.promotions)
    chance.shuffle(shuffled)
    assert price_basket(basket, PriceBook.compile(shuffled, TAXES)) == price_basket(basket, book)


@fast
@given(promotions(1))
def test_a_promotion_comes_back_from_its_facts(promotion: Promotion) -> None:
    assert promotion_from_facts(promotion.facts()) == promotion


@fast
@given(baskets(signs=(1, -1)), books())
def test_every_priced_line_explains_itself(basket: Basket, book: PriceBook) -> None:
    for line in price_basket(basket, book).lines:
        assert line.explanation
