"""When a promotion holds: the circumstances of a basket, and the first condition they fail, in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time, timedelta

from libs.pricing.model import Basket
from libs.pricing.promotion import Promotion

_DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def normal_coupon(code: str) -> str:
    """A coupon code as compared: blanks and case do not matter, people type them."""
    return code.strip().upper()


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a promotion's conditions look at, taken from a basket once."""

    currency: str
    store_id: str
    customer_groups: frozenset[str]
    coupons: frozenset[str]
    day: date
    time_of_day: time

    @classmethod
    def of(cls, basket: Basket) -> Circumstances:
        """The circumstances of a basket; day and hour are the store's local ones."""
        return cls(
            basket.currency,
            basket.store_id,
            basket.customer_groups,
            frozenset(map(normal_coupon, basket.coupons)),
            basket.at.date(),
            basket.at.time(),
        )


def why_not(promotion: Promotion, now: Circumstances) -> str | None:
    """The first condition that does not hold, as the end of a sentence; None when all do."""
    if promotion.currency is not None and promotion.currency != now.currency:
        return f"it is in {promotion.currency}"
    if promotion.store_ids and now.store_id not in promotion.store_ids:
        return "it is not for this store"
    if promotion.customer_groups and promotion.customer_groups.isdisjoint(now.customer_groups):
        return "the customer is not in its group"
    if promotion.coupon_code is not None and normal_coupon(promotion.coupon_code) not in now.coupons:
        return "it needs a coupon"
    return _why_not_now(promotion, now)


def _why_not_now(promotion: Promotion, now: Circumstances) -> str | None:
    day = now.day
    starts, ends = promotion.hours_from, promotion.hours_until
    if starts is not None and ends is not None:
        after_start, before_end = now.time_of_day >= starts, now.time_of_day < ends
        crosses_midnight = starts > ends
        if not (after_start or before_end if crosses_midnight else after_start and before_end):
            return f"it holds from {starts:%H:%M} to {ends:%H:%M}"
        if crosses_midnight and not after_start:
            day -= timedelta(days=1)
    if promotion.starts_on is not None and day < promotion.starts_on:
        return f"it begins on {promotion.starts_on.isoformat()}"
    if promotion.ends_on is not None and day > promotion.ends_on:
        return f"it ended on {promotion.ends_on.isoformat()}"
    if promotion.weekdays and day.isoweekday() not in promotion.weekdays:
        return f"it holds on {', '.join(_DAY_NAMES[each - 1] for each in sorted(promotion.weekdays))}"
    return None
