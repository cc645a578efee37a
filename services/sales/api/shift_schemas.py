"""What a till sends and gets about shifts."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints, model_validator

from libs.contracts.values import CurrencyCode, Instant, MinorAmount
from libs.web.authentication import RequestBody
from services.sales.domain.cash_count import CashCount
from services.sales.domain.shift import CashMovement, MovementKind, Shift, ShiftState

LARGEST_CASH_MINOR = 100_000_000_000
MOST_NOTES = 100_000
MOST_DENOMINATIONS = 100
MOST_CURRENCIES = 20

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
ApprovalToken = Annotated[
    str | None,
    Field(max_length=4096, description="A manager's one-time approval, bound to the shift's id, from identity."),
]
CashAmount = Annotated[int, Field(strict=True, ge=0, le=LARGEST_CASH_MINOR, examples=[20_000])]
MovedAmount = Annotated[int, Field(strict=True, gt=0, le=LARGEST_CASH_MINOR, examples=[5_000])]


class DenominationBody(RequestBody):
    """So many notes or coins of one value."""

    value_minor: Annotated[int, Field(strict=True, gt=0, le=LARGEST_CASH_MINOR, examples=[5_000])]
    count: Annotated[int, Field(strict=True, ge=0, le=MOST_NOTES, examples=[3])]


Denominations = Annotated[list[DenominationBody], Field(max_length=MOST_DENOMINATIONS)]


class CountBody(RequestBody):
    """A count of one currency."""

    currency: CurrencyCode
    denominations: Denominations

    def count(self, field: str) -> CashCount:
        """As the domain counts; `field` is the path of this body. Raises UnknownDenomination or CountedTwice."""
        return _count(self.currency, self.denominations, f"{field}.denominations")


class OpenShiftBody(RequestBody):
    """Sign on with a float: an amount, or what was counted into the drawer."""

    shift_id: UUID | None = Field(default=None, description="Made by the till, so that a retry opens no second shift.")
    currency: CurrencyCode
    float_minor: CashAmount | None = None
    float_denominations: Denominations | None = None

    @model_validator(mode="after")
    def _float_is_said_once(self) -> Self:
        if (self.float_minor is None) == (self.float_denominations is None):
            raise ValueError("say the float once: as float_minor, or counted as float_denominations")
        return self

    def counted_float_minor(self) -> int:
        """The float in minor units. Raises UnknownDenomination or CountedTwice."""
        if self.float_denominations is not None:
            return _count(self.currency, self.float_denominations, "float_denominations").amount_minor
        assert self.float_minor is not None
        return self.float_minor


class CashMovementBody(RequestBody):
    """Cash put into the drawer or taken out of it."""

    movement_id: UUID | None = Field(default=None, description="Made by the till, so that a retry moves no cash twice.")
    kind: Annotated[MovementKind, Field(description="cash_in or cash_out.")]
    currency: CurrencyCode
    amount_minor: MovedAmount
    reason: Reason
    approval: ApprovalToken = None

    @model_validator(mode="after")
    def _is_in_or_out(self) -> Self:
        if self.kind not in (MovementKind.CASH_IN, MovementKind.CASH_OUT):
            raise ValueError("kind is cash_in or cash_out; the drawer is opened without a sale at .../drawer-openings")
        return self


class DrawerOpeningBody(RequestBody):
    """Open the drawer without a sale."""

    movement_id: UUID | None = Field(default=None, description="Made by the till, so that a retry is counted once.")
    reason: Reason
    approval: ApprovalToken = None


class CloseShiftBody(RequestBody):
    """The blind count. Every currency in the drawer is counted; the store's own always."""

    counts: Annotated[list[CountBody], Field(min_length=1, max_length=MOST_CURRENCIES)]
    last_number: Annotated[int, Field(strict=True, ge=0, le=LARGEST_CASH_MINOR)] | None = Field(
        default=None,
        description="The highest document number the till has given out; refused until all up to it have arrived.",
    )
    approval: ApprovalToken = None


class ShiftAnswer(BaseModel):
    """A shift. What should be in its drawer is not said: the count is blind."""

    shift_id: UUID
    store_id: UUID
    till_id: UUID
    staff_id: UUID
    staff_name: str
    state: ShiftState
    currency: CurrencyCode
    business_date: date
    opened_at: Instant
    closed_at: Instant | None
    first_number: int | None
    last_number: int | None
    z_number: int | None

    @classmethod
    def of(cls, shift: Shift) -> ShiftAnswer:
        """The shift as the API tells it."""
        return cls.model_validate(shift, from_attributes=True)


class CashMovementAnswer(BaseModel):
    """An opening of the drawer apart from a sale."""

    movement_id: UUID
    shift_id: UUID
    kind: MovementKind
    amount_minor: MinorAmount
    reason: str
    staff_id: UUID
    approved_by: UUID | None
    moved_at: Instant

    @classmethod
    def of(cls, movement: CashMovement) -> CashMovementAnswer:
        """The movement as the API tells it."""
        return cls.model_validate(movement, from_attributes=True)


class DenominationsAnswer(BaseModel):
    """The notes and coins of a currency in minor units, the largest first: the rows of a counting screen."""

    currency: CurrencyCode
    denominations_minor: list[int]


def _count(currency: str, denominations: list[DenominationBody], field: str) -> CashCount:
    return CashCount.of(currency, ((one.value_minor, one.count) for one in denominations), field=field)
