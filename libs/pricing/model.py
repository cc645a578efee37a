"""What pricing takes in: tax policy and rates, price list entries, products and the basket.

Plain frozen dataclasses of integers, so that a basket can be priced at every scan: amounts are minor units of the
basket's currency, quantities are thousandths, percentages are parts per million (10 % is 100_000). Identifiers are
opaque strings. Nothing here looks at a clock: the basket carries its own local time and business date.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from libs.money import Quantity, Unit

PPM = 1_000_000
_NOBODY: frozenset[str] = frozenset()


class PricingError(ValueError):
    """A basket, product or rate cannot be priced; `field` names what is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class TaxMode(StrEnum):
    """Whether prices as listed already hold the tax."""

    INCLUSIVE = "inclusive"
    EXCLUSIVE = "exclusive"


class TaxRounding(StrEnum):
    """Where a jurisdiction rounds tax (retail rule 3)."""

    PER_LINE = "per_line"
    PER_RATE = "per_rate"


@dataclass(frozen=True, slots=True)
class TaxPolicy:
    """How a store's jurisdiction taxes and rounds. Frozen on the sale and reused on its return (retail rule 3).

    `cash_rounding_minor` is the smallest coin: 5 rounds cash to 0.05; 1 does not round (retail rule 1).
    """

    mode: TaxMode
    rounding: TaxRounding
    cash_rounding_minor: int = 1

    def __post_init__(self) -> None:
        if self.cash_rounding_minor < 1:
            raise PricingError("cash_rounding_minor", f"is at least 1 minor unit, not {self.cash_rounding_minor}")

    def to_facts(self) -> dict[str, Any]:
        """The policy as JSON-able facts, for the row of the sale."""
        return {
            "mode": self.mode.value,
            "rounding": self.rounding.value,
            "cash_rounding_minor": self.cash_rounding_minor,
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> TaxPolicy:
        """The policy of `to_facts()`."""
        return cls(TaxMode(facts["mode"]), TaxRounding(facts["rounding"]), facts["cash_rounding_minor"])


@dataclass(frozen=True, slots=True)
class TaxRate:
    """One tax at one rate while it is in force; both dates are inclusive, None is open-ended."""

    code: str
    name: str
    rate_ppm: int
    valid_from: date | None = None
    valid_until: date | None = None

    def __post_init__(self) -> None:
        if self.rate_ppm < 0:
            raise PricingError("rate_ppm", f"tax {self.code} has a negative rate")
        if self.valid_from and self.valid_until and self.valid_from > self.valid_until:
            raise PricingError("valid_until", f"tax {self.code} ends on {self.valid_until}, before it begins")

    def in_force(self, business_date: date) -> bool:
        """Whether the rate holds on `business_date`."""
        return (self.valid_from is None or self.valid_from <= business_date) and (
            self.valid_until is None or business_date <= self.valid_until
        )


@dataclass(frozen=True, slots=True)
class TaxCategory:
    """The taxes goods of one kind bear, all at once: Mongolia's VAT and city tax are two rates of one category.

    A code may stand several times with dates that do not overlap. No rates means not taxed.
    Raises PricingError when two rates of one code are in force on the same day.
    """

    code: str
    name: str
    rates: tuple[TaxRate, ...] = ()

    def __post_init__(self) -> None:
        for index, rate in enumerate(self.rates):
            for other in self.rates[index + 1 :]:
                if other.code == rate.code and _overlap(rate, other):
                    raise PricingError("rates", f"tax category {self.code} has two rates of {rate.code} on one day")

    def rates_on(self, business_date: date) -> tuple[TaxRate, ...]:
        """The rates in force on `business_date`, in the order given."""
        return tuple(rate for rate in self.rates if rate.in_force(business_date))


def _overlap(one: TaxRate, other: TaxRate) -> bool:
    return max(one.valid_from or date.min, other.valid_from or date.min) <= min(
        one.valid_until or date.max, other.valid_until or date.max
    )


@dataclass(frozen=True, slots=True)
class PriceEntry:
    """A unit price and where, for whom, when and from which quantity it holds. Empty sets mean everywhere, everyone.

    `starts_at` (inclusive) and `ends_at` (exclusive) are aware datetimes. `minimum_quantity_milli` counts all
    lines of the product in the basket. See `libs.pricing.prices` for which of several entries wins.
    """

    price_list: str
    amount_minor: int
    minimum_quantity_milli: int = 0
    store_ids: frozenset[str] = _NOBODY
    customer_groups: frozenset[str] = _NOBODY
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    priority: int = 0

    def __post_init__(self) -> None:
        if self.amount_minor < 0:
            raise PricingError("amount_minor", f"a price of {self.price_list} is negative")
        if self.minimum_quantity_milli < 0:
            raise PricingError("minimum_quantity_milli", f"a quantity break of {self.price_list} is negative")
        for field, moment in (("starts_at", self.starts_at), ("ends_at", self.ends_at)):
            if moment is not None and moment.tzinfo is None:
                raise PricingError(field, f"a price of {self.price_list} has a time without time zone")


class ProductKind(StrEnum):
    """Goods (also services and single-purpose vouchers, taxed at sale), or a gift card.

    A gift card is a multi-purpose voucher: a liability, not revenue (retail rule 11). It is never discounted,
    taxed or counted for loyalty, and no promotion sees it.
    """

    GOODS = "goods"
    GIFT_CARD = "gift_card"


@dataclass(frozen=True, slots=True)
class PricedProduct:
    """What pricing needs to know of a product. `tax_category` is a code in the price book; a gift card needs none."""

    product_id: str
    name: str
    category_ids: frozenset[str]
    unit: Unit
    tax_category: str
    prices: tuple[PriceEntry, ...]
    discountable: bool = True
    kind: ProductKind = ProductKind.GOODS

    @property
    def takes_discounts(self) -> bool:
        """Whether any promotion or discount may touch it."""
        return self.discountable and self.kind is not ProductKind.GIFT_CARD


@dataclass(frozen=True, slots=True)
class BasketLine:
    """One line as the till holds it. A negative quantity is a return in a mixed document (retail rule 10).

    `price_override_minor` replaces the unit price; promotions then leave the line alone, discounts given by hand
    still apply. `label_amount_minor` is what a label asks for the whole line: that is what it costs, whatever quantity
    times price comes to, and promotions leave it alone as well. `amount_discount_minor` is a positive amount off the
    whole line. Raises PricingError for a zero quantity, a negative price or discount, or a percentage over 100 %.
    """

    line_id: str
    product: PricedProduct
    quantity: Quantity
    price_override_minor: int | None = None
    percent_discount_ppm: int = 0
    amount_discount_minor: int = 0
    price_override_reason: str = ""
    percent_discount_reason: str = ""
    amount_discount_reason: str = ""
    label_amount_minor: int | None = None

    def __post_init__(self) -> None:
        if self.label_amount_minor is not None and self.label_amount_minor < 0:
            raise PricingError("label_amount_minor", f"line {self.line_id} has a negative price on its label")
        if not self.quantity.milli:
            raise PricingError("quantity", f"line {self.line_id} has no quantity")
        if self.price_override_minor is not None and self.price_override_minor < 0:
            raise PricingError("price_override_minor", f"line {self.line_id} has a negative price")
        _check_discounts(self.percent_discount_ppm, self.amount_discount_minor, f"line {self.line_id}")


@dataclass(frozen=True, slots=True)
class Basket:
    """All that decides a price. `at` is the aware local time of the store, for promotions' hours and weekdays;
    `business_date` picks the tax rates. `amount_discount_minor` is a positive amount off the whole basket.

    Raises PricingError for a naive `at`, a discount below zero or over 100 %, or two lines with one id.
    """

    currency: str
    store_id: str
    lines: tuple[BasketLine, ...]
    at: datetime
    business_date: date
    tax_policy: TaxPolicy
    customer_groups: frozenset[str] = _NOBODY
    coupons: tuple[str, ...] = ()
    percent_discount_ppm: int = 0
    amount_discount_minor: int = 0
    percent_discount_reason: str = ""
    amount_discount_reason: str = ""

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise PricingError("at", "the basket's time has no time zone")
        _check_discounts(self.percent_discount_ppm, self.amount_discount_minor, "the basket")
        if len({line.line_id for line in self.lines}) != len(self.lines):
            raise PricingError("lines", "two lines have the same line_id")


def _check_discounts(percent_ppm: int, amount_minor: int, where: str) -> None:
    if not 0 <= percent_ppm <= PPM:
        raise PricingError("percent_discount_ppm", f"{where} has a discount outside 0 to 100 %")
    if amount_minor < 0:
        raise PricingError("amount_discount_minor", f"{where} has a negative discount; give the amount as positive")
