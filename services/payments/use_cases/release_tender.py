"""The sale will not happen, or was voided: what was taken goes back, whatever it takes."""

from __future__ import annotations

from libs.contracts.tenders import ReleaseTender
from libs.persistence import UnitOfWork, new_id
from services.payments.domain.intent import REFUNDABLE, Action, Intent, IntentKind, IntentState, Release
from services.payments.domain.payment import PAYMENTS, SALES, Payment
from services.payments.storage.intents import IntentRepository
from services.payments.use_cases.change_payment import PaymentChange
from services.payments.use_cases.decide_action import decline_action
from services.payments.use_cases.inquire import inquire_now
from services.payments.use_cases.limits import OperationLimits
from services.payments.use_cases.send_operation import start_action

_NOTHING_TAKEN = frozenset({IntentState.DECLINED, IntentState.REVERSED, IntentState.VOIDED, IntentState.REFUNDED})


async def release_tender(work: UnitOfWork, command: ReleaseTender, limits: OperationLimits) -> None:
    """Give a tender's payment back: at once where nothing was taken, else by a reversal, or by a refund once the
    terminal's day is settled. While the outcome is unknown it is asked for first. Repeated, it changes nothing.

    Raises UnknownIntent.
    """
    change = await PaymentChange.locked(work, command.tender_id, "tender_id")
    if change.intent.release is Release.SALES:
        return
    change.move(change.intent.release_asked(Release.SALES), SALES)
    state = change.intent.state
    if state in _NOTHING_TAKEN:
        change.released()
    elif state is IntentState.AWAITING_CARD:
        await decline_action(change, limits, SALES, reason_code="cancelled", reason=command.reason)
    elif state is IntentState.UNKNOWN:
        await inquire_now(work, change, limits)
    elif change.intent.pending is None:
        await _give_back(work, change, limits, command.reason)
    # Else the outcome of what is pending comes first; then the release goes on by itself.
    await change.keep()


async def _give_back(work: UnitOfWork, change: PaymentChange, limits: OperationLimits, reason: str) -> None:
    if change.intent.state is IntentState.APPROVED and change.payment.settlement_id is not None:
        # The terminal has settled it before the sale was complete: it took the money for good.
        change.move(change.intent.captured(), SALES, reason="settled by the terminal")
    intent = change.intent
    if intent.state in (IntentState.APPROVED, IntentState.CAPTURED, IntentState.REVERSAL_REFUSED) and (
        change.payment.settlement_id is None
    ):
        if intent.refunded_minor or intent.refund_pending_minor:
            change.anomaly(SALES, "The sale was voided after a part of this payment had been given back.")
            return
        await start_action(change, Action.REVERSAL, intent.approved_minor, limits, SALES, reason=reason)
    elif intent.state in REFUNDABLE and intent.kind is IntentKind.PURCHASE:
        await _refund_instead(work, change, limits)
    else:
        change.anomaly(SALES, f"It is to be given back, and is {intent.state.replace('_', ' ')}.")


async def _refund_instead(work: UnitOfWork, change: PaymentChange, limits: OperationLimits) -> None:
    """Once a terminal's day is settled it reverses nothing any more: the money goes back as a refund."""
    original = change.payment
    amount_minor = original.intent.refundable_minor
    if amount_minor <= 0:
        change.anomaly(SALES, "Nothing of this payment is left to be given back.")
        return
    change.move(original.intent.refund_reserved(amount_minor), SALES)
    refund = Payment(
        Intent(new_id(), IntentKind.REFUND, original.intent.currency, amount_minor),
        original.store_id,
        original.till_id,
        is_tender=False,
        created_at=work.now,
        sale_id=original.sale_id,
        original_intent_id=original.intent.intent_id,
        fulfils_release=True,
        card=original.card_given_back_to,
    ).at(original.terminal())
    await IntentRepository(work.connection).add(refund)
    refunding = PaymentChange(work, refund)
    refunding.created(SALES, "the sale was voided after the terminal's end of day")
    await start_action(refunding, Action.REFUND, amount_minor, limits, SALES, original=original)
    if refund.concentrated:
        refunding.anomaly(
            PAYMENTS, "The acquirer gives it back only to the card: somebody has to present it once more."
        )
    await refunding.keep()
