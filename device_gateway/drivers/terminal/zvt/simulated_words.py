"""What a simulated ZVT terminal says of its transactions, as the data of its messages."""

from __future__ import annotations

from collections.abc import Iterable

from device_gateway.drivers.terminal.zvt.fields import TLV_CONTAINER, Tlv, bcd, write_fields
from device_gateway.drivers.terminal.zvt.messages import CHARACTER_SET, Tag
from device_gateway.drivers.terminal.zvt.simulated_terminal import ClosedDay, Transaction

_BY_SIGNATURE = b"\x01"
_SIGNED_RECEIPT = 0x03
_LAST_LINE = b"\x81"


def status_of(transaction: Transaction, terminal_id: int, numeric_currency: int, *, tells_shares: bool = True) -> bytes:
    """The data of `04 0F` for a transaction."""
    digits = transaction.card.number.replace("*", "e")
    number = bytes.fromhex(digits + "f" * (len(digits) % 2))
    fields = {
        0x27: b"\x00",
        0x04: bcd(transaction.entry.amount_minor, 6),
        0x49: bcd(numeric_currency, 2),
        0x0B: bcd(transaction.trace, 3),
        0x29: bcd(terminal_id, 4),
        0x87: bcd(transaction.receipt, 2),
        0x3B: f"A{transaction.trace:05d}".encode().ljust(8, b"\0"),
        0x22: number,
        0x8B: transaction.card.scheme.encode(CHARACTER_SET) + b"\0",
    }
    if transaction.original_trace is not None:
        fields[0x37] = bcd(transaction.original_trace, 3)
    shares = {Tag.CASH_BACK_AMOUNT: transaction.cash_back_minor, Tag.TIP_AMOUNT: transaction.tip_minor}
    objects = [Tlv(tag, bcd(minor, 6)) for tag, minor in shares.items() if minor and tells_shares]
    if transaction.card.signs:
        objects.append(Tlv(Tag.PAYMENT_TYPE, Tlv(Tag.CARDHOLDER_AUTHENTICATION, _BY_SIGNATURE).encode()))
    if objects:
        fields[TLV_CONTAINER] = b"".join(found.encode() for found in objects)
    return write_fields(fields)


def status_of_day(day: ClosedDay) -> bytes:
    """The data of `04 0F` for an end of day."""
    return write_fields({0x27: b"\0", 0x04: bcd(0, 6), 0x0B: bcd(day.trace, 3), 0x60: day.totals})


def status_of_balance(left_minor: int, numeric_currency: int) -> bytes:
    """The data of `04 0F` for an enquiry of the balance."""
    left = Tlv(Tag.REMAINING_AMOUNT, bcd(left_minor, 6)).encode()
    return write_fields({0x27: b"\0", 0x49: bcd(numeric_currency, 2), TLV_CONTAINER: left})


def completion_of_registration(numeric_currency: int, commands: Iterable[int], tags: Iterable[int]) -> bytes:
    """The data of `06 0F` after a registration: status byte, currency, what the terminal takes and reads."""
    objects = b""
    for name, told in (
        (Tag.COMMANDS, b"".join(Tlv(Tag.COMMAND, command.to_bytes(2, "big")).encode() for command in commands)),
        (Tag.TAGS_OF_TERMINAL, b"".join(tag.to_bytes((tag.bit_length() + 7) // 8, "big") for tag in tags)),
    ):
        objects += Tlv(name, told).encode() if told else b""
    fields = {0x19: b"\x00", 0x49: bcd(numeric_currency, 2)}
    return write_fields(fields | ({TLV_CONTAINER: objects} if objects else {}))


def slip_of(transaction: Transaction) -> tuple[str, ...]:
    """What the terminal has printed for a transaction."""
    amount = transaction.entry.amount_minor
    return (
        f"{transaction.entry.kind.upper()} {transaction.receipt:04d}",
        f"{transaction.card.number}",
        f"{amount // 100}.{amount % 100:02d} {transaction.entry.currency}",
    )


def text_block(receipt_type: int, lines: tuple[str, ...], *, signed: bool = False) -> bytes:
    """The data of `06 D3`: whose receipt it is, and its lines."""
    texts = b"".join(Tlv(Tag.TEXT_LINE, line.encode(CHARACTER_SET, "replace")).encode() for line in lines)
    block = Tlv(Tag.RECEIPT_TYPE, bytes([receipt_type])).encode()
    if signed:
        block += Tlv(Tag.RECEIPT_INFORMATION, bytes([_SIGNED_RECEIPT])).encode()
    block += Tlv(Tag.PRINT_TEXTS, texts + Tlv(Tag.ATTRIBUTE, _LAST_LINE).encode()).encode()
    return write_fields({TLV_CONTAINER: block})
