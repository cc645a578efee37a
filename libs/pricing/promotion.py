"""Promotions: what they take off, from what, and when. Stored and published as plain facts, compiled by `PriceBook`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, time
from enum import StrEnum
from typing import Any

from libs.money import UnknownCurrency, currency
from libs.pricing.facts import FactsReader, InvalidPromotion

_NONE: frozenset[str] = frozenset()
_PPM = 1_000_000


class PromotionKind(StrEnum):
    """What a promotion does; the comment of each names the fields it needs."""

    PERCENT_OFF = "percent_off"  # percent_ppm
    AMOUNT_OFF = "amount_off"  # amount_minor off each unit
    FIXED_PRICE = "fixed_price"  # amount_minor for each unit, when that is lower
    BUY_X_GET_Y = "buy_x_get_y"  # buy_quantity_milli, get_quantity_milli; get_products; percent_ppm (default free)
    BUNDLE = "bundle"  # groups; amount_minor for the bundle, or percent_ppm off it
    BASKET_THRESHOLD = "basket_threshold"  # threshold_minor; percent_ppm or amount_minor
    MEMBER_PRICE = "member_price"  # customer_groups; amount_minor for each unit, or percent_ppm


class ReturnPolicy(StrEnum):
    """What the return of a part does to a promotion that joined several units (retail rule 6)."""

    PRORATED = "prorated"  # refund at the prorated price that was paid
    WHOLE_BUNDLE = "whole_bundle"  # only complete bundles come back
    RECOMPUTE = "recompute"  # price what is kept again and claw the lost discount back


@dataclass(frozen=True, slots=True)
class ProductSelector:
    """Which products: everything, or those named or in a named category, less the excluded ones."""

    everything: bool = False
    product_ids: frozenset[str] = _NONE
    category_ids: frozenset[str] = _NONE
    excluded_product_ids: frozenset[str] = _NONE
    excluded_category_ids: frozenset[str] = _NONE

    def matches(self, product_id: str, category_ids: frozenset[str]) -> bool:
        """Whether the product is selected."""
        if not (self.everything or product_id in self.product_ids or not self.category_ids.isdisjoint(category_ids)):
            return False
        return product_id not in self.excluded_product_ids and self.excluded_category_ids.isdisjoint(category_ids)

    @property
    def is_empty(self) -> bool:
        """Whether it selects nothing at all."""
        return not (self.everything or self.product_ids or self.category_ids)

    def facts(self) -> dict[str, Any]:
        """The selector as JSON-able facts."""
        return {
            "everything": self.everything,
            "product_ids": sorted(self.product_ids),
            "category_ids": sorted(self.category_ids),
            "excluded_product_ids": sorted(self.excluded_product_ids),
            "excluded_category_ids": sorted(self.excluded_category_ids),
        }


EVERYTHING = ProductSelector(everything=True)


@dataclass(frozen=True, slots=True)
class BundleGroup:
    """One part of a bundle: so much of these products. Mix-and-match is a bundle of one group."""

    products: ProductSelector
    quantity_milli: int

    def facts(self) -> dict[str, Any]:
        """The group as JSON-able facts."""
        return {"products": self.products.facts(), "quantity_milli": self.quantity_milli}


@dataclass(frozen=True, slots=True)
class Promotion:
    """One promotion. Construction validates it and raises InvalidPromotion naming the field.

    What: `kind` with its fields; amounts are minor units of `currency` and need it; percentages are parts per
    million. `products` selects what it works on (a bundle uses `groups` instead, a threshold counts and discounts
    them). A buy-X-get-Y without `get_products` makes the cheapest of each X+Y units cheaper; with them, X units
    bought make Y of those cheaper. `limit_per_basket` bounds how often: bundles, or units for the kinds that work
    on units; a threshold applies once.

    When (all given must hold): `customer_groups` (any of), `coupon_code` presented, `store_ids` (any of), local
    dates `starts_on` to `ends_on` inclusive, ISO `weekdays` (1 is Monday), local hours from `hours_from` (inclusive)
    to `hours_until` (exclusive). Hours that cross midnight belong to the day they began on.

    Together: units are given promotions in order of `priority` (highest first; of equal ones the larger discount
    first). A unit takes at most one promotion of each `stacking_group`, each on what the one before left; so
    promotions of one group compete, of different groups add up. Basket thresholds come after all others and compete
    only among themselves. `exclusive`: only on units no promotion has touched, and none touches them after.
    """

    id: str
    name: str
    kind: PromotionKind
    products: ProductSelector = ProductSelector()
    percent_ppm: int | None = None
    amount_minor: int | None = None
    currency: str | None = None
    buy_quantity_milli: int | None = None
    get_quantity_milli: int | None = None
    get_products: ProductSelector | None = None
    groups: tuple[BundleGroup, ...] = ()
    threshold_minor: int | None = None
    limit_per_basket: int | None = None
    customer_groups: frozenset[str] = _NONE
    coupon_code: str | None = None
    store_ids: frozenset[str] = _NONE
    starts_on: date | None = None
    ends_on: date | None = None
    weekdays: frozenset[int] = frozenset()
    hours_from: time | None = None
    hours_until: time | None = None
    priority: int = 0
    exclusive: bool = False
    stacking_group: str = ""
    return_policy: ReturnPolicy = ReturnPolicy.PRORATED

    def __post_init__(self) -> None:
        for field in ("id", "name"):
            _require(bool(getattr(self, field).strip()), field, "must not be empty")
        self._check_reward()
        self._check_selection()
        self._check_conditions()

    def _check_reward(self) -> None:
        kind, percent, amount = self.kind, self.percent_ppm, self.amount_minor
        if percent is not None:
            _require(0 < percent <= _PPM, "percent_ppm", "is above 0 and at most 1000000, which is 100 %")
        if amount is not None:
            _require(amount >= 0, "amount_minor", "must not be negative")
        if kind is PromotionKind.PERCENT_OFF:
            _require(percent is not None, "percent_ppm", "is needed for a percentage off")
            _require(amount is None, "amount_minor", "does not go with a percentage off")
        elif kind in (PromotionKind.AMOUNT_OFF, PromotionKind.FIXED_PRICE):
            _require(amount is not None, "amount_minor", f"is needed for {kind}")
            _require(percent is None, "percent_ppm", f"does not go with {kind}")
        elif kind is PromotionKind.BUY_X_GET_Y:
            _require(amount is None, "amount_minor", "does not go with buy_x_get_y; use percent_ppm, or leave it free")
        else:
            _require((percent is None) != (amount is None), "percent_ppm", "give either percent_ppm or amount_minor")
        if kind in (PromotionKind.AMOUNT_OFF, PromotionKind.BASKET_THRESHOLD) and amount is not None:
            _require(amount > 0, "amount_minor", "must take something off")
        if amount is not None or self.threshold_minor is not None:
            _require(self.currency is not None, "currency", "is needed with an amount")
        if self.currency is not None:
            try:
                currency(self.currency)
            except UnknownCurrency as error:
                raise InvalidPromotion("currency", str(error)) from error

    def _check_selection(self) -> None:
        kind = self.kind
        bundle, buy_get, threshold = (
            kind is PromotionKind.BUNDLE,
            kind is PromotionKind.BUY_X_GET_Y,
            kind is PromotionKind.BASKET_THRESHOLD,
        )
        _require(bool(self.groups) == bundle, "groups", "are needed for a bundle" if bundle else "are for bundles only")
        for index, group in enumerate(self.groups):
            _require(not group.products.is_empty, f"groups[{index}].products", "selects nothing")
            _require(group.quantity_milli > 0, f"groups[{index}].quantity_milli", "must be positive")
        _require(self.products.is_empty == bundle, "products", "is given by groups" if bundle else "selects nothing")
        for field in ("buy_quantity_milli", "get_quantity_milli"):
            value = getattr(self, field)
            _require((value is not None) == buy_get, field, f"goes with buy_x_get_y {'always' if buy_get else 'only'}")
            _require(value is None or value > 0, field, "must be positive")
        if self.get_products is not None:
            _require(buy_get, "get_products", "goes with buy_x_get_y only")
            _require(not self.get_products.is_empty, "get_products", "selects nothing")
        wanted = f"goes with basket_threshold {'always' if threshold else 'only'}"
        _require((self.threshold_minor is not None) == threshold, "threshold_minor", wanted)
        _require(self.threshold_minor is None or self.threshold_minor > 0, "threshold_minor", "must be positive")
        if self.limit_per_basket is not None:
            _require(self.limit_per_basket > 0, "limit_per_basket", "must be positive")
            _require(not threshold, "limit_per_basket", "a basket threshold applies once anyway")

    def _check_conditions(self) -> None:
        if self.kind is PromotionKind.MEMBER_PRICE:
            _require(bool(self.customer_groups), "customer_groups", "says which members a member price is for")
        _require(self.coupon_code is None or bool(self.coupon_code.strip()), "coupon_code", "must not be empty")
        if self.starts_on and self.ends_on:
            _require(self.starts_on <= self.ends_on, "ends_on", f"is before starts_on ({self.starts_on})")
        _require(all(1 <= day <= 7 for day in self.weekdays), "weekdays", "are 1 (Monday) to 7 (Sunday)")
        _require((self.hours_from is None) == (self.hours_until is None), "hours_until", "goes with hours_from")
        for field in ("hours_from", "hours_until"):
            value = getattr(self, field)
            _require(value is None or value.tzinfo is None, field, "is the store's local time, without a zone")
        if self.hours_from is not None:
            _require(
                self.hours_from != self.hours_until, "hours_until", "equals hours_from: leave both out for all day"
            )

    def facts(self) -> dict[str, Any]:
        """The promotion as JSON-able facts, complete; `promotion_from_facts` reads them back to an equal promotion."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}


