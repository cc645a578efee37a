"""Card payments: read them, find the unresolved ones, and resolve them each way."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from libs.contracts.permissions import Permission
from libs.web.authentication import Caller, require
from libs.web.idempotency import Once
from libs.web.paging import Page, Paging
from libs.web.transactions import Reading, Work
from services.payments.api.dependencies import Settings, stores_of, verified
from services.payments.api.intent_schemas import (
    ConfirmationBody,
    HistoryView,
    IntentDetail,
    IntentView,
    OperationView,
    RefundBody,
    ReversalBody,
)
from services.payments.domain.intent import IntentState
from services.payments.storage.intents import IntentRepository
from services.payments.storage.operations import OperationRepository
from services.payments.use_cases.change_payment import PaymentChange, UnknownIntent
from services.payments.use_cases.confirm_intent import confirm_intent
from services.payments.use_cases.inquire import inquire_now
from services.payments.use_cases.pre_authorise import refund_directly
from services.payments.use_cases.reverse_intent import reverse_intent

router = APIRouter(tags=["card payments"])
_reads = require(Permission.PAYMENTS_READ)
_resolves = require(Permission.PAYMENTS_RESOLVE)


@router.get("/intents", dependencies=[_reads], summary="List card payments, the oldest first")
async def list_intents(
    request: Request,
    caller: Caller,
    reading: Reading,
    paging: Paging,
    state: Annotated[
        IntentState | Literal["unresolved", "anomalous"] | None,
        Query(description="A state; or `unresolved`: unknown, refused reversals, waiting for a confirmation."),
    ] = None,
    sale_id: Annotated[UUID | None, Query(description="Only the payments of one sale.")] = None,
) -> Page[IntentView]:
    """Of the caller's stores. `anomalous` are those in whose history something did not fit."""
    after = paging.after_keys(datetime.fromisoformat, UUID)
    rows = await IntentRepository(reading).page(
        stores_of(caller),
        None if after is None else (after[0], after[1]),
        paging.limit + 1,
        state=state,
        sale_id=sale_id,
    )
    now = request.app.state.context.clock()
    return paging.page(
        rows,
        lambda payment: (payment.created_at.isoformat(), str(payment.intent.intent_id)),
        lambda payment: IntentView.of(payment, now),
    )


@router.get("/intents/{intent_id}", dependencies=[_reads], summary="A card payment with its history and operations")
async def show_intent(intent_id: UUID, request: Request, caller: Caller, reading: Reading) -> IntentDetail:
    """The intent of a tender has the tender's id. The terminal's slips are in the answers of its operations."""
    repository = IntentRepository(reading)
    payment = await repository.get(intent_id)
    if payment is None:
        raise UnknownIntent(f"No card payment {intent_id} is known.", field="intent_id")
    caller.demand_store(payment.store_id)
    history = await repository.history(intent_id)
    operations = await OperationRepository(reading).of_intent(intent_id)
    return IntentDetail(
        **IntentView.of(payment, request.app.state.context.clock()).model_dump(),
        history=[HistoryView.of(entry) for entry in history],
        operations=[OperationView.of(operation) for operation in operations],
    )


@router.post("/intents/{intent_id}/inquiry", dependencies=[_resolves], summary="Ask the terminal now what became of it")
async def post_inquiry(intent_id: UUID, caller: Caller, work: Work, settings: Settings) -> IntentView:
    """For an unknown outcome; what is known already is answered as it is. Follow it by reading the payment."""
    change = await PaymentChange.locked(work, intent_id)
    caller.demand_store(change.payment.store_id)
    if change.intent.state is IntentState.UNKNOWN:
        await inquire_now(work, change, settings.limits, caller.id)
        await change.keep()
    return IntentView.of(change.payment, work.now)


@router.post(
    "/intents/{intent_id}/confirmation",
    response_model=IntentView,
    dependencies=[_resolves],
    summary="Say what a standalone terminal did, or what the slip of a lost answer says",
)
async def post_confirmation(
    intent_id: UUID,
    body: ConfirmationBody,
    request: Request,
    caller: Caller,
    work: Work,
    once: Once,
    settings: Settings,
) -> Response:
    """At a standalone terminal the cashier says it. For a lost answer it needs `payments.confirm`, or the approval of a
    manager who has it: both names are kept. A late answer of the terminal that contradicts is written down.
    """
    approval = await verified(request, body.approval)

    async def confirm() -> IntentView:
        change = await confirm_intent(work, caller, intent_id, body.confirmation(), approval, settings.limits)
        return IntentView.of(change.payment, work.now)

    return await once.answer(confirm, status=200)


@router.post(
    "/intents/{intent_id}/reversal",
    response_model=IntentView,
    dependencies=[_resolves],
    summary="Give the money back",
)
async def post_reversal(
    intent_id: UUID, body: ReversalBody, caller: Caller, work: Work, once: Once, settings: Settings
) -> Response:
    """While the outcome is unknown the terminal is asked first; what it took goes back then, or never was taken.

    A finished payment of a sale is not reversed here: void the sale, or return the goods.
    """

    async def reverse() -> IntentView:
        change = await reverse_intent(work, caller, intent_id, body.reason, settings.limits)
        return IntentView.of(change.payment, work.now)

    return await once.answer(reverse, status=200)


@router.post(
    "/intents/{intent_id}/refunds",
    status_code=201,
    response_model=IntentView,
    dependencies=[require(Permission.PAYMENTS_REFUND)],
    summary="Give back a part or all of a payment that no sale knows of",
)
async def post_refund(
    intent_id: UUID, body: RefundBody, caller: Caller, work: Work, once: Once, settings: Settings
) -> Response:
    """Never more than was captured and not given back, however many ask at once. The answer is the refund's payment."""

    async def refund() -> IntentView:
        change = await refund_directly(work, caller, intent_id, body.amount_minor, body.terminal, settings.limits)
        return IntentView.of(change.payment, work.now)

    return await once.answer(refund)
