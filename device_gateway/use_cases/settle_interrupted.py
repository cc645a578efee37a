"""After a break: what was in the middle of being done is in doubt, and is said to be."""

from __future__ import annotations

from device_gateway.domain.orders import OpeningState
from device_gateway.domain.print_job import PrintState
from device_gateway.journal_steps import Step
from device_gateway.use_cases.settle_terminal_operations import settle_interrupted_operations

STOPPED = "The gateway stopped in the middle of printing. Look whether the receipt came out."
BROKE_OFF = "The line to the printer broke in the middle of printing. Look whether the receipt came out."
DRIVER_FAILED = "The printer's driver failed in the middle of printing. Look whether the receipt came out."
NOBODY_SAW = "It was told to open, and nobody saw whether it did. Look at the drawer."


def settle_interrupted(step: Step, reason: str, device: str | None = None) -> None:
    """Every copy found `printing` becomes unknown, and every opening found `opening`; of one device, or of all.

    Called by whoever knows that nobody is at it any more: at the start, and by a device's worker after a failure.
    """
    for job in step.interrupted_jobs(device):
        settled = job
        for number, copy in enumerate(job.copies, 1):
            if copy.state is PrintState.PRINTING:
                settled = settled.with_copy(number, copy.may_have_come_out(reason), step.now)
        step.save_job(job, settled)
    for opening in step.interrupted_openings(device):
        step.save_opening(opening.to(OpeningState.UNKNOWN, step.now, NOBODY_SAW))
    settle_interrupted_operations(step, device)
