"""Give a basket up."""

from __future__ import annotations

from uuid import UUID

from services.sales.domain.basket import BasketState
from services.sales.domain.basket_changes import cancel
from services.sales.use_cases.change_basket import Cashier
from services.sales.use_cases.keep_basket import keep_basket
from services.sales.use_cases.show_basket import ShownBasket, show_basket
from services.sales.use_cases.take_basket import demand_version, take_basket


async def cancel_basket(cashier: Cashier, basket_id: UUID, *, expected_version: int | None = None) -> ShownBasket:
    """The cancelled basket; cancelled again, the same. It is not priced: goods without a price can be given up too.

    Raises what taking a basket does, BasketNotOpen once it is completed, or MoneyAtStake while a tender holds money.
    """
    work = cashier.work
    basket = await take_basket(work.connection, cashier.caller, basket_id)
    if basket.state is not BasketState.CANCELLED:
        demand_version(basket, expected_version)
        basket = cancel(basket)
        shown = await show_basket(work.connection, basket, cashier.current, work.now)
        await keep_basket(work, cashier.feed, shown)
        return shown
    return await show_basket(work.connection, basket, cashier.current, work.now)
