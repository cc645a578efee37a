"""The tender protocol: one saga for every kind that somebody other than sales authorises.

`authorize_tender` is answered by exactly one of authorized, declined or unknown; then `capture_tender` on completion
or `release_tender` on cancel. A new kind of tender is a new consumer of the commands routed `tenders.<kind>`.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from libs.contracts.message import Command, Event, contract
from libs.contracts.terminals import MaskedNumber
from libs.contracts.values import CurrencyCode, Instant, MinorAmount

TenderKind = Literal["card", "gift_card", "points"]

# A slip has some thirty rows of forty characters. Whoever keeps or prints one cuts off what goes beyond these limits:
# a tender is never refused for its slip.
MOST_SLIP_LINES = 120
LONGEST_SLIP_LINE = 80


class TenderCommand(Command):
    """A command to whoever carries tenders of this kind."""

    tender_id: UUID
    sale_id: UUID
    store_id: UUID
    till_id: UUID
    kind: TenderKind
    currency: CurrencyCode
    amount_minor: MinorAmount

    @property
    def route(self) -> str:
        return f"tenders.{self.kind}"


@contract("tenders", "authorize_tender", subject="tender_id", store="store_id")
class AuthorizeTender(TenderCommand):
    """Reserve or collect the amount; negative amounts are refunds to `original_tender_id`.

    `instrument` is what pays: a gift card's code; for a card, the name of the terminal that is wanted, if any.
    `cash_back_minor` and `tip_minor` come on top of `amount_minor`, which is what the tender counts for in the sale.
    """

    instrument: str | None = None
    original_tender_id: UUID | None = None
    cash_back_minor: Annotated[MinorAmount, Field(ge=0)] = 0
    tip_minor: Annotated[MinorAmount, Field(ge=0)] = 0
    instalments: Annotated[int, Field(ge=2, le=99)] | None = None


@contract("tenders", "capture_tender", subject="tender_id", store="store_id")
class CaptureTender(TenderCommand):
    """The sale is complete: take what was authorised."""


@contract("tenders", "release_tender", subject="tender_id", store="store_id")
class ReleaseTender(TenderCommand):
    """The sale will not happen: give back what was authorised."""

    reason: str


class TenderOutcome(Event):
    """An answer to a command about one tender."""

    tender_id: UUID
    sale_id: UUID
    store_id: UUID
    kind: TenderKind
    decided_at: Instant


@contract("tenders", "tender_authorized", subject="tender_id", store="store_id")
class TenderAuthorized(TenderOutcome):
    """The amount is secured; less than asked is a partial approval and leaves a remainder due (retail rule 18).

    `tip_minor` and `cash_back_minor` are what was approved on top of the amount, which may be a tip that was added at
    the terminal; None where the decider does not say, and then it is what was asked for. `slip` is the customer's and
    `merchant_slip` the shop's, line by line and without a full card number (retail rule 22); `signature_required` asks
    for a signature on the shop's. The last four say how it was paid, as far as that is known.
    """

    currency: CurrencyCode
    amount_minor: MinorAmount
    reference: str | None = None
    slip: tuple[str, ...] = ()
    merchant_slip: tuple[str, ...] = ()
    signature_required: bool = False
    tip_minor: Annotated[MinorAmount, Field(ge=0)] | None = None
    cash_back_minor: Annotated[MinorAmount, Field(ge=0)] | None = None
    scheme: str | None = None
    masked_number: MaskedNumber | None = None
    approval_code: str | None = None
    instalments: Annotated[int, Field(ge=1, le=99)] | None = None


@contract("tenders", "tender_declined", subject="tender_id", store="store_id")
class TenderDeclined(TenderOutcome):
    """It was refused and nothing was taken."""

    reason_code: str
    reason: str


@contract("tenders", "tender_unknown", subject="tender_id", store="store_id")
class TenderUnknown(TenderOutcome):
    """The answer was lost: money may have moved. Never guessed, only resolved (retail rule 17)."""

    reason: str


@contract("tenders", "tender_captured", subject="tender_id", store="store_id")
class TenderCaptured(TenderOutcome):
    """The capture took effect."""


@contract("tenders", "tender_released", subject="tender_id", store="store_id")
class TenderReleased(TenderOutcome):
    """The release or reversal took effect. The slips are those of the reversal, where the decider has any."""

    slip: tuple[str, ...] = ()
    merchant_slip: tuple[str, ...] = ()
    signature_required: bool = False
