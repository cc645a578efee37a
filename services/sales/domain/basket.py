"""The basket: what a customer is about to buy or bring back. A completed basket becomes a document with the same id."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from libs.contracts.refusal import Conflict, Invalid, NotFound
from libs.money import Quantity
from services.sales.domain.tender import Tender

LARGEST_QUANTITY = Quantity(9_999_000)
LARGEST_LINE_COUNT = 1_000


class BasketState(StrEnum):
    """Where a basket stands. `paying` means that it has tenders, so its goods no longer change."""

    OPEN = "open"
    SUSPENDED = "suspended"
    PAYING = "paying"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class BasketNotOpen(Conflict):
    """The basket is not in a state in which this can be done."""

    type = "basket-not-open"


class UnknownLine(NotFound):
    """The basket has no such line."""

    type = "unknown-line"


class AbsurdQuantity(Invalid):
    """A quantity is zero, too large, or has decimals for goods that are sold by the piece."""

    type = "absurd-quantity"


@dataclass(frozen=True, slots=True)
class ReturnReference:
    """The sold line that a basket line brings back, and why."""

    sale_id: UUID
    line_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class BasketLine:
    """A line as the cashier entered it; its price comes from pricing each time.

    The quantity is positive for goods sold and negative for goods brought back. `returns` is set when the receipt is
    known; a negative line without it is a return without receipt at the override price (retail rule 9).
    """

    line_id: UUID
    product_id: UUID
    quantity: Quantity
    scanned: str | None = None
    price_override_minor: int | None = None
    price_override_reason: str = ""
    percent_discount_ppm: int = 0
    amount_discount_minor: int = 0
    discount_reason: str = ""
    returns: ReturnReference | None = None
    return_reason: str = ""
    approved_by: UUID | None = None
    # The override, or the amount of the label, is the price that an in-store code carries, not one somebody chose.
    price_from_code: bool = False
    # What the label of goods by weight asks for the whole line; its quantity follows from it.
    label_amount_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Basket:
    """A basket and everything about it. Immutable: each change gives a new one with the next version."""

    basket_id: UUID
    store_id: UUID
    till_id: UUID
    staff_id: UUID
    currency: str
    opened_at: datetime
    state: BasketState = BasketState.OPEN
    version: int = 1
    lines: tuple[BasketLine, ...] = ()
    percent_discount_ppm: int = 0
    amount_discount_minor: int = 0
    discount_reason: str = ""
    discount_approved_by: UUID | None = None
    coupons: tuple[str, ...] = ()
    customer_id: UUID | None = None
    customer_groups: tuple[str, ...] = ()
    note: str = ""
    age_confirmed_years: int = 0
    tenders: tuple[Tender, ...] = ()
    # Who allowed what the cashier may not do alone, from the first tender on.
    approved_by: UUID | None = None
    # Where the customer wants the receipt mailed to: personal data, so it shows up in no log and goes at the end.
    receipt_email: str | None = field(default=None, repr=False)

    def demand(self, *states: BasketState) -> None:
        """Raise BasketNotOpen unless the basket is in one of `states`."""
        if self.state not in states:
            raise BasketNotOpen(
                f"The basket is {self.state}; this needs one that is {' or '.join(states)}.", state=self.state.value
            )

    def line(self, line_id: UUID) -> BasketLine:
        """The line with this id. Raises UnknownLine."""
        for line in self.lines:
            if line.line_id == line_id:
                return line
        raise UnknownLine(f"The basket has no line {line_id}.", field="line_id")

    def changed(self, **changes: object) -> Basket:
        """The basket with `changes` and the next version."""
        return replace(self, version=self.version + 1, **changes)  # type: ignore[arg-type]  # names are checked by replace

    def with_line(self, line: BasketLine) -> Basket:
        """The basket with one more line. Raises BasketNotOpen, AbsurdQuantity or Invalid for too many lines."""
        self.demand(BasketState.OPEN)
        check_quantity(line.quantity)
        if len(self.lines) >= LARGEST_LINE_COUNT:
            raise Invalid(f"A basket holds at most {LARGEST_LINE_COUNT} lines.", field="lines")
        return self.changed(lines=(*self.lines, line))

    def with_changed_line(self, changed: BasketLine) -> Basket:
        """The basket with one line replaced by its new version. Raises BasketNotOpen, UnknownLine, AbsurdQuantity."""
        self.demand(BasketState.OPEN)
        self.line(changed.line_id)
        check_quantity(changed.quantity)
        lines = tuple(changed if line.line_id == changed.line_id else line for line in self.lines)
        return self.changed(lines=lines)

    def without_line(self, line_id: UUID) -> Basket:
        """The basket without the line. Raises BasketNotOpen or UnknownLine."""
        self.demand(BasketState.OPEN)
        self.line(line_id)
        return self.changed(lines=tuple(line for line in self.lines if line.line_id != line_id))


def check_quantity(quantity: Quantity, *, field: str = "quantity") -> None:
    """Raise AbsurdQuantity for zero or for more than a person carries to a till."""
    if not quantity:
        raise AbsurdQuantity("A quantity is not zero. To take a line away, remove it.", field=field)
    if abs(quantity.milli) > LARGEST_QUANTITY.milli:
        raise AbsurdQuantity(f"A quantity is at most {LARGEST_QUANTITY}; {quantity} was given.", field=field)
