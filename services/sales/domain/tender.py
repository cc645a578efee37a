"""Tenders: what a basket is paid with, or what is given back. Every kind runs through the same states."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from libs.contracts.refusal import Conflict


class TenderKind(StrEnum):
    """How money moves. The first four are decided here; the others by the consumer of `tenders.<kind>` commands."""

    CASH = "cash"
    CHEQUE = "cheque"
    VOUCHER = "voucher"
    BANK_TRANSFER = "bank_transfer"
    CARD = "card"
    GIFT_CARD = "gift_card"
    POINTS = "points"

    @property
    def decided_here(self) -> bool:
        """Whether sales itself authorises it, at once."""
        return self not in (TenderKind.CARD, TenderKind.GIFT_CARD, TenderKind.POINTS)


class TenderState(StrEnum):
    """Where a tender stands in its saga."""

    REQUESTED = "requested"
    AUTHORIZED = "authorized"
    DECLINED = "declined"
    UNKNOWN = "unknown"
    RELEASING = "releasing"
    RELEASED = "released"
    CAPTURED = "captured"


_NEXT: dict[TenderState, frozenset[TenderState]] = {
    TenderState.REQUESTED: frozenset({TenderState.AUTHORIZED, TenderState.DECLINED, TenderState.UNKNOWN}),
    TenderState.UNKNOWN: frozenset({TenderState.AUTHORIZED, TenderState.DECLINED, TenderState.RELEASING}),
    TenderState.AUTHORIZED: frozenset({TenderState.CAPTURED, TenderState.RELEASING}),
    TenderState.RELEASING: frozenset({TenderState.RELEASED}),
    TenderState.DECLINED: frozenset(),
    TenderState.RELEASED: frozenset(),
    TenderState.CAPTURED: frozenset(),
}


class IllegalTenderTransition(Conflict):
    """A tender was asked to go where it cannot go from its state."""

    type = "illegal-tender-transition"


@dataclass(frozen=True, slots=True)
class OnTop:
    """What a card is asked to pay beside the amount that counts for the sale (retail rules 14 and 15), and in how many
    instalments, None for at once.
    """

    tip_minor: int = 0
    cash_back_minor: int = 0
    instalments: int | None = None


NOTHING_ON_TOP = OnTop()


@dataclass(frozen=True, slots=True)
class Approved:
    """What whoever decided a tender says of it. `tip_minor` and `cash_back_minor` are None where they do not say."""

    amount_minor: int
    reference: str | None = None
    tip_minor: int | None = None
    cash_back_minor: int | None = None
    instalments: int | None = None
    scheme: str | None = None
    masked_number: str | None = None
    approval_code: str | None = None
    signature_required: bool = False


@dataclass(frozen=True, slots=True)
class Why:
    """Why a tender is declined or unknown: a sentence for the cashier, and a code where there is one."""

    reason: str
    reason_code: str | None = None


@dataclass(frozen=True, slots=True)
class Tender:
    """One tender of a basket.

    `amount_minor` is what it counts for in the document: positive pays, negative refunds. For cash, `given_minor` was
    handed over, `change_minor` given back and `rounding_minor` is the difference that cash rounding made, kept apart
    from the tax base (retail rule 1): given - change = amount + rounding. Foreign cash keeps its own amount and the
    rate, frozen as a decimal string (retail rule 16). A refund names the tender it gives back.

    `tip_minor` and `cash_back_minor` come on top of the amount: asked for until it is authorised, approved from then
    on. `instalments` to `signature_required` say how it was paid, as far as whoever decided it told; `why` is there
    while it is declined or unknown.
    """

    tender_id: UUID
    kind: TenderKind
    state: TenderState
    amount_minor: int
    given_minor: int | None = None
    change_minor: int = 0
    rounding_minor: int = 0
    foreign_currency: str | None = None
    foreign_minor: int | None = None
    exchange_rate: str | None = None
    reference: str | None = None
    original_tender_id: UUID | None = None
    tip_minor: int = 0
    cash_back_minor: int = 0
    instalments: int | None = None
    scheme: str | None = None
    masked_number: str | None = None
    approval_code: str | None = None
    signature_required: bool = False
    why: Why | None = None

    @property
    def counts(self) -> bool:
        """Whether its amount is secured for the document."""
        return self.state in (TenderState.AUTHORIZED, TenderState.CAPTURED)

    @property
    def undecided(self) -> bool:
        """Whether money may still move: the basket can be neither completed nor cancelled meanwhile."""
        return self.state in (TenderState.REQUESTED, TenderState.UNKNOWN, TenderState.RELEASING)

    @property
    def drawer_minor(self) -> int:
        """By how much the local cash in the drawer grows with it; change for foreign notes makes it less."""
        if self.kind is not TenderKind.CASH:
            return -self.cash_back_minor
        given_minor = 0 if self.foreign_currency is not None else self.given_minor or 0
        return given_minor - self.change_minor

    def moved_to(self, state: TenderState, why: Why | None = None) -> Tender:
        """The tender in `state`, with the reason. Moving to the state it is in changes nothing.

        Raises IllegalTenderTransition.
        """
        if state is self.state:
            return self
        if state not in _NEXT[self.state]:
            raise IllegalTenderTransition(
                f"Tender {self.tender_id} is {self.state} and cannot become {state}.", tender_id=str(self.tender_id)
            )
        return replace(self, state=state, why=why)

    def authorized(self, approved: Approved) -> Tender:
        """The tender as it was approved. What is not told on top is what was asked for, and nothing if only a part of
        the amount was approved: that pays for goods first (retail rule 18). Raises IllegalTenderTransition.
        """
        moved = self.moved_to(TenderState.AUTHORIZED)
        if moved is self:
            return self
        whole = abs(approved.amount_minor) >= abs(self.amount_minor)
        return replace(
            moved,
            amount_minor=approved.amount_minor,
            reference=approved.reference or self.reference,
            tip_minor=(self.tip_minor if whole else 0) if approved.tip_minor is None else approved.tip_minor,
            cash_back_minor=(self.cash_back_minor if whole else 0)
            if approved.cash_back_minor is None
            else approved.cash_back_minor,
            instalments=approved.instalments or self.instalments,
            scheme=approved.scheme,
            masked_number=approved.masked_number,
            approval_code=approved.approval_code,
            signature_required=approved.signature_required,
        )

    def with_on_top(self, on_top: OnTop) -> Tender:
        """The tender with what its card is asked to pay beside it."""
        return replace(
            self,
            tip_minor=on_top.tip_minor,
            cash_back_minor=on_top.cash_back_minor,
            instalments=on_top.instalments,
        )

    def for_original(self, original_tender_id: UUID | None) -> Tender:
        """The tender as a refund of an earlier one."""
        return replace(self, original_tender_id=original_tender_id)

    def in_foreign(self, foreign_currency: str, foreign_minor: int, exchange_rate: str) -> Tender:
        """The cash tender as given in another currency, with its rate frozen."""
        return replace(
            self, foreign_currency=foreign_currency, foreign_minor=foreign_minor, exchange_rate=exchange_rate
        )
