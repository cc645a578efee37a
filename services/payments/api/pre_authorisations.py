"""Pre-authorisations: hold an amount on a card, hold more, take it, or give the hold up."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from libs.contracts.permissions import Permission
from libs.web.authentication import Caller, require
from libs.web.idempotency import Once
from libs.web.principal import Principal
from libs.web.transactions import Work
from services.payments.api.dependencies import Settings
from services.payments.api.intent_schemas import (
    CancellationBody,
    CompletionBody,
    IncrementBody,
    IntentView,
    PreAuthorisationBody,
)
from services.payments.domain.intent import Action
from services.payments.settings import PaymentsSettings
from services.payments.use_cases.pre_authorise import Hold, follow_up, pre_authorise

router = APIRouter(tags=["pre-authorisations"], dependencies=[require(Permission.PAYMENTS_CHARGE)])


@router.post("/pre-authorisations", status_code=201, response_model=IntentView, summary="Hold an amount on a card")
async def post_pre_authorisation(
    body: PreAuthorisationBody, caller: Caller, work: Work, once: Once, settings: Settings
) -> Response:
    """The answer is the payment as it was sent; follow it by reading it."""

    async def hold() -> IntentView:
        wanted = Hold(body.currency, body.amount_minor, body.till_id, body.terminal)
        change = await pre_authorise(work, caller, wanted, settings.limits)
        return IntentView.of(change.payment, work.now)

    return await once.answer(hold)


@router.post("/pre-authorisations/{intent_id}/increments", response_model=IntentView, summary="Hold more")
async def post_increment(
    intent_id: UUID, body: IncrementBody, caller: Caller, work: Work, once: Once, settings: Settings
) -> Response:
    """409 while an earlier step is not decided."""
    return await _follow(intent_id, Action.INCREMENT, body.amount_minor, caller, work, once, settings)


@router.post("/pre-authorisations/{intent_id}/completion", response_model=IntentView, summary="Take what is held")
async def post_completion(
    intent_id: UUID, body: CompletionBody, caller: Caller, work: Work, once: Once, settings: Settings
) -> Response:
    """All of it, or less; what is not taken is free again."""
    return await _follow(intent_id, Action.COMPLETION, body.amount_minor, caller, work, once, settings)


@router.post("/pre-authorisations/{intent_id}/cancellation", response_model=IntentView, summary="Give the hold up")
async def post_cancellation(
    intent_id: UUID, body: CancellationBody, caller: Caller, work: Work, once: Once, settings: Settings
) -> Response:
    """409 while an earlier step is not decided."""
    return await _follow(intent_id, Action.CANCELLATION, None, caller, work, once, settings)


async def _follow(
    intent_id: UUID,
    action: Action,
    amount_minor: int | None,
    caller: Principal,
    work: Work,
    once: Once,
    settings: PaymentsSettings,
) -> Response:
    async def step() -> IntentView:
        change = await follow_up(work, caller, intent_id, action, amount_minor, settings.limits)
        return IntentView.of(change.payment, work.now)

    return await once.answer(step, status=200)
