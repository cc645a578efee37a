"""Which ZVT command carries out which operation."""

from __future__ import annotations

from typing import Literal, Protocol

from device_gateway.domain.card_operations import CardOperation, NotSent
from device_gateway.domain.terminal_capabilities import TerminalCapability, not_supported
from device_gateway.drivers.terminal.zvt import messages
from device_gateway.drivers.terminal.zvt.apdu import Apdu
from device_gateway.drivers.terminal.zvt.messages import LARGEST_AMOUNT_MINOR, NUMERIC_CURRENCIES, Command, Tag
from device_gateway.drivers.terminal.zvt.outcomes import Asked
from device_gateway.drivers.terminal.zvt.told import Abilities
from libs.contracts.terminals import CardReferences, TerminalAction

MONEY_ACTIONS: frozenset[TerminalAction] = frozenset(
    {"purchase", "refund", "reversal", "pre_authorisation", "increment", "completion", "pre_authorisation_cancel"}
)
_NEEDS_AMOUNT = frozenset({"purchase", "refund", "pre_authorisation", "increment", "completion"})
WhereTold = Literal["if_told", "always", "never"]
"""Whether something is asked of a terminal: only where it says at the registration that it reads it, or regardless."""


class CannotBeAsked(ValueError):
    """The operation cannot be put to this terminal. `refusal` is the answer, with a sentence for the cashier."""

    def __init__(self, refusal: NotSent) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


class RequestSettings(Protocol):
    """What the requests need of the driver's options."""

    @property
    def password(self) -> str: ...
    @property
    def payment_type(self) -> int | None: ...
    @property
    def completion_by(self) -> Literal["book_total", "partial_reversal"]: ...
    @property
    def cash_back(self) -> WhereTold: ...
    @property
    def tip(self) -> WhereTold: ...
    @property
    def partial_approval(self) -> bool: ...


def check(operation: CardOperation, settings: RequestSettings) -> None:
    """Raises CannotBeAsked for what can be told before the terminal is connected to."""
    request_for(operation, settings, None)


def request_for(operation: CardOperation, settings: RequestSettings, abilities: Abilities | None) -> Apdu:
    """The command for an operation, as a terminal of these abilities takes it; None: they are not known yet.

    Raises CannotBeAsked.
    """
    _check(operation)
    if abilities is not None:
        _check_abilities(operation, settings, abilities)
    try:
        return _request(operation, settings, abilities or Abilities())
    except ValueError as error:
        if isinstance(error, CannotBeAsked):
            raise
        raise CannotBeAsked(NotSent(f"The terminal cannot do this: {error}.")) from error


def asked_for(operation: CardOperation, settings: RequestSettings) -> Asked:
    """What money the request asks for."""
    return Asked(operation.amount_minor, operation.currency, operation.tip_minor, _released_minor(operation, settings))


def _check(operation: CardOperation) -> None:
    if operation.instalments is not None:
        raise _not_supported("instalments")
    if operation.cash_back_minor and operation.action != "purchase":
        raise _not_supported("cash_back")
    if operation.currency not in NUMERIC_CURRENCIES:
        known = ", ".join(NUMERIC_CURRENCIES)
        sentence = f"This terminal's driver does not know the currency {operation.currency}: it knows {known}."
        raise CannotBeAsked(NotSent(sentence, "currency-not-supported"))
    if operation.action in _NEEDS_AMOUNT and not 0 < operation.amount_minor <= LARGEST_AMOUNT_MINOR:
        sentence = f"The amount must be from 1 to {LARGEST_AMOUNT_MINOR} minor units, not {operation.amount_minor}."
        raise CannotBeAsked(NotSent(sentence, "amount-not-possible"))


def _check_abilities(operation: CardOperation, settings: RequestSettings, abilities: Abilities) -> None:
    if operation.cash_back_minor and not _is_told(settings.cash_back, Tag.CASH_BACK_AMOUNT, abilities):
        # A terminal that does not read the tag charges the whole amount as if it were goods.
        raise _not_supported("cash_back")
    if operation.action == "balance" and not abilities.may_take(Command.ACCOUNT_BALANCE):
        raise _not_supported("balance")
    if operation.action == "increment" and not abilities.may_take(Command.PRE_AUTHORISATION):
        raise _not_supported("increment")


def _is_told(where: WhereTold, tag: Tag, abilities: Abilities) -> bool:
    return where == "always" or (where == "if_told" and abilities.says_it_reads(tag))


def _not_supported(capability: TerminalCapability) -> CannotBeAsked:
    return CannotBeAsked(not_supported(capability))


def _request(operation: CardOperation, settings: RequestSettings, abilities: Abilities) -> Apdu:
    amount_minor, currency = operation.amount_minor, operation.currency
    original = operation.original or CardReferences()
    match operation.action:
        case "purchase":
            return _purchase(operation, settings, abilities)
        case "refund":
            return messages.refund(settings.password, amount_minor, currency)
        case "reversal":
            return messages.reversal(settings.password, original.receipt_number or "")
        case "pre_authorisation":
            return messages.pre_authorisation(amount_minor, currency)
        case "increment":
            return messages.extension(amount_minor, currency, original)
        case "completion":
            released_minor = _released_minor(operation, settings)
            if released_minor is None:
                return messages.booking(Command.BOOK_TOTAL, amount_minor, currency, original)
            return messages.booking(Command.PARTIAL_REVERSAL, released_minor, currency, original)
        case "pre_authorisation_cancel":
            return messages.pre_authorisation_reversal(original.receipt_number, currency)
        case "balance":
            return Apdu(Command.ACCOUNT_BALANCE)
        case "end_of_day":
            return messages.with_password(Command.END_OF_DAY, settings.password)
        case "last_slip":
            return messages.repeat_receipt(settings.password, messages.WITH_STATUS)
        case "diagnosis":
            return Apdu(Command.DIAGNOSIS)
        case _:
            raise CannotBeAsked(NotSent(f"A ZVT terminal has no {operation.action}."))


def _purchase(operation: CardOperation, settings: RequestSettings, abilities: Abilities) -> Apdu:
    """A tip that is not told apart is in the amount all the same."""
    tells_tip = _is_told(settings.tip, Tag.TIP_AMOUNT, abilities)
    return messages.authorisation(
        operation.amount_minor,
        operation.currency,
        settings.payment_type,
        cash_back_minor=operation.cash_back_minor,
        tip_minor=operation.tip_minor if tells_tip else 0,
        partial_approval=settings.partial_approval and abilities.may_read(Tag.PARTIAL_APPROVAL),
    )


def _released_minor(operation: CardOperation, settings: RequestSettings) -> int | None:
    """What a completion releases, where the terminal wants to hear that; else None. Raises CannotBeAsked."""
    if operation.action != "completion" or settings.completion_by == "book_total":
        return None
    if operation.held_minor is None:
        raise CannotBeAsked(
            NotSent(
                "What the pre-authorisation holds is not known at this PC any more, and this terminal must be told "
                "what to release of it: book it at the terminal itself.",
                "held-amount-not-known",
            )
        )
    if operation.amount_minor > operation.held_minor:
        raise CannotBeAsked(
            NotSent(
                f"The pre-authorisation holds {operation.held_minor} minor units, and {operation.amount_minor} cannot "
                "be booked from it.",
                "amount-not-possible",
            )
        )
    return operation.held_minor - operation.amount_minor
