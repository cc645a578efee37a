"""The shift: one cashier at one till, from the float to the count (retail rules 23 and 24)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from libs.contracts.refusal import Conflict, Forbidden, Invalid, NotFound


class ShiftState(StrEnum):
    """Where a shift stands. A closed one never opens again."""

    OPEN = "open"
    CLOSED = "closed"


class OpenBaskets(StrEnum):
    """What becomes of goods that are rung up and not paid for when a shift is closed."""

    CARRY = "carry"
    REFUSE = "refuse"


class MovementKind(StrEnum):
    """Why the drawer was opened apart from a sale."""

    FLOAT = "float"
    CASH_IN = "cash_in"
    CASH_OUT = "cash_out"
    NO_SALE = "no_sale"


class ShiftAlreadyOpen(Conflict):
    """Somebody is signed on at the till already."""

    type = "shift-already-open"


class ShiftIsClosed(Conflict):
    """The shift has been counted and closed."""

    type = "shift-closed"


class UnknownShift(NotFound):
    """There is no such shift."""

    type = "unknown-shift"


class WrongCurrency(Invalid):
    """An amount is given in another currency than the store's."""

    type = "wrong-currency"


class NotYourShift(Forbidden):
    """The shift belongs to another cashier."""

    type = "not-your-shift"


class BasketsUnfinished(Conflict):
    """The shift cannot be closed while these baskets are unfinished."""

    type = "baskets-unfinished"


class DocumentsMissing(Conflict):
    """The till has given out numbers whose documents are not here."""

    type = "documents-missing"


class CountedDifferently(Conflict):
    """The shift was closed with another count."""

    type = "counted-differently"


class CountMissing(Invalid):
    """The store's own currency was not counted."""

    type = "count-missing"


class NotEnoughCash(Conflict):
    """More cash was to be taken out than the drawer holds."""

    type = "not-enough-cash"


class NotClosedYet(NotFound):
    """The shift has no Z report, because it is still open."""

    type = "shift-not-closed"


class NobodySignedOn(NotFound):
    """No shift is open at the till."""

    type = "nobody-signed-on"


@dataclass(frozen=True, slots=True)
class ShiftPolicy:
    """The chain's rules for shifts.

    A business day starts at `day_starts_at_hour` o'clock in the store's time: with 4, what is opened at 01:30 belongs
    to the day before.
    """

    day_starts_at_hour: int = 4
    open_baskets: OpenBaskets = OpenBaskets.CARRY

    def business_date(self, now: datetime, time_zone: str) -> date:
        """The business date at `now` (aware) in the IANA `time_zone` of the store."""
        return (now.astimezone(ZoneInfo(time_zone)) - timedelta(hours=self.day_starts_at_hour)).date()


@dataclass(frozen=True, slots=True)
class Shift:
    """A shift. `version` counts its events: 1 opened, 2 closed. The numbers are of its first and last document."""

    shift_id: UUID
    store_id: UUID
    till_id: UUID
    staff_id: UUID
    staff_name: str
    currency: str
    business_date: date
    opened_at: datetime
    state: ShiftState = ShiftState.OPEN
    version: int = 1
    closed_at: datetime | None = None
    first_number: int | None = None
    last_number: int | None = None
    z_number: int | None = None

    def demand_open(self) -> None:
        """Raise ShiftIsClosed unless the shift is open."""
        if self.state is not ShiftState.OPEN:
            raise ShiftIsClosed(
                f"The shift of {self.staff_name} was closed with Z {self.z_number}. Open a new one.",
                shift_id=str(self.shift_id),
                z_number=self.z_number,
            )

    def demand_currency(self, currency: str, *, field: str = "currency") -> None:
        """Raise WrongCurrency, naming the request's `field`, unless `currency` is the shift's."""
        if currency != self.currency:
            raise WrongCurrency(f"This till counts in {self.currency}, not in {currency}.", field=field)

    def closed(self, *, z_number: int, at: datetime) -> Shift:
        """The shift after its Z report. Raises ShiftIsClosed."""
        self.demand_open()
        return replace(self, state=ShiftState.CLOSED, version=self.version + 1, z_number=z_number, closed_at=at)


@dataclass(frozen=True, slots=True)
class CashMovement:
    """One opening of the drawer apart from a sale. `amount_minor` is never negative; the kind says the direction."""

    movement_id: UUID
    shift_id: UUID
    kind: MovementKind
    amount_minor: int
    reason: str
    staff_id: UUID
    approved_by: UUID | None
    moved_at: datetime
