"""Which nexo request carries out which operation. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from device_gateway.domain.card_operations import CardOperation, NotSent
from device_gateway.domain.terminal_capabilities import not_supported
from device_gateway.drivers.terminal.nexo import messages
from device_gateway.drivers.terminal.nexo.messages import LONGEST_SERVICE_ID, NexoRequest, Parties, PaymentAmounts
from libs.contracts.terminals import CardReferences, TerminalAction
from libs.money import UnknownCurrency

Category = Literal["Payment", "Reversal"]
_PAYMENT_TYPES: dict[TerminalAction, str | None] = {
    "purchase": None,
    "refund": "Refund",
    "pre_authorisation": "FirstReservation",
    "increment": "UpdateReservation",
    "completion": "Completion",
}
_HARMLESS = frozenset({"balance", "last_slip", "end_of_day", "diagnosis"})
_NEED_ORIGINAL = frozenset({"increment", "completion", "reversal", "pre_authorisation_cancel"})


class CannotBeAsked(ValueError):
    """The operation cannot be put to the terminal. `refusal` is the answer, with a sentence for the cashier."""

    def __init__(self, refusal: NotSent) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


def money_request(
    operation: CardOperation,
    refund_by: Literal["reversal", "payment"],
    at: datetime,
    parties: Parties,
    *,
    partial_approval: bool = False,
) -> NexoRequest | None:
    """The request for an operation that moves money; None for one that does not. Raises CannotBeAsked."""
    if operation.action in _HARMLESS:
        return None
    original = operation.original or CardReferences()
    if operation.action in _NEED_ORIGINAL and not original.transaction_id:
        sentence = "The terminal's id of the original transaction is not known: this must be done by hand."
        raise CannotBeAsked(NotSent(sentence, "original-not-known"))
    if operation.action != "purchase" and operation.cash_back_minor:
        raise CannotBeAsked(not_supported("cash_back"))
    if operation.action != "purchase" and operation.instalments is not None:
        raise CannotBeAsked(not_supported("instalments"))
    try:
        return _money_request(operation, original, refund_by, at, parties, partial_approval)
    except UnknownCurrency as error:
        raise CannotBeAsked(NotSent(f"{error}.", "currency-not-supported")) from error


def _money_request(
    operation: CardOperation,
    original: CardReferences,
    refund_by: Literal["reversal", "payment"],
    at: datetime,
    parties: Parties,
    partial_approval: bool,
) -> NexoRequest:
    service_id = asked_as(operation)
    if operation.action in ("reversal", "pre_authorisation_cancel"):
        return messages.reversal(service_id, original, at, parties)
    if operation.amount_minor <= 0:
        sentence = f"The amount must be above zero, not {operation.amount_minor} minor units."
        raise CannotBeAsked(NotSent(sentence, "amount-not-possible"))
    total_minor = operation.amount_minor + _held_minor(operation)
    amounts = PaymentAmounts(operation.currency, total_minor, operation.cash_back_minor, operation.tip_minor)
    if operation.action == "refund" and refund_by == "reversal" and original.transaction_id:
        return messages.reversal(service_id, original, at, parties, reversed_amount=amounts)
    return messages.payment(
        service_id,
        amounts,
        at,
        parties,
        payment_type=_PAYMENT_TYPES[operation.action],
        original=original,
        instalments=operation.instalments,
        partial_approval=partial_approval and operation.action == "purchase",
    )


def _held_minor(operation: CardOperation) -> int:
    """What an increment's amount comes on top of: a reservation is updated to its new total [S: Fusion,
    Pre-authorisation top-up]. Raises CannotBeAsked.
    """
    if operation.action != "increment":
        return 0
    if operation.held_minor is None:
        sentence = (
            "What the pre-authorisation holds is not known at this PC any more, and this terminal must be told the new "
            "total: reserve the rest anew."
        )
        raise CannotBeAsked(NotSent(sentence, "held-amount-not-known"))
    return operation.held_minor


def asked_as(operation: CardOperation) -> str:
    """Our reference, as the id of the message. Raises CannotBeAsked if it is too long for nexo."""
    if not 0 < len(operation.reference) <= LONGEST_SERVICE_ID:
        sentence = (
            f"The reference {operation.reference!r} must have 1 to {LONGEST_SERVICE_ID} characters: it becomes an id."
        )
        raise CannotBeAsked(NotSent(sentence))
    return operation.reference


def categories_of(action: TerminalAction | None) -> tuple[Category, ...]:
    """As what an operation may have been sent; a refund goes either way, and so may one of which nothing is known."""
    match action:
        case "balance" | "last_slip" | "end_of_day" | "diagnosis" | "inquiry":
            return ()
        case "reversal" | "pre_authorisation_cancel":
            return ("Reversal",)
        case "refund" | None:
            return ("Reversal", "Payment")
        case _:
            return ("Payment",)
