"""Which ZVT command carries out which operation."""

from __future__ import annotations

from typing import Literal, Protocol

from device_gateway.domain.card_operations import CardOperation
from device_gateway.drivers.terminal.zvt import messages
from device_gateway.drivers.terminal.zvt.apdu import Apdu
from device_gateway.drivers.terminal.zvt.messages import LARGEST_AMOUNT_MINOR, NUMERIC_CURRENCIES, Command
from libs.contracts.terminals import CardReferences, TerminalAction

MONEY_ACTIONS: frozenset[TerminalAction] = frozenset(
    {"purchase", "refund", "reversal", "pre_authorisation", "completion", "pre_authorisation_cancel"}
)
_NEEDS_AMOUNT = frozenset({"purchase", "refund", "pre_authorisation", "completion"})


class CannotBeAsked(ValueError):
    """The operation cannot be put to a ZVT terminal; the text is for the shop assistant."""


class RequestSettings(Protocol):
    """What the requests need of the driver's options."""

    @property
    def password(self) -> str: ...
    @property
    def payment_type(self) -> int | None: ...
    @property
    def completion_by(self) -> Literal["book_total", "partial_reversal"]: ...


def request_for(operation: CardOperation, settings: RequestSettings) -> Apdu:
    """The command for an operation. Raises CannotBeAsked."""
    _check(operation)
    try:
        return _request(operation, settings)
    except ValueError as error:
        raise CannotBeAsked(f"The terminal cannot do this: {error}.") from error


def _check(operation: CardOperation) -> None:
    if operation.currency not in NUMERIC_CURRENCIES:
        raise CannotBeAsked(
            f"This terminal's driver does not know the currency {operation.currency}: it knows "
            f"{', '.join(NUMERIC_CURRENCIES)}."
        )
    if operation.cash_back_minor:
        raise CannotBeAsked("This terminal cannot hand out cash-back: pay without it.")
    if operation.action in _NEEDS_AMOUNT and not 0 < operation.amount_minor <= LARGEST_AMOUNT_MINOR:
        raise CannotBeAsked(
            f"The amount must be from 1 to {LARGEST_AMOUNT_MINOR} minor units, not {operation.amount_minor}."
        )


def _request(operation: CardOperation, settings: RequestSettings) -> Apdu:
    amount_minor, currency = operation.amount_minor, operation.currency
    original = operation.original or CardReferences()
    match operation.action:
        case "purchase":
            return messages.authorisation(amount_minor, currency, settings.payment_type)
        case "refund":
            return messages.refund(settings.password, amount_minor, currency)
        case "reversal":
            return messages.reversal(settings.password, original.receipt_number or "")
        case "pre_authorisation":
            return messages.pre_authorisation(amount_minor, currency)
        case "completion":
            command = Command.BOOK_TOTAL if settings.completion_by == "book_total" else Command.PARTIAL_REVERSAL
            return messages.booking(command, amount_minor, currency, original)
        case "pre_authorisation_cancel":
            return messages.pre_authorisation_reversal(original.receipt_number, currency)
        case "end_of_day":
            return messages.with_password(Command.END_OF_DAY, settings.password)
        case "last_slip":
            return messages.with_password(Command.REPEAT_RECEIPT, settings.password)
        case "diagnosis":
            return Apdu(Command.DIAGNOSIS)
        case _:
            raise CannotBeAsked(f"A ZVT terminal has no {operation.action}.")
