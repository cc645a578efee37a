"""What a ZVT terminal tells, as values: the status of a transaction, its slips, what it is able to do.

Fields and tags [S]: PA00P015 13.08, chapters 3 and 9.4. Card numbers are masked here, before anybody else sees them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from device_gateway.domain.masked_number import masked_number
from device_gateway.drivers.terminal.zvt.fields import (
    TLV_CONTAINER,
    MalformedFields,
    Tlv,
    bcd_digits,
    bcd_number,
    card_digits,
    every_tlv,
    read_fields,
    read_tags,
)
from device_gateway.drivers.terminal.zvt.messages import CHARACTER_SET, Tag
from libs.contracts.terminals import CardFacts, CardReferences, SchemeTotal
from libs.telemetry.redaction import redact_text

_MERCHANT_RECEIPT, _CUSTOMER_RECEIPT = 1, 2
_LINE_FEEDS = 0xFF
_POSITIVE_RECEIPT, _SIGNATURE_FIELD = 0x01, 0x02
_BY_SIGNATURE = frozenset({0x01, 0x05, 0x06, 0x07})
"""Values of tag 1F10: signature, alone or with one of three kinds of PIN."""
_NEGATIVE_SIGN = 0xD0


@dataclass(frozen=True, slots=True)
class StatusInformation:
    """What `04 0F` tells of a transaction, None or "" where it is silent.

    `cash_back_minor` and `tip_minor` are shares of `amount_minor`; `balance_minor` is what is left on the card.
    `signature` says whether the customer is to sign; `of_a_day` whether it is the status of an end of day.
    """

    result: int
    amount_minor: int | None
    card: CardFacts | None
    references: CardReferences
    original_trace: str | None
    totals: tuple[SchemeTotal, ...]
    text: str
    currency_number: int | None = None
    cash_back_minor: int | None = None
    tip_minor: int | None = None
    balance_minor: int | None = None
    signature: bool = False
    of_a_day: bool = False

    @property
    def identity(self) -> str:
        """What tells this transaction from the terminal's others: trace and receipt number; "" if it has neither."""
        if self.of_a_day:
            return f"end of day {self.references.trace or self.amount_minor}"
        known = (self.references.trace, self.references.receipt_number)
        return "/".join(part or "" for part in known) if any(known) else ""


def read_status(data: bytes) -> StatusInformation:
    """Read `04 0F`. Raises MalformedFields."""
    fields = read_fields(data)
    objects = _objects(fields.get(TLV_CONTAINER, b""))
    return StatusInformation(
        result=fields.get(0x27, b"\x00")[0],
        amount_minor=bcd_number(fields[0x04]) if 0x04 in fields else None,
        card=_card(fields),
        references=CardReferences(
            terminal_id=bcd_digits(fields[0x29]) if 0x29 in fields else None,
            trace=_trace(fields, objects),
            receipt_number=bcd_digits(fields[0x87]) if 0x87 in fields else None,
            approval_code=_text(fields.get(0x3B)) or None,
        ),
        original_trace=bcd_digits(fields[0x37]) if 0x37 in fields else None,
        totals=_totals(fields[0x60]) if 0x60 in fields else (),
        text=_text(fields.get(0x3C)),
        currency_number=bcd_number(fields[0x49]) if 0x49 in fields else None,
        cash_back_minor=_amount(objects, Tag.CASH_BACK_AMOUNT),
        tip_minor=_amount(objects, Tag.TIP_AMOUNT),
        balance_minor=_balance(objects),
        signature=any(byte in _BY_SIGNATURE for byte in objects.get(Tag.CARDHOLDER_AUTHENTICATION, b"")[:1]),
        of_a_day=0x60 in fields,
    )


def _objects(container: bytes) -> dict[int, bytes]:
    """The TLV objects by tag, up to the first that cannot be read: what a maker adds of his own hides no approval."""
    objects: dict[int, bytes] = {}
    with contextlib.suppress(MalformedFields):
        for found in every_tlv(container):
            objects[found.tag] = found.value
    return objects


def _trace(fields: Mapping[int, bytes], objects: Mapping[int, bytes]) -> str | None:
    if objects.get(Tag.LONG_TRACE):
        return bcd_digits(objects[Tag.LONG_TRACE])
    return bcd_digits(fields[0x0B]) if 0x0B in fields else None


def _amount(objects: Mapping[int, bytes], tag: Tag) -> int | None:
    return bcd_number(objects[tag]) if objects.get(tag) else None


def _balance(objects: Mapping[int, bytes]) -> int | None:
    """What is left on the card, negative if the first digit is a D. The form of tag 1F3F is not written down: [M]."""
    for tag in (Tag.REMAINING_AMOUNT, Tag.REMAINING_BALANCE):
        told = objects.get(tag)
        if told:
            negative = told[0] & 0xF0 == _NEGATIVE_SIGN
            number = bcd_number(bytes([told[0] & 0x0F]) + told[1:] if negative else told)
            return -number if negative else number
    return None


