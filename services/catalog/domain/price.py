"""Prices and price lists, and what the two together mean for a till."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.contracts.catalog import PriceFacts
from libs.contracts.refusal import Invalid
from libs.contracts.values import LARGEST_MINOR
from libs.money import Quantity, Unit
from services.catalog.domain.refusals import UnknownPriceList

LARGEST_PRICES = 200


@dataclass(frozen=True, slots=True)
class PriceList:
    """A list of prices: its currency, and where, for whom and when its prices hold. Empty means everywhere, everyone.

    `starts_at` is inclusive, `ends_at` exclusive; `priority` decides between prices that are equally specific.
    """

    code: str
    name: str
    currency: str
    store_ids: tuple[UUID, ...] = ()
    customer_groups: tuple[str, ...] = ()
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    priority: int = 0
    active: bool = True
    version: int = 1


@dataclass(frozen=True, slots=True)
class Price:
    """One price of a product: minor units of its list's currency for one unit, from a quantity on, for a time."""

    price_list: str
    amount_minor: int
    minimum_quantity_milli: int = 0
    starts_at: datetime | None = None
    ends_at: datetime | None = None


def checked_period(starts_at: datetime | None, ends_at: datetime | None, field: str) -> None:
    """Raise Invalid for a period that ends before it begins."""
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        raise Invalid(f"It ends at {ends_at.isoformat()}, which is not after it starts.", field=field)


def check_prices(prices: Sequence[Price], unit: Unit, known_lists: Collection[str]) -> None:
    """Raise Invalid or UnknownPriceList, naming the price by its place, for prices that cannot hold together."""
    if len(prices) > LARGEST_PRICES:
        raise Invalid(f"A product has at most {LARGEST_PRICES} prices.", field="prices")
    seen: set[tuple[str, int, datetime | None]] = set()
    for index, price in enumerate(prices):
        where = f"prices.{index}"
        if price.price_list not in known_lists:
            raise UnknownPriceList(
                f"There is no price list {price.price_list!r}: POST it to /catalog/v1/price-lists first.",
                field=f"{where}.price_list",
            )
        if not 0 <= price.amount_minor <= LARGEST_MINOR:
            raise Invalid("A price is zero or more minor units.", field=f"{where}.amount_minor")
        if price.minimum_quantity_milli < 0:
            raise Invalid("A quantity break is zero or more.", field=f"{where}.minimum_quantity")
        if unit is Unit.PIECE and not Quantity(price.minimum_quantity_milli).is_whole:
            raise Invalid("A quantity break of pieces is a whole number.", field=f"{where}.minimum_quantity")
        checked_period(price.starts_at, price.ends_at, f"{where}.ends_at")
        key = (price.price_list, price.minimum_quantity_milli, price.starts_at)
        if key in seen:
            raise Invalid("Two prices of one list begin at the same quantity and time; leave one out.", field=where)
        seen.add(key)


def price_facts(price: Price, price_list: PriceList) -> PriceFacts | None:
    """What a till is told of a price; None if it never holds (list inactive, or the periods do not meet)."""
    starts_at = max((moment for moment in (price.starts_at, price_list.starts_at) if moment), default=None)
    ends_at = min((moment for moment in (price.ends_at, price_list.ends_at) if moment), default=None)
    if not price_list.active or (starts_at is not None and ends_at is not None and ends_at <= starts_at):
        return None
    return PriceFacts(
        price_list=price_list.code,
        currency=price_list.currency,
        amount_minor=price.amount_minor,
        minimum_quantity_milli=price.minimum_quantity_milli,
        store_ids=price_list.store_ids,
        customer_groups=price_list.customer_groups,
        starts_at=starts_at,
        ends_at=ends_at,
        priority=price_list.priority,
    )


def all_price_facts(prices: Sequence[Price], lists: Mapping[str, PriceList]) -> tuple[PriceFacts, ...]:
    """What tills are told of a product's prices."""
    facts = (price_facts(price, lists[price.price_list]) for price in prices)
    return tuple(fact for fact in facts if fact is not None)


def price_values(price: Price) -> dict[str, Any]:
    """The columns of a stored price."""
    return {
        "price_list": price.price_list,
        "minimum_quantity_milli": price.minimum_quantity_milli,
        "starts_at": price.starts_at,
        "ends_at": price.ends_at,
        "amount_minor": price.amount_minor,
    }
