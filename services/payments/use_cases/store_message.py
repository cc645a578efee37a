"""What the concentrator must tell an acquirer until it is confirmed: stored with what it follows from."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from libs.contracts.refusal import Conflict
from libs.contracts.terminals import TerminalAction
from libs.persistence import UnitOfWork, new_id
from services.payments.domain.concentrator.numbers import Trace, retrieval_reference
from services.payments.domain.concentrator.requests import GOODS, PRE_AUTHORISED, Sent
from services.payments.domain.concentrator.reversing import StoredKind
from services.payments.domain.intent import Action
from services.payments.domain.payment import Actor, Operation
from services.payments.storage.acquirer_messages import AcquirerMessage, AcquirerMessageRepository
from services.payments.storage.acquirer_terminals import AcquirerTerminalRepository
from services.payments.storage.operations import Deadlines, OperationRepository
from services.payments.storage.stored_messages import StoredMessageRepository
from services.payments.use_cases.change_payment import PaymentChange


class NotAtTheConcentrator(Conflict):
    """The concentrator has no message for this; the sentence says what to do instead."""

    type = "not-at-the-concentrator"


async def next_trace(work: UnitOfWork, terminal_id: UUID, acquirer: str) -> Trace:
    """The trace of the next message of a terminal."""
    number = await AcquirerTerminalRepository(work.connection).next_trace_number(terminal_id, acquirer)
    return Trace(number, work.now)


async def store_reversal(work: UnitOfWork, undone: AcquirerMessage, operation_id: UUID | None) -> None:
    """Have a message undone by its acquirer: sent until it is confirmed, whatever happens to this process."""
    await StoredMessageRepository(work.connection).add(
        new_id(),
        undone.intent_id,
        operation_id,
        undone.message_id,
        undone.terminal_id,
        undone.acquirer,
        StoredKind.REVERSAL,
        await next_trace(work, undone.terminal_id, undone.acquirer),
    )


async def store_follow_up(
    change: PaymentChange, action: Action, amount_minor: int, operation_id: UUID, actor: Actor
) -> None:
    """Store the reversal, cancellation or completion of a payment at a concentrated terminal, with its operation.

    Raises NotAtTheConcentrator for an increment, which needs the card and its own approval.
    """
    work, payment = change.work, change.payment
    if action is Action.INCREMENT:
        raise NotAtTheConcentrator(
            "The acquirer is asked for no increment of a pre-authorisation. Take a second one for the rest, and"
            " complete both.",
        )
    operation = Operation(
        operation_id,
        payment.intent.intent_id,
        payment.store_id,
        payment.till_id,
        payment.terminal(),
        cast("TerminalAction", action.value),
        payment.intent.currency,
        amount_minor,
    )
    # It is sent until it is confirmed: no answer is ever overdue.
    await OperationRepository(work.connection).add([operation], work.now, Deadlines(work.now, None), actor.id)
    standing = await AcquirerMessageRepository(work.connection).standing(payment.intent.intent_id)
    if standing is None:
        raise NotAtTheConcentrator("Nothing of this payment stands at an acquirer: there is nothing to undo there.")
    if action is Action.COMPLETION:
        await _store_completion(work, standing, operation_id, amount_minor)
    else:
        await store_reversal(work, standing, operation_id)


async def _store_completion(work: UnitOfWork, held: AcquirerMessage, operation_id: UUID, amount_minor: int) -> None:
    trace = await next_trace(work, held.terminal_id, held.acquirer)
    reference = retrieval_reference(trace.trace_number, trace.at)
    completion = AcquirerMessage(
        operation_id,
        held.intent_id,
        held.terminal_id,
        held.acquirer,
        held.currency,
        Sent("0220", GOODS, amount_minor, trace, reference, PRE_AUTHORISED),
        original_message_id=held.message_id,
    )
    await AcquirerMessageRepository(work.connection).add(completion, work.now)
    await StoredMessageRepository(work.connection).add(
        new_id(),
        held.intent_id,
        operation_id,
        operation_id,
        held.terminal_id,
        held.acquirer,
        StoredKind.COMPLETION,
        trace,
    )
