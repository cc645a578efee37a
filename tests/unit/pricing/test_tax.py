"""Retail rule 3: tax rounding is a policy, prices include tax or not, several taxes on a line, dated rates."""

from dataclasses import replace
from datetime import date

import pytest

from libs.money import Quantity
from libs.pricing import (
    PriceBook,
    PricedLine,
    PricingError,
    TaxCategory,
    TaxMode,
    TaxPolicy,
    TaxRate,
    TaxRounding,
    price_basket,
    return_line,
)
from tests.unit.pricing.shop import EXCLUSIVE, INCLUSIVE, basket, book, gift_card, line, product

PER_RATE = TaxPolicy(TaxMode.INCLUSIVE, TaxRounding.PER_RATE)
PER_RATE_EXCLUSIVE = TaxPolicy(TaxMode.EXCLUSIVE, TaxRounding.PER_RATE)


def only(lines: tuple[PricedLine, ...]) -> PricedLine:
    assert len(lines) == 1
    return lines[0]


def test_rule_3_inclusive_10_00_at_21_percent_is_8_26_and_1_74() -> None:
    priced = only(price_basket(basket(line(product(price_minor=1000, tax="standard"))), book()).lines)
    assert [(tax.code, tax.base_minor, tax.tax_minor) for tax in priced.taxes] == [("vat", 826, 174)]
    assert (priced.net_minor, priced.total_minor) == (1000, 1000)


def test_rule_3_mongolia_vat_and_city_tax_out_of_one_gross_of_1000_are_89_29_and_17_86() -> None:
    sold = basket(line(product(price_minor=100_000, tax="mongolia")), currency="MNT")
    priced = only(price_basket(sold, book()).lines)
    assert [(tax.code, tax.tax_minor) for tax in priced.taxes] == [("vat", 8929), ("city", 1786)]
    assert {tax.base_minor for tax in priced.taxes} == {100_000 - 8929 - 1786}
    assert priced.total_minor == 100_000


def test_rule_3_exclusive_tax_is_added_to_the_price() -> None:
    priced = price_basket(basket(line(product(price_minor=999, tax="standard")), policy=EXCLUSIVE), book())
    assert (priced.net_minor, priced.tax_minor, priced.total_minor) == (999, 210, 1209)


def test_rule_3_per_line_rounds_each_line_by_itself() -> None:
    lines = [line(product(price_minor=103, tax="reduced"), line_id=str(number)) for number in range(3)]
    priced = price_basket(basket(*lines, policy=EXCLUSIVE), book())
    assert [each.tax_minor for each in priced.lines] == [5, 5, 5]  # 5.15 each
    assert (priced.tax_minor, priced.total_minor) == (15, 324)


def test_rule_3_per_rate_rounds_the_receipt_once_and_lines_sum_to_it() -> None:
    prices = [103, 109, 107]  # 5.15 + 5.45 + 5.35 = 15.95
    lines = [line(product(price_minor=price, tax="reduced"), line_id=str(price)) for price in prices]
    priced = price_basket(basket(*lines, policy=PER_RATE_EXCLUSIVE), book())
    assert priced.tax_minor == 16
    assert [each.tax_minor for each in priced.lines] == [5, 6, 5]  # the largest remainder takes the cent
    assert sum(each.total_minor for each in priced.lines) == priced.total_minor == 335


def test_rule_3_per_rate_inclusive_keeps_rates_apart_across_categories() -> None:
    sold = basket(
        line(product("tea", 333, "standard")),
        line(product("rice", 777, "mongolia")),
        line(product("milk", 555, "standard")),
        policy=PER_RATE,
    )
    priced = price_basket(sold, book())
    # 888 * 0.21 / 1.21 = 154.12; 777 * 0.10 / 1.12 = 69.375; 777 * 0.02 / 1.12 = 13.875
    totals = {(tax.code, tax.rate_ppm): (tax.base_minor, tax.tax_minor) for tax in priced.taxes}
    assert totals == {("vat", 210_000): (734, 154), ("vat", 100_000): (694, 69), ("city", 20_000): (694, 14)}
    assert priced.total_minor == 1665


def test_rule_3_the_rate_is_the_one_of_the_business_date() -> None:
    dated = TaxCategory(
        "dated",
        "Dated",
        (
            TaxRate("vat", "VAT", 190_000, valid_until=date(2020, 6, 30)),
            TaxRate("vat", "VAT", 160_000, date(2020, 7, 1), date(2020, 12, 31)),
            TaxRate("vat", "VAT", 190_000, valid_from=date(2021, 1, 1)),
        ),
    )
    prices = PriceBook.compile([], [dated])
    sold = basket(line(product(price_minor=1000, tax="dated")), policy=EXCLUSIVE)
    taxes = [
        price_basket(replace(sold, business_date=day), prices).tax_minor
        for day in (date(2020, 6, 30), date(2020, 7, 1), date(2020, 12, 31), date(2021, 1, 1))
    ]
    assert taxes == [190, 160, 160, 190]


def test_rule_3_a_return_reuses_the_tax_frozen_on_the_sale() -> None:
    sold = price_basket(basket(line(product(price_minor=999, tax="standard"), 3), policy=PER_RATE), book()).lines[0]
    returned = [return_line(sold, Quantity.of(3), Quantity.of(done), Quantity.of(1)) for done in range(3)]
    assert sold.tax_minor == 520
    assert [each.tax_minor for each in returned] == [-173, -174, -173]


def test_rule_3_two_rates_of_one_tax_on_one_day_are_refused() -> None:
    with pytest.raises(PricingError, match="rates: tax category x has two rates of vat on one day"):
        TaxCategory("x", "X", (TaxRate("vat", "VAT", 1, date(2020, 1, 1)), TaxRate("vat", "VAT", 2)))


def test_an_unknown_tax_category_names_the_product() -> None:
    with pytest.raises(PricingError, match="tax_category: Apple has the unknown tax category 'nowhere'"):
        price_basket(basket(line(product(tax="nowhere"))), book())


def test_rule_11_a_gift_card_is_not_taxed_but_a_single_purpose_voucher_is() -> None:
    voucher = product("voucher", 1000, "standard")
    priced = price_basket(basket(line(gift_card(5000)), line(voucher), policy=INCLUSIVE), book())
    assert [each.taxes != () for each in priced.lines] == [False, True]
    assert (priced.tax_minor, priced.total_minor) == (174, 6000)
