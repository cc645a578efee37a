"""Sign on at a till: open a shift with its float (retail rule 23)."""

from __future__ import annotations

from uuid import UUID

from libs.contracts.permissions import Permission
from libs.contracts.sales import ShiftOpened
from libs.persistence import UnitOfWork, new_id
from libs.web.principal import Principal
from services.sales.domain.shift import CashMovement, MovementKind, Shift, ShiftAlreadyOpen, ShiftPolicy
from services.sales.price_books import CurrentBook
from services.sales.storage.shifts import ShiftRepository
from services.sales.use_cases.open_till import till_of
from services.sales.use_cases.record_movement import record_movement

FLOAT_REASON = "float"


async def open_shift(
    work: UnitOfWork,
    caller: Principal,
    current: CurrentBook,
    policy: ShiftPolicy,
    *,
    shift_id: UUID,
    currency: str,
    float_minor: int,
) -> Shift:
    """Open a shift for the caller at the till they are signed on at; its business date is the store's.

    `float_minor` is what lies in the drawer, in `currency`, which must be the store's.
    Raises NotAtATill, UnknownTill, UnknownStore, WrongCurrency or ShiftAlreadyOpen.
    """
    caller.demand(Permission.SALES_OPEN_SHIFT)
    till = till_of(caller, current)
    store = current.store(till.store_id)
    caller.demand_store(store.store_id)
    shift = Shift(
        shift_id=shift_id,
        store_id=store.store_id,
        till_id=till.till_id,
        staff_id=caller.id,
        staff_name=caller.name,
        currency=store.currency,
        business_date=policy.business_date(work.now, store.time_zone),
        opened_at=work.now,
    )
    shift.demand_currency(currency)
    if not await ShiftRepository(work.connection).add(shift):
        raise await _taken(work, shift)
    work.emit(
        ShiftOpened(
            shift_id=shift.shift_id,
            store_id=shift.store_id,
            till_id=shift.till_id,
            staff_id=shift.staff_id,
            staff_name=shift.staff_name,
            business_date=shift.business_date,
            opened_at=shift.opened_at,
            currency=shift.currency,
            float_minor=float_minor,
        ),
        sequence=shift.version,
    )
    await record_movement(
        work,
        shift,
        CashMovement(
            movement_id=new_id(),
            shift_id=shift.shift_id,
            kind=MovementKind.FLOAT,
            amount_minor=float_minor,
            reason=FLOAT_REASON,
            staff_id=caller.id,
            approved_by=None,
            moved_at=work.now,
        ),
    )
    return shift


async def _taken(work: UnitOfWork, shift: Shift) -> ShiftAlreadyOpen:
    present = await ShiftRepository(work.connection).open_at_till(shift.till_id)
    if present is None:
        return ShiftAlreadyOpen(f"The shift id {shift.shift_id} has been used. Make a new one.", field="shift_id")
    return ShiftAlreadyOpen(
        f"{present.staff_name} is signed on at this till. That shift must be closed first.",
        shift_id=str(present.shift_id),
    )
