"""Confirm that the customer is old enough for goods with an age limit."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from libs.contracts.permissions import Permission
from libs.web.principal import Approval
from services.sales.domain.basket import Basket, BasketState
from services.sales.domain.basket_changes import confirm_age
from services.sales.use_cases.authorise import authorise
from services.sales.use_cases.change_basket import Cashier, apply_change
from services.sales.use_cases.show_basket import ShownBasket
from services.sales.use_cases.take_basket import take_basket


async def confirm_customer_age(
    cashier: Cashier,
    basket_id: UUID,
    years: int,
    *,
    expected_version: int | None = None,
    approval: Approval | None = None,
) -> ShownBasket:
    """The basket of a customer who is at least `years` old; fewer years than before take a confirmation back.

    Raises what `change_basket` does, AgeNotConfirmed when goods in the basket need more, and ApprovalRequired for a
    caller who may not judge an age.
    """
    basket = await take_basket(cashier.work.connection, cashier.caller, basket_id, expected_version=expected_version)
    basket.demand(BasketState.OPEN)
    await _authorise(cashier, basket, years, approval)
    return await apply_change(cashier, basket, lambda taken: confirm_age(taken, years))


async def with_confirmed_age(cashier: Cashier, basket: Basket, years: int, approval: Approval | None) -> Basket:
    """The basket, in the same version, of a customer of at least `years`: for a change that confirms on the way."""
    await _authorise(cashier, basket, years, approval)
    return replace(basket, age_confirmed_years=max(years, basket.age_confirmed_years))


async def _authorise(cashier: Cashier, basket: Basket, years: int, approval: Approval | None) -> None:
    if years > basket.age_confirmed_years:
        await authorise(
            cashier.work,
            cashier.caller,
            Permission.SALES_CONFIRM_AGE,
            bound_to=str(basket.basket_id),
            approval=approval,
        )
