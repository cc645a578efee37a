"""Who sells where: the till of the caller, its store and its open shift, locked for this transaction."""

from __future__ import annotations

from dataclasses import dataclass

from libs.contracts.identity import StoreChanged
from libs.contracts.refusal import Conflict, Forbidden, Unauthenticated
from libs.persistence import UnitOfWork
from libs.web.principal import Principal
from services.sales.domain.completion import Seller
from services.sales.domain.till import Till
from services.sales.price_books import CurrentBook
from services.sales.storage.shifts import ShiftRepository


class NotAtATill(Forbidden):
    """Selling needs a person who signed on at a till."""

    type = "not-at-a-till"


class StaffWithdrawn(Unauthenticated):
    """The person no longer works for the chain; their token outlived that."""

    type = "staff-withdrawn"


class NoOpenShift(Conflict):
    """Nobody has opened a shift at this till, or another person has."""

    type = "no-open-shift"


@dataclass(frozen=True, slots=True)
class OpenTill:
    """A till that may sell now."""

    store: StoreChanged
    seller: Seller


def till_of(caller: Principal, current: CurrentBook) -> Till:
    """The till that the caller is signed on at. Raises NotAtATill, StaffWithdrawn or UnknownTill."""
    if caller.till_id is None or caller.kind != "staff":
        raise NotAtATill("Sign on at a till first: this token was not given at one.")
    if caller.id in current.withdrawn_staff:
        raise StaffWithdrawn(f"{caller.name} is not signed on any more: the office has withdrawn the account.")
    return current.till(caller.till_id, field="authorization")


async def open_till(work: UnitOfWork, caller: Principal, current: CurrentBook) -> OpenTill:
    """Lock the open shift at the caller's till: documents of one till are finished one after the other.

    Everything rung up belongs to the cashier who signed on (retail rule 23).
    Raises what `till_of` raises, or NoOpenShift.
    """
    till = till_of(caller, current)
    store = current.store(till.store_id)
    shift = await ShiftRepository(work.connection).open_at_till_for_update(till.till_id)
    if shift is None:
        raise NoOpenShift(f"No shift is open at till {till.code}. Open one with its float first.")
    if shift.staff_id != caller.id:
        raise NoOpenShift(
            f"The shift at till {till.code} is {shift.staff_name}'s. It is closed before {caller.name} can sell here."
        )
    if shift.currency != store.currency:
        raise NoOpenShift(
            f"The shift at till {till.code} counts in {shift.currency}, and the store now trades in {store.currency}. "
            "Count and close it, then open another."
        )
    seller = Seller(
        store_id=store.store_id,
        till_id=till.till_id,
        till_code=till.code,
        shift_id=shift.shift_id,
        staff_id=caller.id,
        staff_name=caller.name,
        business_date=shift.business_date,
        currency=store.currency,
        tax_mode=store.tax_mode,
        tax_rounding=store.tax_rounding,
    )
    return OpenTill(store, seller)
