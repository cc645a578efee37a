"""The messages between till and terminal: requests as APDUs, and what the terminal tells as values (C.2)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from device_gateway.domain.masked_number import masked_number
from device_gateway.drivers.terminal.zvt.apdu import Apdu
from device_gateway.drivers.terminal.zvt.fields import (
    MalformedFields,
    Tlv,
    bcd,
    bcd_digits,
    bcd_number,
    card_digits,
    every_tlv,
    read_fields,
    write_fields,
)
from libs.contracts.terminals import CardFacts, CardReferences, SchemeTotal
from libs.telemetry.redaction import redact_text

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


POSITIVE = Apdu(0x8000)
NOT_SUPPORTED = Apdu(0x8483)
"""The answer to a command that we do not know [M]."""

_PRINTS_TEXT_BLOCKS = Tlv(0x26, Tlv(0x0A, b"\x06\xd3").encode()).encode()
_MERCHANT_RECEIPT, _CUSTOMER_RECEIPT = 1, 2
_LINE_FEEDS = 0xFF
_RECEIPT_TYPE_TAG, _TEXT_LINE_TAG = 0x1F07, 0x07


def is_negative(apdu: Apdu) -> bool:
    """Whether it is `84 xx`: the terminal refuses the command."""
    return apdu.command >> 8 == 0x84


def registration(password: str, configuration: int, currency: str) -> Apdu:
    """Make this till known: which messages it takes, its currency, and that it prints text blocks."""
    fields = write_fields({0x03: b"\x00", 0x06: _PRINTS_TEXT_BLOCKS})
    return Apdu(
        Command.REGISTRATION,
        bytes.fromhex(password) + bytes([configuration]) + bcd(NUMERIC_CURRENCIES[currency], 2) + fields,
    )


def authorisation(amount_minor: int, currency: str, payment_type: int | None = None) -> Apdu:
    """Charge a card."""
    how = {} if payment_type is None else {0x19: bytes([payment_type])}
    return Apdu(Command.AUTHORISATION, write_fields(_money(amount_minor, currency) | how))


def reversal(password: str, receipt_number: str) -> Apdu:
    """Undo the transaction with that receipt number. Raises ValueError for one that is no number."""
    return Apdu(Command.REVERSAL, bytes.fromhex(password) + write_fields({0x87: _receipt(receipt_number)}))


def refund(password: str, amount_minor: int, currency: str) -> Apdu:
    """Give money back to a card."""
    return Apdu(Command.REFUND, bytes.fromhex(password) + write_fields(_money(amount_minor, currency)))


def pre_authorisation(amount_minor: int, currency: str) -> Apdu:
    """Reserve an amount on a card."""
    return Apdu(Command.PRE_AUTHORISATION, write_fields(_money(amount_minor, currency)))


def booking(command: Command, amount_minor: int, currency: str, original: CardReferences) -> Apdu:
    """Book a pre-authorisation: BOOK_TOTAL, or PARTIAL_REVERSAL, which releases what is not needed.

    `original` needs the receipt number; trace and authorisation attribute (AID) are sent where they are known.
    Raises ValueError.
    """
    fields = {0x87: _receipt(original.receipt_number)} | _money(amount_minor, currency)
    if command is Command.BOOK_TOTAL and original.trace and _is_number(original.trace, 6):
        fields[0x0B] = bcd(int(original.trace), 3)
    if command is Command.BOOK_TOTAL and original.approval_code and len(original.approval_code) <= 8:
        fields[0x3B] = original.approval_code.encode("ascii", "replace").ljust(8)
    return Apdu(command, write_fields(fields))


def pre_authorisation_reversal(receipt_number: str | None, currency: str) -> Apdu:
    """Release a pre-authorisation. Raises ValueError without a receipt number."""
    fields = {0x49: bcd(NUMERIC_CURRENCIES[currency], 2), 0x87: _receipt(receipt_number)}
    return Apdu(Command.PRE_AUTHORISATION_REVERSAL, write_fields(fields))


def with_password(command: Command, password: str) -> Apdu:
    """END_OF_DAY, TURNOVER_TOTALS, REPEAT_RECEIPT: requests that carry nothing else."""
    return Apdu(command, bytes.fromhex(password))


def status_enquiry(password: str) -> Apdu:
    """Ask how the terminal is; its completion carries a status byte (field 19)."""
    return Apdu(Command.STATUS_ENQUIRY, bytes.fromhex(password) + write_fields({0x03: b"\x00"}))


def read_terminal_status(data: bytes) -> int:
    """The status byte of a completion: 00 is ready, else a result code [M]; 00 without one. Raises MalformedFields."""
    return read_fields(data).get(0x19, b"\x00")[0]


def _money(amount_minor: int, currency: str) -> dict[int, bytes]:
    return {0x04: bcd(amount_minor, 6), 0x49: bcd(NUMERIC_CURRENCIES[currency], 2)}


def _receipt(number: str | None) -> bytes:
    if number is None or not _is_number(number, 4):
        raise ValueError("the original transaction's receipt number (1 to 4 digits) is not known")
    return bcd(int(number), 2)


def _is_number(text: str, digits: int) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= digits


@dataclass(frozen=True, slots=True)
class StatusInformation:
    """What `04 0F` tells of a transaction. Card numbers are masked here, before anybody else sees them."""

    result: int
    amount_minor: int | None
    card: CardFacts | None
    references: CardReferences
    original_trace: str | None
    totals: tuple[SchemeTotal, ...]
    text: str

    @property
    def identity(self) -> str:
        """What tells this transaction from the terminal's others: trace and receipt number; "" if it has neither."""
        known = (self.references.trace, self.references.receipt_number)
        return "/".join(part or "" for part in known) if any(known) else ""


