"""What does this cost? For a price-checking terminal, or a customer who asks."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from libs.contracts.permissions import Permission
from libs.contracts.refusal import Invalid
from libs.contracts.sales import AdjustmentFacts, TaxFacts
from libs.contracts.values import CurrencyCode, MinorAmount, QuantityText
from libs.money import Quantity
from libs.web.authentication import Caller, require
from libs.web.openapi import problems
from libs.web.transactions import Work
from services.sales.api.dependencies import Books
from services.sales.use_cases.check_price import check_price

router = APIRouter(tags=["baskets"])


class PriceCheck(BaseModel):
    """A product and its price, here and now; nothing is sold or kept."""

    product_id: UUID
    product_code: str
    name: str
    unit: str
    minimum_age_years: int
    currency: CurrencyCode
    quantity: QuantityText
    unit_price_minor: MinorAmount
    list_price_minor: MinorAmount
    gross_minor: MinorAmount
    adjustments: tuple[AdjustmentFacts, ...]
    taxes: tuple[TaxFacts, ...]
    total_minor: MinorAmount
    explanation: tuple[str, ...] = Field(description="How the total came about, one step per sentence, in English.")


@router.get(
    "/price-checks",
    responses=problems(404),
    summary="Price check",
    dependencies=[require(Permission.SALES_READ)],
)
async def get_price_check(
    work: Work,
    caller: Caller,
    books: Books,
    code: Annotated[str, Query(min_length=1, max_length=400, description="What was scanned or typed.")],
    quantity: Annotated[
        str | None,
        Query(pattern=r"^[0-9]{1,6}(\.[0-9]{1,3})?$", description="1, or the barcode's weight, if absent."),
    ] = None,
    store_id: Annotated[UUID | None, Query(description="The caller's own store unless told otherwise.")] = None,
    customer_group: Annotated[list[str] | None, Query(max_length=20, description="For member prices.")] = None,
) -> PriceCheck:
    """With the promotions that hold for this product alone; what needs a coupon or other goods is not counted."""
    wanted = store_id or caller.store_id
    if wanted is None:
        raise Invalid("Say which store.", field="store_id")
    caller.demand_store(wanted)
    current = await books.current(work.connection)
    checked = await check_price(
        work.connection,
        current,
        work.now,
        wanted,
        code,
        Quantity.of(quantity) if quantity else None,
        tuple(customer_group or ()),
    )
    facts = checked.line
    return PriceCheck(
        product_id=facts.product_id,
        product_code=facts.product_code,
        name=facts.name,
        unit=facts.unit,
        minimum_age_years=checked.minimum_age_years,
        currency=checked.currency,
        quantity=checked.quantity,
        unit_price_minor=facts.unit_price_minor,
        list_price_minor=facts.list_price_minor,
        gross_minor=facts.gross_minor,
        adjustments=facts.adjustments,
        taxes=facts.taxes,
        total_minor=facts.total_minor,
        explanation=checked.explanation,
    )
