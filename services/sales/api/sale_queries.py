"""Finished documents: one, a list, and what may still come back of one."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from libs.contracts.permissions import Permission
from libs.contracts.refusal import Invalid
from libs.contracts.sales import SaleCompleted
from libs.contracts.values import Day
from libs.web.authentication import Caller
from libs.web.paging import Page, Paging
from libs.web.transactions import Reading
from services.sales.api.dependencies import Settings
from services.sales.storage.sale_list import SaleListRepository, SaleRow
from services.sales.use_cases.find_returnable import ReturnableReceipt, find_returnable
from services.sales.use_cases.read_sale import read_sale

router = APIRouter(tags=["sales"])


class SaleSummary(BaseModel):
    """A finished document in a list. The total is signed, in minor units of the currency."""

    sale_id: UUID
    kind: str = Field(examples=["sale"])
    store_id: UUID
    till_id: UUID
    shift_id: UUID
    number: int
    receipt_code: str
    business_date: date
    completed_at: datetime
    staff_name: str
    currency: str
    total_minor: int
    voided_by_sale_id: UUID | None

    model_config = {"from_attributes": True}


class StoredDocument(BaseModel):
    """A finished document and the void that reversed it, if one did."""

    sale: SaleCompleted
    voided_by_sale_id: UUID | None


class ReturnableLineAnswer(BaseModel):
    """A line of a receipt. Quantities are decimal strings; `refund_minor` is for all that is left of the line."""

    line_id: UUID
    product_id: UUID
    product_code: str
    name: str
    unit: str
    sold: str
    returned: str
    left: str = Field(examples=["1.250"])
    refund_minor: int
    why_not: str | None = Field(description="Why nothing of it can come back, or null.")


class RefundableTenderAnswer(BaseModel):
    """A tender that paid; `refund_minor` is its part when all that is left comes back."""

    tender_id: UUID
    kind: str
    reference: str | None
    scheme: str | None
    masked_number: str | None
    paid_minor: int
    left_minor: int
    refund_minor: int


class ReturnableAnswer(BaseModel):
    """What may come back of a receipt and how its money goes back, tenders in the chain's order of refunds."""

    sale_id: UUID
    kind: str
    receipt_code: str
    number: int
    till_code: str
    store_id: UUID
    completed_at: datetime
    currency: str
    total_minor: int
    voided_by_sale_id: UUID | None
    lines: list[ReturnableLineAnswer]
    refund_minor: int = Field(description="For everything that is left, before cash rounding.")
    tenders: list[RefundableTenderAnswer]
    uncovered_minor: int = Field(description="What goods without receipt paid for; refunded in any tender.")


@router.get("/sales", summary="List finished documents")
async def list_sales(
    caller: Caller,
    connection: Reading,
    paging: Paging,
    store_id: Annotated[UUID | None, Query(description="Of this store, the newest first.")] = None,
    till_id: Annotated[UUID | None, Query(description="Of this till, the highest number first.")] = None,
    shift_id: Annotated[UUID | None, Query(description="Of this shift, in the order of the numbers.")] = None,
    business_date: Annotated[Day | None, Query(description="Of this day; needs store_id.")] = None,
) -> Page[SaleSummary]:
    """The documents of a shift, of a till, or of a store; of a store also by business date, and by date and till."""
    caller.demand(Permission.SALES_READ)
    if store_id is not None:
        caller.demand_store(store_id)
    if shift_id is not None and (store_id or till_id or business_date):
        raise Invalid("shift_id stands alone: a shift has one store and one till.", field="query.shift_id")
    if business_date is not None and store_id is None:
        raise Invalid("business_date needs store_id: each store has its own day.", field="query.business_date")
    own_stores = None if caller.all_stores else caller.store_ids | ({caller.store_id} if caller.store_id else set())
    repository = SaleListRepository(connection, own_stores)
    more = paging.limit + 1
    if shift_id is not None:
        number = paging.after_keys(int)
        rows = await repository.of_shift(shift_id, limit=more, after_number=number[0] if number else None)
        return paging.page(rows, _number, SaleSummary.model_validate)
    if store_id is not None:
        before = paging.after_keys(datetime.fromisoformat, UUID)
        rows = await repository.of_store(
            store_id,
            limit=more,
            before=(before[0], before[1]) if before else None,
            business_date=business_date,
            till_id=till_id,
        )
        return paging.page(rows, lambda row: (row.completed_at, row.sale_id), SaleSummary.model_validate)
    if till_id is not None:
        number = paging.after_keys(int)
        rows = await repository.of_till(till_id, limit=more, below_number=number[0] if number else None)
        return paging.page(rows, _number, SaleSummary.model_validate)
    raise Invalid("Say whose documents: give store_id, till_id or shift_id.", field="query.store_id")


def _number(row: SaleRow) -> tuple[int]:
    return (row.number,)


@router.get("/sales/by-receipt/{code}", summary="What may still come back of a receipt")
async def returnable_by_receipt(
    code: Annotated[str, Path(max_length=64, description="The code on the receipt, scanned or typed.")],
    caller: Caller,
    connection: Reading,
    settings: Settings,
) -> ReturnableAnswer:
    """A receipt of any store, for a till of any store: goods are taken back wherever the customer is."""
    caller.demand(Permission.SALES_RETURN)
    return _answer(await find_returnable(connection, code, settings.refund_order))


@router.get("/sales/{sale_id}", summary="One finished document")
async def get_sale(sale_id: UUID, caller: Caller, connection: Reading) -> StoredDocument:
    """The document as it was completed; it never changes."""
    stored = await read_sale(connection, caller, sale_id)
    return StoredDocument(sale=stored.document, voided_by_sale_id=stored.voided_by_sale_id)


def _answer(found: ReturnableReceipt) -> ReturnableAnswer:
    document = found.document
    return ReturnableAnswer(
        sale_id=document.sale_id,
        kind=document.kind,
        receipt_code=document.receipt_code,
        number=document.number,
        till_code=document.till_code,
        store_id=document.store_id,
        completed_at=document.completed_at,
        currency=document.currency,
        total_minor=document.total_minor,
        voided_by_sale_id=found.voided_by_sale_id,
        lines=[
            ReturnableLineAnswer(
                line_id=line.line_id,
                product_id=line.product_id,
                product_code=line.product_code,
                name=line.name,
                unit=line.unit,
                sold=str(line.sold),
                returned=str(line.returned),
                left=str(line.left),
                refund_minor=line.refund_minor,
                why_not=line.why_not,
            )
            for line in found.lines
        ],
        refund_minor=found.refund_minor,
        tenders=[
            RefundableTenderAnswer(
                tender_id=each.tender.tender_id,
                kind=each.tender.kind,
                reference=each.tender.reference,
                scheme=each.tender.scheme,
                masked_number=each.tender.masked_number,
                paid_minor=each.tender.paid_minor,
                left_minor=each.tender.left_minor,
                refund_minor=each.refund_minor,
            )
            for each in found.tenders
        ],
        uncovered_minor=found.uncovered_minor,
    )