def read_status(data: bytes) -> StatusInformation:
    """Read `04 0F`. Raises MalformedFields."""
    fields = read_fields(data)
    result = fields.get(0x27, b"\x00")[0]
    return StatusInformation(
        result=result,
        amount_minor=bcd_number(fields[0x04]) if 0x04 in fields else None,
        card=_card(fields),
        references=CardReferences(
            terminal_id=bcd_digits(fields[0x29]) if 0x29 in fields else None,
            trace=bcd_digits(fields[0x0B]) if 0x0B in fields else None,
            receipt_number=bcd_digits(fields[0x87]) if 0x87 in fields else None,
            approval_code=_text(fields.get(0x3B)) or None,
        ),
        original_trace=bcd_digits(fields[0x37]) if 0x37 in fields else None,
        totals=_totals(fields[0x60]) if 0x60 in fields else (),
        text=_text(fields.get(0x3C)),
    )


def _card(fields: dict[int, bytes]) -> CardFacts | None:
    number = masked_number(card_digits(fields[0x22])) if 0x22 in fields else None
    name = _text(fields.get(0x8B))
    return CardFacts(masked_number=number, scheme=name or None) if number or name else None


_TOTALS_OF = ("girocard", "JCB", "Mastercard", "American Express", "Visa", "Diners", "other")
_TOTAL_BYTES = 1 + 6


def _totals(data: bytes) -> tuple[SchemeTotal, ...]:
    """Field 60: first and last receipt number, then count (1 byte) and sum (BCD6) of each scheme, in this order [S:
    the `zvt` crate, ecrterm]. It knows no refunds apart: they are inside the sums.
    """
    sums = data[4:]
    if len(sums) != _TOTAL_BYTES * len(_TOTALS_OF):
        raise MalformedFields(f"field 60 holds {len(data)} bytes, not {4 + _TOTAL_BYTES * len(_TOTALS_OF)}")
    pieces = [sums[at : at + _TOTAL_BYTES] for at in range(0, len(sums), _TOTAL_BYTES)]
    return tuple(
        SchemeTotal(
            scheme=scheme, sale_count=piece[0], sale_minor=bcd_number(piece[1:]), refund_count=0, refund_minor=0
        )
        for scheme, piece in zip(_TOTALS_OF, pieces, strict=True)
        if piece[0]
    )


def _text(data: bytes | None) -> str:
    """Text without what would end it in C, without blanks around it, and without a readable card number."""
    return redact_text((data or b"").decode(CHARACTER_SET).replace("\0", "").strip())


@dataclass(frozen=True, slots=True)
class SlipLines:
    """Lines to print, and on whose slip they belong: on both where the terminal does not say."""

    lines: tuple[str, ...]
    merchant: bool = True
    customer: bool = True


def read_print_line(data: bytes) -> SlipLines:
    """`06 D1`: an attribute, then the text; FF is that many empty lines. Size and centring are left out."""
    if not data:
        return SlipLines(())
    if data[0] == _LINE_FEEDS:
        return SlipLines(("",) * min(data[1] if len(data) > 1 else 1, 9))
    return SlipLines((_line(data[1:]),))


def read_text_block(data: bytes) -> SlipLines:
    """`06 D3`: TLV objects; 1F07 says whose slip it is (1 merchant, 2 customer), 07 is a line [S: Portalum's
    PrintTextBlockParser; the numbers of the receipt types are from memory]. Raises MalformedFields.
    """
    objects = list(every_tlv(read_fields(data).get(0x06, b"")))
    kind = next((found.value[0] for found in objects if found.tag == _RECEIPT_TYPE_TAG and found.value), 0)
    lines = tuple(_line(found.value) for found in objects if found.tag == _TEXT_LINE_TAG)
    return SlipLines(lines, merchant=kind != _CUSTOMER_RECEIPT, customer=kind in (0, _CUSTOMER_RECEIPT))


def _line(data: bytes) -> str:
    return redact_text(data.decode(CHARACTER_SET).replace("\0", "").rstrip())
