"""What pricing gives out: lines and totals that explain themselves, and the facts a sale freezes of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from libs.money import Quantity, divide_rounded
from libs.pricing.model import ProductKind, TaxMode
from libs.pricing.promotion import ReturnPolicy
from libs.pricing.words import amount_text, percent_text


class AdjustmentKind(StrEnum):
    """Why a line's price differs from quantity times unit price."""

    PROMOTION = "promotion"
    LINE_PERCENT = "line_percent"
    BASKET_PERCENT = "basket_percent"
    LINE_AMOUNT = "line_amount"
    BASKET_AMOUNT = "basket_amount"


@dataclass(frozen=True, slots=True)
class Adjustment:
    """One discount on one line. `amount_minor` is negative on a sale and positive on a return.

    `source_id` is the promotion's id, empty for a discount given by hand. Promotions that join several units say
    so: lines of one `application` belong to the same `sets` bundles, with `quantity_milli` of this line in them;
    `return_policy` is what the promotion asked for when the goods were sold (retail rule 6).
    """

    kind: AdjustmentKind
    source_id: str
    name: str
    amount_minor: int
    text: str
    return_policy: ReturnPolicy = ReturnPolicy.PRORATED
    application: str = ""
    quantity_milli: int = 0
    sets: int = 0

    def __neg__(self) -> Adjustment:
        return replace(self, amount_minor=-self.amount_minor, quantity_milli=-self.quantity_milli)


@dataclass(frozen=True, slots=True)
class LineTax:
    """One tax on one line, or one rate's total on a receipt. `base_minor` is the amount without any tax."""

    code: str
    name: str
    rate_ppm: int
    base_minor: int
    tax_minor: int

    def __neg__(self) -> LineTax:
        return LineTax(self.code, self.name, self.rate_ppm, -self.base_minor, -self.tax_minor)


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A line with its price, as frozen in the sale's row and read again by its return (retail rule 7).

    Always: net = gross + adjustments; total = net when prices include tax, net + taxes when they do not.
    `list_price_minor` is the unit price of the price list, `unit_price_minor` the one used (an override, else the
    same). `notes` say where the price came from and which discounts could not be given.
    """

    line_id: str
    currency: str
    kind: ProductKind
    tax_mode: TaxMode
    quantity: Quantity
    unit_price_minor: int
    list_price_minor: int
    gross_minor: int
    adjustments: tuple[Adjustment, ...]
    net_minor: int
    taxes: tuple[LineTax, ...]
    total_minor: int
    notes: tuple[str, ...] = ()

    def __neg__(self) -> PricedLine:
        return replace(
            self,
            quantity=-self.quantity,
            gross_minor=-self.gross_minor,
            adjustments=tuple(-adjustment for adjustment in self.adjustments),
            net_minor=-self.net_minor,
            taxes=tuple(-tax for tax in self.taxes),
            total_minor=-self.total_minor,
        )

    @property
    def discount_minor(self) -> int:
        """All discounts on the line, negative on a sale."""
        return self.net_minor - self.gross_minor

    @property
    def tax_minor(self) -> int:
        """All taxes on the line."""
        return sum(tax.tax_minor for tax in self.taxes)

    @property
    def return_policy(self) -> ReturnPolicy:
        """How its return is priced: the strictest of its promotions' policies, RECOMPUTE over WHOLE_BUNDLE."""
        policies = {adjustment.return_policy for adjustment in self.adjustments}
        for policy in (ReturnPolicy.RECOMPUTE, ReturnPolicy.WHOLE_BUNDLE):
            if policy in policies:
                return policy
        return ReturnPolicy.PRORATED

    @property
    def explanation(self) -> tuple[str, ...]:
        """How the total came about, one step per sentence, in English; amounts in major units."""
        currency = self.currency
        gross = amount_text(self.gross_minor, currency)
        # A label's price, and a part of a line that comes back, need not be quantity times price to the minor unit.
        exact = divide_rounded(self.unit_price_minor * self.quantity.milli, 1000) == self.gross_minor
        times = f"{self.quantity} × {amount_text(self.unit_price_minor, currency)} = {gross}"
        steps = [*self.notes, times if exact else f"{self.quantity} for {gross}"]
        steps += [
            f"{adjustment.name}: {adjustment.text}: {amount_text(adjustment.amount_minor, currency)}"
            for adjustment in self.adjustments
        ]
        word = "including" if self.tax_mode is TaxMode.INCLUSIVE else "plus"
        steps += [
            f"{word} {tax.name} {percent_text(tax.rate_ppm)} on {amount_text(tax.base_minor, currency)}:"
            f" {amount_text(tax.tax_minor, currency)}"
            for tax in self.taxes
        ]
        steps.append(f"to pay: {amount_text(self.total_minor, currency)}")
        return tuple(steps)


@dataclass(frozen=True, slots=True)
class UnusedCoupon:
    """A coupon that changed nothing, and why, in a sentence for the cashier."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class PricedBasket:
    """A priced document. Every total is the sum of its lines; `taxes` has one entry per tax code and rate."""

    currency: str
    lines: tuple[PricedLine, ...]
    gross_minor: int
    discount_minor: int
    net_minor: int
    taxes: tuple[LineTax, ...]
    tax_minor: int
    total_minor: int
    unused_coupons: tuple[UnusedCoupon, ...] = ()

    @classmethod
    def of_lines(
        cls, currency: str, lines: Sequence[PricedLine], unused_coupons: Iterable[UnusedCoupon] = ()
    ) -> PricedBasket:
        """The document of these lines: a sale, a return, or both in one (retail rule 10)."""
        gross_minor = net_minor = total_minor = 0
        taxes: dict[tuple[str, int], list[Any]] = {}
        for line in lines:
            gross_minor += line.gross_minor
            net_minor += line.net_minor
            total_minor += line.total_minor
            for tax in line.taxes:
                sums = taxes.get((tax.code, tax.rate_ppm))
                if sums is None:
                    taxes[tax.code, tax.rate_ppm] = [tax.name, tax.base_minor, tax.tax_minor]
                else:
                    sums[1] += tax.base_minor
                    sums[2] += tax.tax_minor
        return cls(
            currency=currency,
            lines=tuple(lines),
            gross_minor=gross_minor,
            discount_minor=net_minor - gross_minor,
            net_minor=net_minor,
            taxes=tuple(LineTax(code, sums[0], rate, sums[1], sums[2]) for (code, rate), sums in taxes.items()),
            tax_minor=sum(sums[2] for sums in taxes.values()),
            total_minor=total_minor,
            unused_coupons=tuple(unused_coupons),
        )

    def __neg__(self) -> PricedBasket:
        return PricedBasket.of_lines(self.currency, [-line for line in self.lines])

    @property
    def explanation(self) -> tuple[str, ...]:
        """Each line's sentences under its id, then the totals; for a cashier or an auditor, in English."""
        steps = [f"{line.line_id}: {step}" for line in self.lines for step in line.explanation]
        steps.append(f"goods {amount_text(self.gross_minor, self.currency)}")
        if self.discount_minor:
            steps.append(f"discounts {amount_text(self.discount_minor, self.currency)}")
        steps += [
            f"{tax.name} {percent_text(tax.rate_ppm)} on {amount_text(tax.base_minor, self.currency)}:"
            f" {amount_text(tax.tax_minor, self.currency)}"
            for tax in self.taxes
        ]
        steps += [f"coupon {unused.code} not used: {unused.reason}" for unused in self.unused_coupons]
        steps.append(f"to pay: {amount_text(self.total_minor, self.currency)}")
        return tuple(steps)
