"""Say of orders whose time is over that they have expired, also while their device is away."""

from __future__ import annotations

from device_gateway.domain.orders import OpeningState
from device_gateway.domain.print_job import is_expired
from device_gateway.journal_steps import Step
from device_gateway.use_cases.settle_terminal_operations import expire_operations

JOBS_AT_A_TIME = 100


def expire_orders(step: Step) -> int:
    """Expire what waits and is out of time; how many orders that were."""
    jobs = step.jobs_out_of_time(JOBS_AT_A_TIME)
    for job in jobs:
        step.save_job(job, job.with_all_waiting("expire", step.now))
    late = [opening for opening in step.waiting_openings() if is_expired(opening.expires_at, step.now)]
    for opening in late:
        step.save_opening(opening.to(OpeningState.EXPIRED, step.now))
    return len(jobs) + len(late) + expire_operations(step)
