"""Ask terminals for the outcomes that are unknown: by a timer with growing pauses, or now because somebody waits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from libs.persistence import UnitOfWork, new_id
from services.payments.domain.intent import Action, IntentState
from services.payments.domain.payment import PAYMENTS, Operation, Payment
from services.payments.storage.intents import IntentRepository
from services.payments.storage.operations import OperationRepository
from services.payments.use_cases.change_payment import PaymentChange
from services.payments.use_cases.limits import OperationLimits
from services.payments.use_cases.lose_message import undo_now
from services.payments.use_cases.send_operation import send_operations, start_action


async def inquire_due(work: UnitOfWork, limits: OperationLimits, batch: int) -> int:
    """Send an inquiry for every payment it is due for, and refused reversals again; how many payments that were."""
    due = await IntentRepository(work.connection).due(work.now, batch)
    unknown = [payment for payment in due if payment.state is IntentState.UNKNOWN]
    await send_inquiries(work, unknown, limits)
    for payment in due:
        if payment.state is not IntentState.UNKNOWN:
            await _go_on(work, payment, limits)
    return len(due)


async def _go_on(work: UnitOfWork, payment: Payment, limits: OperationLimits) -> None:
    change = PaymentChange(work, payment)
    change.facts(due_at=None)
    if payment.state is IntentState.REVERSAL_REFUSED:
        await start_action(
            change, Action.REVERSAL, payment.intent.approved_minor, limits, PAYMENTS, reason="tried again"
        )
    await change.keep()


async def inquire_now(work: UnitOfWork, change: PaymentChange, limits: OperationLimits, by: UUID | None = None) -> None:
    """Ask for the outcome of a locked payment at once, if it is unknown and a terminal can be asked.

    At the concentrator nobody can be asked: there its reversal is sent at once, and decides.
    """
    if change.intent.state is not IntentState.UNKNOWN or change.payment.standalone:
        return
    if change.payment.concentrated:
        await undo_now(work, change)
    else:
        asked = await send_inquiries(work, [change.payment], limits, by)
        change.facts(asked=asked[0][1], due_at=asked[0][2])


async def send_inquiries(
    work: UnitOfWork, payments: Sequence[Payment], limits: OperationLimits, by: UUID | None = None
) -> list[tuple[UUID, int, datetime]]:
    """Send an inquiry for each of these locked payments, whose outcome is unknown, and plan the next ones."""
    if not payments:
        return []
    ids = [payment.intent.intent_id for payment in payments]
    await OperationRepository(work.connection).close_inquiries(ids, work.now)
    await send_operations(work, [_inquiry(payment) for payment in payments], limits, by)
    planned = [(payment.intent.intent_id, payment.asked + 1, _next(work, payment, limits)) for payment in payments]
    await IntentRepository(work.connection).reschedule(planned)
    return planned


def _next(work: UnitOfWork, payment: Payment, limits: OperationLimits) -> datetime:
    return work.now + timedelta(seconds=limits.inquiries.pause_s(payment.asked + 1))


def _inquiry(payment: Payment) -> Operation:
    intent = payment.intent
    return Operation(
        new_id(),
        intent.intent_id,
        payment.store_id,
        payment.till_id,
        payment.terminal(),
        "inquiry",
        intent.currency,
        intent.pending_minor,
        original=payment.references,
        inquired_operation_id=payment.operation_id,
    )
