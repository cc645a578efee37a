"""Timers end when they are told to, whatever the libraries below them make of a cancellation."""

from __future__ import annotations

import asyncio
from typing import cast

from opentelemetry.trace import NoOpTracer
from prometheus_client import CollectorRegistry

from libs.host.jobs import JobMeasurements, running_jobs
from libs.host.service import Job
from libs.persistence.leases import Leases

ENDS_WITHIN_S = 10


class DeafLeases:
    """Leases whose driver, cancelled in the middle of a statement, once reports a lost connection instead."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.cancellations = 0

    async def take(self, _name: str, _lease_s: float) -> bool:
        self.asked.set()
        try:
            await asyncio.sleep(3_600)
        except asyncio.CancelledError:
            self.cancellations += 1
            if self.cancellations == 1:
                raise ConnectionError("the connection was lost") from None
            raise
        return True

    async def release(self, *_names: str) -> None:
        return


async def test_a_swallowed_cancellation_does_not_keep_a_timer_from_ending() -> None:
    leases = DeafLeases()

    async def never() -> None:
        raise AssertionError("the lease was never given")

    async def live() -> None:
        async with running_jobs(
            [Job("deaf", 0.001, never)],
            service="test",
            leases=cast("Leases", leases),
            lease_s=1,
            tracer=NoOpTracer(),
            measurements=JobMeasurements(CollectorRegistry()),
        ):
            await leases.asked.wait()

    await asyncio.wait_for(live(), ENDS_WITHIN_S)
    assert leases.cancellations >= 1
