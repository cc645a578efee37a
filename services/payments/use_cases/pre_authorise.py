"""Pre-authorisations from hold to completion, and refunds of what no sale knows of."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from libs.contracts.permissions import Permission
from libs.contracts.refusal import Conflict, Invalid, NotFound
from libs.persistence import UnitOfWork, new_id
from libs.web.principal import Principal
from services.payments.domain.intent import Action, Intent, IntentKind, Release
from services.payments.domain.payment import Payment
from services.payments.storage.intents import IntentRepository
from services.payments.storage.terminals import TerminalRepository
from services.payments.use_cases.authorize_tender import refund_to_card, terminal_for
from services.payments.use_cases.change_payment import PaymentChange
from services.payments.use_cases.confirm_intent import actor_of
from services.payments.use_cases.limits import OperationLimits
from services.payments.use_cases.send_operation import start_action


class UnknownTill(NotFound):
    """Payments has not heard of this till, or it is out of use."""

    type = "unknown-till"


class BelongsToASale(Conflict):
    """The payment is a tender of a sale: what happens to it is decided there."""

    type = "belongs-to-a-sale"


@dataclass(frozen=True, slots=True)
class Hold:
    """What is to be held on a card: at which till, on the named terminal or the till's own."""

    currency: str
    amount_minor: int
    till_id: UUID | None = None
    terminal: str | None = None


async def till_of(work: UnitOfWork, caller: Principal, till_id: UUID | None) -> tuple[UUID, UUID]:
    """The till that is meant, the caller's own unless named, and its store. Raises Invalid, UnknownTill, Forbidden."""
    meant = till_id or caller.till_id
    if meant is None:
        raise Invalid("Say at which till: nobody is signed on at one with this token.", field="till_id")
    store_id = await TerminalRepository(work.connection).store_of_till(meant)
    if store_id is None:
        raise UnknownTill(f"No till {meant} is in use.", field="till_id")
    caller.demand_store(store_id)
    return meant, store_id


async def pre_authorise(work: UnitOfWork, caller: Principal, hold: Hold, limits: OperationLimits) -> PaymentChange:
    """Store a pre-authorisation and start it. Raises what `till_of` raises, and NoTerminal."""
    caller.demand(Permission.PAYMENTS_CHARGE)
    till_id, store_id = await till_of(work, caller, hold.till_id)
    terminal = await terminal_for(work.connection, store_id, till_id, hold.terminal)
    intent = Intent(new_id(), IntentKind.PRE_AUTHORISATION, hold.currency, hold.amount_minor)
    payment = Payment(intent, store_id, till_id, is_tender=False, created_at=work.now).at(terminal)
    await IntentRepository(work.connection).add(payment)
    change = PaymentChange(work, payment)
    actor = actor_of(caller)
    change.created(actor)
    await start_action(change, Action.PRE_AUTHORISATION, hold.amount_minor, limits, actor)
    await change.keep()
    return change


async def follow_up(
    work: UnitOfWork,
    caller: Principal,
    intent_id: UUID,
    action: Action,
    amount_minor: int | None,
    limits: OperationLimits,
) -> PaymentChange:
    """Increment, complete or cancel a pre-authorisation. A completion is at most what is held.

    Raises UnknownIntent, Forbidden, IllegalIntentTransition, AnotherActionPending or Invalid.
    """
    caller.demand(Permission.PAYMENTS_CHARGE)
    change = await PaymentChange.locked(work, intent_id)
    caller.demand_store(change.payment.store_id)
    intent = change.intent
    held_minor = intent.approved_minor
    wanted_minor = held_minor if amount_minor is None else amount_minor
    started = intent.started(action, wanted_minor)
    assert started.pending is action, "checked before the amount is: a wrong state is said first"
    if action is Action.COMPLETION and wanted_minor > held_minor:
        raise Invalid(
            f"{held_minor} minor units are held; increment the pre-authorisation before completing more.",
            field="amount_minor",
            held_minor=held_minor,
        )
    await start_action(change, action, wanted_minor, limits, actor_of(caller))
    await change.keep()
    return change


async def refund_directly(
    work: UnitOfWork,
    caller: Principal,
    intent_id: UUID,
    amount_minor: int,
    terminal: str | None,
    limits: OperationLimits,
) -> PaymentChange:
    """Give back a part or all of a payment that no sale knows of, or that a voided sale left behind.

    Returns the refund's own payment. Raises UnknownIntent, Forbidden, BelongsToASale, RefundTooLarge,
    IllegalIntentTransition or NoTerminal.
    """
    caller.demand(Permission.PAYMENTS_REFUND)
    original = await PaymentChange.locked(work, intent_id)
    payment = original.payment
    caller.demand_store(payment.store_id)
    if payment.is_tender and payment.intent.release is not Release.SALES:
        raise BelongsToASale(
            "This payment belongs to a sale: return the goods by their receipt.", sale_id=str(payment.sale_id)
        )
    intent = Intent(new_id(), IntentKind.REFUND, payment.intent.currency, amount_minor)
    refund = Payment(
        intent,
        payment.store_id,
        caller.till_id or payment.till_id,
        is_tender=False,
        created_at=work.now,
        sale_id=payment.sale_id,
        fulfils_release=payment.is_tender,
    )
    await IntentRepository(work.connection).add(refund)
    change = PaymentChange(work, refund)
    actor = actor_of(caller)
    change.created(actor)
    wanted = terminal or (payment.terminal_name if refund.till_id == payment.till_id else None)
    await refund_to_card(change, intent_id, wanted, limits, actor, field="intent_id")
    await change.keep()
    return change