def _card(fields: Mapping[int, bytes]) -> CardFacts | None:
    number = masked_number(card_digits(fields[0x22])) if 0x22 in fields else None
    name = _text(fields.get(0x8B))
    return CardFacts(masked_number=number, scheme=name or None) if number or name else None


TOTALS_OF = ("girocard", "JCB", "Mastercard", "American Express", "Visa", "Diners", "other")
_TOTAL_BYTES = 1 + 6


def _totals(data: bytes) -> tuple[SchemeTotal, ...]:
    """Field 60: first and last receipt number, then count (1 byte) and sum (BCD6) of each scheme, in this order. It
    knows no refunds apart: they are inside the sums.
    """
    sums = data[4:]
    if len(sums) != _TOTAL_BYTES * len(TOTALS_OF):
        raise MalformedFields(f"field 60 holds {len(data)} bytes, not {4 + _TOTAL_BYTES * len(TOTALS_OF)}")
    pieces = [sums[at : at + _TOTAL_BYTES] for at in range(0, len(sums), _TOTAL_BYTES)]
    return tuple(
        SchemeTotal(
            scheme=scheme, sale_count=piece[0], sale_minor=bcd_number(piece[1:]), refund_count=0, refund_minor=0
        )
        for scheme, piece in zip(TOTALS_OF, pieces, strict=True)
        if piece[0]
    )


def _text(data: bytes | None) -> str:
    """Text without what would end it in C, without blanks around it, and without a readable card number."""
    return redact_text((data or b"").decode(CHARACTER_SET).replace("\0", "").strip())


@dataclass(frozen=True, slots=True)
class SlipLines:
    """Lines to print, and on whose slip they belong: on both where the terminal does not say. `signature` says that
    the customer signs on it.
    """

    lines: tuple[str, ...]
    merchant: bool = True
    customer: bool = True
    signature: bool = False


def read_print_line(data: bytes) -> SlipLines:
    """`06 D1`: an attribute, then the text; FF is that many empty lines. Size and centring are left out."""
    if not data:
        return SlipLines(())
    if data[0] == _LINE_FEEDS:
        return SlipLines(("",) * min(data[1] if len(data) > 1 else 1, 9))
    return SlipLines((_line(data[1:]),))


def read_text_block(data: bytes) -> SlipLines:
    """`06 D3`: TLV objects; 1F07 says whose slip it is (1 merchant, 2 customer), 07 is a line, 1F37 says whether it
    has a field to sign in. Raises MalformedFields.
    """
    objects = list(every_tlv(read_fields(data).get(TLV_CONTAINER, b"")))
    kind = _first_byte(objects, Tag.RECEIPT_TYPE)
    lines = tuple(_line(found.value) for found in objects if found.tag == Tag.TEXT_LINE)
    signed = _POSITIVE_RECEIPT | _SIGNATURE_FIELD
    return SlipLines(
        lines,
        merchant=kind != _CUSTOMER_RECEIPT,
        customer=kind in (0, _CUSTOMER_RECEIPT),
        signature=_first_byte(objects, Tag.RECEIPT_INFORMATION) & signed == signed,
    )


def _first_byte(objects: Sequence[Tlv], tag: Tag) -> int:
    return next((found.value[0] for found in objects if found.tag == tag and found.value), 0)


def _line(data: bytes) -> str:
    return redact_text(data.decode(CHARACTER_SET).replace("\0", "").rstrip())


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a terminal says at the registration that it understands; None where it does not say."""

    commands: frozenset[int] | None = None
    tags: frozenset[int] | None = None

    def may_take(self, command: int) -> bool:
        """Whether it takes a command, or does not say."""
        return self.commands is None or command in self.commands

    def says_it_takes(self, command: int) -> bool:
        """Whether it says that it takes a command."""
        return self.commands is not None and command in self.commands

    def says_it_reads(self, tag: int) -> bool:
        """Whether it says that it reads an object of the requests."""
        return self.tags is not None and tag in self.tags

    def may_read(self, tag: int) -> bool:
        """Whether it reads an object, or does not say."""
        return self.tags is None or tag in self.tags


def read_abilities(data: bytes) -> Abilities:
    """What the completion of a registration tells; nothing where it cannot be read, as it says nothing that must be
    known.
    """
    with contextlib.suppress(MalformedFields):
        objects = list(every_tlv(read_fields(data).get(TLV_CONTAINER, b"")))
        commands = [int.from_bytes(found.value, "big") for found in objects if found.tag == Tag.COMMAND]
        tags = next((found.value for found in objects if found.tag == Tag.TAGS_OF_TERMINAL), None)
        return Abilities(frozenset(commands) or None, None if tags is None else frozenset(read_tags(tags)))
    return Abilities()


def read_terminal_status(data: bytes) -> int:
    """The status byte of the completion of a status enquiry: 00 is ready, also without one.

    PA00P015 13.08 writes it bare; other terminals as field 19 [M].
    """
    if data[:1] == b"\x19":
        data = data[1:]
    return data[0] if data else 0
