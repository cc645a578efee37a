"""From what a terminal said to what became of the operation. Pure: no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass, field

from device_gateway.domain.card_operations import Approved, Declined, OperationResult, Slips, Unknown
from device_gateway.drivers.terminal.zvt import codes
from device_gateway.drivers.terminal.zvt.fields import MalformedFields
from device_gateway.drivers.terminal.zvt.messages import SlipLines, StatusInformation, read_terminal_status


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
        """The slips, each line where it belongs."""
        return Slips(
            customer=tuple(line for lines in self.slips if lines.customer for line in lines.lines),
            merchant=tuple(line for lines in self.slips if lines.merchant for line in lines.lines),
        )


def outcome_of_money(reply: Reply, asked_minor: int) -> OperationResult:
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
    return approved(reply.status, asked_minor, reply.printed)


def approved(status: StatusInformation, asked_minor: int, slips: Slips) -> Approved | Unknown:
    """An approval for the amount that the terminal names (it may be less than asked), else for what was asked."""
    amount_minor = asked_minor if status.amount_minor is None else status.amount_minor
    if amount_minor > asked_minor > 0:
        return Unknown("The terminal names a larger amount than it was asked for: look at its slip.")
    return Approved(amount_minor, status.card, status.references, slips, status.totals, status.text)


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


def outcome_of_status_enquiry(reply: Reply) -> OperationResult:
    """Whether the terminal is ready."""
    outcome = outcome_of_question(reply)
    if not isinstance(outcome, Approved):
        return outcome
    try:
        status = read_terminal_status(reply.completion)
    except MalformedFields:
        return Unknown("How the terminal is cannot be read.")
    return outcome if status == codes.OK else Declined(f"{status:02X}", codes.reason(status))
