"""Print jobs: what became of them, and marked duplicates of those nobody can vouch for."""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from device_gateway.api.dependencies import Gateway, GatewayPart, trail_of
from device_gateway.api.schemas import JobView, NewDuplicate, job_view
from device_gateway.domain.orders import PrintJob
from device_gateway.domain.placement import first_of
from device_gateway.domain.print_job import PrintState
from device_gateway.use_cases.print_duplicate import print_duplicate
from libs.contracts.permissions import Permission
from libs.contracts.refusal import NotFound
from libs.persistence import new_id
from libs.web.authentication import Caller
from libs.web.paging import Page, Paging
from libs.web.transactions import origin_of

router = APIRouter(tags=["print jobs"])


@router.get("/jobs", summary="Print jobs, the newest first")
async def list_jobs(
    paging: Paging,
    gateway: Annotated[Gateway, GatewayPart],
    state: Annotated[PrintState | None, Query(description="Only jobs in this state.")] = None,
    printer: Annotated[str | None, Query(description="Only jobs of this printer.", max_length=32)] = None,
) -> Page[JobView]:
    after = paging.after_keys(int)

    def read() -> list[tuple[int, PrintJob]]:
        with gateway.journal.step() as step:
            return step.newest_jobs(
                paging.limit + 1,
                before=after[0] if after else None,
                state=state.value if state else None,
                printer=printer,
            )

    rows = await asyncio.to_thread(read)
    return paging.page(rows, key=lambda row: (row[0],), item=lambda row: job_view(row[1]))


@router.get("/jobs/{job_id}", summary="One print job")
async def show_job(job_id: UUID, gateway: Annotated[Gateway, GatewayPart]) -> JobView:
    return job_view(await asyncio.to_thread(_job, gateway, job_id))


@router.post("/jobs/{job_id}/duplicate", summary="Print a marked duplicate", status_code=202)
async def duplicate(
    job_id: UUID,
    request: Request,
    caller: Caller,
    gateway: Annotated[Gateway, GatewayPart],
    body: NewDuplicate | None = None,
) -> JobView:
    """For a job that is `unknown` or `failed`: each missing copy is printed with a large mark, as a job of its own."""
    gateway.demand(caller, Permission.GATEWAY_PRINT_DUPLICATE)
    trail = trail_of(origin_of(request))
    new_job_id = (body.job_id if body else None) or new_id()

    def write_down() -> PrintJob:
        original = _job(gateway, job_id)
        place = first_of(gateway.workforce.placement(), "printer", original.till_id)
        with gateway.journal.step() as step:
            return print_duplicate(
                step,
                job_id,
                new_job_id=new_job_id,
                requested_by=caller.id,
                printer=place.name if place else None,
                trail=trail,
            )

    job = await asyncio.to_thread(write_down)
    gateway.link.set_to_work(job)
    return job_view(job)


def _job(gateway: Gateway, job_id: UUID) -> PrintJob:
    with gateway.journal.step() as step:
        job = step.job(job_id)
    if job is None:
        raise NotFound(f"There is no print job {job_id} at this PC.")
    return job
