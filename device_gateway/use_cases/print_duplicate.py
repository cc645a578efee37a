"""Offer a document that is unknown or failed again: as a job of its own, marked as a duplicate on the paper."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from device_gateway.domain.duplicate_mark import duplicate_mark
from device_gateway.domain.orders import PrintJob, Trail
from device_gateway.domain.print_job import NothingToDuplicate, Print, copies_to_duplicate
from device_gateway.journal_steps import Step
from libs.contracts.printing import PrintedDocument
from libs.contracts.refusal import Conflict, NotFound


def print_duplicate(
    step: Step, job_id: UUID, *, new_job_id: UUID, requested_by: UUID | None, printer: str | None, trail: Trail
) -> PrintJob:
    """Store the duplicate and return it; the same one again if `new_job_id` was used for it before.

    It is printed where the first was to be, or at `printer` if that had none. It never opens the drawer and does not
    expire: a person stands there and waits. Raises NotFound, Conflict or NothingToDuplicate.
    """
    known = step.job(new_job_id)
    if known is not None:
        if known.duplicate_of != job_id:
            raise Conflict("This job id is taken. Send a new UUID.", field="job_id")
        return known
    original = step.job(job_id)
    if original is None:
        raise NotFound(f"There is no print job {job_id} here.")
    copies = copies_to_duplicate(original.copies, [job.state for job in step.duplicates_of(job_id)])
    if original.printer is None and printer is None:
        raise NothingToDuplicate("This till has no printer at this PC. Print the document again at another till.")
    duplicate = replace(
        original,
        job_id=new_job_id,
        printer=original.printer or printer,
        copies=(Print(),) * copies,
        received_at=step.now,
        changed_at=step.now,
        trail=trail,
        expires_at=None,
        open_drawer=None,
        requested_by=requested_by,
        duplicate_of=job_id,
        mark=duplicate_mark(PrintedDocument.model_validate_json(original.document).language),
    )
    step.add_job(duplicate)
    return duplicate
