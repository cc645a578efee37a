"""Store an operation, then send it: nothing reaches a terminal that is not written down."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from libs.contracts.terminals import CardReferences, OperateTerminal
from libs.persistence import UnitOfWork, new_id
from services.payments.domain.concentrator.numbers import currency_number
from services.payments.domain.intent import Action, Intent, IntentState
from services.payments.domain.payment import Actor, Operation, Payment
from services.payments.storage.operations import OperationRepository
from services.payments.use_cases.change_payment import PaymentChange
from services.payments.use_cases.limits import OperationLimits
from services.payments.use_cases.store_message import NotAtTheConcentrator, store_follow_up

_FIRST = frozenset({Action.PURCHASE, Action.REFUND, Action.PRE_AUTHORISATION})


async def send_operations(
    work: UnitOfWork, operations: Sequence[Operation], limits: OperationLimits, by: UUID | None = None
) -> None:
    """Store operations and send their commands with the commit; a gateway refuses them once they have expired."""
    deadlines = limits.deadlines(work.now)
    await OperationRepository(work.connection).add(operations, work.now, deadlines, by)
    for operation in operations:
        assert operation.terminal.gateway_id is not None, "only a wired terminal is sent anything"
        work.send(
            OperateTerminal(
                gateway_id=operation.terminal.gateway_id,
                store_id=operation.store_id,
                till_id=operation.till_id,
                operation_id=operation.operation_id,
                # What concerns no payment is its own intent to the gateway.
                intent_id=operation.intent_id or operation.operation_id,
                action=operation.action,
                currency=operation.currency,
                amount_minor=operation.amount_minor,
                cash_back_minor=operation.cash_back_minor,
                tip_minor=operation.tip_minor,
                terminal=operation.terminal.name,
                original=operation.original,
                inquired_operation_id=operation.inquired_operation_id,
                instalments=operation.instalments,
            ),
            expires_at=deadlines.expires_at,
        )


async def start_action(
    change: PaymentChange,
    action: Action,
    amount_minor: int,
    limits: OperationLimits,
    actor: Actor,
    *,
    original: Payment | None = None,
    reason: str | None = None,
) -> None:
    """Start an action of a payment at its terminal: by a command, by hand where the terminal stands alone, and at the
    concentrator by waiting for the card, or by a message that is sent until it is confirmed.

    `original` is the payment that a refund gives back. Raises AnotherActionPending, IllegalIntentTransition,
    NotAtTheConcentrator or Invalid.
    """
    payment = change.payment
    needs_card = payment.concentrated and action in _FIRST
    if needs_card:
        _demand_payable(payment)
    intent = change.intent.started(action, amount_minor, by_hand=payment.standalone, needs_card=needs_card)
    await _begin(change, intent, action, limits, actor, original=original, reason=reason)


def _demand_payable(payment: Payment) -> None:
    """What an acquirer could not be asked for is refused before anybody looks for a card."""
    currency_number(payment.intent.currency)
    if payment.instalments is not None:
        raise NotAtTheConcentrator("Cards keyed or read at the till are paid at once. Leave the instalments away.")


async def reverse_late_approval(
    change: PaymentChange, amount_minor: int, limits: OperationLimits, actor: Actor, reason: str
) -> None:
    """Give back what was approved after it had been given up. Raises IllegalIntentTransition."""
    intent = change.intent.approved_late(amount_minor)
    await _begin(change, intent, change.intent.undoing, limits, actor, original=None, reason=reason)


async def _begin(
    change: PaymentChange,
    intent: Intent,
    action: Action,
    limits: OperationLimits,
    actor: Actor,
    *,
    original: Payment | None,
    reason: str | None,
) -> None:
    payment = change.payment
    if payment.standalone or intent.state is IntentState.AWAITING_CARD:
        change.move(intent, actor, reason=reason)
        change.facts(due_at=None)
        return
    operation_id = new_id()
    change.move(intent, actor, operation_id=operation_id, reason=reason)
    change.facts(operation_id=operation_id, due_at=None)
    if payment.concentrated:
        await store_follow_up(change, action, intent.pending_minor, operation_id, actor)
        return
    if action in _FIRST:
        change.facts(first_operation_id=operation_id)
    await send_operations(
        change.work, [_operation(change.payment, operation_id, action, original)], limits, by=actor.id
    )


def _operation(payment: Payment, operation_id: UUID, action: Action, original: Payment | None) -> Operation:
    intent = payment.intent
    first = action in _FIRST
    earlier = original if first else payment
    references: CardReferences | None = earlier.references if earlier else None
    return Operation(
        operation_id,
        intent.intent_id,
        payment.store_id,
        payment.till_id,
        payment.terminal(),
        action.value,
        intent.currency,
        intent.pending_minor,
        cash_back_minor=intent.cash_back_minor if first else 0,
        tip_minor=intent.tip_minor if first else 0,
        original=references,
        inquired_operation_id=earlier.first_operation_id if earlier else None,
        instalments=payment.instalments if first else None,
    )
