"""What a till sends to ring up a finished basket."""

from __future__ import annotations

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from libs.contracts.values import CurrencyCode, MinorAmount, PercentText, QuantityText
from libs.persistence import new_id
from libs.web.authentication import RequestBody
from services.sales.domain.tender import TenderKind
from services.sales.receipt_settings import EmailAddress
from services.sales.use_cases.add_tender import TenderRequest

Reason = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)]
PositiveMinor = Annotated[int, Field(strict=True, ge=0, le=10**12, examples=[50])]
ApprovalText = Annotated[str, StringConstraints(max_length=4000)]


class TenderBody(RequestBody):
    """A tender: cash by what was handed over, the other kinds by their amount. Refunds are negative."""

    tender_id: UUID | None = Field(default=None, description="Made by the till, the same on each retry.")
    kind: TenderKind
    amount_minor: MinorAmount | None = Field(default=None, description="For all kinds but cash.")
    given_minor: MinorAmount | None = Field(default=None, description="Cash handed over; negative: paid out.")
    foreign_currency: CurrencyCode | None = None
    foreign_minor: MinorAmount | None = None
    reference: Annotated[str, StringConstraints(max_length=100)] | None = Field(
        default=None, description="A cheque's, voucher's or transfer's number. Never a card number."
    )
    original_tender_id: UUID | None = Field(default=None, description="Which tender a refund gives back.")

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if (self.foreign_currency is None) != (self.foreign_minor is None):
            raise ValueError("foreign_currency and foreign_minor come together")
        if self.kind is TenderKind.CASH:
            if self.amount_minor is not None:
                raise ValueError("cash says what was handed over, in given_minor; what it counts for follows from it")
            if (self.given_minor is None) == (self.foreign_minor is None):
                raise ValueError("cash needs either given_minor or foreign_currency with foreign_minor")
        elif self.amount_minor is None or self.given_minor is not None or self.foreign_minor is not None:
            raise ValueError(f"a {self.kind.value} tender needs amount_minor and nothing of cash")
        return self

    def request(self, place: str = "") -> TenderRequest:
        """The tender as the use case takes it; `place` is where it stands in the request's body."""
        return TenderRequest(
            tender_id=self.tender_id or new_id(),
            kind=self.kind,
            amount_minor=self.amount_minor,
            given_minor=self.given_minor,
            foreign_currency=self.foreign_currency,
            foreign_minor=self.foreign_minor,
            reference=self.reference,
            original_tender_id=self.original_tender_id,
            place=place,
        )


class ReturnBody(RequestBody):
    """Which sold line is brought back."""

    sale_id: UUID
    line_id: UUID
    reason: Reason = ""


class SaleLineBody(RequestBody):
    """A line: what was scanned or chosen, how much, and what was changed by hand."""

    line_id: UUID | None = Field(default=None, description="Made by the till; one is made if absent.")
    code: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = Field(
        default=None, description="What was scanned or typed: barcode, weight or price code, or product code."
    )
    product_id: UUID | None = None
    quantity: QuantityText | None = Field(
        default=None,
        description="Negative brings goods back. 1, or the weight in the barcode, if absent. "
        "Of goods by weight whose label carries a price: how many such packages.",
    )
    price_override_minor: PositiveMinor | None = None
    price_override_reason: Reason = ""
    discount_percent: PercentText = 0
    discount_minor: PositiveMinor = 0
    discount_reason: Reason = ""
    returns: ReturnBody | None = None
    return_reason: Reason = ""

    @model_validator(mode="after")
    def _names_one_product(self) -> Self:
        if (self.code is None) == (self.product_id is None):
            raise ValueError("a line names its product by either code or product_id")
        return self

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if (self.discount_percent or self.discount_minor) and not self.discount_reason:
            raise ValueError("a discount says why it is given, in discount_reason")
        if self.price_override_minor is not None and not (self.price_override_reason or self.return_reason):
            raise ValueError("a price set by hand says why, in price_override_reason")
        return self


class SaleBody(RequestBody):
    """A finished basket with its tenders. Sent again, it is the same sale; with other contents it is refused."""

    sale_id: UUID = Field(description="Made by the till: a UUID of version 7.")
    number: Annotated[int, Field(strict=True, ge=1, le=10**9)] | None = Field(
        default=None, description="The till's own document number; absent, the next one is given."
    )
    currency: CurrencyCode
    lines: Annotated[list[SaleLineBody], Field(min_length=1, max_length=1000)]
    tenders: Annotated[list[TenderBody], Field(max_length=50)] = Field(default_factory=list)
    discount_percent: PercentText = 0
    discount_minor: PositiveMinor = 0
    discount_reason: Reason = ""
    coupons: Annotated[list[Annotated[str, StringConstraints(min_length=1, max_length=64)]], Field(max_length=50)] = (
        Field(default_factory=list)
    )
    customer_id: UUID | None = None
    customer_groups: Annotated[
        list[Annotated[str, StringConstraints(min_length=1, max_length=64)]], Field(max_length=20)
    ] = Field(default_factory=list)
    note: Annotated[str, StringConstraints(max_length=500)] = ""
    age_confirmed_years: Annotated[int, Field(strict=True, ge=0, le=120)] = 0
    receipt_email: EmailAddress | None = Field(
        default=None, description="Where the receipt is mailed to, beside the printed one where there is a printer."
    )
    expected_total_minor: MinorAmount | None = Field(
        default=None, description="What the till showed; refused if the server prices it differently."
    )
    approvals: Annotated[list[ApprovalText], Field(max_length=10)] = Field(
        default_factory=list, description="Managers' approvals, bound to the sale's id."
    )

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if (self.discount_percent or self.discount_minor) and not self.discount_reason:
            raise ValueError("a discount says why it is given, in discount_reason")
        return self

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        for name, ids in (
            ("line_id", [line.line_id for line in self.lines if line.line_id]),
            ("tender_id", [tender.tender_id for tender in self.tenders if tender.tender_id]),
        ):
            if len(set(ids)) != len(ids):
                raise ValueError(f"two entries have the same {name}")
        return self
