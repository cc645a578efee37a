"""Change an open basket: price what it becomes, demand what the change needs, store it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias
from uuid import UUID

from libs.contracts.refusal import Refusal
from libs.contracts.sales import LineFacts
from libs.persistence import UnitOfWork
from libs.web.live import LiveFeed
from libs.web.principal import Approval, Principal
from services.sales.domain.added_authority import added_authority
from services.sales.domain.basket import Basket
from services.sales.domain.entry import demand_age
from services.sales.price_books import CurrentBook
from services.sales.use_cases.authorise import authorise
from services.sales.use_cases.keep_basket import keep_basket
from services.sales.use_cases.price_basket import price_contents
from services.sales.use_cases.show_basket import ShownBasket, show_basket
from services.sales.use_cases.take_basket import take_basket

Change: TypeAlias = Callable[[Basket], Basket]
Stamp: TypeAlias = Callable[[Basket, UUID], Basket]
"""Notes in a basket the manager who approved the change."""


@dataclass(frozen=True, slots=True)
class Cashier:
    """Who changes a basket, in which transaction, with which price book, and who is told."""

    work: UnitOfWork
    caller: Principal
    current: CurrentBook
    feed: LiveFeed


def approve_line(line_id: UUID) -> Stamp:
    """Note the approver on one line."""

    def stamp(basket: Basket, approver_id: UUID) -> Basket:
        lines = (replace(line, approved_by=approver_id) if line.line_id == line_id else line for line in basket.lines)
        return replace(basket, lines=tuple(lines))

    return stamp


def approve_discount(basket: Basket, approver_id: UUID) -> Basket:
    """Note the approver of the basket's discount."""
    return replace(basket, discount_approved_by=approver_id)


async def change_basket(
    cashier: Cashier,
    basket_id: UUID,
    change: Change,
    *,
    expected_version: int | None = None,
    approval: Approval | None = None,
    stamp: Stamp = approve_discount,
) -> ShownBasket:
    """The basket after `change`, priced and stored; a change that changes nothing is a retry and stores nothing.

    Raises what taking the basket, `change` and pricing raise, AgeNotConfirmed, and ApprovalRequired or its kin when
    the change goes beyond what the caller may do alone; nothing is kept then.
    """
    basket = await take_basket(cashier.work.connection, cashier.caller, basket_id, expected_version=expected_version)
    return await apply_change(cashier, basket, change, approval=approval, stamp=stamp)


async def apply_change(
    cashier: Cashier,
    before: Basket,
    change: Change,
    *,
    approval: Approval | None = None,
    stamp: Stamp = approve_discount,
) -> ShownBasket:
    """As `change_basket`, for a basket that is in hand already."""
    work, current = cashier.work, cashier.current
    after = change(before)
    if replace(after, version=before.version) == before:
        return await show_basket(work.connection, before, current, work.now)
    contents = await price_contents(work.connection, after, current, work.now)
    demand_age(after, contents.products)
    store = current.store(after.store_id)
    lines = contents.frozen_lines(after, store.language)
    approver_id = None
    if _has_something_by_hand(after):
        for need in added_authority(*await _as_allowed(cashier, before), after, lines):
            approver_id = await authorise(
                work,
                cashier.caller,
                need.permission,
                bound_to=str(after.basket_id),
                approval=approval,
                within=need.within,
                needed=need.extent(after.currency),
            )
    if approver_id is not None:
        after = stamp(after, approver_id)
        lines = contents.frozen_lines(after, store.language)
    shown = ShownBasket(after, lines, store.tax_mode, contents.priced.unused_coupons)
    await keep_basket(work, cashier.feed, shown)
    return shown


async def _as_allowed(cashier: Cashier, before: Basket) -> tuple[Basket, tuple[LineFacts, ...]]:
    """The basket and its lines as they were let pass; no lines when one of them cannot be priced any more."""
    current = cashier.current
    try:
        contents = await price_contents(cashier.work.connection, before, current, cashier.work.now)
    except Refusal:
        return replace(before, lines=()), ()
    return before, contents.frozen_lines(before, current.store(before.store_id).language)


def _has_something_by_hand(basket: Basket) -> bool:
    """Whether the basket may need authority at all; most do not, and are not priced twice."""
    return bool(basket.percent_discount_ppm or basket.amount_discount_minor) or any(
        line.percent_discount_ppm
        or line.amount_discount_minor
        or line.price_override_minor is not None
        or line.quantity.milli < 0
        for line in basket.lines
    )
