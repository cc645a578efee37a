"""Store and forward: one attempt to tell an acquirer what it has not confirmed, and what its reply changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from libs.persistence import UnitOfWork
from libs.testkit.faults import fault_point
from services.payments.domain.concentrator.message import Message
from services.payments.domain.concentrator.requests import Merchant, completion, reversal
from services.payments.domain.concentrator.reversing import Backoff, Stored, StoredKind, StoredState
from services.payments.domain.intent import IntentState
from services.payments.domain.payment import Actor, OperationState
from services.payments.domain.slip import SlipKind
from services.payments.storage.acquirer_messages import AcquirerMessage, AcquirerMessageRepository, MessageState
from services.payments.storage.acquirer_terminals import AcquirerTerminalRepository
from services.payments.storage.operations import OperationRepository
from services.payments.storage.stored_messages import StoredMessage, StoredMessageRepository
from services.payments.use_cases.change_payment import PaymentChange
from services.payments.use_cases.compose_slips import compose_slips
from services.payments.use_cases.decide_action import Approval, approve_action, decline_action, undo_action
from services.payments.use_cases.limits import OperationLimits

ReversalType = Literal["0400", "0420"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A message out of the queue that is to be sent now."""

    message_id: UUID
    acquirer: str
    message: Message


async def begin_attempt(
    work: UnitOfWork, message_id: UUID, reversal_types: Mapping[str, ReversalType], backoff: Backoff
) -> Attempt | None:
    """Note the attempt before it is made: from now on the acquirer may know the message. None if it is settled.

    `reversal_types` say by acquirer whether reversals are asked for (0400) or told (0420).
    """
    queue = StoredMessageRepository(work.connection)
    waiting = await queue.get(message_id, lock=True)
    if waiting is None or not waiting.stored.due(work.now):
        return None
    attempted = waiting.stored.attempted(work.now, backoff)
    await queue.save(message_id, attempted)
    message = await _message(work, waiting, attempted, reversal_types.get(waiting.acquirer, "0420"))
    fault_point("payments_before_forwarding_noted")
    return Attempt(message_id, waiting.acquirer, message)


async def _message(work: UnitOfWork, waiting: StoredMessage, stored: Stored, reversal_type: ReversalType) -> Message:
    messages = AcquirerMessageRepository(work.connection)
    about = await messages.get(waiting.about_message_id)
    assert about is not None, "what is undone or completed is never deleted"
    numbers = await AcquirerTerminalRepository(work.connection).get(waiting.terminal_id, waiting.acquirer)
    assert numbers is not None, "a terminal keeps its numbers while anything of it waits"
    merchant: Merchant = numbers.merchant(about.currency)
    first = stored.attempts <= 1
    if stored.kind is StoredKind.REVERSAL:
        mti: Literal["0400", "0420", "0421"] = "0421" if reversal_type == "0420" and not first else reversal_type
        return reversal(merchant, waiting.trace, about.sent, mti=mti)
    assert about.original_message_id is not None, "a completion has its pre-authorisation"
    held = await messages.get(about.original_message_id)
    assert held is not None, "what is completed is never deleted"
    advice = completion(merchant, None, waiting.trace, about.sent.amount_minor, held.sent)
    return advice if first else Message.of("0221", advice.fields)


