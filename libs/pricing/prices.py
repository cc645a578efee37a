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
    entries = [
        entry
        for entry in product.prices
        if entry.minimum_quantity_milli <= quantity_milli
        and (not entry.store_ids or store_id in entry.store_ids)
        and (not entry.customer_groups or not entry.customer_groups.isdisjoint(customer_groups))
        and (entry.starts_at is None or at >= entry.starts_at)
        and (entry.ends_at is None or at < entry.ends_at)
    ]
    if len(entries) > 1:
        return min(entries, key=_rank)
    return entries[0] if entries else None


def _rank(entry: PriceEntry) -> tuple[bool, bool, bool, int, int, int, str]:
    return (
        not entry.store_ids,
        not entry.customer_groups,
        entry.starts_at is None and entry.ends_at is None,
        -entry.minimum_quantity_milli,
        -entry.priority,
        entry.amount_minor,
        entry.price_list,
    )
