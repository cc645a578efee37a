"""Shifts: sign-on, drawer movements, X, the blind count and Z."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import PlainTextResponse

from libs.contracts.permissions import Permission
from libs.contracts.refusal import Invalid
from libs.contracts.values import CurrencyCode
from libs.persistence import new_id
from libs.web.authentication import Caller, require
from libs.web.idempotency import Once
from libs.web.openapi import problems
from libs.web.paging import Page, Paging
from libs.web.principal import Principal
from libs.web.transactions import Reading, Work, resource
from services.sales.api.dependencies import Books, verified_one
from services.sales.api.shift_schemas import (
    CashMovementAnswer,
    CashMovementBody,
    CloseShiftBody,
    DenominationsAnswer,
    DrawerOpeningBody,
    OpenShiftBody,
    ShiftAnswer,
)
from services.sales.domain.denominations import denominations_of
from services.sales.domain.report_text import report_text
from services.sales.domain.reports import ShiftReport
from services.sales.domain.shift import MovementKind, NobodySignedOn, Shift, ShiftPolicy, UnknownShift
from services.sales.storage.shifts import ShiftRepository
from services.sales.use_cases.close_shift import close_shift
from services.sales.use_cases.move_cash import move_cash
from services.sales.use_cases.open_shift import open_shift
from services.sales.use_cases.report_shift import read_x_report, read_z_report

router = APIRouter(tags=["shifts"])
_reads = require(Permission.SALES_READ)
Policy = Annotated[ShiftPolicy, resource(ShiftPolicy)]


@router.post(
    "/shifts",
    status_code=201,
    response_model=ShiftAnswer,
    summary="Sign on: open a shift at the till",
)
async def post_shift(
    body: OpenShiftBody,
    work: Work,
    caller: Caller,
    once: Once,
    books: Books,
    policy: Policy,
) -> Response:
    """One shift is open at a till at a time; everything rung up there belongs to the cashier who signed on."""

    async def action() -> ShiftAnswer:
        shift = await open_shift(
            work,
            caller,
            await books.current(work.connection),
            policy,
            shift_id=body.shift_id or new_id(),
            currency=body.currency,
            float_minor=body.counted_float_minor(),
        )
        return ShiftAnswer.of(shift)

    return await once.answer(action, key=str(body.shift_id) if body.shift_id else None)


@router.get("/shifts", summary="The shifts of a store, the newest first", dependencies=[_reads])
async def get_shifts(
    reading: Reading,
    caller: Caller,
    paging: Paging,
    store_id: Annotated[UUID | None, Query(description="The caller's own store unless told otherwise.")] = None,
) -> Page[ShiftAnswer]:
    """Open and closed shifts."""
    wanted = store_id or caller.store_id
    if wanted is None:
        raise Invalid("Say which store.", field="store_id")
    caller.demand_store(wanted)
    after = paging.after_keys(datetime.fromisoformat, UUID)
    shifts = await ShiftRepository(reading).of_store(
        wanted, limit=paging.limit + 1, after=None if after is None else (after[0], after[1])
    )
    return paging.page(shifts, lambda shift: (shift.opened_at, shift.shift_id), ShiftAnswer.of)


@router.get("/shifts/current", responses=problems(404), summary="The open shift of a till", dependencies=[_reads])
async def get_current_shift(
    reading: Reading,
    caller: Caller,
    till_id: Annotated[UUID | None, Query(description="The caller's own till unless told otherwise.")] = None,
) -> ShiftAnswer:
    """Who is signed on; 404 `nobody-signed-on` when nobody is."""
    wanted = till_id or caller.till_id
    if wanted is None:
        raise Invalid("Say which till.", field="till_id")
    shift = await ShiftRepository(reading).open_at_till(wanted)
    if shift is None:
        raise NobodySignedOn(f"No shift is open at till {wanted}.", field="till_id")
    caller.demand_store(shift.store_id)
    return ShiftAnswer.of(shift)


@router.get("/shifts/{shift_id}", summary="One shift", dependencies=[_reads])
async def get_shift(shift_id: UUID, reading: Reading, caller: Caller) -> ShiftAnswer:
    """An open or closed shift; its totals are in the X and Z reports."""
    return ShiftAnswer.of(await _shift_of_caller(reading, caller, shift_id))


@router.post(
    "/shifts/{shift_id}/cash-movements",
    status_code=201,
    response_model=CashMovementAnswer,
    summary="Put cash into the drawer or take some out",
)
async def post_cash_movement(
    shift_id: UUID, body: CashMovementBody, request: Request, work: Work, caller: Caller, once: Once
) -> Response:
    """Cash out over the caller's limit needs a manager's approval of `sales.cash_out`, bound to the shift's id."""

    async def action() -> CashMovementAnswer:
        movement = await move_cash(
            work,
            caller,
            shift_id=shift_id,
            movement_id=body.movement_id or new_id(),
            kind=body.kind,
            currency=body.currency,
            amount_minor=body.amount_minor,
            reason=body.reason,
            approval=await verified_one(request, body.approval),
        )
        return CashMovementAnswer.of(movement)

    return await once.answer(action, key=str(body.movement_id) if body.movement_id else None)


