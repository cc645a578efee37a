"""What a simulated ZVT terminal does with money: its transactions, its last receipt, its day. No wire, no clock."""

from __future__ import annotations

from dataclasses import dataclass

from device_gateway.drivers.terminal.simulated_ledger import ApprovePart, Decline, Ledger, LedgerEntry, MovedKind, Rule
from device_gateway.drivers.terminal.zvt.fields import Tlv, bcd, bcd_number, write_fields
from device_gateway.drivers.terminal.zvt.messages import CHARACTER_SET, Command

ALREADY_REVERSED, NOT_REVERSIBLE, TOO_MUCH, NO_RECEIPT_CODE, DECLINED_CODE = 0xB4, 0xB5, 0xB7, 0x83, 0x66
_TOTALS_OF = ("girocard", "JCB", "Mastercard", "American Express", "Visa", "Diners", "other")


@dataclass(frozen=True, slots=True)
class SimulatedCard:
    """The card that the next customer presents. `number` holds `*` where the terminal masks it."""

    number: str = "443056******1234"
    scheme: str = "Visa"


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction as the terminal keeps it: its entry in the ledger and its numbers."""

    entry: LedgerEntry
    trace: int
    receipt: int
    card: SimulatedCard
    original_trace: int | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The terminal does not do it; the result code says why."""

    code: int


@dataclass(frozen=True, slots=True)
class MoneyRequest:
    """A request that moves money, read from its fields. `amount_minor` and `receipt` are None where it has none."""

    command: int
    amount_minor: int | None
    receipt: int | None
    currency: str


class SimulatedZvtTerminal:
    """Transactions, kept whatever happens to the line."""

    def __init__(self, terminal_id: int = 52_000_001) -> None:
        self.ledger = Ledger()
        self.terminal_id = terminal_id
        self.last: Transaction | None = None
        self._trace = 0
        self._receipt = 0
        self._transactions: list[Transaction] = []
        self._day: list[Transaction] = []

    def carry_out(self, request: MoneyRequest, rule: Rule, card: SimulatedCard) -> Transaction | Refused:
        """Move the money, unless the rule for this card or the original transaction forbids it."""
        self._trace = self._trace % 999_999 + 1
        if isinstance(rule, Decline):
            return Refused(int(rule.code, 16))
        match request.command:
            case Command.AUTHORISATION:
                return self._moved("charge", _granted(request, rule), request, card)
            case Command.REFUND:
                return self._moved("refund", _granted(request, rule), request, card)
            case Command.PRE_AUTHORISATION:
                return self._moved("reservation", _granted(request, rule), request, card)
            case Command.REVERSAL:
                return self._undone("reversal", ("charge", "refund"), request, card)
            case Command.PRE_AUTHORISATION_REVERSAL:
                return self._undone("release", ("reservation",), request, card)
            case _:
                return self._booked(request, card)

    def close_day(self) -> bytes:
        """The totals of the day as field 60; a new day begins, without a last receipt."""
        totals = self.totals()
        self._day.clear()
        self.last = None
        return totals

    def totals(self) -> bytes:
        """The totals of the day so far as field 60: what was charged and not reversed, by scheme."""
        charged = [
            transaction
            for transaction in self._day
            if transaction.entry.kind == "charge" and not self.ledger.is_reversed(transaction.entry.number)
        ]
        sums = b""
        for scheme in _TOTALS_OF:
            amounts = [known.entry.amount_minor for known in charged if _column(known.entry.scheme) == scheme]
            sums += bytes([min(len(amounts), 0xFF)]) + bcd(sum(amounts), 6)
        receipts = [known.receipt for known in self._day] or [0]
        return bcd(receipts[0], 2) + bcd(receipts[-1], 2) + sums

    def _booked(self, request: MoneyRequest, card: SimulatedCard) -> Transaction | Refused:
        original = self._original(request.receipt, ("reservation",))
        if isinstance(original, Refused):
            return original
        if (request.amount_minor or 0) > original.entry.amount_minor:
            return Refused(TOO_MUCH)
        return self._moved("charge", request.amount_minor or 0, request, card, original)

    def _undone(
        self, kind: MovedKind, of: tuple[MovedKind, ...], request: MoneyRequest, card: SimulatedCard
    ) -> Transaction | Refused:
        original = self._original(request.receipt, of)
        if isinstance(original, Refused):
            return original
        return self._moved(kind, original.entry.amount_minor, request, card, original)

    def _original(self, receipt: int | None, kinds: tuple[MovedKind, ...]) -> Transaction | Refused:
        for known in self._transactions:
            if known.receipt == receipt and known.entry.kind in kinds:
                return Refused(ALREADY_REVERSED) if self.ledger.is_reversed(known.entry.number) else known
        return Refused(NOT_REVERSIBLE)

    def _moved(
        self,
        kind: MovedKind,
        amount_minor: int,
        request: MoneyRequest,
        card: SimulatedCard,
        original: Transaction | None = None,
    ) -> Transaction:
        self._receipt = self._receipt % 9_999 + 1
        undone = original.entry.number if original else None
        entry = self.ledger.add(kind, amount_minor, request.currency, card.scheme, undone)
        original_trace = original.trace if original else None
        transaction = Transaction(entry, self._trace, self._receipt, card, original_trace)
        self._transactions.append(transaction)
        self._day.append(transaction)
        self.last = transaction
        return transaction


def _granted(request: MoneyRequest, rule: Rule) -> int:
    asked = request.amount_minor or 0
    return min(asked, rule.amount_minor) if isinstance(rule, ApprovePart) else asked


def _column(scheme: str) -> str:
    return scheme if scheme in _TOTALS_OF else "other"


def read_request(command: int, fields: dict[int, bytes], currency: str) -> MoneyRequest:
    """What a request's fields say. Raises MalformedFields."""
    return MoneyRequest(
        command,
        bcd_number(fields[0x04]) if 0x04 in fields else None,
        bcd_number(fields[0x87]) if 0x87 in fields else None,
        currency,
    )


def status_of(transaction: Transaction, terminal_id: int, numeric_currency: int) -> bytes:
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
        0x3B: f"A{transaction.trace:05d}".encode().ljust(8),
        0x22: number,
        0x8B: transaction.card.scheme.encode(CHARACTER_SET) + b"\0",
    }
    if transaction.original_trace is not None:
        fields[0x37] = bcd(transaction.original_trace, 3)
    return write_fields(fields)


def slip_of(transaction: Transaction) -> tuple[str, ...]:
    """What the terminal has printed for a transaction."""
    amount = transaction.entry.amount_minor
    return (
        f"{transaction.entry.kind.upper()} {transaction.receipt:04d}",
        f"{transaction.card.number}",
        f"{amount // 100}.{amount % 100:02d} {transaction.entry.currency}",
    )


def text_block(receipt_type: int, lines: tuple[str, ...]) -> bytes:
    """The data of `06 D3`: whose receipt it is, and its lines."""
    texts = b"".join(Tlv(0x07, line.encode(CHARACTER_SET, "replace")).encode() for line in lines)
    block = Tlv(0x1F07, bytes([receipt_type])).encode() + Tlv(0x25, texts + Tlv(0x09, b"\x01").encode()).encode()
    return write_fields({0x06: block})
