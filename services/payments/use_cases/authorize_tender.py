"""A card tender is asked for: store an intent, then ask the till's terminal; below zero it goes back to its card."""

from __future__ import annotations

from uuid import UUID

from libs.contracts.refusal import Conflict, Refusal
from libs.contracts.tenders import AuthorizeTender, TenderDeclined
from libs.persistence import Connection, UnitOfWork
from services.payments.domain.card_data import demand_no_card_number
from services.payments.domain.cash_back import check_cash_back
from services.payments.domain.intent import Action, Intent, IntentKind
from services.payments.domain.payment import PAYMENTS, SALES, Actor, Payment
from services.payments.domain.terminal import Terminal, choose_terminal
from services.payments.storage.cash_back_limits import CashBackLimitRepository
from services.payments.storage.intents import IntentRepository
from services.payments.storage.terminals import TerminalRepository
from services.payments.use_cases.change_payment import PaymentChange
from services.payments.use_cases.limits import OperationLimits
from services.payments.use_cases.send_operation import start_action


class RefundNeedsOriginal(Conflict):
    """Money goes back to the card it came from, and nobody said which payment that was."""

    type = "refund-needs-original"


async def authorize_tender(work: UnitOfWork, command: AuthorizeTender, limits: OperationLimits) -> None:
    """Store the intent of a tender and start it; whatever stands in the way is a decline with its reason.

    A command that arrives again changes nothing.
    """
    if command.amount_minor == 0:
        _decline_nothing(work, command)
        return
    refund = command.amount_minor < 0
    intent = Intent(
        command.tender_id,
        IntentKind.REFUND if refund else IntentKind.PURCHASE,
        command.currency,
        abs(command.amount_minor),
        cash_back_minor=0 if refund else command.cash_back_minor,
        tip_minor=0 if refund else command.tip_minor,
    )
    payment = Payment(
        intent,
        command.store_id,
        command.till_id,
        is_tender=True,
        created_at=work.now,
        sale_id=command.sale_id,
        instalments=command.instalments,
    )
    if not await IntentRepository(work.connection).add(payment):
        return
    change = PaymentChange(work, payment)
    change.created(SALES)
    try:
        if refund:
            await refund_to_card(
                change, command.original_tender_id, command.instrument, limits, SALES, field="original_tender_id"
            )
        else:
            await _purchase(change, command, limits)
    except Refusal as error:
        # Nothing was sent: this is the answer, not a failure of the message.
        _decline(change, error)
    await change.keep()


def _decline_nothing(work: UnitOfWork, command: AuthorizeTender) -> None:
    """A tender of nothing is no payment; sales is answered all the same."""
    work.emit(
        TenderDeclined(
            tender_id=command.tender_id,
            sale_id=command.sale_id,
            store_id=command.store_id,
            kind=command.kind,
            decided_at=work.now,
            reason_code="invalid",
            reason="A card payment is of an amount above zero.",
        ),
        sequence=1,
    )


def _decline(change: PaymentChange, error: Refusal) -> None:
    change.facts(reason_code=error.type, reason=error.sentence, decided_at=change.work.now)
    change.move(change.intent.refused(), PAYMENTS, reason=error.sentence)
    change.refused(error.type, error.sentence)


async def _purchase(change: PaymentChange, command: AuthorizeTender, limits: OperationLimits) -> None:
    connection = change.work.connection
    if command.cash_back_minor:
        set_limits = await CashBackLimitRepository(connection).of(command.currency)
        check_cash_back(command.cash_back_minor, command.amount_minor, set_limits, command.currency)
    terminal = await terminal_for(connection, command.store_id, command.till_id, command.instrument)
    change.payment = change.payment.at(terminal)
    await start_action(change, Action.PURCHASE, change.intent.whole_minor, limits, SALES)


async def terminal_for(connection: Connection, store_id: UUID, till_id: UUID, wanted: str | None) -> Terminal:
    """The terminal of a till for a payment. Raises NoTerminal, or CardNumberRefused for a card number as its name."""
    demand_no_card_number(wanted, "terminal")
    repository = TerminalRepository(connection)
    terminals = await repository.of_store(store_id)
    default = await repository.default_of(till_id) if wanted is None else None
    return choose_terminal(terminals, till_id, wanted, default)


async def refund_to_card(
    change: PaymentChange,
    original_id: UUID | None,
    wanted: str | None,
    limits: OperationLimits,
    actor: Actor,
    *,
    field: str,
) -> None:
    """Start a new refund intent: reserve its amount of the original payment, then ask a terminal to give it back.

    Two tills that refund one payment at once take turns here, and the second finds only what is left.
    Raises RefundNeedsOriginal, RefundTooLarge, IllegalIntentTransition or NoTerminal.
    """
    if original_id is None:
        raise RefundNeedsOriginal(
            "Money goes back to the card that paid. Return the goods by their receipt, or give the money back"
            " in another way.",
            field=field,
        )
    work, payment = change.work, change.payment
    locked = await IntentRepository(work.connection).get(original_id, lock=True)
    if locked is None or locked.intent.kind is IntentKind.REFUND:
        raise RefundNeedsOriginal(f"No card payment {original_id} is known here.", field=field)
    original = PaymentChange(work, locked)
    if locked.intent.currency != payment.intent.currency:
        raise RefundNeedsOriginal(
            f"That payment was in {locked.intent.currency}, not in {payment.intent.currency}.", field=field
        )
    reserved = locked.intent.refund_reserved(payment.intent.amount_minor)
    terminal = await terminal_for(work.connection, payment.store_id, payment.till_id, wanted)
    original.move(reserved, actor)
    await original.keep()
    change.payment = payment.at(terminal)
    change.facts(original_intent_id=original_id, card=locked.card_given_back_to)
    await start_action(change, Action.REFUND, payment.intent.whole_minor, limits, actor, original=locked)
