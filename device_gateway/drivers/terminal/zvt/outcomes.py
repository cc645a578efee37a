"""From what a terminal said to what became of the operation. Pure: no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass, field

from device_gateway.domain.card_operations import Approved, Declined, OperationResult, Slips, Unknown
from device_gateway.drivers.terminal.zvt import codes
from device_gateway.drivers.terminal.zvt.messages import NUMERIC_CURRENCIES
from device_gateway.drivers.terminal.zvt.told import SlipLines, StatusInformation, read_terminal_status

_LINE_TO_SIGN_ON = "X" + "_" * 23
_SHORTEST_RULE = "_" * 8


@dataclass(frozen=True, slots=True)
class Asked:
    """What money was asked for, in minor units; 0 where the terminal knows how much, as of a reversal.

    `released_minor` is the part of a reservation that is given up, where that is what the request named instead.
    """

    amount_minor: int
    currency: str | None = None
    tip_minor: int = 0
    released_minor: int | None = None


@dataclass
class Reply:
    """Everything a terminal said in answer to one request, until it ended it.

    `ended_with` is the result code of the end: 00 after a completion, else that of an abort or a refusal; None while
    it has not ended. `refused` means that the request was refused at once (`84 xx`). `unreadable` says that something
    on the way could not be read. `completion` is what came with the end.
    """

    status: StatusInformation | None = None
    slips: list[SlipLines] = field(default_factory=list)
    ended_with: int | None = None
    refused: bool = False
    unreadable: bool = False
    completion: bytes = b""

    @property
    def result(self) -> int | None:
        """The worst result code that the terminal gave; None while it has not ended."""
        if self.ended_with is None:
            return None
        return self.ended_with or (self.status.result if self.status else codes.OK)

    @property
    def printed(self) -> Slips:
        """The slips, each line where it belongs. Where the customer is to sign, the merchant's has a line for it."""
        merchant = tuple(line for lines in self.slips if lines.merchant for line in lines.lines)
        has_field = any(lines.signature for lines in self.slips)
        signature = has_field or bool(self.status and self.status.signature)
        if signature and merchant and not has_field and not any(_SHORTEST_RULE in line for line in merchant):
            merchant = (*merchant, "", _LINE_TO_SIGN_ON)
        return Slips(
            customer=tuple(line for lines in self.slips if lines.customer for line in lines.lines),
            merchant=merchant,
            signature_required=signature,
        )


def outcome_of_money(reply: Reply, asked: Asked) -> OperationResult:
    """What became of a request that moves money. Approved only if the terminal said so twice: in the status of the
    transaction and at the end.
    """
    result = reply.result
    if result is None:
        return Unknown("The terminal did not say how it ended.")
    if result != codes.OK:
        return _not_approved(reply, result)
    if reply.status is None or reply.unreadable:
        return Unknown("The terminal ended the operation, but what it said of it could not be read.")
    return approved(reply.status, asked, reply.printed)


def approved(status: StatusInformation, asked: Asked, slips: Slips) -> Approved | Unknown:
    """An approval for the amount that the terminal names (it may be less than asked), else for what was asked.

    It may be more by what the customer added to the tip, where the terminal names the tip.
    """
    if _is_another_currency(status, asked):
        return Unknown(f"The terminal answered in another currency than {asked.currency}: look at its slip.")
    amount_minor = asked.amount_minor if status.amount_minor is None else status.amount_minor
    if asked.released_minor is not None:
        # Whether the terminal names what is booked or what is released is not written down.
        if amount_minor not in (asked.amount_minor, asked.released_minor):
            return Unknown("The terminal names another amount than it was asked for: look at its slip.")
        amount_minor = asked.amount_minor
    more_tip_minor = max(0, (status.tip_minor or 0) - asked.tip_minor)
    if amount_minor > asked.amount_minor + more_tip_minor and asked.amount_minor > 0:
        return Unknown("The terminal names a larger amount than it was asked for: look at its slip.")
    return Approved(
        amount_minor,
        status.card,
        status.references,
        slips,
        status.totals,
        status.text,
        cash_back_minor=status.cash_back_minor,
        tip_minor=status.tip_minor,
    )


def _is_another_currency(status: StatusInformation, asked: Asked) -> bool:
    if status.currency_number is None or asked.currency is None:
        return False
    return status.currency_number != NUMERIC_CURRENCIES.get(asked.currency)


def _not_approved(reply: Reply, result: int) -> Declined | Unknown:
    approved_then_aborted = (
        reply.ended_with != codes.OK and reply.status is not None and reply.status.result == codes.OK
    )
    if not reply.refused and (approved_then_aborted or not codes.is_certain(result)):
        return Unknown(f"{codes.reason(result)} Whether money moved is only in its last receipt.")
    return Declined(f"{result:02X}", codes.reason(result), reply.printed)


def outcome_of_question(reply: Reply) -> OperationResult:
    """What became of a request that moves no money: end of day, diagnosis, last slip."""
    result = reply.result
    if result is None:
        return Unknown("The terminal did not say how it ended.")
    if result != codes.OK:
        return Declined(f"{result:02X}", codes.reason(result), reply.printed)
    if reply.unreadable:
        return Unknown("The terminal ended the operation, but what it said of it could not be read.")
    status = reply.status
    if status is None:
        return Approved(0, slips=reply.printed)
    return Approved(status.amount_minor or 0, status.card, status.references, reply.printed, status.totals, status.text)


def outcome_of_balance(reply: Reply, currency: str) -> OperationResult:
    """What is left on the card, as the approved amount; the field of the amount counts where no tag tells it [M]."""
    outcome = outcome_of_question(reply)
    if not isinstance(outcome, Approved):
        return outcome
    status = reply.status
    left_minor = None
    if status is not None:
        left_minor = status.amount_minor if status.balance_minor is None else status.balance_minor
    if status is None or left_minor is None:
        return Unknown("The terminal does not tell the till what is on the card: look at the terminal.")
    if _is_another_currency(status, Asked(0, currency)):
        return Unknown(f"The terminal does not tell in {currency} what is on the card: look at the terminal.")
    return Approved(left_minor, status.card, status.references, reply.printed, text=status.text)


def outcome_of_status_enquiry(reply: Reply) -> OperationResult:
    """Whether the terminal is ready."""
    outcome = outcome_of_question(reply)
    if not isinstance(outcome, Approved):
        return outcome
    status = read_terminal_status(reply.completion)
    return outcome if status == codes.OK else Declined(f"{status:02X}", codes.reason(status))
