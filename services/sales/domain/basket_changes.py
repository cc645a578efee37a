"""What a cashier may do to an open basket, one function for each: a basket in, the next version out."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from libs.contracts.refusal import Conflict, Invalid, NotFound
from libs.money import Quantity
from services.sales.domain.basket import Basket, BasketLine, BasketState, check_quantity

LARGEST_COUPON_COUNT = 50


class UnknownCoupon(NotFound):
    """The basket holds no such coupon."""

    type = "unknown-coupon"


class MoneyAtStake(Conflict):
    """Tenders of the basket hold money or are undecided; they must be given back or decided first."""

    type = "money-at-stake"


class CannotSuspend(Conflict):
    """The basket has nothing worth keeping."""

    type = "cannot-suspend"


def change_quantity(basket: Basket, line_id: UUID, quantity: Quantity) -> Basket:
    """The basket with another quantity on a line. Raises UnknownLine, AbsurdQuantity, or Invalid for another sign."""
    basket.demand(BasketState.OPEN)
    line = basket.line(line_id)
    check_quantity(quantity)
    if line.label_amount_minor is not None and quantity != line.quantity:
        raise Invalid(
            "The label says what this package costs, and so how much it is. Scan each package, or remove the line.",
            field="quantity",
        )
    if (quantity.milli < 0) != (line.quantity.milli < 0):
        raise Invalid(
            "A sold line stays sold and a returned one returned. Add another line for goods brought back.",
            field="quantity",
        )
    return basket.with_changed_line(replace(line, quantity=quantity))


def discount_line(basket: Basket, line_id: UUID, percent_ppm: int, amount_minor: int, reason: str) -> Basket:
    """The basket with this discount on a line instead of the one it had; zeros take it away."""
    line = replace(
        basket.line(line_id),
        percent_discount_ppm=percent_ppm,
        amount_discount_minor=amount_minor,
        discount_reason=reason,
    )
    return basket.with_changed_line(_without_idle_approval(line))


def override_price(basket: Basket, line_id: UUID, price_minor: int | None, reason: str) -> Basket:
    """The basket with a unit price set by hand on a line; None goes back to the price list.

    Goods whose label carries their price keep that price: scan the label again to undo a price set by hand.
    """
    line = basket.line(line_id)
    if price_minor is None and (line.price_from_code or line.price_override_minor is None):
        return basket
    changed = replace(
        line,
        price_override_minor=price_minor,
        price_override_reason=reason,
        price_from_code=False,
        label_amount_minor=None,
    )
    return basket.with_changed_line(_without_idle_approval(changed))


def _without_idle_approval(line: BasketLine) -> BasketLine:
    """The line without its approval once nothing is left that was approved."""
    by_hand = line.percent_discount_ppm or line.amount_discount_minor or line.price_override_minor is not None
    return line if by_hand or line.quantity.milli < 0 else replace(line, approved_by=None)


def discount_basket(basket: Basket, percent_ppm: int, amount_minor: int, reason: str) -> Basket:
    """The basket with this discount on the whole of it instead of the one it had; zeros take it away."""
    basket.demand(BasketState.OPEN)
    return basket.changed(
        percent_discount_ppm=percent_ppm,
        amount_discount_minor=amount_minor,
        discount_reason=reason,
        discount_approved_by=basket.discount_approved_by if percent_ppm or amount_minor else None,
    )


def add_coupon(basket: Basket, code: str) -> Basket:
    """The basket with one more coupon; one that it holds already changes nothing."""
    basket.demand(BasketState.OPEN)
    if code in basket.coupons:
        return basket
    if len(basket.coupons) >= LARGEST_COUPON_COUNT:
        raise Invalid(f"A basket takes at most {LARGEST_COUPON_COUNT} coupons.", field="code")
    return basket.changed(coupons=(*basket.coupons, code))


def remove_coupon(basket: Basket, code: str) -> Basket:
    """The basket without the coupon. Raises UnknownCoupon."""
    basket.demand(BasketState.OPEN)
    if code not in basket.coupons:
        raise UnknownCoupon(f"The basket has no coupon {code}.", field="code")
    return basket.changed(coupons=tuple(each for each in basket.coupons if each != code))


def name_customer(basket: Basket, customer_id: UUID | None, customer_groups: tuple[str, ...]) -> Basket:
    """The basket of this customer, with the prices of these customer groups."""
    basket.demand(BasketState.OPEN)
    return basket.changed(customer_id=customer_id, customer_groups=customer_groups)


def write_note(basket: Basket, note: str) -> Basket:
    """The basket with this note."""
    basket.demand(BasketState.OPEN)
    return basket.changed(note=note)


def mail_receipt_to(basket: Basket, address: str | None) -> Basket:
    """The basket whose receipt is mailed to this address when it is completed; None for no mail."""
    basket.demand(BasketState.OPEN)
    return basket.changed(receipt_email=address)


def confirm_age(basket: Basket, years: int) -> Basket:
    """The basket of a customer who is at least `years` old."""
    basket.demand(BasketState.OPEN)
    return basket.changed(age_confirmed_years=years)


def suspend(basket: Basket) -> Basket:
    """The basket put aside. Raises CannotSuspend for an empty one."""
    basket.demand(BasketState.OPEN)
    if not basket.lines:
        raise CannotSuspend("An empty basket is not suspended; cancel it.")
    return basket.changed(state=BasketState.SUSPENDED)


def recall(basket: Basket, till_id: UUID, staff_id: UUID) -> Basket:
    """The basket taken up again, at this till by this cashier. Raises BasketNotOpen when somebody else was first.

    What the cashier before was let pass with is noted as approved by them: the next one answers for what they add.
    """
    basket.demand(BasketState.SUSPENDED)
    taken = basket.changed(state=BasketState.OPEN, till_id=till_id, staff_id=staff_id)
    if staff_id == basket.staff_id:
        return taken
    discounted = bool(basket.percent_discount_ppm or basket.amount_discount_minor)
    return replace(
        taken,
        lines=tuple(_allowed_by(line, basket.staff_id) for line in basket.lines),
        discount_approved_by=basket.discount_approved_by or (basket.staff_id if discounted else None),
    )


def _allowed_by(line: BasketLine, staff_id: UUID) -> BasketLine:
    if line.quantity.milli < 0 and line.returns is None:
        # Money for goods without receipt counts for the day of whoever pays it out.
        return line
    by_hand = (
        line.percent_discount_ppm
        or line.amount_discount_minor
        or (line.price_override_minor is not None and not line.price_from_code)
    )
    return replace(line, approved_by=staff_id) if by_hand and line.approved_by is None else line


def cancel(basket: Basket) -> Basket:
    """The basket given up. Raises MoneyAtStake while a tender holds money or its outcome is not known."""
    basket.demand(BasketState.OPEN, BasketState.SUSPENDED, BasketState.PAYING)
    for tender in basket.tenders:
        if tender.undecided or tender.counts:
            raise MoneyAtStake(
                f"The {tender.kind.replace('_', ' ')} tender is {tender.state}: take it back before the basket is "
                "cancelled, so that no money is lost.",
                tender_id=str(tender.tender_id),
            )
    return basket.changed(state=BasketState.CANCELLED)
