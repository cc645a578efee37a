"""The requests to a ZVT terminal as APDUs, and the numbers they are made of.

Commands, fields and tags [S]: PA00P015 13.08, chapters 2 and 9.4.
"""

from __future__ import annotations

from enum import IntEnum

from device_gateway.drivers.terminal.zvt.apdu import Apdu
from device_gateway.drivers.terminal.zvt.fields import TLV_CONTAINER, Tlv, bcd, write_fields
from libs.contracts.terminals import CardReferences

CHARACTER_SET = "cp437"
LARGEST_AMOUNT_MINOR = 999_999_999_999
NUMERIC_CURRENCIES = {
    "CHF": 756,
    "CZK": 203,
    "DKK": 208,
    "EUR": 978,
    "GBP": 826,
    "HUF": 348,
    "MNT": 496,
    "NOK": 578,
    "PLN": 985,
    "RUB": 643,
    "SEK": 752,
    "USD": 840,
}
"""ISO 4217 numbers of the currencies that a till may register with; a new one is a line here."""


class Command(IntEnum):
    """Class and instruction of each message."""

    STATUS_INFORMATION = 0x040F
    INTERMEDIATE_STATUS = 0x04FF
    STATUS_ENQUIRY = 0x0501
    REGISTRATION = 0x0600
    AUTHORISATION = 0x0601
    LOG_OFF = 0x0602
    ACCOUNT_BALANCE = 0x0603
    COMPLETION = 0x060F
    TURNOVER_TOTALS = 0x0610
    ABORTED = 0x061E
    REPEAT_RECEIPT = 0x0620
    PRE_AUTHORISATION = 0x0622
    PARTIAL_REVERSAL = 0x0623
    BOOK_TOTAL = 0x0624
    PRE_AUTHORISATION_REVERSAL = 0x0625
    REVERSAL = 0x0630
    REFUND = 0x0631
    END_OF_DAY = 0x0650
    DIAGNOSIS = 0x0670
    ABORT = 0x06B0
    PRINT_LINE = 0x06D1
    PRINT_TEXT_BLOCK = 0x06D3


class Tag(IntEnum):
    """TLV objects that are used here."""

    TEXT_LINE = 0x07
    ATTRIBUTE = 0x09
    COMMAND = 0x0A
    PRINT_TEXTS = 0x25
    COMMANDS = 0x26
    PAYMENT_TYPE = 0x2F
    RESERVATION = 0x1F06
    RECEIPT_TYPE = 0x1F07
    CARDHOLDER_AUTHENTICATION = 0x1F10
    CASH_BACK_AMOUNT = 0x1F25
    LONG_TRACE = 0x1F2B
    TIP_AMOUNT = 0x1F36
    RECEIPT_INFORMATION = 0x1F37
    REMAINING_BALANCE = 0x1F3F
    REMAINING_AMOUNT = 0x1F6A
    PARTIAL_APPROVAL = 0x1F70
    TAGS_OF_TERMINAL = 0x1F71


POSITIVE = Apdu(0x8000)
NOT_SUPPORTED = Apdu(0x8483)
"""The answer to a command that we do not know."""
NEGATIVE_WITH_CODE = 0x841E
"""How a terminal refuses a registration: the result code is the first byte of the data."""

EXTENSION_OF_RESERVATION = b"\x03"
WITH_STATUS, WITHOUT_PRINTING = 0x01, 0x02
"""Bits of the service byte of `06 20`. Without the first one, the terminal prints and tells nothing."""

_PRINTS_TEXT_BLOCKS = Tlv(Tag.COMMANDS, Tlv(Tag.COMMAND, b"\x06\xd3").encode()).encode()
_WITHOUT_SOFTWARE_VERSION = b"\x02"
_TRACE_DIGITS, _LONGEST_TRACE_DIGITS = 6, 18
_AUTHORISATION_BYTES = 8


def is_negative(apdu: Apdu) -> bool:
    """Whether it is `84 xx`: the terminal refuses the command."""
    return apdu.command >> 8 == 0x84


def refusal_code(apdu: Apdu) -> int:
    """The result code of an APDU that `is_negative`."""
    if apdu.command == NEGATIVE_WITH_CODE and apdu.data:
        return apdu.data[0]
    return apdu.command & 0xFF


def registration(password: str, configuration: int, currency: str) -> Apdu:
    """Make this till known: which messages it takes, its currency, and that it prints text blocks."""
    fields = write_fields({0x03: b"\x00", TLV_CONTAINER: _PRINTS_TEXT_BLOCKS})
    return Apdu(
        Command.REGISTRATION,
        bytes.fromhex(password) + bytes([configuration]) + bcd(NUMERIC_CURRENCIES[currency], 2) + fields,
    )


def authorisation(
    amount_minor: int,
    currency: str,
    payment_type: int | None = None,
    *,
    cash_back_minor: int = 0,
    tip_minor: int = 0,
    partial_approval: bool = False,
) -> Apdu:
    """Charge a card. `amount_minor` includes the shares (PA00P015 13.08: tags 1F25 and 1F36). `partial_approval` says
    that the till can deal with a card that has less on it.
    """
    how = {} if payment_type is None else {0x19: bytes([payment_type])}
    shares = {Tag.CASH_BACK_AMOUNT: cash_back_minor, Tag.TIP_AMOUNT: tip_minor}
    objects = [Tlv(tag, bcd(minor, 6)) for tag, minor in shares.items() if minor]
    if partial_approval:
        objects.append(Tlv(Tag.PARTIAL_APPROVAL, b"\x01"))
    return Apdu(Command.AUTHORISATION, write_fields(_money(amount_minor, currency) | how | _container(objects)))


