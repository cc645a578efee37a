"""Which of a product's prices holds for a basket."""

from __future__ import annotations

from datetime import datetime

from libs.pricing.model import PricedProduct, PriceEntry


def price_for(
    product: PricedProduct, store_id: str, customer_groups: frozenset[str], at: datetime, quantity_milli: int
) -> PriceEntry | None:
    """The entry that holds at this store, for these customer groups, at this time and quantity; None without one.

    Of several that hold, the most specific wins: one for named stores before one for all; then one for named
    customer groups; then one with a time limit; then the highest quantity break reached. Equally specific ones:
    higher `priority`, then the lower price, then the price list's name, so that the choice never depends on order.
    """
    best: PriceEntry | None = None
    best_rank: tuple[bool, bool, bool, int, int, int] | None = None
    for entry in product.prices:
        if (
            entry.minimum_quantity_milli > quantity_milli
            or (entry.store_ids and store_id not in entry.store_ids)
            or (entry.customer_groups and entry.customer_groups.isdisjoint(customer_groups))
            or (entry.starts_at is not None and at < entry.starts_at)
            or (entry.ends_at is not None and at >= entry.ends_at)
        ):
            continue
        rank = (
            bool(entry.store_ids),
            bool(entry.customer_groups),
            entry.starts_at is not None or entry.ends_at is not None,
            entry.minimum_quantity_milli,
            entry.priority,
            -entry.amount_minor,
        )
        if (
            best is None
            or best_rank is None
            or rank > best_rank
            or (rank == best_rank and entry.price_list < best.price_list)
        ):
            best, best_rank = entry, rank
    return best
