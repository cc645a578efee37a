"""Which authority one change needs beyond what the basket had (retail rule 26)."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from libs.contracts.permissions import Permission
from libs.money import Quantity
from services.sales.domain.added_authority import added_authority
from services.sales.domain.basket import Basket, BasketLine
from services.sales.domain.needed_authority import Need
from tests.unit.sales.baskets import basket, frozen, line, product

GOODS = product()


def needs(before: Basket, after: Basket) -> list[Need]:
    return added_authority(before, frozen(before, GOODS), after, frozen(after, GOODS))


def with_line(of: Basket, index: int, changed: BasketLine) -> Basket:
    lines = list(of.lines)
    lines[index] = changed
    return replace(of, lines=tuple(lines))


def discounted(of: BasketLine, ppm: int = 0, amount_minor: int = 0) -> BasketLine:
    return replace(of, percent_discount_ppm=ppm, amount_discount_minor=amount_minor)


def test_a_plain_line_needs_nothing() -> None:
    before = basket(line(GOODS))
    assert needs(before, replace(before, lines=(*before.lines, line(GOODS, 3)))) == []


def test_a_new_discount_needs_its_share_and_a_smaller_one_nothing_more() -> None:
    before = basket(line(GOODS, 100))
    # 1,000.00 less 20 %; one minor unit of rounding is forgiven: 19,999 of 100,000.
    twenty = with_line(before, 0, discounted(before.lines[0], 200_000))
    assert needs(before, twenty) == [Need(Permission.SALES_DISCOUNT, discount_ppm=199_991)]
    assert needs(twenty, with_line(before, 0, discounted(before.lines[0], 150_000))) == []
    assert needs(twenty, before) == []


def test_a_discount_on_one_line_covers_no_other_even_when_it_was_approved() -> None:
    one, other = line(GOODS, percent_discount_ppm=500_000, approved_by=UUID(int=1)), line(GOODS)
    before = basket(one, other)
    [need] = needs(before, with_line(before, 1, discounted(other, 300_000)))
    assert (need.permission, need.discount_ppm) == (Permission.SALES_DISCOUNT, 299_001)


def test_an_approved_discount_grows_only_with_another_approval() -> None:
    approved = line(GOODS, percent_discount_ppm=200_000, approved_by=UUID(int=1))
    before = basket(approved)
    [need] = needs(before, with_line(before, 0, discounted(approved, 900_000)))
    assert need.discount_ppm == 899_001


def test_an_amount_off_weighs_more_on_fewer_goods() -> None:
    ten = line(GOODS, 10, amount_discount_minor=1_000)
    before = basket(ten)
    [need] = needs(before, with_line(before, 0, replace(ten, quantity=Quantity(5_000))))
    assert need.discount_ppm == 199_801
    assert needs(before, with_line(before, 0, replace(ten, quantity=Quantity(20_000)))) == []


def test_a_basket_discount_counts_together_with_the_lines_own() -> None:
    before = basket(line(GOODS, 100, percent_discount_ppm=100_000))
    [need] = needs(before, replace(before, percent_discount_ppm=100_000))
    assert need.discount_ppm == 189_991


def test_an_override_needs_authority_for_each_price_it_sets_and_by_how_much_it_changes_the_goods() -> None:
    permission = Permission.SALES_OVERRIDE_PRICE
    before = basket(line(GOODS))
    first = with_line(before, 0, replace(before.lines[0], price_override_minor=900))
    assert needs(before, first) == [Need(permission, change_minor=100)]
    two = with_line(first, 0, replace(first.lines[0], quantity=Quantity(2_000)))
    assert needs(first, two) == [Need(permission, change_minor=200)]
    assert needs(two, first) == []
    second = with_line(first, 0, replace(first.lines[0], price_override_minor=800))
    assert needs(first, second) == [Need(permission, change_minor=200)]
    dearer = with_line(first, 0, replace(first.lines[0], price_override_minor=1_050))
    assert needs(first, dearer) == [Need(permission, change_minor=50)]


def test_a_price_on_a_label_needs_nobody() -> None:
    before = basket()
    assert needs(before, basket(line(GOODS, price_override_minor=847, price_from_code=True))) == []


def test_rule_9_more_money_back_without_receipt_needs_authority_for_the_sum() -> None:
    returned = line(GOODS, -2, price_override_minor=500, approved_by=UUID(int=1))
    before = basket(returned)
    permission = Permission.SALES_RETURN_WITHOUT_RECEIPT
    assert needs(basket(), before) == [Need(permission, refund_minor=1_000)]
    assert needs(before, with_line(before, 0, replace(returned, quantity=Quantity(-1_000)))) == []
    assert needs(before, with_line(before, 0, replace(returned, quantity=Quantity(-3_000)))) == [
        Need(permission, refund_minor=1_500)
    ]
