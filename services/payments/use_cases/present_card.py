"""A card is presented for a payment at a concentrated terminal: what is sent is stored first, and its answer after.

Between the two functions nothing is locked: the acquirer may take its time. The card itself is in neither of them
but as part of the message (retail rule 22).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from libs.contracts.refusal import Conflict
from libs.contracts.terminals import CardFacts, CardReferences
from libs.persistence import UnitOfWork
from libs.testkit.faults import fault_point
from libs.web.principal import Principal
from services.payments.domain.cash_back import ANY_SCHEME, check_cash_back
from services.payments.domain.concentrator.message import Message
from services.payments.domain.concentrator.numbers import Trace
from services.payments.domain.concentrator.replies import (
    APPROVED,
    HostApproved,
    HostDeclined,
    HostOutcome,
    HostUncertain,
    HostUnreached,
)
from services.payments.domain.concentrator.requests import Card, Merchant, Sent, pre_authorisation, purchase, refund
from services.payments.domain.concentrator.schemes import scheme_of
from services.payments.domain.intent import Action, IntentKind, IntentState
from services.payments.domain.payment import PAYMENTS, Actor, Operation, OperationState, Payment
from services.payments.domain.slip import SlipKind
from services.payments.storage.acquirer_messages import AcquirerMessage, AcquirerMessageRepository, MessageState
from services.payments.storage.acquirer_terminals import AcquirerTerminalRepository
from services.payments.storage.cash_back_limits import CashBackLimitRepository
from services.payments.storage.operations import Deadlines, OperationRepository
from services.payments.use_cases.change_payment import PaymentChange
from services.payments.use_cases.compose_slips import compose_slips
from services.payments.use_cases.confirm_intent import actor_of
from services.payments.use_cases.decide_action import Approval, approve_action, decline_action
from services.payments.use_cases.limits import OperationLimits
from services.payments.use_cases.lose_message import lose_message, undo_once_more
from services.payments.use_cases.store_message import next_trace

_log = structlog.get_logger(__name__)

_ENTRY_MODES = {"012": "keyed", "022": "stripe", "051": "chip", "071": "contactless"}
# Between storing a message and the last moment at which it may leave: its answer must come before another replica
# takes it as lost.
_MARGIN = timedelta(seconds=15)


class NoCardAwaited(Conflict):
    """The payment does not wait for a card: it is sent already, or decided."""

    type = "no-card-awaited"


class TerminalWithoutNumbers(Conflict):
    """The terminal is not known to the acquirer that takes the card."""

    type = "terminal-without-numbers"


@dataclass(frozen=True, slots=True)
class Presented:
    """A stored message that is to be sent now, once, and before `send_before`. `acquirer` is whom to send it to."""

    message_id: UUID
    acquirer: str
    message: Message
    send_before: datetime


async def present_card(
    work: UnitOfWork,
    caller: Principal,
    intent_id: UUID,
    message_id: UUID,
    card: Card,
    acquirer: str,
    longest_s: float,
) -> Presented | None:
    """Store the message that asks `acquirer` for the payment. None where this very request was stored before.

    `longest_s` is how long the answer may take. Raises UnknownIntent, Forbidden, NoCardAwaited,
    TerminalWithoutNumbers or CashBackRefused; then the payment goes on waiting for a card.
    """
    change = await PaymentChange.locked(work, intent_id)
    caller.demand_store(change.payment.store_id)
    messages = AcquirerMessageRepository(work.connection)
    if await messages.get(message_id) is not None:
        return None
    payment = change.payment
    if payment.state is not IntentState.AWAITING_CARD:
        raise NoCardAwaited(
            f"This payment is {payment.state.replace('_', ' ')} and waits for no card.", state=payment.state.value
        )
    terminal = payment.terminal()
    numbers = await AcquirerTerminalRepository(work.connection).get(terminal.terminal_id, acquirer)
    if numbers is None:
        raise TerminalWithoutNumbers(
            f"Cards of this kind go to {acquirer}, where terminal {terminal.name!r} has no number. Take another card,"
            " or have the office enter the number.",
            acquirer=acquirer,
        )
    number = card.routing_number
    scheme = scheme_of(number)
    await _check_cash_back(work, payment, scheme)
    trace = await next_trace(work, terminal.terminal_id, acquirer)
    original = await _original(messages, payment, acquirer)
    message = _message(payment, numbers.merchant(payment.intent.currency), card, trace, original)
    await messages.add(_stored(payment, message_id, acquirer, message, trace, original), work.now)
    send_before = work.now + _MARGIN
    due_at = send_before + timedelta(seconds=longest_s)
    await OperationRepository(work.connection).add(
        [_operation(payment, message_id)], work.now, Deadlines(work.now, due_at), caller.id
    )
    change.facts(
        operation_id=message_id,
        first_operation_id=message_id,
        card=CardFacts(masked_number=number.masked, scheme=scheme, entry_mode=_ENTRY_MODES.get(card.entry_mode)),
    )
    change.move(change.intent.card_presented(), actor_of(caller), operation_id=message_id)
    await change.keep()
    fault_point("payments_before_acquirer_stored")
    return Presented(message_id, acquirer, message, send_before)


async def _check_cash_back(work: UnitOfWork, payment: Payment, scheme: str | None) -> None:
    """Other than at a terminal, the card's scheme is known before anybody is asked (retail rule 15)."""
    intent = payment.intent
    if intent.cash_back_minor:
        limits = await CashBackLimitRepository(work.connection).of(intent.currency)
        check_cash_back(intent.cash_back_minor, intent.amount_minor, limits, intent.currency, scheme or ANY_SCHEME)


