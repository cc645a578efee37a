"""Read a shift's X and Z report."""

from __future__ import annotations

from uuid import UUID

from libs.contracts.permissions import Permission
from libs.persistence import Connection, UnitOfWork
from libs.web.principal import Principal
from services.sales.domain.reports import ShiftReport, ShiftTotals, x_report
from services.sales.domain.shift import NotClosedYet, UnknownShift
from services.sales.price_books import CurrentBook
from services.sales.storage.shifts import ShiftRepository
from services.sales.storage.totals import TotalsRepository
from services.sales.use_cases.shift_premises import premises_of


async def read_x_report(work: UnitOfWork, caller: Principal, current: CurrentBook, shift_id: UUID) -> ShiftReport:
    """What an open shift has taken so far. It tells what the count should find, hence its own permission.

    Raises Forbidden, UnknownShift or ShiftIsClosed.
    """
    caller.demand(Permission.SALES_X_REPORT)
    # Locked, so that the numbers and the totals are of one moment; a sale at this till waits for two queries.
    shift = await ShiftRepository(work.connection).get_for_update(shift_id)
    if shift is None:
        raise UnknownShift(f"There is no shift {shift_id}.", field="shift_id")
    caller.demand_store(shift.store_id)
    shift.demand_open()
    totals = ShiftTotals(await TotalsRepository(work.connection).of_shift(shift_id))
    return x_report(shift, totals, premises_of(current, shift), work.now)


async def read_z_report(connection: Connection, caller: Principal, shift_id: UUID) -> ShiftReport:
    """The Z report as it was frozen at the close. Raises Forbidden, UnknownShift or NotClosedYet."""
    caller.demand(Permission.SALES_READ)
    shift = await ShiftRepository(connection).get(shift_id)
    if shift is None:
        raise UnknownShift(f"There is no shift {shift_id}.", field="shift_id")
    caller.demand_store(shift.store_id)
    frozen = await ShiftRepository(connection).z_report(shift_id)
    if frozen is None:
        raise NotClosedYet(f"The shift of {shift.staff_name} is still open. Count and close it first.")
    return ShiftReport.model_validate(frozen)
