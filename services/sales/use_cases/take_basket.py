"""Take a basket in hand to change it: locked, at the caller's till, in the version that the caller has seen."""

from __future__ import annotations

from uuid import UUID

from libs.contracts.permissions import Permission
from libs.contracts.refusal import Conflict, NotFound
from libs.persistence import Connection
from libs.web.principal import Principal
from services.sales.domain.basket import Basket
from services.sales.storage.baskets import BasketChanged, BasketRepository
from services.sales.use_cases.open_till import NotAtATill


class UnknownBasket(NotFound):
    """No basket has this id."""

    type = "unknown-basket"


class BasketElsewhere(Conflict):
    """The basket is being rung up at another till."""

    type = "basket-elsewhere"


async def take_basket(
    connection: Connection,
    caller: Principal,
    basket_id: UUID,
    *,
    expected_version: int | None = None,
    at_any_till: bool = False,
) -> Basket:
    """The basket, its row locked until the transaction ends.

    `expected_version` is what the caller has seen, None to take it as it is; `at_any_till` is for a recall.
    Raises Forbidden, NotAtATill, UnknownBasket, BasketElsewhere or BasketChanged.
    """
    caller.demand(Permission.SALES_SELL)
    if caller.till_id is None or caller.kind != "staff":
        raise NotAtATill("Sign on at a till first: this token was not given at one.")
    basket = known(await BasketRepository(connection).get_for_update(basket_id), basket_id)
    caller.demand_store(basket.store_id)
    if basket.till_id != caller.till_id and not at_any_till:
        raise BasketElsewhere(
            "The basket is at another till. Suspend it there, then recall it here.", till_id=str(basket.till_id)
        )
    demand_version(basket, expected_version)
    return basket


def known(basket: Basket | None, basket_id: UUID) -> Basket:
    """The basket. Raises UnknownBasket for None."""
    if basket is None:
        raise UnknownBasket(f"There is no basket {basket_id}.", field="basket_id")
    return basket


def demand_version(basket: Basket, expected_version: int | None) -> None:
    """Raise BasketChanged unless the basket is in the version that the caller has seen; None is any."""
    if expected_version not in (None, basket.version):
        raise BasketChanged(
            f"The basket was changed meanwhile: it is at version {basket.version}, not {expected_version}. "
            "Read it again, then repeat.",
            field="version",
            version=basket.version,
        )
