"""Take in what became of an operation: whenever it comes, however often, and whatever was decided meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from libs.contracts.refusal import NotFound
from libs.contracts.terminals import CardFacts, CardReferences, TerminalAnswered
from libs.persistence import UnitOfWork
from services.payments.domain.card_data import has_card_number, without_card_numbers
from services.payments.domain.intent import Action, IllegalIntentTransition, IntentState
from services.payments.domain.payment import PAYMENTS, TERMINAL, Actor, OperationState
from services.payments.storage.acquirer_messages import AcquirerMessageRepository
from services.payments.storage.operations import OperationRepository, StoredOperation
from services.payments.use_cases.change_payment import PaymentChange, Slips
from services.payments.use_cases.decide_action import Approval, approve_action, decline_action, lose_action
from services.payments.use_cases.limits import OperationLimits
from services.payments.use_cases.lose_message import lose_message
from services.payments.use_cases.record_settlement import record_end_of_day
from services.payments.use_cases.send_operation import reverse_late_approval

_log = structlog.get_logger(__name__)

_LATE = frozenset({IntentState.DECLINED, IntentState.REVERSED, IntentState.VOIDED, IntentState.CANCELLED})
_LATER_STEPS = frozenset({Action.REVERSAL, Action.INCREMENT, Action.COMPLETION, Action.CANCELLATION})
_NEVER_LEFT = frozenset({OperationState.NOT_SENT, OperationState.EXPIRED, OperationState.NOT_FOUND})
_NO_ANSWER = "The terminal did not answer in time."
_REASONS = {
    OperationState.NOT_SENT: ("not_sent", "The terminal was not reached; nothing was taken."),
    OperationState.EXPIRED: ("expired", "The store's gateway did not take the request in time; nothing was taken."),
    OperationState.NOT_FOUND: ("not_found", "The terminal knows no such payment; nothing was taken."),
    OperationState.DECLINED: ("declined", "The card payment was declined."),
}


class UnknownOperation(NotFound):
    """An answer names an operation that payments never asked for; it is kept among the dead messages."""

    type = "unknown-operation"


@dataclass(frozen=True, slots=True)
class _Cleaned:
    """An answer without card numbers: its payload, and whether anything was withheld."""

    payload: dict[str, Any]
    card: CardFacts | None
    references: CardReferences | None
    withheld: bool


async def record_answer(work: UnitOfWork, answer: TerminalAnswered, limits: OperationLimits) -> None:
    """Record the answer to an operation and move its payment on. Raises UnknownOperation."""
    operations = OperationRepository(work.connection)
    operation = await operations.get(answer.operation_id)
    if operation is None:
        raise UnknownOperation(f"Payments asked for no operation {answer.operation_id}.", field="operation_id")
    if operation.intent_id is None:
        await _record_service_answer(work, operation, answer)
        return
    change = await PaymentChange.locked(work, operation.intent_id)
    # Read again under the payment's lock: only now is its state certain.
    operation = await operations.get(answer.operation_id)
    assert operation is not None, "operations are never deleted"
    if operation.moves_money:
        await _record_money(change, operation, answer, limits)
    else:
        await _record_inquiry(change, operation, answer, limits)
    await change.keep()


async def _record_service_answer(work: UnitOfWork, operation: StoredOperation, answer: TerminalAnswered) -> None:
    operations = OperationRepository(work.connection)
    locked = await operations.get(operation.operation_id, lock=True)
    if locked is None or locked.state not in (OperationState.OPEN, OperationState.UNKNOWN, OperationState.EXPIRED):
        return
    await operations.decide(operation.operation_id, OperationState(answer.outcome), work.now, _clean(answer).payload)
    if operation.action == "end_of_day":
        await record_end_of_day(work, operation.operation_id, answer)


async def _record_money(
    change: PaymentChange, operation: StoredOperation, answer: TerminalAnswered, limits: OperationLimits
) -> None:
    outcome = OperationState(answer.outcome)
    cleaned = _clean(answer)
    if not operation.state.undecided or change.payment.operation_id != operation.operation_id:
        await _record_late(change, operation, outcome, answer, cleaned, limits)
        return
    await _apply(change, operation, outcome, answer, cleaned, limits, operation_id=operation.operation_id)


async def _apply(
    change: PaymentChange,
    operation: StoredOperation,
    outcome: OperationState,
    answer: TerminalAnswered | None,
    cleaned: _Cleaned | None,
    limits: OperationLimits,
    *,
    operation_id: UUID,
    actor: Actor = TERMINAL,
) -> None:
    """Decide an operation and its payment by an outcome; `operation_id` is where the knowledge comes from."""
    operations = OperationRepository(change.work.connection)
    payload = cleaned.payload if cleaned else None
    said = payload or {}
    if cleaned is not None and cleaned.withheld:
        change.anomaly(actor, "A full card number was taken out of the answer.", operation_id=operation_id)
    # Decided first: what follows may send the next operation, and only one may be undecided.
    await operations.decide(operation.operation_id, outcome, change.work.now, payload)
    if outcome is OperationState.APPROVED:
        approval = _approval(answer, cleaned) if answer and cleaned else Approval()
        await approve_action(change, approval, limits, actor, operation_id=operation_id)
        if change.intent.state is IntentState.UNKNOWN:
            await operations.decide(operation.operation_id, OperationState.UNKNOWN, change.work.now)
    elif outcome is OperationState.UNKNOWN:
        reason = said.get("reason") or _NO_ANSWER
        await lose_action(change, limits, actor, reason, operation_id=operation_id)
    else:
        code, sentence = _REASONS[outcome]
        if outcome is OperationState.NOT_FOUND:
            said = {}
        reason_code, reason = said.get("reason_code") or code, said.get("reason") or sentence
        await decline_action(change, limits, actor, reason_code=reason_code, reason=reason, operation_id=operation_id)


async def _record_late(
    change: PaymentChange,
    operation: StoredOperation,
    outcome: OperationState,
    answer: TerminalAnswered,
    cleaned: _Cleaned,
    limits: OperationLimits,
) -> None:
    """An answer after the operation was decided otherwise: a repetition changes nothing, a contradiction is kept."""
    if outcome is operation.state or (outcome is OperationState.UNKNOWN and not operation.state.undecided):
        return
    if {outcome, operation.state} <= _NEVER_LEFT:
        # E.g. a gateway refuses what an inquiry had overtaken: the same said in other words.
        return
    was = operation.state.replace("_", " ")
    change.anomaly(
        TERMINAL,
        f"The terminal says {outcome.replace('_', ' ')} of its {operation.action.replace('_', ' ')}, which was taken"
        f" as {was}.",
        operation_id=operation.operation_id,
    )
    if outcome is not OperationState.APPROVED:
        return
    await OperationRepository(change.work.connection).decide(
        operation.operation_id, outcome, change.work.now, cleaned.payload
    )
    if change.intent.pending is None:
        await _catch_up(change, operation, answer, cleaned, limits)


async def _catch_up(
    change: PaymentChange,
    operation: StoredOperation,
    answer: TerminalAnswered,
    cleaned: _Cleaned,
    limits: OperationLimits,
) -> None:
    """What was taken as not done took place after all: a first step goes back, a later one is taken as it is."""
    action = Action(operation.action)
    if action not in _LATER_STEPS:
        if change.intent.state in _LATE:
            change.facts(references=cleaned.references or change.payment.references, card=cleaned.card)
            amount_minor = answer.amount_minor or operation.amount_minor
            why = "approved after it had been given up: it is given back"
            await reverse_late_approval(change, amount_minor, limits, PAYMENTS, why)
        return
    try:
        started = change.intent.started(action, operation.amount_minor)
    except IllegalIntentTransition:
        # The payment has moved on; the anomaly in its history is what is left to say.
        return
    change.move(started, TERMINAL, operation_id=operation.operation_id)
    await approve_action(change, _approval(answer, cleaned), limits, TERMINAL, operation_id=operation.operation_id)


async def _record_inquiry(
    change: PaymentChange, inquiry: StoredOperation, answer: TerminalAnswered, limits: OperationLimits
) -> None:
    operations = OperationRepository(change.work.connection)
    cleaned = _clean(answer)
    inquiry_state = OperationState.NOT_FOUND if answer.found is False else OperationState(answer.outcome)
    await operations.decide(inquiry.operation_id, inquiry_state, change.work.now, cleaned.payload)
    assert inquiry.inquired_operation_id is not None, "an inquiry asks for an operation"
    target = await operations.get(inquiry.inquired_operation_id)
    if target is None or not target.state.undecided or change.payment.operation_id != target.operation_id:
        return
    if change.intent.state is not IntentState.UNKNOWN:
        return
    if inquiry_state in (OperationState.APPROVED, OperationState.DECLINED, OperationState.NOT_FOUND):
        await _apply(change, target, inquiry_state, answer, cleaned, limits, operation_id=inquiry.operation_id)
    # Anything else: the next inquiry is due already.


async def give_up_waiting(work: UnitOfWork, operation: StoredOperation, limits: OperationLimits) -> None:
    """The answer to an operation is overdue: the outcome of what moves money is unknown from now on."""
    await _conclude(work, operation, OperationState.UNKNOWN, limits)


async def record_given_up(work: UnitOfWork, operation: StoredOperation, failure: str, limits: OperationLimits) -> None:
    """Our own outbox gave the command up. Where no gateway listens, certainly nothing reached a terminal.

    One that expired there may have got out before, with its confirmation lost: that outcome is unknown.
    """
    _log.warning("operation_given_up", operation_id=str(operation.operation_id), failure=failure)
    outcome = OperationState.UNKNOWN if failure == "expired" else OperationState.NOT_SENT
    await _conclude(work, operation, outcome, limits)


async def _conclude(
    work: UnitOfWork, operation: StoredOperation, outcome: OperationState, limits: OperationLimits
) -> None:
    operations = OperationRepository(work.connection)
    if operation.intent_id is None:
        locked = await operations.get(operation.operation_id, lock=True)
        if locked is not None and locked.state is OperationState.OPEN:
            await operations.decide(operation.operation_id, outcome, work.now)
            if operation.action == "end_of_day":
                await record_end_of_day(work, operation.operation_id, None)
        return
    change = await PaymentChange.locked(work, operation.intent_id)
    current = await operations.get(operation.operation_id)
    if current is None or current.state is not OperationState.OPEN:
        return
    if not current.moves_money:
        await operations.decide(current.operation_id, OperationState.EXPIRED, work.now)
        return
    if change.payment.concentrated:
        message = await AcquirerMessageRepository(work.connection).get(current.operation_id)
        assert message is not None, "stored with its operation"
        await lose_message(change, message, limits)
        await change.keep()
        return
    await _apply(change, current, outcome, None, None, limits, operation_id=current.operation_id, actor=PAYMENTS)
    await change.keep()


def _approval(answer: TerminalAnswered, cleaned: _Cleaned) -> Approval:
    return Approval(
        amount_minor=answer.amount_minor,
        cash_back_minor=answer.cash_back_minor,
        tip_minor=answer.tip_minor,
        currency=answer.currency,
        card=cleaned.card,
        references=cleaned.references,
        slips=Slips(
            tuple(cleaned.payload["customer_slip"]),
            tuple(cleaned.payload["merchant_slip"]),
            answer.signature_required,
        ),
    )


def _clean(answer: TerminalAnswered) -> _Cleaned:
    """The answer as it may be stored (retail rule 22).

    A reference that looks like a card number is left out: the terminal is then asked by our own operation's id.
    """
    payload = answer.model_dump(mode="json")
    withheld = False
    references = answer.references
    if references is not None:
        kept = references.model_dump(mode="json")
        suspicious = [name for name, value in kept.items() if name != "transaction_time" and _suspicious(value)]
        withheld = bool(suspicious)
        references = CardReferences.model_validate({**kept, **dict.fromkeys(suspicious)})
        payload["references"] = references.model_dump(mode="json")
    for name in ("reason", "reason_code"):
        if _suspicious(payload[name]):
            payload[name], withheld = without_card_numbers(payload[name]), True
    for name in ("customer_slip", "merchant_slip"):
        lines = [without_card_numbers(line) for line in payload[name]]
        withheld = withheld or lines != payload[name]
        payload[name] = lines
    if answer.card is not None:
        for name in ("scheme", "entry_mode"):
            if _suspicious(payload["card"][name]):
                payload["card"][name], withheld = None, True
    card = CardFacts.model_validate(payload["card"]) if answer.card else None
    return _Cleaned(payload, card, references, withheld)


def _suspicious(value: object) -> bool:
    return isinstance(value, str) and has_card_number(value)
