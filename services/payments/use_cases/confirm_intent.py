"""A person says what became of a payment: read from a standalone terminal, or from the slip of a lost answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from libs.contracts.permissions import Permission
from libs.contracts.refusal import Conflict, Invalid
from libs.contracts.terminals import CardFacts, CardReferences
from libs.persistence import UnitOfWork
from libs.web.principal import Approval, Principal
from services.payments.domain.authority import ApprovalSpent, needed_approval
from services.payments.domain.card_data import demand_no_card_number
from services.payments.domain.intent import Action, IntentState
from services.payments.domain.payment import Actor, OperationState
from services.payments.storage.acquirer_messages import AcquirerMessageRepository, MessageState
from services.payments.storage.approvals import ApprovalRepository
from services.payments.storage.operations import OperationRepository
from services.payments.storage.stored_messages import StoredMessageRepository
from services.payments.use_cases.change_payment import PaymentChange
from services.payments.use_cases.decide_action import Approval as TerminalApproval
from services.payments.use_cases.decide_action import approve_action, decline_action
from services.payments.use_cases.limits import OperationLimits

_WITHOUT_SLIP = frozenset({Action.REVERSAL, Action.CANCELLATION})


class Said(StrEnum):
    """What the slip or the terminal's display says."""

    APPROVED = "approved"
    DECLINED = "declined"


class NothingToConfirm(Conflict):
    """The outcome is known already, or not for a person to say."""

    type = "nothing-to-confirm"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What a person says of the pending action. `amount_minor` is what the slip says; None is what was asked for."""

    said: Said
    approval_code: str | None = None
    last_four: str | None = None
    amount_minor: int | None = None
    scheme: str | None = None
    note: str | None = None
    retrieval_reference: str | None = None


async def confirm_intent(
    work: UnitOfWork,
    caller: Principal,
    intent_id: UUID,
    confirmation: Confirmation,
    approval: Approval | None,
    limits: OperationLimits,
) -> PaymentChange:
    """Decide what is pending by a person's word; for a lost answer that needs `payments.confirm`, or a manager.

    So does saying that a refused reversal was given back in another way, with a note of which.

    Raises UnknownIntent, Forbidden for another store, NothingToConfirm, ApprovalRequired and its kin, or Invalid.
    """
    change = await PaymentChange.locked(work, intent_id)
    caller.demand_store(change.payment.store_id)
    _check(confirmation, change.intent.pending)
    state = change.intent.state
    if state is IntentState.REVERSAL_REFUSED:
        await _given_back_by_hand(work, caller, change, confirmation, approval, limits)
        await change.keep()
        return change
    if state is IntentState.AWAITING_CONFIRMATION:
        caller.demand(Permission.PAYMENTS_RESOLVE)
        actor = actor_of(caller)
    elif state is IntentState.UNKNOWN:
        await _demand_not_being_undone(work, change)
        actor = await _authorised(work, caller, intent_id, approval)
    else:
        raise NothingToConfirm(
            f"This payment is {state.replace('_', ' ')}: there is nothing to confirm.", state=state.value
        )
    await _close_operation(change, confirmation)
    if confirmation.said is Said.APPROVED:
        await approve_action(change, _approval(change, confirmation), limits, actor, reason=_why(confirmation))
    else:
        await decline_action(
            change,
            limits,
            actor,
            reason_code="confirmed_not_taken",
            reason=confirmation.note or "Nothing was taken, as the terminal's slip says.",
        )
    await change.keep()
    return change


def actor_of(caller: Principal, approval: Approval | None = None) -> Actor:
    """The caller in a history, with the manager who approved beside them."""
    if approval is None:
        return Actor(caller.kind, caller.name, caller.id)
    return Actor(caller.kind, caller.name, caller.id, approval.approver_id, approval.approver_name)


async def _given_back_by_hand(
    work: UnitOfWork,
    caller: Principal,
    change: PaymentChange,
    confirmation: Confirmation,
    approval: Approval | None,
    limits: OperationLimits,
) -> None:
    if confirmation.said is not Said.APPROVED or not confirmation.note:
        raise Invalid("Say in the note how the money was given back.", field="note")
    actor = await _authorised(work, caller, change.intent.intent_id, approval)
    started = change.intent.started(Action.REVERSAL, change.intent.approved_minor, by_hand=True)
    change.move(started, actor, reason="given back in another way")
    await approve_action(change, TerminalApproval(), limits, actor, reason=confirmation.note)


async def _demand_not_being_undone(work: UnitOfWork, change: PaymentChange) -> None:
    """While its reversal is on its way, what a slip says would not stay true."""
    if change.payment.concentrated and await StoredMessageRepository(work.connection).waits(change.intent.intent_id):
        raise NothingToConfirm(
            "The payment is being reversed at the acquirer, which decides it: nothing will stay charged. Wait for that,"
            " or take another tender.",
            state=change.intent.state.value,
        )


async def _authorised(work: UnitOfWork, caller: Principal, intent_id: UUID, approval: Approval | None) -> Actor:
    needed = needed_approval(caller, Permission.PAYMENTS_CONFIRM, str(intent_id), approval)
    if needed is not None and not await ApprovalRepository(work.connection).spend(needed, work.now):
        raise ApprovalSpent("This approval has been used. A manager must approve again.", field="approval")
    return actor_of(caller, needed)


def _check(confirmation: Confirmation, pending: Action | None) -> None:
    for name in ("approval_code", "scheme", "note", "retrieval_reference"):
        demand_no_card_number(getattr(confirmation, name), name)
    if confirmation.said is not Said.APPROVED or pending in _WITHOUT_SLIP or pending is None:
        return
    if not confirmation.approval_code:
        raise Invalid("Type the approval code from the terminal's slip.", field="approval_code")
    if not confirmation.last_four:
        raise Invalid("Type the last four digits of the card from the terminal's slip.", field="last_four")


async def _close_operation(change: PaymentChange, confirmation: Confirmation) -> None:
    """The operation is decided with it, so that the terminal's own late answer is recognised as late."""
    if change.payment.operation_id is None:
        return
    approved = confirmation.said is Said.APPROVED
    work, operation_id = change.work, change.payment.operation_id
    state = OperationState.APPROVED if approved else OperationState.DECLINED
    await OperationRepository(work.connection).decide(operation_id, state, work.now)
    if change.payment.concentrated:
        await AcquirerMessageRepository(work.connection).decide(
            operation_id,
            MessageState.APPROVED if approved else MessageState.DECLINED,
            work.now,
            approved_minor=(confirmation.amount_minor or change.intent.pending_minor) if approved else 0,
            approval_code=confirmation.approval_code,
        )


