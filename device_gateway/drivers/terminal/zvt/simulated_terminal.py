"""What a simulated ZVT terminal does with money: its transactions, its last receipt, its day. No wire, no clock."""

from __future__ import annotations

from dataclasses import dataclass

from device_gateway.drivers.terminal.simulated_ledger import ApprovePart, Decline, Ledger, LedgerEntry, MovedKind, Rule
from device_gateway.drivers.terminal.zvt.fields import TLV_CONTAINER, bcd, bcd_number, every_tlv
from device_gateway.drivers.terminal.zvt.messages import NUMERIC_CURRENCIES, Command, Tag
from device_gateway.drivers.terminal.zvt.told import TOTALS_OF

ALREADY_REVERSED, NOT_REVERSIBLE, TOO_MUCH, NO_RECEIPT_CODE, DECLINED_CODE = 0xB4, 0xB5, 0xB7, 0x83, 0x66
WRONG_CURRENCY, NOT_ENOUGH, NOT_RESERVED = 0x6F, 0x71, 0xB8


@dataclass(frozen=True, slots=True)
class SimulatedCard:
    """The card that the next customer presents. `number` holds `*` where the terminal masks it. `adds_tip_minor` is
    what the customer adds to the tip; `signs` says that the card asks for a signature.
    """

    number: str = "443056******1234"
    scheme: str = "Visa"
    adds_tip_minor: int = 0
    signs: bool = False


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction as the terminal keeps it: its entry in the ledger and its numbers."""

    entry: LedgerEntry
    trace: int
    receipt: int
    card: SimulatedCard
    original_trace: int | None = None
    cash_back_minor: int = 0
    tip_minor: int = 0


@dataclass(frozen=True, slots=True)
class ClosedDay:
    """An end of day: it is the last receipt, too. `totals` as field 60 holds them."""

    trace: int
    totals: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """The terminal does not do it; the result code says why."""

    code: int


@dataclass(frozen=True, slots=True)
class MoneyRequest:
    """A request that moves money, read from its fields. What is None is not in it; shares are of `amount_minor`."""

    command: int
    amount_minor: int | None
    receipt: int | None
    currency: str
    trace: int | None = None
    currency_number: int | None = None
    cash_back_minor: int = 0
    tip_minor: int = 0
    partial_approval: bool = False


class SimulatedZvtTerminal:
    """Transactions, kept whatever happens to the line."""

    def __init__(self, terminal_id: int = 52_000_001) -> None:
        self.ledger = Ledger()
        self.terminal_id = terminal_id
        self.last: Transaction | ClosedDay | None = None
        self._trace = 0
        self._receipt = 0
        self._transactions: list[Transaction] = []
        self._day: list[Transaction] = []

    def carry_out(self, request: MoneyRequest, rule: Rule, card: SimulatedCard) -> Transaction | Refused:
        """Move the money, unless the rule for this card or the original transaction forbids it."""
        self._trace = self._trace % 999_999 + 1
        if request.currency_number not in (None, NUMERIC_CURRENCIES.get(request.currency)):
            return Refused(WRONG_CURRENCY)
        if isinstance(rule, Decline):
            return Refused(int(rule.code, 16))
        match request.command:
            case Command.AUTHORISATION:
                return self._charged(request, rule, card)
            case Command.REFUND:
                return self._moved("refund", _granted(request, rule), request, card)
            case Command.PRE_AUTHORISATION:
                return self._reserved(request, rule, card)
            case Command.REVERSAL:
                return self._undone("reversal", ("charge", "refund"), request, card)
            case Command.PRE_AUTHORISATION_REVERSAL:
                return self._undone("release", ("reservation",), request, card)
            case _:
                return self._booked(request, card)

    def close_day(self) -> ClosedDay:
        """A new day begins; the totals of the old one are the last receipt."""
        self._trace = self._trace % 999_999 + 1
        self.last = ClosedDay(self._trace, self.totals())
        self._day.clear()
        return self.last

    def totals(self) -> bytes:
        """The totals of the day so far as field 60: what was charged and not reversed, by scheme."""
        charged = [
            transaction
            for transaction in self._day
            if transaction.entry.kind == "charge" and not self.ledger.is_reversed(transaction.entry.number)
        ]
        sums = b""
        for scheme in TOTALS_OF:
            amounts = [known.entry.amount_minor for known in charged if _column(known.entry.scheme) == scheme]
            sums += bytes([min(len(amounts), 0xFF)]) + bcd(sum(amounts), 6)
        receipts = [known.receipt for known in self._day] or [0]
        return bcd(receipts[0], 2) + bcd(receipts[-1], 2) + sums

    def _charged(self, request: MoneyRequest, rule: Rule, card: SimulatedCard) -> Transaction | Refused:
        asked = request.amount_minor or 0
        granted = _granted(request, rule)
        if granted < asked:
            # A card with less pays for goods first, and only if the till says that it can deal with that.
            return self._moved("charge", granted, request, card) if request.partial_approval else Refused(NOT_ENOUGH)
        tip_minor = request.tip_minor + card.adds_tip_minor
        charged = asked + card.adds_tip_minor
        return self._moved(
            "charge", charged, request, card, cash_back_minor=request.cash_back_minor, tip_minor=tip_minor
        )

    def _reserved(self, request: MoneyRequest, rule: Rule, card: SimulatedCard) -> Transaction | Refused:
        """A reservation, or more of the one whose trace number is named."""
        if request.trace is None:
            return self._moved("reservation", _granted(request, rule), request, card)
        raised = next((known for known in self._reservations() if known.trace == request.trace), None)
        if raised is None or self.ledger.is_reversed(raised.entry.number):
            return Refused(NOT_RESERVED)
        return self._moved("reservation", _granted(request, rule), request, card, extends=raised)

    def _booked(self, request: MoneyRequest, card: SimulatedCard) -> Transaction | Refused:
        """Book what is used (06 24), or all but what is not used (06 23)."""
        original = self._original(request.receipt, ("reservation",))
        if isinstance(original, Refused):
            return original
        held = self._held(original)
        named = request.amount_minor or 0
        if named > held:
            return Refused(TOO_MUCH)
        used = named if request.command == Command.BOOK_TOTAL else held - named
        return self._moved("charge", used, request, card, original)

    def _undone(
        self, kind: MovedKind, of: tuple[MovedKind, ...], request: MoneyRequest, card: SimulatedCard
    ) -> Transaction | Refused:
        original = self._original(request.receipt, of)
        if isinstance(original, Refused):
            return original
        return self._moved(kind, self._held(original), request, card, original)

    def _original(self, receipt: int | None, kinds: tuple[MovedKind, ...]) -> Transaction | Refused:
        for known in self._transactions:
            if known.receipt == receipt and known.entry.kind in kinds:
                return Refused(ALREADY_REVERSED) if self.ledger.is_reversed(known.entry.number) else known
        return Refused(NOT_REVERSIBLE)

    def _reservations(self) -> list[Transaction]:
        return [known for known in self._transactions if known.entry.kind == "reservation"]

    def _held(self, original: Transaction) -> int:
        """What a transaction is over, with what a reservation was raised by."""
        more = [known for known in self._reservations() if known.original_trace == original.trace]
        return original.entry.amount_minor + sum(known.entry.amount_minor for known in more)

    def _moved(
        self,
        kind: MovedKind,
        amount_minor: int,
        request: MoneyRequest,
        card: SimulatedCard,
        original: Transaction | None = None,
        *,
        extends: Transaction | None = None,
        cash_back_minor: int = 0,
        tip_minor: int = 0,
    ) -> Transaction:
        self._receipt = self._receipt % 9_999 + 1
        undone = original.entry.number if original else None
        entry = self.ledger.add(kind, amount_minor, request.currency, card.scheme, undone)
        based_on = original or extends
        original_trace = based_on.trace if based_on else None
        transaction = Transaction(entry, self._trace, self._receipt, card, original_trace, cash_back_minor, tip_minor)
        self._transactions.append(transaction)
        self._day.append(transaction)
        self.last = transaction
        return transaction


def _granted(request: MoneyRequest, rule: Rule) -> int:
    asked = request.amount_minor or 0
    return min(asked, rule.amount_minor) if isinstance(rule, ApprovePart) else asked


def _column(scheme: str) -> str:
    return scheme if scheme in TOTALS_OF else "other"


def read_request(command: int, fields: dict[int, bytes], currency: str, reads: frozenset[int]) -> MoneyRequest:
    """What a request's fields say to a terminal that works in `currency` and reads these tags, ignoring others.

    Raises MalformedFields.
    """
    objects = {found.tag: found.value for found in every_tlv(fields.get(TLV_CONTAINER, b"")) if found.tag in reads}
    shares = {tag: bcd_number(objects[tag]) if tag in objects else 0 for tag in (Tag.CASH_BACK_AMOUNT, Tag.TIP_AMOUNT)}
    return MoneyRequest(
        command,
        bcd_number(fields[0x04]) if 0x04 in fields else None,
        bcd_number(fields[0x87]) if 0x87 in fields else None,
        currency,
        trace=bcd_number(fields[0x0B]) if 0x0B in fields else None,
        currency_number=bcd_number(fields[0x49]) if 0x49 in fields else None,
        cash_back_minor=shares[Tag.CASH_BACK_AMOUNT],
        tip_minor=shares[Tag.TIP_AMOUNT],
        partial_approval=objects.get(Tag.PARTIAL_APPROVAL, b"\0") != b"\0",
    )
