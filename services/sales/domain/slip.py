"""Slips: what a terminal wants printed for what it did to a card; the customer's and the shop's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from libs.contracts.sales import SaleCompleted
from libs.contracts.tenders import LONGEST_SLIP_LINE, MOST_SLIP_LINES
from services.sales.domain.columns import printable


class SlipCause(StrEnum):
    """What a tender's slips are of: of its approval, or of its way back."""

    AUTHORIZED = "authorized"
    RELEASED = "released"


class MerchantSlips(StrEnum):
    """Which of the shop's own slips are printed; all of them are kept."""

    ALWAYS = "always"
    FOR_SIGNATURE = "for_signature"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class TenderSlips:
    """The slips of one tender. `sale_id` is the document that the tender was of, or the basket if it became none."""

    tender_id: UUID
    cause: SlipCause
    sale_id: UUID
    customer: tuple[str, ...]
    merchant: tuple[str, ...]
    signature_required: bool
    came_at: datetime

    @property
    def to_sign(self) -> tuple[str, ...]:
        """The shop's slip; the customer's where only that came and a signature is asked for."""
        return self.merchant or (self.customer if self.signature_required else ())

    @property
    def empty(self) -> bool:
        """Whether there is nothing to keep."""
        return not (self.customer or self.merchant or self.signature_required)

    def prints_merchant(self, wanted: MerchantSlips) -> bool:
        """Whether the shop's slip comes out."""
        if wanted is MerchantSlips.NEVER:
            return False
        return wanted is MerchantSlips.ALWAYS or self.signature_required


SlipKey = tuple[UUID, SlipCause]
"""Which slips: of this tender, of this cause."""


def slip_lines(lines: Iterable[str]) -> tuple[str, ...]:
    """A slip as it is kept: within the contract's limits, no control characters, no empty lines around it.

    A line that is too long goes on in the next one. What terminals send is never refused: the money has moved.
    """
    kept: list[str] = []
    for line in (piece for raw in lines for piece in _pieces(raw)):
        kept.append(line)
        if len(kept) == MOST_SLIP_LINES:
            break
    while kept and not kept[-1]:
        kept.pop()
    while kept and not kept[0]:
        kept.pop(0)
    return tuple(kept)


def _pieces(raw: str) -> Iterator[str]:
    for line in raw.splitlines() or [""]:
        rest = printable(line).rstrip()
        yield rest[:LONGEST_SLIP_LINE]
        while rest := rest[LONGEST_SLIP_LINE:]:
            yield rest[:LONGEST_SLIP_LINE]


def slip_keys(document: SaleCompleted) -> list[SlipKey]:
    """Whose slips belong to a document's receipt: those of its tenders, and on a void those of what was given back."""
    if document.voids_sale_id is not None:
        originals = (tender.original_tender_id for tender in document.tenders)
        return [(tender_id, SlipCause.RELEASED) for tender_id in originals if tender_id is not None]
    return [(tender.tender_id, SlipCause.AUTHORIZED) for tender in document.tenders]
