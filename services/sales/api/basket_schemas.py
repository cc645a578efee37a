"""What a till sends about a basket."""

from __future__ import annotations

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from libs.contracts.values import CurrencyCode, PercentText, QuantityText
from libs.persistence import new_id
from libs.web.authentication import RequestBody
from services.sales.api.sale_schemas import ApprovalText, PositiveMinor, Reason, ReturnBody
from services.sales.domain.basket import ReturnReference
from services.sales.receipt_settings import EmailAddress
from services.sales.use_cases.add_line import Entry

CustomerGroups = Annotated[
    list[Annotated[str, StringConstraints(min_length=1, max_length=64)]],
    Field(max_length=20, description="The customer's groups, for member prices; from the loyalty card."),
]
CouponCode = Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]
Years = Annotated[int, Field(strict=True, ge=0, le=120, examples=[18])]
Version = Annotated[
    int | None,
    Field(ge=1, description="The version the till has seen; refused (409) if the basket has moved on. Any if absent."),
]
Approval = Annotated[
    ApprovalText | None,
    Field(
        description="A manager's one-time approval, bound to the basket's id, where the cashier may not do it alone."
    ),
]


class OpenBasketBody(RequestBody):
    """A new basket."""

    basket_id: UUID | None = Field(
        default=None,
        description="Made by the till, so that a retry opens no second basket. The sale will have this id.",
    )
    currency: CurrencyCode = Field(description="The store's; anything else is refused.")
    customer_id: UUID | None = None
    customer_groups: CustomerGroups = Field(default_factory=list)
    receipt_email: EmailAddress | None = Field(
        default=None, description="Where the receipt is mailed to when the basket is completed."
    )


class VersionBody(RequestBody):
    """A change that needs no more than to be asked for."""

    version: Version = None


class LineBody(VersionBody):
    """A line: what was scanned, typed or chosen; goods brought back have a negative quantity."""

    line_id: UUID | None = Field(default=None, description="Made by the till: a repeated scan then adds nothing.")
    code: Annotated[str, StringConstraints(min_length=1, max_length=400)] | None = Field(
        default=None, description="What was scanned or typed: barcode, weight or price code, or product code."
    )
    product_id: UUID | None = None
    quantity: QuantityText | None = Field(
        default=None, description="1, or the weight in the barcode, if absent. Negative brings goods back."
    )
    price_override_minor: PositiveMinor | None = Field(
        default=None, description="A unit price other than the price list's, e.g. of a return without receipt."
    )
    price_override_reason: Reason = ""
    returns: ReturnBody | None = Field(default=None, description="The line of a receipt that is brought back.")
    return_reason: Reason = ""
    age_confirmed_years: Years | None = Field(
        default=None, description="Confirms on the way that the customer is at least this old."
    )
    approval: Approval = None

    @model_validator(mode="after")
    def _names_one_product(self) -> Self:
        if (self.code is None) == (self.product_id is None):
            raise ValueError("a line names its product by either code or product_id")
        return self

    def entry(self) -> Entry:
        """The line as the use case takes it."""
        returns = self.returns
        reference = ReturnReference(returns.sale_id, returns.line_id, returns.reason) if returns else None
        return Entry(
            line_id=self.line_id or new_id(),
            code=self.code,
            product_id=self.product_id,
            quantity=self.quantity,
            price_override_minor=self.price_override_minor,
            price_override_reason=self.price_override_reason,
            returns=reference,
            return_reason=self.return_reason,
            age_confirmed_years=self.age_confirmed_years,
        )


class QuantityBody(VersionBody):
    """How much of a line."""

    quantity: QuantityText
    approval: Approval = None


class DiscountBody(VersionBody):
    """A discount given by hand instead of the one there was; without percent and amount there is none any more."""

    percent: PercentText = 0
    amount_minor: PositiveMinor = 0
    reason: Reason = Field(default="", description="Printed on the receipt; needed for a discount.")
    approval: Approval = None

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if (self.percent or self.amount_minor) and not self.reason:
            raise ValueError("a discount says why it is given, in reason")
        return self


class PriceBody(VersionBody):
    """A unit price set by hand; null goes back to the price list."""

    price_minor: PositiveMinor | None
    reason: Reason = Field(default="", description="Needed with a price.")
    approval: Approval = None

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.price_minor is not None and not self.reason:
            raise ValueError("a price set by hand says why, in reason")
        return self


class CouponBody(VersionBody):
    """A coupon that the customer hands over; it is kept, and said to be unused, even if nothing fits it yet."""

    code: CouponCode


class CustomerBody(VersionBody):
    """Whose basket it is; null makes it nobody's."""

    customer_id: UUID | None
    customer_groups: CustomerGroups = Field(default_factory=list)


class NoteBody(VersionBody):
    """A note for the document; empty takes it away."""

    note: Annotated[str, StringConstraints(max_length=500)]


class ReceiptEmailBody(VersionBody):
    """Where the receipt is mailed to when the basket is completed; null for no mail."""

    address: EmailAddress | None = Field(examples=["anna@example.org"])


class AgeBody(VersionBody):
    """The customer's age as the cashier judged it."""

    years: Years
    approval: Approval = None
