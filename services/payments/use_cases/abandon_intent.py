"""The customer goes, or pays in another way: a payment that waits for its card is given up."""

from __future__ import annotations

from uuid import UUID

from libs.persistence import UnitOfWork
from libs.web.principal import Principal
from services.payments.domain.card_data import demand_no_card_number
from services.payments.domain.intent import IntentState
from services.payments.use_cases.change_payment import PaymentChange
from services.payments.use_cases.confirm_intent import actor_of
from services.payments.use_cases.decide_action import decline_action
from services.payments.use_cases.limits import OperationLimits
from services.payments.use_cases.present_card import NoCardAwaited

ABANDONED = "abandoned"


async def abandon_intent(
    work: UnitOfWork, caller: Principal, intent_id: UUID, reason: str, limits: OperationLimits
) -> PaymentChange:
    """Decline a payment for which nothing was sent. Raises UnknownIntent, Forbidden, Invalid or NoCardAwaited."""
    demand_no_card_number(reason, "reason")
    change = await PaymentChange.locked(work, intent_id)
    caller.demand_store(change.payment.store_id)
    payment = change.payment
    if payment.state is IntentState.DECLINED and payment.reason_code == ABANDONED:
        return change
    if payment.state is not IntentState.AWAITING_CARD:
        raise NoCardAwaited(
            f"This payment is {payment.state.replace('_', ' ')}: it cannot be given up any more.",
            state=payment.state.value,
        )
    await decline_action(change, limits, actor_of(caller), reason_code=ABANDONED, reason=reason)
    await change.keep()
    return change
