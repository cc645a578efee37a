"""Change how much of a line is bought or brought back."""

from __future__ import annotations

from uuid import UUID

from libs.money import Quantity
from libs.web.principal import Approval
from services.sales.domain.basket import BasketState
from services.sales.domain.basket_changes import change_quantity
from services.sales.use_cases.change_basket import Cashier, apply_change, approve_line
from services.sales.use_cases.show_basket import ShownBasket
from services.sales.use_cases.take_basket import take_basket


async def change_line_quantity(
    cashier: Cashier,
    basket_id: UUID,
    line_id: UUID,
    quantity: Quantity,
    *,
    expected_version: int | None = None,
    approval: Approval | None = None,
) -> ShownBasket:
    """The basket with another quantity on a line. Raises what `change_basket` does, UnknownLine or AbsurdQuantity.

    A fixed amount off may weigh more on less goods: then it needs what giving it would need.
    """
    connection = cashier.work.connection
    basket = await take_basket(connection, cashier.caller, basket_id, expected_version=expected_version)
    basket.demand(BasketState.OPEN)
    product_id = basket.line(line_id).product_id
    products = await cashier.current.catalogue(connection).products_by_id([product_id])
    if product_id in products:
        products[product_id].demand_countable(quantity)
    return await apply_change(
        cashier,
        basket,
        lambda taken: change_quantity(taken, line_id, quantity),
        approval=approval,
        stamp=approve_line(line_id),
    )
