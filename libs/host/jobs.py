"""Runs a service's timers: each job on one replica at a time, decided by a lease in the service's own schema."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random

import structlog
from opentelemetry.trace import SpanKind, Tracer
from prometheus_client import CollectorRegistry, Counter, Histogram
from sqlalchemy.exc import SQLAlchemyError

from libs.bus.tasks import end
from libs.host.service import Job
from libs.persistence.leases import Leases
from libs.telemetry import names

LARGEST_JITTER_SHARE = 0.1

_log = structlog.get_logger(__name__)
# Not the one of the module, which tests seed and watch.
_chance = Random()  # noqa: S311 - jitter, not a secret


class JobMeasurements:
    """Counts and times of job runs, for /metrics."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.runs = Counter(names.JOB_RUNS, "Runs of timers.", ["job", "outcome"], registry=registry)
        self.seconds = Histogram(names.JOB_SECONDS, "Duration of runs of timers.", ["job"], registry=registry)


@asynccontextmanager
async def running_jobs(
    jobs: Sequence[Job],
    *,
    service: str,
    leases: Leases,
    lease_s: float,
    tracer: Tracer,
    measurements: JobMeasurements,
) -> AsyncIterator[None]:
    """Run the jobs for the block. At its end a run in progress is cancelled, and the leases are given back at once."""
    tasks = [
        asyncio.create_task(
            _repeat(job, service, leases, lease_s, tracer, measurements), name=f"{service} job {job.name}"
        )
        for job in jobs
    ]
    try:
        yield
    finally:
        await end(tasks)
        if jobs:
            try:
                await leases.release(*(_lease_of(job) for job in jobs))
            except (SQLAlchemyError, OSError) as error:
                # The leases then end by themselves.
                _log.warning("leases not released", service=service, error=str(error))


def _lease_of(job: Job) -> str:
    return f"job/{job.name}"


async def _repeat(
    job: Job, service: str, leases: Leases, lease_s: float, tracer: Tracer, measurements: JobMeasurements
) -> None:
    lease = _lease_of(job)
    while True:
        # Jitter, so that many services started together do not all wake at once.
        await asyncio.sleep(job.every_s * (1 + _chance.uniform(-1, 1) * LARGEST_JITTER_SHARE))
        started_s = time.perf_counter()
        outcome = "done"
        try:
            # Held until the next turn is due, so that another replica does not run the same turn right after us.
            if not await leases.take(lease, max(lease_s, job.every_s)):
                continue
            with (
                structlog.contextvars.bound_contextvars(service=service, job=job.name),
                tracer.start_as_current_span(
                    f"{names.SPAN_JOB} {job.name}", kind=SpanKind.INTERNAL, attributes={names.ATTRIBUTE_JOB: job.name}
                ),
            ):
                await _run_holding(job, leases, lease, lease_s)
        except Exception:  # noqa: BLE001 - a timer must outlive one failed turn, whatever failed
            outcome = "failed"
            _log.exception("job failed; it runs again at its next turn", service=service, job=job.name)
        measurements.runs.labels(job.name, outcome).inc()
        measurements.seconds.labels(job.name).observe(time.perf_counter() - started_s)


async def _run_holding(job: Job, leases: Leases, lease: str, lease_s: float) -> None:
    """Run one turn and renew the lease while it lasts; stop the turn when the lease is lost."""
    turn = asyncio.ensure_future(job.run())
    try:
        while True:
            done, _ = await asyncio.wait({turn}, timeout=lease_s / 3)
            if done:
                await turn
                return
            if not await leases.take(lease, max(lease_s, job.every_s)):
                raise LeaseLost(f"another replica took over {lease}")
    finally:
        await end([turn])


class LeaseLost(RuntimeError):
    """Another replica does the work now; this one was too slow to renew its lease."""
