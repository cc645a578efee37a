"""Take a document to print into the journal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from device_gateway.domain.orders import OpeningState, PrintJob, Trail, opening_of_job
from device_gateway.domain.placement import PlacedDevice, drawer_of, first_of
from device_gateway.domain.print_job import Print, PrintState, is_expired
from device_gateway.journal_steps import Step
from libs.contracts.gateway import PrintDocument

NO_DRAWER = "drawer"


def accept_print_job(
    step: Step,
    command: PrintDocument,
    trail: Trail,
    expires_at: datetime | None,
    devices: Sequence[PlacedDevice],
    *,
    drawer_late_s: float,
) -> PrintJob:
    """Store the job for the printer that it names, or the till's first; decided at once if it can never be printed."""
    printer, trouble = _printer(command, devices)
    job = PrintJob(
        job_id=command.job_id,
        till_id=command.till_id,
        printer=printer,
        document_kind=command.document_kind,
        title=command.title,
        document=command.document.__pydantic_serializer__.to_json(command.document),
        copies=(Print(),) * command.copies,
        received_at=step.now,
        changed_at=step.now,
        trail=trail,
        expires_at=expires_at,
        open_drawer=command.open_drawer,
        sale_id=command.sale_id,
        requested_by=command.requested_by,
    )
    if is_expired(expires_at, step.now):
        job = job.with_all_waiting("expire", step.now)
    elif trouble is not None:
        job = job.with_all_waiting("fail", step.now, trouble)
    step.add_job(job)
    if job.open_drawer is not None and job.state is not PrintState.QUEUED:
        _open_without_printing(step, job, devices, drawer_late_s)
    return job


def _printer(command: PrintDocument, devices: Sequence[PlacedDevice]) -> tuple[str | None, str | None]:
    """The printer's name, and why there is none."""
    if command.printer is None:
        printer = first_of(devices, "printer", command.till_id)
        if printer is not None:
            return printer.name, None
        return None, "This till has no printer at this PC. List one for it in devices.toml."
    named = next((device for device in devices if device.name == command.printer), None)
    if named is None or named.kind != "printer":
        printers = ", ".join(device.name for device in devices if device.kind == "printer") or "none"
        return None, f"There is no printer {command.printer!r} at this PC; the printers are {printers}."
    return named.name, None


def _open_without_printing(step: Step, job: PrintJob, devices: Sequence[PlacedDevice], drawer_late_s: float) -> None:
    """A drawer that opens for a sale opens although its receipt cannot be printed; not, if it comes too late."""
    place = drawer_of(devices, job.till_id)
    opening = opening_of_job(job, place.name if place else NO_DRAWER, step.now, late_s=drawer_late_s)
    if job.state is PrintState.EXPIRED:
        opening = opening.to(OpeningState.EXPIRED, step.now)
    elif place is None:
        opening = opening.to(OpeningState.FAILED, step.now, "This till has no drawer at this PC.")
    step.add_opening(opening)
