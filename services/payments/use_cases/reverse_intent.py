"""Give a payment back: asked for by a person at the till or in the office."""

from __future__ import annotations

from uuid import UUID

from libs.contracts.permissions import Permission
from libs.contracts.refusal import Conflict
from libs.persistence import UnitOfWork
from libs.web.principal import Principal
from services.payments.domain.intent import Action, IntentState, Release
from services.payments.use_cases.change_payment import PaymentChange
from services.payments.use_cases.confirm_intent import actor_of
from services.payments.use_cases.inquire import inquire_now
from services.payments.use_cases.limits import OperationLimits
from services.payments.use_cases.send_operation import start_action

_TAKEN = frozenset({IntentState.APPROVED, IntentState.CAPTURED, IntentState.COMPLETED})


class NotReversible(Conflict):
    """The payment cannot be given back in this way; the sentence says in which."""

    type = "not-reversible"


async def reverse_intent(
    work: UnitOfWork, caller: Principal, intent_id: UUID, reason: str, limits: OperationLimits
) -> PaymentChange:
    """Reverse a payment. While its outcome is unknown the terminal is asked first, and what was taken goes back then.

    Raises UnknownIntent, Forbidden, NotReversible, or IllegalIntentTransition.
    """
    change = await PaymentChange.locked(work, intent_id)
    caller.demand_store(change.payment.store_id)
    caller.demand(Permission.PAYMENTS_RESOLVE)
    intent, actor = change.intent, actor_of(caller)
    if intent.state is IntentState.UNKNOWN and intent.pending is not Action.REVERSAL:
        _demand_releasable(intent.pending)
        change.move(intent.release_asked(Release.OPERATOR), actor, reason=reason)
        await inquire_now(work, change, limits, caller.id)
    elif intent.state is IntentState.REVERSAL_REFUSED:
        await start_action(change, Action.REVERSAL, intent.approved_minor, limits, actor, reason=reason)
    elif intent.state in _TAKEN:
        _demand_direct(change)
        caller.demand(Permission.PAYMENTS_REFUND)
        amount_minor = intent.captured_minor or intent.approved_minor
        await start_action(change, Action.REVERSAL, amount_minor, limits, actor, reason=reason)
    else:
        raise NotReversible(_instead(change), state=intent.state.value)
    await change.keep()
    return change


def _demand_releasable(pending: Action | None) -> None:
    if pending in (Action.INCREMENT, Action.COMPLETION, Action.CANCELLATION):
        raise NotReversible("Ask the terminal first what became of it; then cancel the pre-authorisation or refund.")


def _demand_direct(change: PaymentChange) -> None:
    if change.payment.is_tender:
        instead = (
            "take the tender back at the till"
            if change.intent.state is IntentState.APPROVED
            else "void the sale, or return the goods by their receipt"
        )
        raise NotReversible(f"This payment belongs to a sale: {instead}.", sale_id=str(change.payment.sale_id))
    if change.payment.settlement_id is not None:
        raise NotReversible("The terminal's day is settled, and it reverses nothing of it any more. Refund it instead.")


def _instead(change: PaymentChange) -> str:
    state = change.intent.state
    if state in (IntentState.AUTHORISED, IntentState.INCREMENTED):
        return "A pre-authorisation is cancelled, not reversed: POST .../cancellation."
    if state is IntentState.AWAITING_CONFIRMATION:
        return "Say first what the terminal's slip says: POST .../confirmation."
    if state is IntentState.UNKNOWN:
        return "Ask the terminal first what became of the reversal: POST .../inquiry."
    if change.intent.pending is not None:
        return "The terminal is still working on it. Wait for its answer."
    return f"This payment is {state.replace('_', ' ')}; there is nothing to give back."