def _approval(change: PaymentChange, confirmation: Confirmation) -> TerminalApproval:
    intent = change.intent
    first = intent.pending in (Action.PURCHASE, Action.REFUND, Action.PRE_AUTHORISATION)
    if confirmation.amount_minor is not None and confirmation.amount_minor > intent.pending_minor:
        raise Invalid(
            f"{intent.pending_minor} minor units were asked for; the slip of this payment cannot say more.",
            field="amount_minor",
        )
    partial = confirmation.amount_minor is not None and confirmation.amount_minor < intent.pending_minor
    return TerminalApproval(
        amount_minor=confirmation.amount_minor,
        # A part pays for the goods first.
        cash_back_minor=intent.cash_back_minor if first and not partial else 0,
        tip_minor=intent.tip_minor if first and not partial else 0,
        card=CardFacts(masked_number=f"************{confirmation.last_four}", scheme=confirmation.scheme)
        if confirmation.last_four
        else None,
        references=CardReferences(
            approval_code=confirmation.approval_code, retrieval_reference=confirmation.retrieval_reference
        )
        if confirmation.approval_code
        else None,
    )


def _why(confirmation: Confirmation) -> str:
    typed = f"approval code {confirmation.approval_code}" if confirmation.approval_code else "by the slip"
    return f"confirmed {typed}" + (f": {confirmation.note}" if confirmation.note else "")
