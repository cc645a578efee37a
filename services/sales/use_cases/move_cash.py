"""Put cash into the drawer, take some out, or open it without a sale (retail rules 23 and 26)."""

from __future__ import annotations

from uuid import UUID

from libs.contracts.permissions import Permission
from libs.contracts.refusal import Conflict
from libs.persistence import UnitOfWork
from libs.web.principal import Approval, Extent, Limits, Principal
from services.sales.domain.reports import ShiftTotals
from services.sales.domain.shift import (
    CashMovement,
    MovementKind,
    NotEnoughCash,
    NotYourShift,
    Shift,
    UnknownShift,
)
from services.sales.storage.baskets import BasketRepository
from services.sales.storage.shifts import ShiftRepository
from services.sales.storage.totals import TotalsRepository
from services.sales.use_cases.authorise import authorise
from services.sales.use_cases.record_movement import record_movement

_PERMISSIONS = {
    MovementKind.CASH_IN: Permission.SALES_CASH_IN,
    MovementKind.CASH_OUT: Permission.SALES_CASH_OUT,
    MovementKind.NO_SALE: Permission.SALES_NO_SALE,
}


class MovementIdTaken(Conflict):
    """Another movement has this id."""

    type = "movement-id-taken"


async def move_cash(
    work: UnitOfWork,
    caller: Principal,
    *,
    shift_id: UUID,
    movement_id: UUID,
    kind: MovementKind,
    currency: str | None,
    amount_minor: int,
    reason: str,
    approval: Approval | None,
) -> CashMovement:
    """Record a movement of `amount_minor` (positive, in `currency`; zero and None for no sale) in an open shift.

    Cash out over the caller's limit needs an approval bound to the shift.
    Raises UnknownShift, ShiftIsClosed, NotYourShift, WrongCurrency, NotEnoughCash, MovementIdTaken or the refusals
    of `authorise`.
    """
    shift = await ShiftRepository(work.connection).get_for_update(shift_id)
    if shift is None:
        raise UnknownShift(f"There is no shift {shift_id}.", field="shift_id")
    caller.demand_store(shift.store_id)
    shift.demand_open()
    if currency is not None:
        shift.demand_currency(currency)
    _demand_access(shift, caller)

    def within(limits: Limits) -> bool:
        return kind is not MovementKind.CASH_OUT or amount_minor <= limits.cash_out_minor

    cash_out = kind is MovementKind.CASH_OUT
    approved_by = await authorise(
        work,
        caller,
        _PERMISSIONS[kind],
        bound_to=str(shift_id),
        approval=approval,
        within=within,
        needed=Extent(amount_minor=amount_minor, currency=shift.currency) if cash_out else None,
    )
    if kind is MovementKind.CASH_OUT:
        await _demand_cash(work, shift, amount_minor)
    movement = CashMovement(
        movement_id=movement_id,
        shift_id=shift_id,
        kind=kind,
        amount_minor=amount_minor,
        reason=reason,
        staff_id=caller.id,
        approved_by=approved_by,
        moved_at=work.now,
    )
    if not await record_movement(work, shift, movement):
        raise MovementIdTaken(f"There is a movement {movement_id} already. A new one needs a new id.")
    return movement


def _demand_access(shift: Shift, caller: Principal) -> None:
    """The drawer is the cashier's; a manager who may close the shift may also reach into it."""
    if caller.id != shift.staff_id and not caller.may(Permission.SALES_CLOSE_ANY_SHIFT):
        raise NotYourShift(f"This is the drawer of {shift.staff_name}.", shift_id=str(shift.shift_id))


async def _demand_cash(work: UnitOfWork, shift: Shift, amount_minor: int) -> None:
    totals = ShiftTotals(await TotalsRepository(work.connection).of_shift(shift.shift_id))
    promised_minor = await BasketRepository(work.connection).promised_cash_back(shift.store_id, shift.till_id)
    if amount_minor > totals.expected_cash_minor - promised_minor:
        # How much there is stays unsaid: the count at the end is blind.
        raise NotEnoughCash("There is not so much cash in the drawer.", field="amount_minor")
