"""Retail rules 1, 2 and 16: cash rounding, change, and foreign notes."""

from decimal import Decimal

import pytest

from libs.money import UnknownCurrency
from libs.pricing import (
    CashDue,
    CashPayment,
    ExchangeRate,
    PricingError,
    TaxMode,
    TaxPolicy,
    TaxRounding,
    cash_due,
    pay_cash,
    pay_foreign_cash,
    price_basket,
    refund,
)
from tests.unit.pricing.shop import basket, book, line, product


def test_rule_1_the_magnitude_is_rounded_and_the_sign_put_back() -> None:
    # the case of odoo 61466: a till said -129.40, its server -129.30
    assert cash_due(12_935, 10) == CashDue(12_935, 5, 12_940)
    assert cash_due(-12_935, 10) == CashDue(-12_935, -5, -12_940)


@pytest.mark.parametrize(("increment", "payable"), [(1, 1237), (5, 1235), (10, 1240), (50, 1250), (100, 1200)])
def test_rule_1_to_the_smallest_coin(increment: int, payable: int) -> None:
    assert cash_due(1237, increment).payable_minor == payable


def test_rule_1_rounding_is_apart_from_price_and_tax() -> None:
    policy = TaxPolicy(TaxMode.INCLUSIVE, TaxRounding.PER_LINE, cash_rounding_minor=10)
    sale = price_basket(basket(line(product(price_minor=1237, tax="standard")), policy=policy), book())
    due = cash_due(sale.total_minor, policy.cash_rounding_minor)
    assert (sale.total_minor, sale.tax_minor) == (1237, 215)
    assert (due.payable_minor, due.rounding_minor) == (1240, 3)


def test_rule_2_a_full_refund_pays_back_what_was_paid_with_mixed_tenders() -> None:
    # the case of odoo 155619: 138 due, 55 by card, 83 in cash rounded to 80
    policy = TaxPolicy(TaxMode.INCLUSIVE, TaxRounding.PER_LINE, cash_rounding_minor=10)
    sale = price_basket(basket(line(product(price_minor=138)), policy=policy), book())
    paid = cash_due(sale.total_minor - 55, 10)
    returned = refund(sale)
    paid_back = cash_due(returned.total_minor + 55, 10)
    assert (paid.payable_minor, paid.rounding_minor) == (80, -3)
    assert (paid_back.payable_minor, paid_back.rounding_minor) == (-80, 3)
    assert -55 + paid_back.payable_minor == -(55 + paid.payable_minor) == -135


def test_rule_1_cash_that_does_not_close_the_document_is_not_rounded() -> None:
    assert pay_cash(1237, 1000, 10) == CashPayment(1000, 1000, 0, 0, 237)
    assert pay_cash(237, 250, 10) == CashPayment(250, 240, 3, 10, 0)


def test_cash_for_a_negative_amount_is_refused() -> None:
    with pytest.raises(PricingError, match="due_minor"):
        pay_cash(-1, 0, 1)
    with pytest.raises(PricingError, match="tendered_minor"):
        pay_cash(1, -1, 1)


def test_rule_16_foreign_notes_at_a_frozen_rate_with_change_in_local_currency() -> None:
    rate = ExchangeRate("EUR", "PLN", Decimal("4.2513"))
    paid = pay_foreign_cash(7999, 2000, rate, 1)  # 20.00 EUR are 85.03 PLN (85.026)
    assert paid.payment == CashPayment(8503, 7999, 0, 504, 0)


def test_rule_16_change_is_rounded_to_the_smallest_local_coin() -> None:
    paid = pay_foreign_cash(7999, 2000, ExchangeRate("EUR", "PLN", Decimal("4.2513")), 5)
    assert (paid.payment.change_minor, paid.payment.rounding_minor) == (505, -1)


def test_rule_16_foreign_notes_may_pay_a_part() -> None:
    paid = pay_foreign_cash(20_000, 2000, ExchangeRate("EUR", "PLN", Decimal("4.2513")), 5)
    assert (paid.payment.applied_minor, paid.payment.remaining_minor) == (8503, 20_000 - 8503)


def test_rule_16_currencies_with_other_digits() -> None:
    yen = ExchangeRate("JPY", "EUR", Decimal("0.006125"))
    assert yen.to_local(10_000) == 6125
    assert ExchangeRate("KWD", "EUR", Decimal("3.0")).to_local(1000) == 300
    assert yen.to_local(10_002) >= 6126


@pytest.mark.parametrize("rate", [0.5, Decimal(0), Decimal(-1), Decimal("NaN")])
def test_rule_16_a_rate_is_a_positive_decimal(rate: Decimal) -> None:
    with pytest.raises(PricingError, match="rate"):
        ExchangeRate("EUR", "PLN", rate)


def test_rule_16_a_rate_is_between_currencies_that_exist() -> None:
    with pytest.raises(UnknownCurrency):
        ExchangeRate("EUR", "XYZ", Decimal(1))
