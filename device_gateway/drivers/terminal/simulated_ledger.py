"""What simulated payment terminals have in common: what to answer to the next card, and what was really moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from device_gateway.simulators.faults import Fault

MovedKind = Literal["charge", "refund", "reversal", "reservation", "release"]


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """Money that a simulated terminal really moved (or reserved, or released), in minor units, never negative.

    `number` counts from 1; `reverses` is the number of the entry that a reversal undoes.
    """

    number: int
    kind: MovedKind
    amount_minor: int
    currency: str
    scheme: str
    reverses: int | None = None


class Ledger:
    """What one simulated terminal moved, oldest first. It survives lost lines and is only added to."""

    def __init__(self) -> None:
        self._entries: list[LedgerEntry] = []

    @property
    def entries(self) -> tuple[LedgerEntry, ...]:
        """Every entry, oldest first."""
        return tuple(self._entries)

    def add(
        self, kind: MovedKind, amount_minor: int, currency: str, scheme: str, reverses: int | None = None
    ) -> LedgerEntry:
        """Write an entry."""
        entry = LedgerEntry(len(self._entries) + 1, kind, amount_minor, currency, scheme, reverses)
        self._entries.append(entry)
        return entry

    def is_reversed(self, number: int) -> bool:
        """Whether the entry of that number has been undone."""
        return any(entry.reverses == number for entry in self._entries)


@dataclass(frozen=True, slots=True)
class Approve:
    """The next card is approved in full."""


@dataclass(frozen=True, slots=True)
class ApprovePart:
    """The next card has only so much."""

    amount_minor: int


@dataclass(frozen=True, slots=True)
class Decline:
    """The next card is declined, with a code in the protocol's own spelling."""

    code: str


@dataclass(frozen=True, slots=True)
class NoCard:
    """Nobody presents a card: the terminal waits `after_s`, then gives up."""

    after_s: float


Rule = Approve | ApprovePart | Decline | NoCard

_AMOUNT_DIGITS = 12
RULE_HELP = "approve, decline CODE, partial AMOUNT (in minor units), or no-card SECONDS"


class WrongRule(ValueError):
    """What was typed is no rule; the text says what may be typed."""


def read_rule(text: str) -> Rule:
    """The rule that a person typed. Raises WrongRule."""
    match text.split():
        case ["approve"]:
            return Approve()
        case ["decline", code]:
            return Decline(code)
        case ["partial", amount] if amount.isascii() and amount.isdecimal() and len(amount) <= _AMOUNT_DIGITS:
            return ApprovePart(int(amount))
        case ["no-card", seconds] if seconds.isascii() and seconds.isdecimal() and len(seconds) <= 4:
            return NoCard(int(seconds))
        case _:
            raise WrongRule(f"{text!r} is no rule for the next card: type {RULE_HELP}.")


@dataclass(frozen=True)
class Busy(Fault):
    """Of payment terminals: somebody else is using it."""

    name = "busy"
    meaning = "It answers every request by saying that it is busy."


@dataclass(frozen=True)
class SharesUntold(Fault):
    """Of payment terminals: it charges all and says nothing of cash-back and tip."""

    name = "shares-untold"
    meaning = "It charges the whole amount and does not say what of it is cash-back or tip."


@dataclass(frozen=True)
class SignatureWanted(Fault):
    """Of payment terminals: the card asks for a signature."""

    name = "signature-wanted"
    meaning = "Every card that pays asks for a signature, and the merchant's slip has a line for it."


@dataclass(frozen=True)
class TipAdded(Fault):
    """Of payment terminals: the customer adds to the tip."""

    name = "tip-added"
    value = "MINOR"
    meaning = "Every customer adds that many minor units to the tip, at the terminal."
    minor: int = 100

    @classmethod
    def read(cls, value: str | None) -> Fault:
        text = value or ""
        if not (text.isascii() and text.isdecimal() and 0 < len(text) <= _AMOUNT_DIGITS and int(text) > 0):
            raise ValueError("tip-added takes an amount in minor units, as in tip-added=150")
        return cls(int(text))
