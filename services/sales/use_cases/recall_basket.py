"""Take up a suspended basket, at any till of its store; of two tills at once, one gets it."""

from __future__ import annotations

from uuid import UUID

from libs.contracts.refusal import Forbidden
from services.sales.domain.basket import BasketState
from services.sales.domain.basket_changes import recall
from services.sales.use_cases.change_basket import Cashier, apply_change
from services.sales.use_cases.open_till import open_till
from services.sales.use_cases.show_basket import ShownBasket, show_basket
from services.sales.use_cases.take_basket import demand_version, take_basket


class BasketOfAnotherStore(Forbidden):
    """The basket waits in another store."""

    type = "basket-of-another-store"


async def recall_basket(cashier: Cashier, basket_id: UUID, *, expected_version: int | None = None) -> ShownBasket:
    """The basket, open at the caller's till and the caller's own from now on; recalled again there, as it is.

    Raises what taking a basket does, NoOpenShift, BasketOfAnotherStore, or BasketNotOpen when another till was first.
    """
    work, caller = cashier.work, cashier.caller
    # The shift before the basket, as everywhere: a payment and a recall at one till never wait for each other.
    seller = (await open_till(work, caller, cashier.current)).seller
    basket = await take_basket(work.connection, caller, basket_id, at_any_till=True)
    if basket.state is BasketState.OPEN and (basket.till_id, basket.staff_id) == (caller.till_id, caller.id):
        return await show_basket(work.connection, basket, cashier.current, work.now)
    demand_version(basket, expected_version)
    basket.demand(BasketState.SUSPENDED)
    if seller.store_id != basket.store_id:
        raise BasketOfAnotherStore("The basket waits in another store.", store_id=str(basket.store_id))
    return await apply_change(cashier, basket, lambda taken: recall(taken, seller.till_id, caller.id))
