"""Record that the drawer was opened apart from a sale: the row, the running total and the event are one."""

from __future__ import annotations

from libs.contracts.sales import CashMoved
from libs.persistence import UnitOfWork
from services.sales.domain.shift import CashMovement, Shift
from services.sales.domain.totals import Contribution
from services.sales.storage.shifts import ShiftRepository
from services.sales.storage.totals import TotalsRepository


async def record_movement(work: UnitOfWork, shift: Shift, movement: CashMovement) -> bool:
    """Store `movement` in `shift`, which this transaction holds; False when its id is taken, and nothing is changed."""
    if not await ShiftRepository(work.connection).add_movement(movement):
        return False
    contribution = Contribution("drawer", movement.kind.value, 1, movement.amount_minor)
    await TotalsRepository(work.connection).add(shift.shift_id, [contribution])
    work.emit(
        CashMoved(
            movement_id=movement.movement_id,
            shift_id=shift.shift_id,
            store_id=shift.store_id,
            till_id=shift.till_id,
            staff_id=movement.staff_id,
            kind=movement.kind.value,
            currency=shift.currency,
            amount_minor=movement.amount_minor,
            reason=movement.reason,
            approved_by=movement.approved_by,
            moved_at=movement.moved_at,
        ),
        sequence=1,
        # With its shift: who adds a drawer up hears of every movement before the shift is closed.
        partition_key=str(shift.shift_id),
    )
    return True
