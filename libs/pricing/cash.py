"""Cash: rounding to the smallest coin, change, and foreign notes. Whole minor units and exact rates, never a float."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from libs.money import currency, divide_rounded, round_to_increment
from libs.pricing.model import PricingError


@dataclass(frozen=True, slots=True)
class CashDue:
    """What is paid in cash for an amount due: `payable_minor` == `due_minor` + `rounding_minor`.

    The rounding is an adjustment of the payment, apart from prices and never in a tax base (retail rule 1).
    """

    due_minor: int
    rounding_minor: int
    payable_minor: int


def cash_due(due_minor: int, cash_rounding_minor: int) -> CashDue:
    """Round the cash part of a document: what is left after all other tenders, negative for a cash refund.

    The magnitude is rounded and the sign put back, so a refund pays out exactly what was paid (retail rules 1, 2).
    A refund by card or gift card is not rounded: do not ask here. Raises ValueError for an increment below 1.
    """
    payable_minor = round_to_increment(due_minor, cash_rounding_minor)
    return CashDue(due_minor, payable_minor - due_minor, payable_minor)


@dataclass(frozen=True, slots=True)
class CashPayment:
    """What notes and coins do to an amount due, in minor units of the document's currency.

    applied + change == tendered, and applied == due + rounding - remaining. Rounding happens only when the cash
    closes the document; as one part of a mixed payment it counts as it is.
    """

    tendered_minor: int
    applied_minor: int
    rounding_minor: int
    change_minor: int
    remaining_minor: int


def pay_cash(due_minor: int, tendered_minor: int, cash_rounding_minor: int) -> CashPayment:
    """Apply notes and coins to a positive amount due; what is missing remains, what is too much is change.

    Raises PricingError for a negative amount due (refund it with `cash_due`) or nothing tendered.
    """
    if due_minor < 0:
        raise PricingError("due_minor", "is negative: cash is paid out, not taken in")
    if tendered_minor < 0:
        raise PricingError("tendered_minor", "is negative")
    payable = cash_due(due_minor, cash_rounding_minor)
    if tendered_minor >= payable.payable_minor:
        change_minor = tendered_minor - payable.payable_minor
        return CashPayment(tendered_minor, payable.payable_minor, payable.rounding_minor, change_minor, 0)
    return CashPayment(tendered_minor, tendered_minor, 0, 0, due_minor - tendered_minor)


@dataclass(frozen=True, slots=True)
class ExchangeRate:
    """How many units of `local` one unit of `foreign` is worth, frozen on the tender (retail rule 16).

    Raises PricingError unless the rate is a positive Decimal, and UnknownCurrency for a code that is none.
    """

    foreign: str
    local: str
    rate: Decimal

    def __post_init__(self) -> None:
        currency(self.foreign)
        currency(self.local)
        if not isinstance(self.rate, Decimal) or not self.rate.is_finite() or self.rate <= 0:
            raise PricingError("rate", f"is a positive decimal, not {self.rate!r}")

    def _local_minor_per_foreign_minor(self) -> Fraction:
        scale = Fraction(currency(self.local).minor_per_major, currency(self.foreign).minor_per_major)
        return Fraction(self.rate) * scale

    def to_local(self, foreign_minor: int) -> int:
        """Foreign minor units in local minor units, rounded half away from zero."""
        exact = foreign_minor * self._local_minor_per_foreign_minor()
        return divide_rounded(exact.numerator, exact.denominator)


@dataclass(frozen=True, slots=True)
class ForeignCashPayment:
    """Foreign notes taken at a frozen rate: their amount, their worth, and the payment in local currency."""

    tendered_foreign_minor: int
    rate: ExchangeRate
    payment: CashPayment


def pay_foreign_cash(
    due_minor: int, tendered_foreign_minor: int, rate: ExchangeRate, cash_rounding_minor: int
) -> ForeignCashPayment:
    """Apply foreign notes to an amount due in local minor units; change is local (retail rule 16).

    The notes are worth what the rate makes of them, rounded to a local minor unit. When they cover what is due,
    the change is rounded to the smallest local coin, never above what was given, and that is the rounding.
    """
    value_minor = rate.to_local(tendered_foreign_minor)
    payment = pay_cash(due_minor, value_minor, cash_rounding_minor)
    if value_minor > due_minor:
        nearest_minor = round_to_increment(value_minor - due_minor, cash_rounding_minor)
        change_minor = min(nearest_minor, value_minor - value_minor % cash_rounding_minor)
        kept_minor = value_minor - change_minor
        payment = CashPayment(value_minor, kept_minor, kept_minor - due_minor, change_minor, 0)
    return ForeignCashPayment(tendered_foreign_minor, rate, payment)
