"""Sign off: count the drawer blind, post the variance, freeze the Z report (retail rule 24)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from libs.contracts.permissions import Permission
from libs.contracts.sales import ShiftClosed
from libs.persistence import UnitOfWork
from libs.web.principal import Approval, Principal
from services.sales.domain.authority import check_approval, may_alone
from services.sales.domain.basket import BasketState
from services.sales.domain.cash_count import CashCount, CountedTwice
from services.sales.domain.reports import Closing, ShiftReport, ShiftTotals, z_report
from services.sales.domain.shift import (
    BasketsUnfinished,
    CountedDifferently,
    CountMissing,
    DocumentsMissing,
    OpenBaskets,
    Shift,
    ShiftPolicy,
    ShiftState,
    UnknownShift,
)
from services.sales.price_books import CurrentBook
from services.sales.storage.numbering import NumberingRepository
from services.sales.storage.shifts import ShiftRepository
from services.sales.storage.totals import TotalsRepository
from services.sales.use_cases.authorise import authorise
from services.sales.use_cases.shift_premises import premises_of


async def close_shift(
    work: UnitOfWork,
    caller: Principal,
    current: CurrentBook,
    policy: ShiftPolicy,
    *,
    shift_id: UUID,
    counts: Sequence[CashCount],
    last_number: int | None,
    approval: Approval | None,
) -> ShiftReport:
    """Close the shift and return its Z report; a repeat with the same count returns the same report.

    `counts` has one count of the store's currency and one for each other currency in the drawer. `last_number` is the
    highest document number that the till has given out: every document up to it must have arrived. Closing another
    person's shift needs SALES_CLOSE_ANY_SHIFT or an approval bound to the shift.
    Raises UnknownShift, CountMissing, CountedTwice, CountedDifferently, BasketsUnfinished, DocumentsMissing or the
    refusals of `authorise`.
    """
    shifts = ShiftRepository(work.connection)
    shift = await shifts.get_for_update(shift_id)
    if shift is None:
        raise UnknownShift(f"There is no shift {shift_id}.", field="shift_id")
    caller.demand_store(shift.store_id)
    _check_currencies(shift, counts)
    own = caller.id == shift.staff_id
    permission = Permission.SALES_CLOSE_SHIFT if own else Permission.SALES_CLOSE_ANY_SHIFT
    if shift.state is ShiftState.CLOSED:
        if not may_alone(caller, permission, None):
            check_approval(approval, caller, permission, str(shift_id), None)
        return _repeated(shift, counts, await shifts.z_report(shift_id))
    approved_by = await authorise(work, caller, permission, bound_to=str(shift_id), approval=approval)
    carried = await _open_baskets(work, shift, policy)
    missing = await _cut_off(work, shift, last_number)
    closing = Closing(
        z_number=await shifts.next_z_number(shift.till_id),
        counts=counts,
        closed_by=caller.id,
        closed_by_name=caller.name,
        approved_by=approved_by,
        missing_numbers=missing,
        carried_basket_count=carried,
    )
    totals = ShiftTotals(await TotalsRepository(work.connection).of_shift(shift_id))
    report = z_report(shift, totals, premises_of(current, shift), work.now, closing)
    closed = shift.closed(z_number=closing.z_number, at=work.now)
    frozen = report.model_dump(mode="json")
    await shifts.save(closed, z_report=frozen)
    work.emit(_event(closed, report, frozen), sequence=closed.version)
    return report


def _check_currencies(shift: Shift, counts: Sequence[CashCount]) -> None:
    seen: set[str] = set()
    for index, count in enumerate(counts):
        if count.currency in seen:
            raise CountedTwice(f"{count.currency} is counted twice.", field=f"counts.{index}.currency")
        seen.add(count.currency)
    if shift.currency not in seen:
        raise CountMissing(
            f"Count the {shift.currency} in the drawer; an empty drawer is an empty list of denominations.",
            field="counts",
        )


def _repeated(shift: Shift, counts: Sequence[CashCount], frozen: dict[str, Any] | None) -> ShiftReport:
    report = ShiftReport.model_validate(frozen)
    before = {
        cash.currency: tuple((notes.value_minor, notes.count) for notes in cash.denominations or ())
        for cash in (report.cash, *report.foreign)
    }
    now = {count.currency: tuple((one.value_minor, one.count) for one in count.denominations) for count in counts}
    if {key: value for key, value in before.items() if value} != {key: value for key, value in now.items() if value}:
        raise CountedDifferently(
            f"This shift was closed with Z {shift.z_number} after another count. What was counted then stays; "
            "correct it in the books.",
            z_number=shift.z_number,
        )
    return report


async def _open_baskets(work: UnitOfWork, shift: Shift, policy: ShiftPolicy) -> int:
    """How many baskets are carried over. Raises BasketsUnfinished by policy, and always for one that is being paid:
    its cash may be in the drawer already, and would be a variance in this shift and in the next.
    """
    repository = ShiftRepository(work.connection)
    blocking = {BasketState.PAYING}
    if policy.open_baskets is OpenBaskets.REFUSE:
        blocking.add(BasketState.OPEN)
    unfinished = await repository.baskets_at_till(shift, blocking)
    if unfinished:
        raise BasketsUnfinished(
            "Complete, suspend or cancel what is rung up first; take back the tenders of a basket that is being paid.",
            basket_ids=[str(basket_id) for basket_id in unfinished],
        )
    return await repository.count_baskets_at_till(shift, {BasketState.OPEN})


async def _cut_off(work: UnitOfWork, shift: Shift, last_number: int | None) -> list[tuple[int, int]]:
    """The numbers that are missing, when the till does not say how far it has counted. Raises DocumentsMissing."""
    held = await NumberingRepository(work.connection).continuity(shift.till_id)
    missing = [(gap.first, gap.last) for gap in held.gaps]
    if last_number is None:
        return missing
    if last_number < held.last_number:
        raise DocumentsMissing(
            f"The till says that {last_number} was its last document, but {held.last_number} is held here.",
            field="last_number",
            last_number_held=held.last_number,
        )
    if last_number > held.last_number:
        missing.append((held.last_number + 1, last_number))
    if missing:
        ranges = ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in missing)
        raise DocumentsMissing(
            f"The documents {ranges} of this till have not arrived. Send them, then close.",
            field="last_number",
            missing_numbers=[{"first": first, "last": last} for first, last in missing],
        )
    return []


def _event(shift: Shift, report: ShiftReport, frozen: dict[str, Any]) -> ShiftClosed:
    assert report.cash.counted_minor is not None
    assert report.cash.variance_minor is not None
    assert shift.z_number is not None
    return ShiftClosed(
        shift_id=shift.shift_id,
        store_id=shift.store_id,
        till_id=shift.till_id,
        staff_id=shift.staff_id,
        z_number=shift.z_number,
        business_date=shift.business_date,
        closed_at=report.made_at,
        currency=shift.currency,
        first_number=shift.first_number,
        last_number=shift.last_number,
        document_count=report.document_count,
        total_minor=report.total_minor,
        cash_expected_minor=report.cash.expected_minor,
        cash_counted_minor=report.cash.counted_minor,
        cash_variance_minor=report.cash.variance_minor,
        z_report=frozen,
    )
