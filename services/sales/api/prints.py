"""Prints by command, and what became of every print."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from libs.contracts.gateway import DocumentKind, PrintState
from libs.contracts.permissions import Permission
from libs.contracts.refusal import Invalid
from libs.web.authentication import Caller, RequestBody
from libs.web.transactions import Reading, Work, resource
from services.sales.api.dependencies import Books, Settings, verified_one
from services.sales.api.sale_schemas import ApprovalText
from services.sales.domain.receipt_labels import Language
from services.sales.domain.slip import SlipCause
from services.sales.domain.till_devices import PrintJob
from services.sales.receipt_layouts import ReceiptLayouts
from services.sales.storage.print_jobs import PrintJobRepository
from services.sales.storage.slips import SlipRepository
from services.sales.use_cases.print_document import (
    PrintDesk,
    PrintWish,
    print_copy,
    print_gift_receipt,
    print_merchant_slips,
    print_shift_report,
)
from services.sales.use_cases.read_sale import read_sale

router = APIRouter(tags=["prints"])

LARGEST_PRINT_LIST = 200
Layouts = Annotated[ReceiptLayouts, resource(ReceiptLayouts)]


class _PrintBody(RequestBody):
    print_id: UUID = Field(description="Made by the till, the same on each retry: it is printed once.")
    till_id: UUID | None = Field(
        default=None, description="Where it is printed: the caller's own till, else that of the document, if absent."
    )
    language: Language | None = Field(default=None, description="The store's own if absent.")

    def wish(self) -> PrintWish:
        """What is asked for."""
        return PrintWish(self.print_id, self.till_id, self.language)


class SalePrintBody(_PrintBody):
    """A copy, which counts as a reprint and is marked as one; a gift receipt, which shows no prices; or the shop's own
    slips of card payments, marked as duplicates.
    """

    kind: Literal["copy", "gift_receipt", "merchant_slip"]
    approval: ApprovalText | None = Field(
        default=None, description="For a copy or a slip: an approval of `sales.reprint`, bound to the sale's id."
    )


class ShiftPrintBody(_PrintBody):
    """The X report of an open shift, or the Z report of a closed one."""

    kind: Literal["x_report", "z_report"]


class PrintView(BaseModel):
    """A print and what became of it. `state` is what the till's gateway reported last, at `changed_at` (null before it
    has): queued, printing, printed (by `proof` confirmed or probable), unknown, failed or expired, with its `reason`.
    What no gateway answers for is unknown soon after its `expires_at`. `duplicate_of` is the print that a marked
    duplicate repeats.
    """

    print_id: UUID
    kind: DocumentKind
    till_id: UUID
    state: PrintState
    proof: str | None
    reason: str | None
    printer: str | None
    requested_at: datetime
    requested_by: UUID | None
    expires_at: datetime | None
    changed_at: datetime | None
    duplicate_of: UUID | None

    @classmethod
    def of(cls, job: PrintJob) -> PrintView:
        """A print as it is shown."""
        return cls(
            print_id=job.job_id,
            kind=job.document_kind,
            till_id=job.till_id,
            state=job.state,
            proof=job.proof,
            reason=job.reason,
            printer=job.printer,
            requested_at=job.requested_at,
            requested_by=job.requested_by,
            expires_at=job.expires_at,
            changed_at=job.changed_at,
            duplicate_of=job.duplicate_of,
        )


class SlipView(BaseModel):
    """The slips of one tender, line by line; `released` are those of its way back."""

    tender_id: UUID
    cause: SlipCause
    customer: tuple[str, ...]
    merchant: tuple[str, ...]
    signature_required: bool
    came_at: datetime


async def _desk(work: Work, caller: Caller, books: Books, layouts: Layouts, settings: Settings) -> PrintDesk:
    connection = work.connection
    return PrintDesk(work, caller, await books.current(connection), await layouts.current(connection), settings)


Desk = Annotated[PrintDesk, Depends(_desk, scope="function")]


@router.post("/sales/{sale_id}/prints", status_code=202, summary="Print a copy, a gift receipt or slips")
async def print_of_sale(sale_id: UUID, body: SalePrintBody, request: Request, desk: Desk) -> PrintView:
    """At a till with a printer; 409 `no-printer` elsewhere. What becomes of it is listed under the same path."""
    if body.kind == "copy":
        approval = await verified_one(request, body.approval)
        return PrintView.of(await print_copy(desk, sale_id, body.wish(), approval))
    if body.kind == "merchant_slip":
        approval = await verified_one(request, body.approval)
        return PrintView.of(await print_merchant_slips(desk, sale_id, body.wish(), approval))
    if body.approval is not None:
        raise Invalid("A gift receipt needs no approval; leave it away.", field="approval")
    return PrintView.of(await print_gift_receipt(desk, sale_id, body.wish()))


@router.get("/sales/{sale_id}/slips", summary="What terminals wanted printed")
async def slips_of_sale(sale_id: UUID, caller: Caller, connection: Reading) -> list[SlipView]:
    """The slips of a document's cards: of their approval, and of their way back after a void; 200 at most."""
    caller.demand(Permission.SALES_READ)
    stored = await read_sale(connection, caller, sale_id)
    slips = await SlipRepository(connection).of_sale(stored.document.voids_sale_id or sale_id, limit=LARGEST_PRINT_LIST)
    return [SlipView.model_validate(each, from_attributes=True) for each in slips]


@router.get("/sales/{sale_id}/prints", summary="What became of a document's prints")
async def prints_of_sale(sale_id: UUID, caller: Caller, connection: Reading) -> list[PrintView]:
    """The receipt itself, copies, gift receipts and duplicates, the oldest first, 200 at most."""
    caller.demand(Permission.SALES_READ)
    await read_sale(connection, caller, sale_id)
    jobs = await PrintJobRepository(connection).of_sale(sale_id, limit=LARGEST_PRINT_LIST)
    return [PrintView.of(job) for job in jobs]


@router.post("/shifts/{shift_id}/prints", status_code=202, summary="Print an X or Z report")
async def print_of_shift(shift_id: UUID, body: ShiftPrintBody, desk: Desk) -> PrintView:
    """Needs what reading the report needs. The Z report of a shift is printed at its close without being asked for."""
    return PrintView.of(await print_shift_report(desk, shift_id, body.kind, body.wish()))
