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
class Tender:
    """One tender of a basket.

    `amount_minor` is what it counts for in the document: positive pays, negative refunds. For cash, `given_minor` was
    handed over, `change_minor` given back and `rounding_minor` is the difference that cash rounding made, kept apart
    from the tax base (retail rule 1): given - change = amount + rounding. Foreign cash keeps its own amount and the
    rate, frozen as a decimal string (retail rule 16). A refund names the tender it gives back.
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

    @property
    def counts(self) -> bool:
        """Whether its amount is secured for the document."""
        return self.state in (TenderState.AUTHORIZED, TenderState.CAPTURED)

    @property
    def undecided(self) -> bool:
        """Whether money may still move: the basket can be neither completed nor cancelled meanwhile."""
        return self.state in (TenderState.REQUESTED, TenderState.UNKNOWN, TenderState.RELEASING)

    def moved_to(self, state: TenderState, *, amount_minor: int | None = None, reference: str | None = None) -> Tender:
        """The tender in `state`. Moving to the state it is in changes nothing. Raises IllegalTenderTransition."""
        if state is self.state:
            return self
        if state not in _NEXT[self.state]:
            raise IllegalTenderTransition(
                f"Tender {self.tender_id} is {self.state} and cannot become {state}.", tender_id=str(self.tender_id)
            )
        return replace(
            self,
            state=state,
            amount_minor=self.amount_minor if amount_minor is None else amount_minor,
            reference=reference or self.reference,
        )

    def for_original(self, original_tender_id: UUID | None) -> Tender:
        """The tender as a refund of an earlier one."""
        return replace(self, original_tender_id=original_tender_id)

    def in_foreign(self, foreign_currency: str, foreign_minor: int, exchange_rate: str) -> Tender:
        """The cash tender as given in another currency, with its rate frozen."""
        return replace(
            self, foreign_currency=foreign_currency, foreign_minor=foreign_minor, exchange_rate=exchange_rate
        )
