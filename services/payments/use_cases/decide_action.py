"""What follows when the outcome of an action becomes known: at the terminal, by an inquiry, or by a person."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from libs.contracts.terminals import CardFacts, CardReferences
from services.payments.domain.cash_back import limit_minor
from services.payments.domain.intent import Action, IntentKind, IntentState, Release
from services.payments.domain.payment import Actor
from services.payments.storage.cash_back_limits import CashBackLimitRepository
from services.payments.use_cases.change_payment import NO_SLIPS, PaymentChange, Shares, Slips
from services.payments.use_cases.limits import OperationLimits
from services.payments.use_cases.send_operation import start_action

_FIRST = frozenset({Action.PURCHASE, Action.REFUND, Action.PRE_AUTHORISATION})


@dataclass(frozen=True, slots=True)
class Approval:
    """What is known of an approval. `amount_minor` is the whole; None means what was asked for."""

    amount_minor: int | None = None
    cash_back_minor: int = 0
    tip_minor: int = 0
    currency: str | None = None
    card: CardFacts | None = None
    references: CardReferences | None = None
    slips: Slips = NO_SLIPS


async def approve_action(
    change: PaymentChange,
    approval: Approval,
    limits: OperationLimits,
    actor: Actor,
    *,
    operation_id: UUID | None = None,
    reason: str | None = None,
) -> None:
    """The pending action took place. Raises IllegalIntentTransition.

    An answer that contradicts itself (another currency, an amount of nothing) leaves the outcome unknown.
    """
    intent = change.intent
    action = intent.pending
    wrong = _contradiction(change, approval)
    if wrong is not None:
        change.anomaly(actor, wrong, operation_id=operation_id)
        await lose_action(change, limits, actor, wrong, operation_id=operation_id)
        return
    amount_minor = intent.pending_minor if approval.amount_minor is None else approval.amount_minor
    asked_minor = intent.pending_minor
    change.move(intent.approved(amount_minor), actor, operation_id=operation_id, reason=reason)
    _take_facts(change, approval)
    if action in _FIRST:
        await _first_approved(change, approval, amount_minor, asked_minor, limits, actor)
    elif action is Action.REVERSAL:
        await _given_back(change, amount_minor, actor, approval.slips)


def _contradiction(change: PaymentChange, approval: Approval) -> str | None:
    intent = change.intent
    if approval.currency is not None and approval.currency != intent.currency:
        return f"The terminal approved in {approval.currency}, and {intent.currency} was asked for."
    moves = intent.pending not in (Action.REVERSAL, Action.CANCELLATION)
    whole_minor = approval.amount_minor
    if moves and whole_minor is not None and whole_minor - approval.cash_back_minor - approval.tip_minor <= 0:
        return f"The terminal approved {whole_minor} minor units, which leaves nothing for the goods."
    return None


def _take_facts(change: PaymentChange, approval: Approval) -> None:
    """Keep what is newly known; what an answer leaves out stays as it was."""
    payment = change.payment
    references = payment.references
    if approval.references is not None:
        known = approval.references.model_dump(exclude_none=True)
        references = references.model_copy(update=known) if references else approval.references
    change.facts(
        card=approval.card or payment.card,
        references=references,
        reason_code=None,
        reason=None,
        due_at=None,
        asked=0,
        decided_at=change.work.now,
    )


async def _first_approved(
    change: PaymentChange,
    approval: Approval,
    amount_minor: int,
    asked_minor: int,
    limits: OperationLimits,
    actor: Actor,
) -> None:
    intent = change.intent
    if amount_minor > asked_minor + max(0, approval.tip_minor - intent.tip_minor):
        change.anomaly(actor, f"{asked_minor} minor units were asked for and {amount_minor} were approved.")
    await _check_scheme(change, approval, actor)
    if intent.kind is IntentKind.REFUND:
        await _end_refund(change, amount_minor, actor, approval.slips)
    if intent.release is not Release.NOBODY:
        why = "given back as asked for"
        await start_action(change, intent.undoing, intent.approved_minor, limits, actor, reason=why)
        return
    if change.payment.is_tender:
        change.authorized(_shares(change, approval, amount_minor), _reference(change), approval.slips)
    elif intent.kind is IntentKind.REFUND:
        change.move(intent.captured(), actor)


def _shares(change: PaymentChange, approval: Approval, whole_minor: int) -> Shares:
    """What the approved whole is for. A part of what was asked for pays for the goods first; of the rest, which the
    card is charged with and the answer does not explain, as much cash-back and then tip as was asked for.
    """
    intent = change.intent
    unexplained_minor = whole_minor - approval.cash_back_minor - approval.tip_minor
    goods_minor = min(unexplained_minor, intent.amount_minor)
    unexplained_minor -= goods_minor
    cash_back_minor = min(unexplained_minor, max(0, intent.cash_back_minor - approval.cash_back_minor))
    unexplained_minor -= cash_back_minor
    tip_minor = min(unexplained_minor, max(0, intent.tip_minor - approval.tip_minor))
    return Shares(goods_minor, approval.tip_minor + tip_minor, approval.cash_back_minor + cash_back_minor)


async def _check_scheme(change: PaymentChange, approval: Approval, actor: Actor) -> None:
    """Before the card is read nobody knows its scheme: what went over its limit of cash-back is written down."""
    scheme = change.payment.card.scheme if change.payment.card else None
    if approval.cash_back_minor == 0 or scheme is None:
        return
    currency = change.intent.currency
    set_limits = await CashBackLimitRepository(change.work.connection).of(currency)
    most = limit_minor(set_limits, currency, scheme)
    if approval.cash_back_minor > most:
        change.anomaly(actor, f"{approval.cash_back_minor} minor units of cash-back; {scheme} allows {most}.")


def _reference(change: PaymentChange) -> str | None:
    references = change.payment.references
    if references is None:
        return None
    return references.approval_code or references.retrieval_reference or references.transaction_id


async def _given_back(change: PaymentChange, amount_minor: int, actor: Actor, slips: Slips) -> None:
    """A reversal took place: undo what a refund had given back, and answer who asked for it."""
    intent = change.intent
    if intent.kind is IntentKind.REFUND and change.payment.original_intent_id is not None:
        original = await PaymentChange.locked(change.work, change.payment.original_intent_id)
        if original.intent.refunded_minor >= amount_minor:
            original.move(original.intent.refund_undone(amount_minor), actor, reason="its refund was reversed")
            await original.keep()
    if intent.release is Release.SALES:
        change.released(slips)
    elif intent.release is Release.OPERATOR:
        change.refused("reversed", "The payment was reversed; nothing was taken.")


async def decline_action(
    change: PaymentChange,
    limits: OperationLimits,
    actor: Actor,
    *,
    reason_code: str | None,
    reason: str | None,
    operation_id: UUID | None = None,
) -> None:
    """The pending action certainly did not take place. Raises IllegalIntentTransition."""
    action = change.intent.pending
    change.move(change.intent.declined(), actor, operation_id=operation_id, reason=reason)
    change.facts(reason_code=reason_code, reason=reason, due_at=None, decided_at=change.work.now)
    intent = change.intent
    if action in _FIRST:
        change.facts(asked=0)
        if intent.kind is IntentKind.REFUND:
            await _end_refund(change, 0, actor)
        if intent.release is Release.SALES:
            change.released()
        else:
            change.refused(reason_code, reason)
    elif intent.state is IntentState.REVERSAL_REFUSED:
        _reverse_again_later(change, limits)


async def undo_action(change: PaymentChange, actor: Actor, reason: str, *, operation_id: UUID | None = None) -> None:
    """The acquirer has confirmed that nothing of the unknown first action stands. Raises IllegalIntentTransition."""
    change.move(change.intent.undone(), actor, operation_id=operation_id, reason=reason)
    change.facts(reason_code="no-answer", reason=reason, due_at=None, asked=0, decided_at=change.work.now)
    if change.intent.kind is IntentKind.REFUND:
        await _end_refund(change, 0, actor)
    if change.intent.release is Release.SALES:
        change.released()
    else:
        change.refused("no-answer", reason)


def _reverse_again_later(change: PaymentChange, limits: OperationLimits) -> None:
    asked = change.payment.asked + 1
    pause = timedelta(seconds=limits.inquiries.pause_s(asked))
    again = asked <= limits.reversals and not change.payment.standalone
    change.facts(asked=asked, due_at=change.work.now + pause if again else None)


async def _end_refund(change: PaymentChange, given_back_minor: int, actor: Actor, slips: Slips = NO_SLIPS) -> None:
    """Settle the amount that this refund had reserved of its original."""
    if change.payment.original_intent_id is None:
        return
    original = await PaymentChange.locked(change.work, change.payment.original_intent_id)
    reserved_minor = change.intent.amount_minor
    if given_back_minor > reserved_minor:
        original.anomaly(actor, f"{given_back_minor} minor units were given back, {reserved_minor} were asked for.")
    moved = original.intent.refund_ended(reserved_minor, min(given_back_minor, reserved_minor))
    original.move(moved, actor, reason=f"refund {change.intent.intent_id}")
    if change.payment.fulfils_release:
        if moved.state is IntentState.REFUNDED:
            original.released(slips)
        else:
            original.anomaly(actor, "The refund that was to undo this payment did not give back all of it.")
    await original.keep()


async def lose_action(
    change: PaymentChange, limits: OperationLimits, actor: Actor, reason: str, *, operation_id: UUID | None = None
) -> None:
    """The outcome is not known: it is asked for until it is, and nothing else is sent (retail rule 17)."""
    first = change.intent.pending in _FIRST
    was_known = change.intent.state is not IntentState.UNKNOWN
    change.move(change.intent.lost(), actor, operation_id=operation_id, reason=reason)
    if not was_known:
        return
    pause = timedelta(seconds=limits.inquiries.pause_s(1))
    change.payment = replace(change.payment, reason=reason, asked=0, due_at=change.work.now + pause)
    if first and change.intent.release is Release.NOBODY:
        change.became_unknown(reason)
