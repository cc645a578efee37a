"""A message left for an acquirer and no answer says what became of it: it is undone, and that decides."""

from __future__ import annotations

from libs.persistence import UnitOfWork
from services.payments.domain.intent import IntentState
from services.payments.domain.payment import PAYMENTS, OperationState
from services.payments.storage.acquirer_messages import AcquirerMessage, AcquirerMessageRepository, MessageState
from services.payments.storage.operations import OperationRepository
from services.payments.storage.stored_messages import StoredMessageRepository
from services.payments.use_cases.change_payment import PaymentChange
from services.payments.use_cases.decide_action import lose_action
from services.payments.use_cases.limits import OperationLimits
from services.payments.use_cases.store_message import next_trace, store_reversal


async def lose_message(
    change: PaymentChange, message: AcquirerMessage, limits: OperationLimits, *, code: str | None = None
) -> None:
    """Whether the host acted on a message is not known: it is undone, by a reversal stored in this transaction."""
    work, message_id = change.work, message.message_id
    await AcquirerMessageRepository(work.connection).decide(message_id, MessageState.UNANSWERED, work.now, code=code)
    await OperationRepository(work.connection).decide(message_id, OperationState.UNKNOWN, work.now)
    why = "The acquirer did not answer in time." if code is None else f"The acquirer answered with code {code}."
    await lose_action(change, limits, PAYMENTS, f"{why} It is being reversed.", operation_id=message_id)
    # Its reversal decides; nobody can be asked.
    change.facts(due_at=None)
    await store_reversal(work, message, operation_id=None)


async def undo_now(work: UnitOfWork, change: PaymentChange) -> None:
    """Have the reversal of a lost message sent at once, because somebody asks; anew where it was refused before."""
    queue = StoredMessageRepository(work.connection)
    intent_id = change.intent.intent_id
    if await queue.waits(intent_id):
        await queue.hurry(intent_id, work.now)
        return
    assert change.payment.operation_id is not None, "an unknown outcome is that of an operation"
    message = await AcquirerMessageRepository(work.connection).get(change.payment.operation_id)
    if message is not None and change.intent.state is IntentState.UNKNOWN:
        await store_reversal(work, message, operation_id=None)


async def undo_once_more(work: UnitOfWork, message: AcquirerMessage) -> None:
    """A message that was given up left all the same: whatever its acquirer confirms of earlier reversals may have come
    before it, so that only one that is told from now on counts.
    """
    queue = StoredMessageRepository(work.connection)
    waiting = await queue.waiting_for(message.message_id)
    if waiting is None:
        await store_reversal(work, message, operation_id=None)
    elif waiting.stored.attempts:
        await queue.renew(waiting.message_id, await next_trace(work, message.terminal_id, message.acquirer))