async def record_outcome(
    work: UnitOfWork, message_id: UUID, outcome: HostOutcome, limits: OperationLimits
) -> PaymentChange:
    """Take in what became of a sent message; a reversal is stored in the same transaction where that is not known.

    An answer that comes after it was given up changes nothing: its reversal stands (protocols.md D), and is told
    anew, because the acquirer may have confirmed it before the message came.
    """
    messages = AcquirerMessageRepository(work.connection)
    message = await messages.get(message_id)
    assert message is not None, "stored before it was sent"
    change = await PaymentChange.locked(work, message.intent_id)
    operation = await OperationRepository(work.connection).get(message_id)
    assert operation is not None, "stored with its message"
    if operation.state is not OperationState.OPEN:
        await _record_late(change, message, operation.state, outcome)
        await change.keep()
        return change
    await _decide(change, message, outcome, limits)
    fault_point("payments_before_acquirer_recorded")
    await change.keep()
    return change


async def _record_late(
    change: PaymentChange, message: AcquirerMessage, decided: OperationState, outcome: HostOutcome
) -> None:
    if decided is OperationState.APPROVED or isinstance(outcome, HostDeclined | HostUnreached):
        return
    said = "approved it" if isinstance(outcome, HostApproved) else "may have taken it"
    why = f"The acquirer {said} after it was given up; it is reversed once more."
    change.anomaly(_host(message), why, operation_id=message.message_id)
    await undo_once_more(change.work, message)


async def _decide(
    change: PaymentChange, message: AcquirerMessage, outcome: HostOutcome, limits: OperationLimits
) -> None:
    work, actor, message_id = change.work, _host(message), message.message_id
    messages, operations = AcquirerMessageRepository(work.connection), OperationRepository(work.connection)
    if isinstance(outcome, HostApproved) and outcome.amount_minor == 0:
        # It says yes and to nothing: which of the two holds, nobody knows.
        outcome = HostUncertain(APPROVED)
    if isinstance(outcome, HostApproved):
        # A host that repeats no amount means the whole.
        approved_minor = message.sent.amount_minor if outcome.amount_minor is None else outcome.amount_minor
        await messages.decide(
            message_id,
            MessageState.APPROVED,
            work.now,
            approved_minor=approved_minor,
            approval_code=outcome.approval_code,
            retrieval_reference=outcome.retrieval_reference,
        )
        await operations.decide(message_id, OperationState.APPROVED, work.now, _answer(outcome))
        await approve_action(
            change, await _approval(change, message, outcome, approved_minor), limits, actor, operation_id=message_id
        )
    elif isinstance(outcome, HostDeclined | HostUnreached):
        if isinstance(outcome, HostUnreached):
            _log.warning("acquirer_not_reached", acquirer=message.acquirer, reason=outcome.reason)
        declined = isinstance(outcome, HostDeclined)
        code = outcome.code if isinstance(outcome, HostDeclined) else None
        await messages.decide(
            message_id, MessageState.DECLINED if declined else MessageState.UNSENT, work.now, code=code
        )
        state = OperationState.DECLINED if declined else OperationState.NOT_SENT
        await operations.decide(message_id, state, work.now, {"code": code, "reason": outcome.reason})
        await decline_action(
            change,
            limits,
            actor if declined else PAYMENTS,
            reason_code=code or "acquirer-not-reached",
            reason=outcome.reason if declined else "The acquirer cannot be reached; nothing was taken.",
            operation_id=message_id,
        )
    else:
        code = outcome.code if isinstance(outcome, HostUncertain) else None
        await lose_message(change, message, limits, code=code)


