"""A gateway in a process of its own, to be killed: it takes commands, prints on a file, and reports into another."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from libs.testkit.faults import arm_from_environment
from tests.integration.device_gateway.core.fakes import FakePrinter
from tests.integration.device_gateway.core.stand import TILL, receipt, stand, until

FINAL = {"printed", "unknown", "failed", "expired"}


@dataclass(frozen=True)
class Orders:
    """What a child shall do: carry out all jobs, two copies each with a drawer, and hear of each that it has ended."""

    folder: Path
    job_ids: tuple[UUID, ...]
    fault: str = ""

    @property
    def paper(self) -> Path:
        """What came out of the printer, a row for each print or kick."""
        return self.folder / "paper.txt"

    @property
    def reports(self) -> Path:
        """What the server heard: a row for each report."""
        return self.folder / "reports.txt"


async def work(orders: Orders) -> None:
    """Send every command, as a server does that was not told that it arrived, and wait for the end of each."""
    printer = FakePrinter(paper_file=orders.paper)
    async with stand(orders.folder, [printer.configured("printer", TILL)]) as shop:
        for number, job_id in enumerate(orders.job_ids, 1):
            await shop.server.send(receipt(f"receipt-{number}", job_id=job_id, copies=2, open_drawer="cash_sale"))

        def all_ended() -> bool:
            with shop.gateway.parts.journal.step() as step:
                jobs = [step.job(job_id) for job_id in orders.job_ids]
                ended = all(job is not None and all(copy.state.is_final for copy in job.copies) for job in jobs)
                return ended and step.unsent_count() == 0 and not step.waiting_openings()

        await until(all_ended, timeout_s=20)
        with orders.reports.open("a", encoding="utf-8") as file:
            for envelope, event in shop.server.heard:
                outcome = getattr(event, "outcome", None) or getattr(event, "state", None)
                file.write(f"{envelope.id} {envelope.subject} {envelope.sequence} {outcome}\n")


def main(orders: Orders) -> None:
    """The child process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["TILLSTREAM_FAULT"] = orders.fault
    arm_from_environment()
    asyncio.run(work(orders))
