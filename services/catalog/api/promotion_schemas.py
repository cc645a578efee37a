"""Promotions as HTTP tells them, and the facts that pricing reads."""

from __future__ import annotations

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from libs.contracts.values import CurrencyCode, Day, LocalTime, PercentText, QuantityText
from libs.money import Quantity
from libs.pricing import PromotionKind, ReturnPolicy
from libs.web.authentication import RequestBody
from services.catalog.api.product_schemas import Name, PositiveMinor, Version
from services.catalog.storage.rules import StoredPromotion

LARGEST_SELECTION = 5_000
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
Count = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
Selection = Annotated[list[UUID], Field(default_factory=list, max_length=LARGEST_SELECTION)]
Weekday = Annotated[int, Field(ge=1, le=7)]


class SelectorBody(RequestBody):
    """Which products: everything, or those named or in a named category, less the excluded ones."""

    everything: bool = False
    product_ids: Selection
    category_ids: Selection
    excluded_product_ids: Selection
    excluded_category_ids: Selection


class BundleGroupBody(RequestBody):
    """One part of a bundle: so much of these products."""

    products: SelectorBody
    quantity: QuantityText

    def facts(self) -> dict[str, Any]:
        """The group as pricing reads it."""
        return {"products": self.products.model_dump(mode="json"), "quantity_milli": self.quantity.milli}


class PromotionRules(BaseModel):
    """What a promotion takes off, from what, and when; `libs.pricing.Promotion` says how promotions combine.

    percent_off: percent. amount_off and fixed_price: amount_minor of each unit. buy_x_get_y: buy_quantity and
    get_quantity; get_products; percent (else free). bundle: groups; amount_minor for the bundle, or percent off it.
    basket_threshold: threshold_minor; percent or amount_minor. member_price: customer_groups; amount_minor or percent.
    """

    kind: PromotionKind
    products: SelectorBody | None = None
    percent: PercentText | None = None
    amount_minor: PositiveMinor | None = None
    currency: CurrencyCode | None = Field(default=None, description="Of the amounts; needed with one.")
    buy_quantity: QuantityText | None = None
    get_quantity: QuantityText | None = None
    get_products: SelectorBody | None = None
    groups: list[BundleGroupBody] = Field(default_factory=list, max_length=20)
    threshold_minor: PositiveMinor | None = None
    limit_per_basket: Count | None = None
    customer_groups: list[ShortText] = Field(default_factory=list, max_length=100)
    coupon_code: ShortText | None = None
    store_ids: list[UUID] = Field(default_factory=list, max_length=2_000)
    starts_on: Day | None = Field(default=None, description="The store's local date, inclusive; so is ends_on.")
    ends_on: Day | None = None
    weekdays: list[Weekday] = Field(default_factory=list, max_length=7, description="1 is Monday.")
    hours_from: LocalTime | None = Field(default=None, description="The store's local time, inclusive.")
    hours_until: LocalTime | None = Field(default=None, description="Exclusive.")
    priority: int = Field(default=0, ge=-1_000, le=1_000)
    exclusive: bool = False
    stacking_group: Annotated[str, StringConstraints(max_length=64)] = ""
    return_policy: ReturnPolicy = ReturnPolicy.PRORATED

    def facts(self) -> dict[str, Any]:
        """The rules as pricing reads them."""
        same = {"percent", "buy_quantity", "get_quantity", "groups", "name", "active", "version"}
        facts = self.model_dump(mode="json", exclude=same)
        return {
            **facts,
            "percent_ppm": self.percent,
            "buy_quantity_milli": None if self.buy_quantity is None else self.buy_quantity.milli,
            "get_quantity_milli": None if self.get_quantity is None else self.get_quantity.milli,
            "groups": [group.facts() for group in self.groups],
        }


class PromotionBody(PromotionRules, RequestBody):
    """A new promotion."""

    name: Name
    active: bool = True


class ChangedPromotionBody(PromotionBody):
    """A promotion as it shall be from now on."""

    version: Version


class PromotionAnswer(PromotionRules):
    """A promotion."""

    id: UUID
    name: str
    active: bool
    version: int

    @classmethod
    def of(cls, stored: StoredPromotion) -> Self:
        """The answer for a promotion."""
        facts = {name: value for name, value in stored.facts.items() if name in PromotionRules.model_fields}
        groups = [
            {"products": group["products"], "quantity": Quantity(group["quantity_milli"])}
            for group in stored.facts["groups"]
        ]
        return cls.model_validate(
            {
                **facts,
                "groups": groups,
                "percent": _percent(stored.facts["percent_ppm"]),
                "buy_quantity": _quantity(stored.facts["buy_quantity_milli"]),
                "get_quantity": _quantity(stored.facts["get_quantity_milli"]),
                "id": stored.id,
                "name": stored.name,
                "active": stored.active,
                "version": stored.version,
            }
        )


def _quantity(milli: int | None) -> Quantity | None:
    return None if milli is None else Quantity(milli)


def _percent(ppm: int | None) -> str | None:
    # PercentText reads percentages; the facts hold parts per million.
    return None if ppm is None else str(Quantity(ppm // 10))
