"""Add a line to a basket: what was scanned, typed or chosen, or what is brought back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from libs.contracts.refusal import Conflict, Invalid
from libs.money import Quantity
from libs.web.principal import Approval
from services.sales.domain.basket import BasketLine, BasketState, ReturnReference
from services.sales.domain.label_price import Place
from services.sales.use_cases.change_basket import Cashier, apply_change, approve_line
from services.sales.use_cases.confirm_age import with_confirmed_age
from services.sales.use_cases.identify_products import Identified, Pointer, identify_products
from services.sales.use_cases.show_basket import ShownBasket, show_basket
from services.sales.use_cases.take_basket import demand_version, take_basket


class LineIdTaken(Conflict):
    """The basket has another line with this id."""

    type = "line-id-taken"


@dataclass(frozen=True, slots=True)
class Entry:
    """What the cashier enters: a code or a product's id, how much (None: what the code says, else one), at which
    price (None: the price list's). A negative quantity brings goods back, with the receipt's line if it is known.
    """

    line_id: UUID
    code: str | None = None
    product_id: UUID | None = None
    quantity: Quantity | None = None
    price_override_minor: int | None = None
    price_override_reason: str = ""
    returns: ReturnReference | None = None
    return_reason: str = ""
    age_confirmed_years: int | None = None


async def add_line(
    cashier: Cashier,
    basket_id: UUID,
    entry: Entry,
    *,
    expected_version: int | None = None,
    approval: Approval | None = None,
) -> ShownBasket:
    """The basket with one more line; a line id that it has is the same scan sent again and adds nothing.

    Raises what `change_basket` does, UnknownProduct, ProductNotSold, UnreadableBarcode, AbsurdQuantity or LineIdTaken.
    """
    work = cashier.work
    # A repeated scan is recognised before the version is looked at: its first arrival made a new one.
    basket = await take_basket(work.connection, cashier.caller, basket_id)
    for line in basket.lines:
        if line.line_id == entry.line_id:
            if not _same(line, entry):
                raise LineIdTaken(
                    "The basket has another line with this id. A new line needs a new id.", field="line_id"
                )
            return await show_basket(work.connection, basket, cashier.current, work.now)
    demand_version(basket, expected_version)
    basket.demand(BasketState.OPEN)
    if entry.age_confirmed_years is not None:
        basket = await with_confirmed_age(cashier, basket, entry.age_confirmed_years, approval)
    pointer = Pointer(
        "code" if entry.code is not None else "product_id",
        entry.code,
        entry.product_id,
        brought_back=entry.returns is not None,
    )
    [found] = await identify_products(work.connection, cashier.current, [pointer], basket.currency)
    line = _line(entry, found, Place(cashier.current.store(basket.store_id), work.now, basket.customer_groups))
    return await apply_change(
        cashier, basket, lambda taken: taken.with_line(line), approval=approval, stamp=approve_line(line.line_id)
    )


def _line(entry: Entry, found: Identified, place: Place) -> BasketLine:
    if entry.returns is not None:
        # What comes back of a receipt costs what it cost then, whatever its label says.
        found = replace(found, price_minor=None)
    entered = found.entered(entry.quantity, place)
    if entry.returns is not None and entered.quantity.milli > 0:
        raise Invalid("The quantity of a returned line is negative.", field="quantity")
    by_hand = entry.price_override_minor is not None
    return BasketLine(
        line_id=entry.line_id,
        product_id=found.product.product_id,
        quantity=entered.quantity,
        scanned=entry.code,
        price_override_minor=entry.price_override_minor if by_hand else entered.price_minor,
        price_override_reason=entry.price_override_reason,
        price_from_code=not by_hand and found.price_minor is not None,
        label_amount_minor=None if by_hand else entered.label_amount_minor,
        returns=entry.returns,
        return_reason=entry.return_reason,
    )


def _same(line: BasketLine, entry: Entry) -> bool:
    """Whether the line can be what this entry made, whatever was changed about it since."""
    if entry.code is not None:
        return line.scanned == entry.code and line.returns == entry.returns
    return line.product_id == entry.product_id and line.returns == entry.returns