def reversal(password: str, receipt_number: str) -> Apdu:
    """Undo the transaction with that receipt number. Raises ValueError for one that is no number."""
    return Apdu(Command.REVERSAL, bytes.fromhex(password) + write_fields({0x87: _receipt(receipt_number)}))


def refund(password: str, amount_minor: int, currency: str) -> Apdu:
    """Give money back to a card."""
    return Apdu(Command.REFUND, bytes.fromhex(password) + write_fields(_money(amount_minor, currency)))


def pre_authorisation(amount_minor: int, currency: str) -> Apdu:
    """Reserve an amount on a card."""
    return Apdu(Command.PRE_AUTHORISATION, write_fields(_money(amount_minor, currency)))


def extension(amount_minor: int, currency: str, original: CardReferences) -> Apdu:
    """Reserve that much more on the card of a reservation, which is known by its trace number and authorisation
    attribute (AID). Raises ValueError without them.
    """
    if not original.trace or not original.approval_code:
        raise ValueError("the reservation's trace number and authorisation attribute are not known")
    trace, objects = _trace(original.trace)
    objects = [*objects, Tlv(Tag.RESERVATION, EXTENSION_OF_RESERVATION)]
    fields = _money(amount_minor, currency) | trace | _authorised(original.approval_code) | _container(objects)
    return Apdu(Command.PRE_AUTHORISATION, write_fields(fields))


def booking(command: Command, amount_minor: int, currency: str, original: CardReferences) -> Apdu:
    """Book a pre-authorisation: BOOK_TOTAL with the amount that is used, or PARTIAL_REVERSAL with the amount that is
    **not** used and released.

    `original` needs the receipt number; trace and authorisation attribute (AID) are sent where they are known.
    Raises ValueError.
    """
    fields = {0x87: _receipt(original.receipt_number)} | _money(amount_minor, currency)
    trace, objects = _trace(original.trace) if original.trace else ({}, [])
    fields |= trace
    if command is Command.BOOK_TOTAL and original.approval_code:
        fields |= _authorised(original.approval_code)
    return Apdu(command, write_fields(fields | _container(objects)))


def pre_authorisation_reversal(receipt_number: str | None, currency: str) -> Apdu:
    """Release a pre-authorisation. Raises ValueError without a receipt number."""
    fields = {0x49: bcd(NUMERIC_CURRENCIES[currency], 2), 0x87: _receipt(receipt_number)}
    return Apdu(Command.PRE_AUTHORISATION_REVERSAL, write_fields(fields))


def with_password(command: Command, password: str) -> Apdu:
    """END_OF_DAY, TURNOVER_TOTALS: requests that carry nothing else."""
    return Apdu(command, bytes.fromhex(password))


def repeat_receipt(password: str, service: int) -> Apdu:
    """Have the last receipt repeated; `service` is WITH_STATUS, WITHOUT_PRINTING, or both."""
    return Apdu(Command.REPEAT_RECEIPT, bytes.fromhex(password) + write_fields({0x03: bytes([service])}))


def status_enquiry(password: str) -> Apdu:
    """Ask how the terminal is; its completion is a status byte."""
    return Apdu(Command.STATUS_ENQUIRY, bytes.fromhex(password) + write_fields({0x03: _WITHOUT_SOFTWARE_VERSION}))


def _money(amount_minor: int, currency: str) -> dict[int, bytes]:
    return {0x04: bcd(amount_minor, 6), 0x49: bcd(NUMERIC_CURRENCIES[currency], 2)}


def _container(objects: list[Tlv]) -> dict[int, bytes]:
    return {TLV_CONTAINER: b"".join(found.encode() for found in objects)} if objects else {}


def _receipt(number: str | None) -> bytes:
    if number is None or not _is_number(number, 4):
        raise ValueError("the original transaction's receipt number (1 to 4 digits) is not known")
    return bcd(int(number), 2)


def _trace(number: str) -> tuple[dict[int, bytes], list[Tlv]]:
    """A trace number as field 0B; one of more than six digits as tag 1F2B beside a field of zeros."""
    if not _is_number(number, _LONGEST_TRACE_DIGITS):
        raise ValueError(f"the original transaction's trace number {number!r} is no number")
    if len(number.lstrip("0")) <= _TRACE_DIGITS:
        return {0x0B: bcd(int(number), 3)}, []
    return {0x0B: bytes(3)}, [Tlv(Tag.LONG_TRACE, bcd(int(number), (len(number) + 1) // 2))]


def _authorised(attribute: str) -> dict[int, bytes]:
    """The authorisation attribute as the terminal told it, zeros behind it. Raises ValueError for one too long."""
    written = attribute.encode("ascii", "replace")
    if len(written) > _AUTHORISATION_BYTES:
        raise ValueError(f"the authorisation attribute has more than {_AUTHORISATION_BYTES} characters")
    return {0x3B: written.ljust(_AUTHORISATION_BYTES, b"\0")}


def _is_number(text: str, digits: int) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= digits
