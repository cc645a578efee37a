"""What a cashier may do to a basket: each change gives the next version or a named refusal."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from libs.contracts.refusal import Invalid
from libs.money import Quantity
from services.sales.domain import basket_changes
from services.sales.domain.basket import AbsurdQuantity, BasketNotOpen, BasketState, UnknownLine
from services.sales.domain.basket_changes import CannotSuspend, MoneyAtStake, UnknownCoupon
from services.sales.domain.tender import Tender, TenderKind, TenderState
from tests.unit.sales.baskets import basket, line, product

GOODS = product()
MANAGER = UUID(int=9)


def test_a_quantity_changes_and_the_version_with_it() -> None:
    before = basket(line(GOODS), line(GOODS, 2))
    after = basket_changes.change_quantity(before, before.lines[1].line_id, Quantity(5_000))
    assert [each.quantity.milli for each in after.lines] == [1_000, 5_000]
    assert (before.version, after.version) == (1, 2)
    assert before.lines[1].quantity.milli == 2_000


@pytest.mark.parametrize("milli", [0, 9_999_001, -9_999_001])
def test_an_absurd_quantity_is_refused(milli: int) -> None:
    goods = line(GOODS, -1 if milli < 0 else 1)
    with pytest.raises(AbsurdQuantity):
        basket_changes.change_quantity(basket(goods), goods.line_id, Quantity(milli))


def test_a_line_keeps_its_sign() -> None:
    goods = line(GOODS)
    with pytest.raises(Invalid, match="stays sold"):
        basket_changes.change_quantity(basket(goods), goods.line_id, Quantity(-1_000))


def test_an_unknown_line_is_refused() -> None:
    with pytest.raises(UnknownLine):
        basket_changes.override_price(basket(line(GOODS)), uuid4(), 1, "x")


def test_an_approval_goes_with_the_last_thing_it_was_given_for() -> None:
    goods = line(GOODS, price_override_minor=5, percent_discount_ppm=10, approved_by=MANAGER)
    without_discount = basket_changes.discount_line(basket(goods), goods.line_id, 0, 0, "")
    assert without_discount.lines[0].approved_by == MANAGER
    without_either = basket_changes.override_price(without_discount, goods.line_id, None, "")
    assert without_either.lines[0].approved_by is None
    assert (without_either.lines[0].price_override_minor, without_either.version) == (None, 3)


def test_a_price_on_a_label_stays_when_an_override_is_taken_back() -> None:
    cheese = line(GOODS, price_override_minor=847, price_from_code=True)
    before = basket(cheese)
    assert basket_changes.override_price(before, cheese.line_id, None, "") is before
    by_hand = basket_changes.override_price(before, cheese.line_id, 500, "damaged").lines[0]
    assert (by_hand.price_override_minor, by_hand.price_from_code) == (500, False)


def test_a_basket_discount_without_amount_takes_its_approval_along() -> None:
    before = basket(line(GOODS), percent_discount_ppm=300_000, discount_reason="x", discount_approved_by=MANAGER)
    assert basket_changes.discount_basket(before, 200_000, 0, "x").discount_approved_by == MANAGER
    assert basket_changes.discount_basket(before, 0, 0, "").discount_approved_by is None


def test_a_coupon_is_held_once_and_given_back() -> None:
    held = basket_changes.add_coupon(basket(), "TEN")
    assert basket_changes.add_coupon(held, "TEN") is held
    assert basket_changes.remove_coupon(held, "TEN").coupons == ()
    with pytest.raises(UnknownCoupon):
        basket_changes.remove_coupon(held, "TWENTY")
    full = basket(coupons=tuple(str(number) for number in range(basket_changes.LARGEST_COUPON_COUNT)))
    with pytest.raises(Invalid, match="at most 50 coupons"):
        basket_changes.add_coupon(full, "one more")


def test_a_suspended_basket_is_recalled_once() -> None:
    suspended = basket_changes.suspend(basket(line(GOODS)))
    with pytest.raises(BasketNotOpen, match="is suspended"):
        suspended.with_line(line(GOODS))
    recalled = basket_changes.recall(suspended, UUID(int=7), UUID(int=8))
    assert (recalled.state, recalled.till_id, recalled.staff_id, recalled.version) == (
        BasketState.OPEN,
        UUID(int=7),
        UUID(int=8),
        3,
    )
    with pytest.raises(BasketNotOpen):
        basket_changes.recall(recalled, UUID(int=9), UUID(int=9))
    with pytest.raises(CannotSuspend):
        basket_changes.suspend(basket())


def test_who_takes_a_basket_over_finds_what_was_allowed_marked_with_who_allowed_it() -> None:
    lines = (
        line(GOODS),
        line(GOODS, percent_discount_ppm=500_000),
        line(GOODS, price_override_minor=1),
        line(GOODS, price_override_minor=1, price_from_code=True),
        line(GOODS, -1),
        line(GOODS, price_override_minor=1, approved_by=MANAGER),
    )
    suspended = basket_changes.suspend(basket(*lines, percent_discount_ppm=1))
    by_another = basket_changes.recall(suspended, UUID(int=7), UUID(int=8))
    before = suspended.staff_id
    assert [each.approved_by for each in by_another.lines] == [None, before, before, None, None, MANAGER]
    assert by_another.discount_approved_by == before
    by_the_same = basket_changes.recall(suspended, UUID(int=7), suspended.staff_id)
    assert by_the_same.lines == lines


@pytest.mark.parametrize(
    ("state", "cancellable"),
    [
        (TenderState.REQUESTED, False),
        (TenderState.UNKNOWN, False),
        (TenderState.AUTHORIZED, False),
        (TenderState.RELEASING, False),
        (TenderState.CAPTURED, False),
        (TenderState.DECLINED, True),
        (TenderState.RELEASED, True),
    ],
)
def test_rule_17_a_basket_is_cancelled_only_when_no_tender_may_still_hold_money(
    state: TenderState, cancellable: bool
) -> None:
    paying = replace(
        basket(line(GOODS)),
        state=BasketState.PAYING,
        tenders=(Tender(uuid4(), TenderKind.CARD, state, amount_minor=1_000),),
    )
    if cancellable:
        assert basket_changes.cancel(paying).state is BasketState.CANCELLED
    else:
        with pytest.raises(MoneyAtStake):
            basket_changes.cancel(paying)


@pytest.mark.parametrize("state", [BasketState.COMPLETED, BasketState.CANCELLED])
def test_a_finished_basket_is_not_cancelled(state: BasketState) -> None:
    with pytest.raises(BasketNotOpen):
        basket_changes.cancel(replace(basket(line(GOODS)), state=state))