async def _original(messages: AcquirerMessageRepository, payment: Payment, acquirer: str) -> AcquirerMessage | None:
    """What a refund gives back, where that was a payment at the same acquirer."""
    if payment.original_intent_id is None:
        return None
    original = await messages.standing(payment.original_intent_id)
    return original if original is not None and original.acquirer == acquirer else None


def _message(
    payment: Payment, merchant: Merchant, card: Card, trace: Trace, original: AcquirerMessage | None
) -> Message:
    intent = payment.intent
    if intent.pending is Action.REFUND:
        return refund(merchant, card, trace, intent.pending_minor, original.sent if original else None)
    if intent.pending is Action.PRE_AUTHORISATION:
        return pre_authorisation(merchant, card, trace, intent.pending_minor)
    return purchase(merchant, card, trace, intent.pending_minor, intent.cash_back_minor)


def _stored(
    payment: Payment,
    message_id: UUID,
    acquirer: str,
    message: Message,
    trace: Trace,
    original: AcquirerMessage | None,
) -> AcquirerMessage:
    fields = message.fields
    return AcquirerMessage(
        message_id,
        payment.intent.intent_id,
        payment.terminal().terminal_id,
        acquirer,
        payment.intent.currency,
        Sent(message.mti, fields[3], payment.intent.pending_minor, trace, fields[37], fields[25]),
        original_message_id=original.message_id if original else None,
    )


def _operation(payment: Payment, message_id: UUID) -> Operation:
    intent = payment.intent
    assert intent.pending is not None, "a payment that waits for its card has an action pending"
    return Operation(
        message_id,
        intent.intent_id,
        payment.store_id,
        payment.till_id,
        payment.terminal(),
        intent.pending.value,
        intent.currency,
        intent.pending_minor,
        cash_back_minor=intent.cash_back_minor,
        tip_minor=intent.tip_minor,
    )


async def _approval(
    change: PaymentChange, message: AcquirerMessage, outcome: HostApproved, approved_minor: int
) -> Approval:
    intent, sent = change.intent, message.sent
    numbers = await AcquirerTerminalRepository(change.work.connection).get(message.terminal_id, message.acquirer)
    # Of a part, what is for the goods comes first.
    whole = approved_minor >= intent.pending_minor
    cash_back_minor, tip_minor = (intent.cash_back_minor, intent.tip_minor) if whole else (0, 0)
    references = CardReferences(
        terminal_id=numbers.terminal_number if numbers else None,
        trace=f"{sent.trace.trace_number:06d}",
        approval_code=outcome.approval_code,
        retrieval_reference=outcome.retrieval_reference or sent.retrieval_reference,
        transaction_time=sent.trace.at,
    )
    card = change.payment.card
    kind = SlipKind.REFUND if intent.kind is IntentKind.REFUND else SlipKind.PAYMENT
    return Approval(
        amount_minor=approved_minor,
        cash_back_minor=cash_back_minor,
        tip_minor=tip_minor,
        card=card,
        references=references,
        slips=await compose_slips(
            change.work,
            message,
            kind,
            approved_minor,
            card,
            references,
            cash_back_minor=cash_back_minor,
            tip_minor=tip_minor,
        ),
    )


def _answer(outcome: HostApproved) -> dict[str, object]:
    return {
        "amount_minor": outcome.amount_minor,
        "approval_code": outcome.approval_code,
        "retrieval_reference": outcome.retrieval_reference,
    }


def _host(message: AcquirerMessage) -> Actor:
    return Actor("acquirer", message.acquirer)
