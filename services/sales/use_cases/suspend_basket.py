"""Put a basket aside, so that another customer can be served and any till of the store can go on with it."""

from __future__ import annotations

from uuid import UUID

from services.sales.domain.basket_changes import suspend
from services.sales.use_cases.change_basket import Cashier, change_basket
from services.sales.use_cases.show_basket import ShownBasket


async def suspend_basket(cashier: Cashier, basket_id: UUID, *, expected_version: int | None = None) -> ShownBasket:
    """The suspended basket. Raises what `change_basket` does, or CannotSuspend for an empty one."""
    return await change_basket(cashier, basket_id, suspend, expected_version=expected_version)