def promotion_from_facts(facts: Mapping[str, Any]) -> Promotion:
    """Read a promotion from JSON facts as `Promotion.facts()` writes them; fields left out take their defaults.

    Dates are ISO (2026-05-31), hours 'HH:MM' local, percentages and quantities whole numbers of ppm and thousandths.
    Raises InvalidPromotion naming the field that is missing, unknown, of the wrong type or does not fit the kind.
    """
    reader = FactsReader(facts)
    promotion: dict[str, Any] = {
        "id": reader.text("id"),
        "name": reader.text("name"),
        "kind": reader.choice("kind", PromotionKind),
        "products": _selector(reader.child("products")) or ProductSelector(),
        "get_products": _selector(reader.child("get_products")),
        "groups": tuple(_group(child) for child in reader.children("groups")),
        "currency": reader.optional_text("currency"),
        "coupon_code": reader.optional_text("coupon_code"),
        "customer_groups": reader.texts("customer_groups"),
        "store_ids": reader.texts("store_ids"),
        "starts_on": reader.day("starts_on"),
        "ends_on": reader.day("ends_on"),
        "weekdays": reader.integers("weekdays"),
        "hours_from": reader.hour("hours_from"),
        "hours_until": reader.hour("hours_until"),
        "priority": reader.integer("priority") or 0,
        "exclusive": reader.flag("exclusive"),
        "stacking_group": reader.optional_text("stacking_group") or "",
        "return_policy": reader.choice("return_policy", ReturnPolicy, ReturnPolicy.PRORATED),
    }
    for amount in (
        "percent_ppm",
        "amount_minor",
        "buy_quantity_milli",
        "get_quantity_milli",
        "threshold_minor",
        "limit_per_basket",
    ):
        promotion[amount] = reader.integer(amount)
    reader.refuse_unknown()
    return Promotion(**promotion)


def _selector(reader: FactsReader | None) -> ProductSelector | None:
    if reader is None:
        return None
    selector = ProductSelector(
        everything=reader.flag("everything"),
        product_ids=reader.texts("product_ids"),
        category_ids=reader.texts("category_ids"),
        excluded_product_ids=reader.texts("excluded_product_ids"),
        excluded_category_ids=reader.texts("excluded_category_ids"),
    )
    reader.refuse_unknown()
    return selector


def _group(reader: FactsReader) -> BundleGroup:
    group = BundleGroup(_selector(reader.child("products")) or ProductSelector(), reader.integer("quantity_milli") or 0)
    reader.refuse_unknown()
    return group


def _require(condition: bool, field: str, message: str) -> None:
    if not condition:
        raise InvalidPromotion(field, message)


def _plain(value: Any) -> Any:
    if isinstance(value, ProductSelector | BundleGroup):
        return value.facts()
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, date | time):
        return value.isoformat()
    return value
