"""What a till gets to see of a basket: every line with its price and how that came about."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from libs.contracts.sales import AdjustmentFacts, LineFacts, TaxFacts
from libs.contracts.values import CurrencyCode, Instant, MinorAmount, QuantityText
from libs.money import Quantity
from services.sales.api.tenders import TenderView
from services.sales.domain.basket import Basket, BasketLine, BasketState
from services.sales.domain.completion import totals_of
from services.sales.domain.frozen_line import thaw_line
from services.sales.domain.tender_rules import due_minor
from services.sales.storage.baskets import ListedBasket
from services.sales.use_cases.show_basket import ShownBasket


class ReturnView(BaseModel):
    """Which sold line is brought back."""

    sale_id: UUID
    line_id: UUID
    reason: str


class BasketLineView(BaseModel):
    """A priced line. Amounts carry the line's sign; net = gross + adjustments."""

    line_id: UUID
    product_id: UUID
    product_code: str
    name: str
    scanned: str | None
    quantity: QuantityText
    unit: str
    unit_price_minor: MinorAmount
    list_price_minor: MinorAmount
    gross_minor: MinorAmount
    adjustments: tuple[AdjustmentFacts, ...]
    net_minor: MinorAmount
    taxes: tuple[TaxFacts, ...]
    total_minor: MinorAmount
    price_override_minor: MinorAmount | None
    price_from_code: bool
    returns: ReturnView | None
    approved_by: UUID | None
    explanation: tuple[str, ...] = Field(description="How the total came about, one step per sentence, in English.")


class UnusedCouponView(BaseModel):
    """A coupon that changes nothing, and why."""

    code: str
    reason: str


class BasketView(BaseModel):
    """A basket. `version` goes up by one with each change; send it back to be told of changes by others."""

    basket_id: UUID
    version: int
    state: BasketState
    store_id: UUID
    till_id: UUID
    staff_id: UUID
    currency: CurrencyCode
    tax_mode: str
    opened_at: Instant
    lines: list[BasketLineView]
    coupons: list[str]
    unused_coupons: list[UnusedCouponView]
    customer_id: UUID | None
    customer_groups: list[str]
    note: str
    age_confirmed_years: int
    receipt_email: str | None = Field(description="Where the receipt is mailed to when the basket is completed.")
    discount_reason: str
    discount_approved_by: UUID | None
    gross_minor: MinorAmount
    discount_minor: MinorAmount
    taxes: tuple[TaxFacts, ...]
    tax_minor: MinorAmount
    total_minor: MinorAmount
    tenders: list[TenderView]
    due_minor: MinorAmount = Field(description="What is still to pay, or, below zero, to give back.")

    @classmethod
    def of(cls, shown: ShownBasket) -> BasketView:
        """The basket as the API tells it. `shown.lines` are in the basket's order, or none once it is cancelled."""
        basket = shown.basket
        totals = totals_of(shown.lines)
        return cls(
            basket_id=basket.basket_id,
            version=basket.version,
            state=basket.state,
            store_id=basket.store_id,
            till_id=basket.till_id,
            staff_id=basket.staff_id,
            currency=basket.currency,
            tax_mode=shown.tax_mode,
            opened_at=basket.opened_at,
            lines=[
                _line(line, facts, basket, shown.tax_mode)
                for line, facts in zip(basket.lines, shown.lines, strict=bool(shown.lines))
            ],
            coupons=list(basket.coupons),
            unused_coupons=[UnusedCouponView(code=each.code, reason=each.reason) for each in shown.unused_coupons],
            customer_id=basket.customer_id,
            customer_groups=list(basket.customer_groups),
            note=basket.note,
            age_confirmed_years=basket.age_confirmed_years,
            receipt_email=basket.receipt_email,
            discount_reason=basket.discount_reason,
            discount_approved_by=basket.discount_approved_by,
            gross_minor=totals.gross_minor,
            discount_minor=totals.discount_minor,
            taxes=totals.taxes,
            tax_minor=totals.tax_minor,
            total_minor=totals.total_minor,
            tenders=[TenderView.model_validate(tender, from_attributes=True) for tender in basket.tenders],
            due_minor=due_minor(totals.total_minor, basket.tenders),
        )


class BasketSummary(BaseModel):
    """A basket in a list."""

    basket_id: UUID
    version: int
    state: BasketState
    till_id: UUID
    staff_id: UUID
    currency: CurrencyCode
    line_count: int
    total_minor: MinorAmount = Field(description="What it came to when it was last changed.")
    note: str
    customer_id: UUID | None
    opened_at: Instant
    updated_at: Instant

    @classmethod
    def of(cls, listed: ListedBasket) -> BasketSummary:
        """The row of a list."""
        basket = listed.basket
        return cls(
            basket_id=basket.basket_id,
            version=basket.version,
            state=basket.state,
            till_id=basket.till_id,
            staff_id=basket.staff_id,
            currency=basket.currency,
            line_count=len(basket.lines),
            total_minor=listed.total_minor,
            note=basket.note,
            customer_id=basket.customer_id,
            opened_at=basket.opened_at,
            updated_at=listed.updated_at,
        )


def _line(line: BasketLine, facts: LineFacts, basket: Basket, tax_mode: str) -> BasketLineView:
    returns: Any = line.returns
    return BasketLineView(
        line_id=line.line_id,
        product_id=line.product_id,
        product_code=facts.product_code,
        name=facts.name,
        scanned=line.scanned,
        quantity=Quantity(facts.quantity_milli),
        unit=facts.unit,
        unit_price_minor=facts.unit_price_minor,
        list_price_minor=facts.list_price_minor,
        gross_minor=facts.gross_minor,
        adjustments=facts.adjustments,
        net_minor=facts.net_minor,
        taxes=facts.taxes,
        total_minor=facts.total_minor,
        price_override_minor=line.price_override_minor,
        price_from_code=line.price_from_code,
        returns=returns and ReturnView.model_validate(returns, from_attributes=True),
        approved_by=line.approved_by,
        explanation=thaw_line(facts, currency=basket.currency, tax_mode=tax_mode).explanation,
    )
