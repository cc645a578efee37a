"""A manager's approval of what a cashier may not do alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, StringConstraints

from libs.contracts.permissions import Permission
from libs.contracts.refusal import Refusal
from libs.web.authentication import Caller, RequestBody
from libs.web.openapi import problems
from libs.web.principal import Extent
from libs.web.transactions import origin_of
from services.identity.api.callers import present_caller
from services.identity.api.parts import TheDatabase, TheProver, TheSettings, TheSigner
from services.identity.api.schemas import Code, GivenSecret, LimitValues, Line
from services.identity.domain.audit import Actor, AuditAction
from services.identity.domain.refusals import NotAtATill
from services.identity.use_cases.approve import ApprovalRequest, approve

router = APIRouter(prefix="/approvals", tags=["approvals"])


class ApprovalBody(RequestBody):
    """What is asked of whom. The approver types code and PIN at the requester's till."""

    approver_code: Code
    pin: GivenSecret
    action: Permission = Field(description="The permission that is lent.")
    bound_to: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,100}$"),
        Field(description="The id of what it is for: a basket, a sale, a shift.", examples=["b8a1..."]),
    ]
    reason: Line
    up_to: Extent | None = Field(
        default=None,
        description="How far it goes, as shown to the approver: the `up_to` of the problem that asked for an approval. "
        "A discount says `discount_ppm`; a price change, a refund and cash out say `amount_minor` and `currency`; "
        "other actions say nothing.",
    )


class ApproverView(BaseModel):
    """Who approved, and how far they may go themselves."""

    id: UUID
    code: str
    name: str
    limits: LimitValues


class ApprovalView(BaseModel):
    """An approval to send with the request it is for: good for that action on that thing by that person, up to what was
    shown, once.
    """

    approval: str
    approval_id: UUID
    approver: ApproverView
    up_to: Extent | None
    expires_at: datetime


@router.post("", status_code=201, responses=problems(429), summary="Approve one action for the one who is signed on")
async def give(
    request: Request,
    body: ApprovalBody,
    caller: Caller,
    database: TheDatabase,
    prover: TheProver,
    signer: TheSigner,
    settings: TheSettings,
) -> ApprovalView:
    if caller.kind != "staff" or caller.till_id is None:
        raise NotAtATill("An approval is asked for by somebody who is signed on at a till.")
    origin = origin_of(request)
    async with database.reading() as connection:
        await present_caller(connection, caller)
    approver = await prover.prove_pin(
        origin,
        body.approver_code,
        body.pin.get_secret_value(),
        Actor.of(caller),
        refused=AuditAction.APPROVAL_REFUSED,
    )
    wanted = ApprovalRequest(body.action, body.bound_to, body.reason, body.up_to)
    async with database.transaction(origin) as work:
        outcome = await approve(work, signer, caller, approver, wanted, timedelta(seconds=settings.approval_life_s))
    # Raised only now, so that the trace of the refusal is kept.
    if isinstance(outcome, Refusal):
        raise outcome
    return ApprovalView(
        approval=outcome.token.text,
        approval_id=outcome.id,
        approver=ApproverView(
            id=approver.id, code=approver.code, name=approver.name, limits=LimitValues.of(approver.rights.limits)
        ),
        up_to=body.up_to,
        expires_at=outcome.token.expires_at,
    )
