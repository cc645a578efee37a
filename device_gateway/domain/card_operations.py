"""A card operation and what became of it, as a terminal's driver tells it. Values only: no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from libs.contracts.terminals import CardFacts, CardReferences, SchemeTotal, TerminalAction


@dataclass(frozen=True, slots=True)
class CardOperation:
    """What the terminal is to do. `amount_minor` includes cash-back and tip; `currency` is an ISO 4217 code.

    `reference` is our own short reference of the operation (10 letters and digits, unique at this gateway), for
    protocols that carry one. `held_minor` is what the pre-authorisation that is raised, completed or released holds
    before that, None where it is not known. `sent_reference` and `sent_amount_minor` are those of the operation an
    inquiry is about; its cash-back, tip, instalments and `held_minor` are that operation's, too.
    """

    operation_id: UUID
    action: TerminalAction
    currency: str
    amount_minor: int
    reference: str
    cash_back_minor: int = 0
    tip_minor: int = 0
    original: CardReferences | None = None
    sent_action: TerminalAction | None = None
    sent_reference: str | None = None
    sent_amount_minor: int | None = None
    instalments: int | None = None
    held_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Slips:
    """The lines that the terminal wants printed."""

    customer: tuple[str, ...] = ()
    merchant: tuple[str, ...] = ()
    signature_required: bool = False


@dataclass(frozen=True, slots=True)
class Approved:
    """The host or the card approved: money moved (or the end of day, balance or diagnosis succeeded).

    `amount_minor` is what was approved, cash-back and tip included. It may be less than was asked (retail rule 18), and
    more only by what the customer added to the tip. `cash_back_minor` and `tip_minor` are the shares that the terminal
    names, None where it does not.
    """

    amount_minor: int
    card: CardFacts | None = None
    references: CardReferences | None = None
    slips: Slips = Slips()
    totals: tuple[SchemeTotal, ...] = ()
    text: str = ""
    cash_back_minor: int | None = None
    tip_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Declined:
    """Certainly no money moved, and the terminal says why in its own code and in words."""

    reason_code: str
    reason: str
    slips: Slips = Slips()


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something may have happened: the request left and no certain answer came."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """Certainly nothing that moves money reached the terminal. `reason_code` is a word that programs may rely on."""

    reason: str
    reason_code: str | None = None


@dataclass(frozen=True, slots=True)
class NotFound:
    """The answer to an inquiry: the terminal certainly knows no such transaction, so it may be sent again."""

    reason: str


OperationResult = Approved | Declined | Unknown | NotSent | NotFound
