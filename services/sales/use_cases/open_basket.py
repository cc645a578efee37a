"""Open a basket at the till where the cashier is signed on."""

from __future__ import annotations

from uuid import UUID

from libs.contracts.permissions import Permission
from services.sales.domain.basket import Basket
from services.sales.domain.entry import demand_currency
from services.sales.storage.baskets import BasketIdTaken, BasketRepository
from services.sales.storage.sales import SaleRepository
from services.sales.use_cases.change_basket import Cashier
from services.sales.use_cases.keep_basket import keep_basket
from services.sales.use_cases.open_till import open_till
from services.sales.use_cases.show_basket import ShownBasket, show_basket


async def open_basket(
    cashier: Cashier,
    basket_id: UUID,
    currency: str,
    *,
    customer_id: UUID | None = None,
    customer_groups: tuple[str, ...] = (),
    receipt_email: str | None = None,
) -> ShownBasket:
    """A new empty basket of the caller's open shift; sent again with its id, the basket as it is now.

    Raises Forbidden, NotAtATill, UnknownTill, NoOpenShift, WrongCurrency, or BasketIdTaken for the id of another
    till's basket or of a finished sale.
    """
    work, caller = cashier.work, cashier.caller
    caller.demand(Permission.SALES_SELL)
    till = await open_till(work, caller, cashier.current)
    demand_currency(currency, till.store)
    basket = Basket(
        basket_id=basket_id,
        store_id=till.store.store_id,
        till_id=till.seller.till_id,
        staff_id=caller.id,
        currency=currency,
        opened_at=work.now,
        customer_id=customer_id,
        customer_groups=customer_groups,
        receipt_email=receipt_email,
    )
    try:
        shown = ShownBasket(basket, (), till.store.tax_mode)
        await keep_basket(work, cashier.feed, shown, new=True)
    except BasketIdTaken:
        # The till's shift is locked, so the one who took the id has committed or is at another till.
        known = await BasketRepository(work.connection).get(basket_id)
        if known is None or known.till_id != basket.till_id:
            raise
        return await show_basket(work.connection, known, cashier.current, work.now)
    if await SaleRepository(work.connection).get(basket_id) is not None:
        raise BasketIdTaken("A sale with this id is finished. A new basket needs a new id.", field="basket_id")
    return shown