async def record_reply(work: UnitOfWork, message_id: UUID, reply: Message, limits: OperationLimits) -> None:
    """Take in the acquirer's reply to an attempt; without one, nothing changes and it is told again."""
    queue = StoredMessageRepository(work.connection)
    found = await queue.get(message_id)
    assert found is not None, "the queue forgets nothing"
    # The payment is locked before the queue's row, as everywhere.
    change = await PaymentChange.locked(work, found.intent_id)
    waiting = await queue.get(message_id, lock=True)
    if waiting is None or waiting.stored.state is not StoredState.WAITING:
        return
    if reply.fields.get(11) != waiting.trace.fields[11]:
        # It was renewed while this reply was on its way: only a reply to what is told from now on counts.
        return
    answered = waiting.stored.answered(reply)
    settled = answered.state is not StoredState.WAITING
    await queue.save(message_id, answered, work.now if settled else None)
    if not settled:
        return
    about = await AcquirerMessageRepository(work.connection).get(waiting.about_message_id)
    assert about is not None, "what is undone or completed is never deleted"
    confirmed = answered.state is StoredState.CONFIRMED
    if answered.kind is StoredKind.COMPLETION:
        await _completion_settled(change, waiting, about, reply, limits, confirmed)
    elif waiting.operation_id is None:
        await _unanswered_settled(change, about, answered.code, confirmed)
    else:
        await _reversal_settled(change, waiting.operation_id, about, answered.code, limits, confirmed)
    fault_point("payments_before_reply_recorded")
    await change.keep()


async def _unanswered_settled(change: PaymentChange, about: AcquirerMessage, code: str | None, confirmed: bool) -> None:
    """What was never answered is certainly undone, or the acquirer refuses to undo it and a person must see to it."""
    work, actor = change.work, _host(about)
    if not confirmed:
        change.anomaly(actor, f"refused the reversal with code {code}; ask the acquirer what was charged")
        return
    await AcquirerMessageRepository(work.connection).mark_reversed(about.message_id)
    await OperationRepository(work.connection).decide(about.message_id, OperationState.REVERSED, work.now)
    if change.intent.state is IntentState.UNKNOWN and change.payment.operation_id == about.message_id:
        reason = "The acquirer did not answer in time, and has confirmed since that nothing was taken."
        await undo_action(change, actor, reason, operation_id=about.message_id)


async def _reversal_settled(
    change: PaymentChange,
    operation_id: UUID,
    about: AcquirerMessage,
    code: str | None,
    limits: OperationLimits,
    confirmed: bool,
) -> None:
    work, actor = change.work, _host(about)
    operations = OperationRepository(work.connection)
    if confirmed:
        await AcquirerMessageRepository(work.connection).mark_reversed(about.message_id)
    state = OperationState.APPROVED if confirmed else OperationState.DECLINED
    await operations.decide(operation_id, state, work.now, {"code": code})
    if change.payment.operation_id != operation_id or change.intent.pending is None:
        return
    if confirmed:
        undone_minor, payment = change.intent.pending_minor, change.payment
        slips = await compose_slips(work, about, SlipKind.VOID, undone_minor, payment.card, payment.references)
        approval = Approval(amount_minor=undone_minor, slips=slips)
        await approve_action(change, approval, limits, actor, operation_id=operation_id)
    else:
        reason = f"The acquirer refused the reversal with code {code}."
        await decline_action(change, limits, actor, reason_code=code, reason=reason, operation_id=operation_id)


async def _completion_settled(
    change: PaymentChange,
    waiting: StoredMessage,
    about: AcquirerMessage,
    reply: Message,
    limits: OperationLimits,
    confirmed: bool,
) -> None:
    work, actor, code = change.work, _host(about), reply.fields.get(39)
    operations, messages = OperationRepository(work.connection), AcquirerMessageRepository(work.connection)
    operation_id = waiting.about_message_id
    if confirmed:
        amount_minor = about.sent.amount_minor
        await messages.decide(
            about.message_id,
            MessageState.APPROVED,
            work.now,
            approved_minor=amount_minor,
            approval_code=reply.fields.get(38, "").strip() or None,
        )
        await operations.decide(operation_id, OperationState.APPROVED, work.now, {"code": code})
        await approve_action(change, Approval(amount_minor=amount_minor), limits, actor, operation_id=operation_id)
        return
    await messages.decide(about.message_id, MessageState.DECLINED, work.now, code=code)
    await operations.decide(operation_id, OperationState.DECLINED, work.now, {"code": code})
    reason = f"The acquirer refused the completion with code {code}."
    await decline_action(change, limits, actor, reason_code=code, reason=reason, operation_id=operation_id)


def _host(about: AcquirerMessage) -> Actor:
    return Actor("acquirer", about.acquirer)
