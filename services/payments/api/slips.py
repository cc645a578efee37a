"""Card slips: read, and printed again."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from libs.contracts.permissions import Permission
from libs.contracts.values import Instant
from libs.web.authentication import Caller, RequestBody, require
from libs.web.idempotency import Once
from libs.web.transactions import Reading, Work
from services.payments.api.dependencies import Settings
from services.payments.domain.slip import SlipCopy, SlipKind
from services.payments.use_cases.print_slip import print_slip
from services.payments.use_cases.read_slips import Slip, read_slips

router = APIRouter(tags=["card slips"])


class SlipView(BaseModel):
    """A slip, line by line; a copy that the terminal gave none of is empty."""

    slip_id: UUID
    kind: SlipKind
    customer: list[str]
    merchant: list[str]
    at: Instant

    @classmethod
    def of(cls, slip: Slip) -> SlipView:
        """The slip as the API tells it."""
        return cls.model_validate(slip, from_attributes=True)


class SlipsView(BaseModel):
    """The slips of a payment, the oldest first."""

    items: list[SlipView]


class SlipPrintBody(RequestBody):
    """Whose copy is printed, and where."""

    copy_of: SlipCopy = Field(alias="copy")
    till_id: UUID | None = Field(default=None, description="Absent, the caller's till, else the payment's.")


class SlipPrintView(BaseModel):
    """What was sent to the till's printer; its `print_job_changed` events carry the job's id."""

    job_id: UUID
    slip_id: UUID
    till_id: UUID


@router.get(
    "/intents/{intent_id}/slips",
    dependencies=[require(Permission.PAYMENTS_READ)],
    summary="The slips of a card payment, of its voids and of its refunds",
)
async def list_slips(intent_id: UUID, caller: Caller, reading: Reading) -> SlipsView:
    """As the terminal gave them; of concentrated and standalone terminals composed of what is known."""
    return SlipsView(items=[SlipView.of(each) for each in await read_slips(reading, caller, intent_id)])


@router.post(
    "/intents/{intent_id}/slips/{slip_id}/prints",
    status_code=201,
    response_model=SlipPrintView,
    dependencies=[require(Permission.PAYMENTS_RESOLVE)],
    summary="Print a slip again, marked as a duplicate",
)
async def post_slip_print(
    intent_id: UUID, slip_id: UUID, body: SlipPrintBody, caller: Caller, work: Work, once: Once, settings: Settings
) -> Response:
    """Who printed it is in the payment's history, as `slip_printed`."""

    async def print_it() -> SlipPrintView:
        printed = await print_slip(
            work, caller, intent_id, slip_id, body.copy_of, body.till_id, settings.slip_print_expiry_s
        )
        return SlipPrintView(job_id=printed.job_id, slip_id=printed.slip.slip_id, till_id=printed.till_id)

    return await once.answer(print_it)
