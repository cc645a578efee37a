"""Store the next version of a basket and tell whoever watches it."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from libs.contracts.sales import BasketUpdated, LineFacts
from libs.persistence import UnitOfWork
from libs.web.live import LiveFeed
from services.sales.domain.basket import Basket
from services.sales.storage.baskets import BasketRepository
from services.sales.use_cases.show_basket import ShownBasket


def basket_topic(basket_id: UUID) -> str:
    """The live topic of a basket."""
    return f"sales.basket.{basket_id}"


async def keep_basket(work: UnitOfWork, feed: LiveFeed, shown: ShownBasket, *, new: bool = False) -> None:
    """Store `shown.basket`, publish `basket_updated` and wake those who watch it. Raises BasketChanged, BasketIdTaken.

    Every version is stored by this, so that the versions are the sequence numbers of the basket's events.
    """
    basket = shown.basket
    repository = BasketRepository(work.connection)
    if new:
        await repository.add(basket, shown.total_minor)
    else:
        await repository.save(basket, shown.total_minor)
    event = basket_updated(basket, shown.lines)
    work.emit(event, sequence=basket.version)
    work.after_commit(lambda: feed.publish_soon(basket_topic(basket.basket_id), event))


def basket_updated(basket: Basket, lines: Sequence[LineFacts]) -> BasketUpdated:
    """The event of a basket with these priced lines; its sequence is the basket's version."""
    return BasketUpdated(
        basket_id=basket.basket_id,
        store_id=basket.store_id,
        till_id=basket.till_id,
        state=basket.state.value,
        currency=basket.currency,
        line_count=len(basket.lines),
        total_minor=sum(line.total_minor for line in lines),
        last_line_name=lines[-1].name if lines else None,
    )
