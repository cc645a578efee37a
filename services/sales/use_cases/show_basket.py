"""Show a basket with its prices: at today's while it is open, at the quoted ones once it is being paid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from libs.contracts.sales import LineFacts
from libs.persistence import Connection
from libs.pricing import UnusedCoupon
from services.sales.domain.basket import Basket, BasketState
from services.sales.price_books import CurrentBook
from services.sales.storage.baskets import BasketRepository
from services.sales.use_cases.price_basket import price_contents


@dataclass(frozen=True, slots=True)
class ShownBasket:
    """A basket and its priced lines, in the basket's order. A cancelled basket has no priced lines: nothing is due."""

    basket: Basket
    lines: tuple[LineFacts, ...]
    tax_mode: str
    unused_coupons: tuple[UnusedCoupon, ...] = ()

    @property
    def total_minor(self) -> int:
        """What is to pay, in minor units of the basket's currency; below zero it is to be given back."""
        return sum(line.total_minor for line in self.lines)


async def show_basket(connection: Connection, basket: Basket, current: CurrentBook, now: datetime) -> ShownBasket:
    """The basket as priced now, or as quoted. Raises what `price_contents` does."""
    store = current.store(basket.store_id)
    if basket.state is BasketState.CANCELLED:
        return ShownBasket(basket, (), store.tax_mode)
    if basket.state in (BasketState.PAYING, BasketState.COMPLETED):
        quote = await BasketRepository(connection).quote(basket.basket_id)
        if quote is not None:
            return ShownBasket(basket, quote, store.tax_mode)
    contents = await price_contents(connection, basket, current, now)
    lines = contents.frozen_lines(basket, store.language)
    return ShownBasket(basket, lines, store.tax_mode, contents.priced.unused_coupons)
