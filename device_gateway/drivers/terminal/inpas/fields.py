"""The numbered fields of an INPAS SmartSale message: a request from an operation, an outcome from an answer. Pure.

protocols.md C.4. Field numbers and operation codes are [S] (read in public sources) unless marked [M] (from memory);
nothing here was tried on a device.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import IntEnum

from device_gateway.domain.card_operations import (
    Approved,
    CardOperation,
    Declined,
    NotSent,
    OperationResult,
    Slips,
    Unknown,
)
from device_gateway.domain.masked_number import masked_number
from device_gateway.drivers.terminal.inpas.slips import SlipTags, read_slips
from libs.contracts.terminals import CardFacts, CardReferences, SchemeTotal, TerminalAction

FieldSet = Mapping[int, str]
"""Field number -> text."""


class Field(IntEnum):
    """The fields that are used here."""

    AMOUNT = 0
    CURRENCY = 4
    ENTRY_MODE = 8
    CARD_NUMBER = 10
    APPROVAL_CODE = 13
    RETRIEVAL_REFERENCE = 14
    HOST_RESPONSE = 15
    TEXT = 19
    TERMINAL_TIME = 21
    TRANSACTION_ID = 23
    OPERATION = 25
    TERMINAL_TRANSACTION_ID = 26
    TERMINAL_ID = 27
    DEBIT_SUM = 29
    DEBIT_COUNT = 30
    CREDIT_SUM = 31
    CREDIT_COUNT = 32
    STATUS = 39
    COMMAND_MODE = 64
    COMMAND_MODE_2 = 65
    RECEIPT = 90


# Void is what another source calls "refund/cancel". 63 is a command whose kind is told by fields 64 and 65.
OPERATION_CODES: Mapping[TerminalAction, str] = {
    "purchase": "1",
    "reversal": "4",
    "refund": "29",
    "diagnosis": "26",
    "end_of_day": "59",
    "last_slip": "63",
}
_LAST_RECEIPT = {int(Field.COMMAND_MODE): "1", int(Field.COMMAND_MODE_2): "22"}
MOVES_MONEY = frozenset({"purchase", "reversal", "refund"})
NEEDS_ORIGINAL = frozenset({"reversal", "refund"})

APPROVED = "1"
DECLINED = "16"
NO_CONNECTION = "34"
INTERRUPTED = "53"
# What field 39 means; any other value is no outcome.
REASONS = {
    DECLINED: "The bank or the card declined.",
    NO_CONNECTION: "The terminal has no connection to the bank. Check its network, then try again.",
    INTERRUPTED: "It was cancelled at the terminal.",
}
_DIGITS = re.compile(r"^[0-9]{1,12}$")
_TIME = re.compile(r"^[0-9]{14}$")
_NUMBERS = 999_999
_NUMERIC_CURRENCY = re.compile(r"^[0-9]{3}$")


@dataclass(frozen=True, slots=True)
class TerminalIdentity:
    """Which terminal, and the one currency it works in: ISO 4217 code and number.

    `takes_our_numbers`: it repeats the number of a request in field 26 of its answer, as two sources have it.
    """

    terminal_id: str
    currency: str
    currency_number: str
    takes_our_numbers: bool = True

    def __post_init__(self) -> None:
        if not _NUMERIC_CURRENCY.match(self.currency_number):
            raise ValueError("currency_number must be the three digits of ISO 4217, as in 643 for RUB")


def request_for(operation: CardOperation, identity: TerminalIdentity) -> dict[int, str] | NotSent:
    """The fields of the request, or why this terminal cannot be asked that. Amounts in minor units."""
    code = OPERATION_CODES.get(operation.action)
    if code is None:
        return NotSent(f"This terminal (INPAS) cannot carry out {operation.action.replace('_', ' ')}.")
    if operation.cash_back_minor:
        return NotSent("This terminal (INPAS) gives no cash-back. Pay the goods by card without it.")
    fields = {int(Field.OPERATION): code, int(Field.TERMINAL_ID): identity.terminal_id}
    if operation.action == "last_slip":
        return fields | _LAST_RECEIPT
    if operation.action not in MOVES_MONEY:
        return fields
    if operation.currency != identity.currency:
        return NotSent(f"This terminal works in {identity.currency}, not in {operation.currency}.")
    if operation.amount_minor <= 0:
        return NotSent("The amount must be above zero.")
    if identity.takes_our_numbers:
        fields[Field.TERMINAL_TRANSACTION_ID] = number_of(operation.reference)
    fields[Field.AMOUNT] = str(operation.amount_minor)
    fields[Field.CURRENCY] = identity.currency_number
    if operation.action in NEEDS_ORIGINAL:
        original = operation.original
        if original is None or not (original.retrieval_reference or original.transaction_id):
            return NotSent("The retrieval reference (RRN) of the original payment is missing; it is on its slip.")
        if original.retrieval_reference:
            fields[Field.RETRIEVAL_REFERENCE] = original.retrieval_reference
        if original.transaction_id:
            fields[Field.TRANSACTION_ID] = original.transaction_id
    return fields


def outcome_of(request: FieldSet, answer: FieldSet, *, tags: SlipTags, zone: tzinfo) -> OperationResult:
    """What an answer says became of a request. `zone` is that of the terminal's clock.

    Field 39 decides, and only if the answer repeats the operation and contradicts the request in nothing: an answer to
    another request must never be taken for ours.
    """
    contradiction = _contradiction(request, answer)
    if contradiction is not None:
        return Unknown(contradiction)
    status = answer.get(Field.STATUS, "").strip()
    slips = read_slips(answer.get(Field.RECEIPT, ""), tags)
    text = answer.get(Field.TEXT, "").strip()
    if request[Field.OPERATION] == OPERATION_CODES["last_slip"]:
        # Its answer has no status: the slip is the answer.
        if slips == Slips():
            return Declined(status or "no_slip", text or "The terminal has no last slip.")
        return Approved(amount_minor=0, slips=slips)
    if status == APPROVED:
        return Approved(
            amount_minor=int(request.get(Field.AMOUNT, "0")),
            card=_card(answer),
            references=_references(answer, zone),
            slips=slips,
            totals=_totals(answer),
            text=text,
        )
    if status in REASONS:
        code = answer.get(Field.HOST_RESPONSE, "").strip() or status
        return Declined(reason_code=code, reason=text or REASONS[status], slips=slips)
    return Unknown(f"The terminal's status is {status or 'missing'}, which is no outcome.")


def number_of(reference: str) -> str:
    """Our number of an operation, of up to six digits, as a till numbers its transactions; never 0, which is none."""
    return str(zlib.crc32(reference.encode()) % _NUMBERS + 1)


def is_answer(request: FieldSet, packet: FieldSet) -> bool:
    """Whether a packet answers a request: by a status, or by the last receipt.

    Any other asks to wait, or comes late and answers an earlier request, perhaps of the same amount.
    """
    if _is_of_another(request, packet):
        return False
    wanted = Field.RECEIPT if request[Field.OPERATION] == OPERATION_CODES["last_slip"] else Field.STATUS
    return Field.STATUS in packet or wanted in packet


def _is_of_another(request: FieldSet, packet: FieldSet) -> bool:
    ours = request.get(Field.TERMINAL_TRANSACTION_ID)
    theirs = packet.get(Field.TERMINAL_TRANSACTION_ID, "").strip()
    return ours is not None and theirs.strip("0") != "" and not _same_number(ours, theirs)


def _contradiction(request: FieldSet, answer: FieldSet) -> str | None:
    if _is_of_another(request, answer):
        return "The terminal answered about another operation."
    if answer.get(Field.OPERATION, "").strip() != request[Field.OPERATION]:
        return "The terminal answered about another operation."
    for field, what in ((Field.AMOUNT, "amount"), (Field.CURRENCY, "currency")):
        if field in request and field in answer and not _same_number(request[field], answer[field]):
            return f"The terminal answered about another {what}."
    if answer.get(Field.TERMINAL_ID, request[Field.TERMINAL_ID]).strip() != request[Field.TERMINAL_ID]:
        return "Another terminal answered. Check terminal_id in devices.toml."
    return None


def _same_number(ours: str, theirs: str) -> bool:
    theirs = theirs.strip()
    return bool(_DIGITS.match(theirs)) and int(theirs) == int(ours)


def _card(answer: FieldSet) -> CardFacts | None:
    number = masked_number(answer.get(Field.CARD_NUMBER, ""))
    entry_mode = answer.get(Field.ENTRY_MODE, "").strip() or None
    if number is None and entry_mode is None:
        return None
    return CardFacts(masked_number=number, entry_mode=entry_mode)


def _references(answer: FieldSet, zone: tzinfo) -> CardReferences:
    def told(field: Field) -> str | None:
        return answer.get(field, "").strip() or None

    return CardReferences(
        terminal_id=told(Field.TERMINAL_ID),
        trace=told(Field.TERMINAL_TRANSACTION_ID),
        approval_code=told(Field.APPROVAL_CODE),
        retrieval_reference=told(Field.RETRIEVAL_REFERENCE),
        transaction_id=told(Field.TRANSACTION_ID),
        transaction_time=_time(answer.get(Field.TERMINAL_TIME, "").strip(), zone),
    )


def _time(text: str, zone: tzinfo) -> datetime | None:
    if not _TIME.match(text):
        return None
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=zone)
    except ValueError:
        return None


def _totals(answer: FieldSet) -> tuple[SchemeTotal, ...]:
    """The line of an end of day. The order sum, count within 29-32 is [M]."""
    asked = (Field.DEBIT_SUM, Field.DEBIT_COUNT, Field.CREDIT_SUM, Field.CREDIT_COUNT)
    told = [answer.get(field, "").strip() for field in asked]
    if not all(_DIGITS.match(text) for text in told):
        return ()
    sale_minor, sale_count, refund_minor, refund_count = (int(text) for text in told)
    return (
        SchemeTotal(
            scheme="all",
            sale_count=sale_count,
            sale_minor=sale_minor,
            refund_count=refund_count,
            refund_minor=refund_minor,
        ),
    )