@router.post(
    "/shifts/{shift_id}/drawer-openings",
    status_code=201,
    response_model=CashMovementAnswer,
    summary="Open the drawer without a sale",
)
async def post_drawer_opening(
    shift_id: UUID, body: DrawerOpeningBody, request: Request, work: Work, caller: Caller, once: Once
) -> Response:
    """Needs `sales.no_sale` or an approval of it; it is recorded with its reason and counted in X and Z."""

    async def action() -> CashMovementAnswer:
        movement = await move_cash(
            work,
            caller,
            shift_id=shift_id,
            movement_id=body.movement_id or new_id(),
            kind=MovementKind.NO_SALE,
            currency=None,
            amount_minor=0,
            reason=body.reason,
            approval=await verified_one(request, body.approval),
        )
        return CashMovementAnswer.of(movement)

    return await once.answer(action, key=str(body.movement_id) if body.movement_id else None)


@router.get(
    "/shifts/{shift_id}/cash-movements", summary="What moved in the drawer, the oldest first", dependencies=[_reads]
)
async def get_cash_movements(
    shift_id: UUID, reading: Reading, caller: Caller, paging: Paging
) -> Page[CashMovementAnswer]:
    """Float, cash in and out, and openings without a sale; not the sales themselves."""
    await _shift_of_caller(reading, caller, shift_id)
    after = paging.after_keys(datetime.fromisoformat, UUID)
    movements = await ShiftRepository(reading).movements(
        shift_id, limit=paging.limit + 1, after=None if after is None else (after[0], after[1])
    )
    return paging.page(movements, lambda movement: (movement.moved_at, movement.movement_id), CashMovementAnswer.of)


@router.get("/shifts/{shift_id}/x-report", responses=problems(409), summary="What an open shift has taken so far")
async def get_x_report(shift_id: UUID, work: Work, caller: Caller, books: Books) -> ShiftReport:
    """Any time, as often as wanted; nothing is reset. It says what the drawer should hold, hence its permission."""
    return await read_x_report(work, caller, await books.current(work.connection), shift_id)


@router.get(
    "/shifts/{shift_id}/x-report.txt",
    response_class=PlainTextResponse,
    responses=problems(409),
    summary="The X report as 42 columns of text",
)
async def get_x_report_text(shift_id: UUID, work: Work, caller: Caller, books: Books) -> PlainTextResponse:
    """In the language of the store."""
    report = await read_x_report(work, caller, await books.current(work.connection), shift_id)
    return PlainTextResponse(report_text(report))


@router.post("/shifts/{shift_id}/close", summary="Sign off: count the drawer blind and close the shift")
async def post_close(
    shift_id: UUID,
    body: CloseShiftBody,
    request: Request,
    work: Work,
    caller: Caller,
    books: Books,
    policy: Policy,
) -> ShiftReport:
    """Gives the Z report with the variance. It can be repeated: the same count gives the same Z, another is refused.

    No Idempotency-Key is needed, because a shift is closed once.
    """
    return await close_shift(
        work,
        caller,
        await books.current(work.connection),
        policy,
        shift_id=shift_id,
        counts=[count.count(f"counts.{index}") for index, count in enumerate(body.counts)],
        last_number=body.last_number,
        approval=await verified_one(request, body.approval),
    )


@router.get("/shifts/{shift_id}/z-report", summary="The Z report as it was made at the close")
async def get_z_report(shift_id: UUID, reading: Reading, caller: Caller) -> ShiftReport:
    """Never computed again: it is what was printed."""
    return await read_z_report(reading, caller, shift_id)


@router.get(
    "/shifts/{shift_id}/z-report.txt", response_class=PlainTextResponse, summary="The Z report as 42 columns of text"
)
async def get_z_report_text(shift_id: UUID, reading: Reading, caller: Caller) -> PlainTextResponse:
    """In the language that the store had then."""
    return PlainTextResponse(report_text(await read_z_report(reading, caller, shift_id)))


@router.get("/denominations", summary="The notes and coins of a currency", dependencies=[_reads])
async def get_denominations(currency: Annotated[CurrencyCode, Query()]) -> DenominationsAnswer:
    """What a count may name; counts of anything else are refused."""
    return DenominationsAnswer(currency=currency, denominations_minor=list(denominations_of(currency)))


async def _shift_of_caller(reading: Reading, caller: Principal, shift_id: UUID) -> Shift:
    shift = await ShiftRepository(reading).get(shift_id)
    if shift is None:
        raise UnknownShift(f"There is no shift {shift_id}.", field="shift_id")
    caller.demand_store(shift.store_id)
    return shift
