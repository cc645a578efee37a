"""Voiding a finished document of the open shift."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints
from starlette.responses import Response

from libs.contracts.sales import SaleCompleted
from libs.persistence import new_id
from libs.web.authentication import Caller, RequestBody
from libs.web.idempotency import Once
from libs.web.transactions import Work
from services.sales.api.dependencies import Books, verified_one
from services.sales.use_cases.void_sale import VoidRequest, void_sale

router = APIRouter(tags=["sales"])


class VoidBody(RequestBody):
    """Why the document is voided, and a manager's approval where the caller lacks `sales.void`."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
    void_sale_id: UUID | None = Field(
        default=None, description="The id of the voiding document, made by the till; it also serves as idempotency key."
    )
    number: Annotated[int, Field(strict=True, ge=1, le=10**9)] | None = Field(
        default=None, description="The till's own number for the voiding document; absent, the next one is given."
    )
    approval: Annotated[str, StringConstraints(max_length=4000)] | None = Field(
        default=None, description="An approval of `sales.void`, bound to the sale's id."
    )


@router.post(
    "/sales/{sale_id}/void",
    status_code=201,
    response_model=SaleCompleted,
    summary="Void a document of the open shift",
    response_description="The document that reverses it; the same one on every retry.",
)
async def void(
    sale_id: UUID, body: VoidBody, request: Request, caller: Caller, work: Work, books: Books, once: Once
) -> Response:
    """Reverse a sale, return or exchange made in the caller's open shift: goods, money, taxes and totals.

    The document itself never changes; a `void` document with a number of its own turns it around.
    """

    async def do() -> SaleCompleted:
        approval = await verified_one(request, body.approval)
        current = await books.current(work.connection)
        wanted = VoidRequest(sale_id, body.void_sale_id or new_id(), body.reason, body.number)
        return await void_sale(work, caller, current, wanted, approval)

    return await once.answer(do, key=None if body.void_sale_id is None else f"void {body.void_sale_id}")
