"""Struck at every fault point: no job lost, none printed twice without a mark, and what is reported is true."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from pathlib import Path
from uuid import UUID, uuid5

import pytest

from device_gateway.journal import open_journal
from libs.persistence import new_id, utc_now
from libs.testkit.faults import FAULT_POINTS, armed
from tests.integration.device_gateway.core.crashing_child import Orders, main
from tests.integration.device_gateway.core.fakes import FakePrinter
from tests.integration.device_gateway.core.stand import GATEWAY, STORE, TILL, receipt, stand, until

pytestmark = pytest.mark.anyio

POINTS = [name for name in FAULT_POINTS if name.startswith("gateway_") and "_terminal_" not in name]
PRINTING_POINTS = [name for name in POINTS if "print" in name]
# At these the printer may have something on its paper while the journal says `printing`.
IN_DOUBT = {
    "gateway_after_print_intent",
    "gateway_after_print",
    "gateway_after_drawer_intent",
    "gateway_after_drawer_kick",
}
# Passed by the link to the bus, beside the printer's thread: whether the printer is at work then is chance.
BESIDE = {
    "gateway_before_command_journaled",
    "gateway_before_command_acknowledged",
    "gateway_after_publish_before_mark",
}
JOBS = 3
CHILD_TIMEOUT_S = 30


@pytest.mark.parametrize("point", POINTS)
async def test_an_exception_at_any_point_loses_nothing_and_repeats_nothing(point: str, tmp_path: Path) -> None:
    printer = FakePrinter()
    async with stand(tmp_path, [printer.configured("printer", TILL)]) as shop:
        with armed(point) as fault:
            commands = [receipt(f"receipt-{number}", copies=2, open_drawer="cash_sale") for number in range(JOBS)]
            for command in commands:
                await shop.server.send(command)
            for command in commands:

                def ended(job_id: UUID = command.job_id) -> bool:
                    return all(copy.state.is_final for copy in shop.job(job_id).copies)

                await until(ended)
            await until(lambda: fault.struck)
        await until(lambda: len(shop.server.openings()) == JOBS)
        states = [[copy.state.value for copy in shop.job(command.job_id).copies] for command in commands]
        printed = Counter(printer.texts)
        assert all(count <= 2 for count in printed.values())
        doubtful = [copy for copies in states for copy in copies if copy == "unknown"]
        assert len(doubtful) == (1 if point in IN_DOUBT else 0)
        assert all(copy in ("printed", "unknown") for copies in states for copy in copies)
        assert len(printer.paper) >= 2 * JOBS - len(doubtful)
        assert len({job_id for job_id, _ in printer.paper}) == len(printer.paper)
        assert printer.kicks <= JOBS
        for command in commands:
            await until(lambda c=command: shop.server.states_of(c.job_id)[-1:] in (["printed"], ["unknown"]))  # type: ignore[misc]
            numbers = shop.server.sequences(command.job_id)
            assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("passage", [1, 3])
@pytest.mark.parametrize("point", POINTS)
def test_a_gateway_killed_at_any_point_loses_nothing_and_repeats_nothing(
    point: str, passage: int, tmp_path: Path
) -> None:
    job_ids = tuple(new_id() for _ in range(JOBS))
    assert _child(Orders(tmp_path, job_ids, f"{point}:kill:{passage}")) == -9, "the fault did not strike"
    assert _child(Orders(tmp_path, job_ids)) == 0

    paper = (tmp_path / "paper.txt").read_text(encoding="utf-8").split("\n")[:-1]
    prints = Counter(row.split()[0] for row in paper if row != "kick")
    assert set(prints.values()) == {1}, "something was printed twice"
    assert paper.count("kick") <= JOBS

    journal = open_journal(tmp_path / "gateway", gateway_id=GATEWAY, store_id=STORE, clock=utc_now)
    with journal.step() as step:
        jobs = [step.job(job_id) for job_id in job_ids]
    journal.close()
    doubtful = 0
    for job in jobs:
        assert job is not None, "a job was lost"
        ids = [job.job_id, uuid5(job.job_id, "copy 2")]
        for copy, print_id in zip(job.copies, ids, strict=True):
            if copy.state.value == "unknown":
                doubtful += 1
                assert "The gateway stopped" in str(copy.reason)
            else:
                assert copy.state.value == "printed"
                assert prints[str(print_id)] == 1, "it is said to be printed and is not there"
    if point in BESIDE:
        assert doubtful <= 1, "more is in doubt than can have been in hand"
    else:
        assert doubtful == (1 if point in IN_DOUBT else 0)

    reports = [row.split() for row in (tmp_path / "reports.txt").read_text(encoding="utf-8").splitlines()]
    last = {subject: outcome for _, subject, _, outcome in reports}
    for job in jobs:
        assert job is not None
        # What was reported before the kill went to a server that died with it; the end is reported in any case,
        # unless that was confirmed before.
        assert last.get(str(job.job_id)) in (job.state.value, None)
    openings = [outcome for _, _, _, outcome in reports if outcome in ("sent", "opened", "unknown", "failed")]
    assert openings


def _child(orders: Orders) -> int | None:
    # One server that has read all the code; each child is a copy of it.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([main.__module__])
    process = context.Process(target=main, args=(orders,))
    process.start()
    process.join(CHILD_TIMEOUT_S)
    if process.is_alive():
        process.kill()
        process.join()
        pytest.fail("the child hangs")
    return process.exitcode
