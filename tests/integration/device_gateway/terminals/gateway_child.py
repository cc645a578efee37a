"""A gateway with a payment terminal in a process of its own, to be killed."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from libs.contracts.terminals import OperateTerminal
from libs.testkit.faults import arm_from_environment
from tests.integration.device_gateway.terminals.gateway_stand import at_work
from tests.integration.device_gateway.terminals.on_rabbitmq import linked_gateway
from tests.integration.device_gateway.terminals.wirings import BY_NAME

CHILD_TIMEOUT_S = 30
TERMINAL = "terminal-0"


@dataclass(frozen=True)
class Orders:
    """What the child shall have done at the terminal at `address`, one after the other, until the fault strikes.

    With a `broker`, its URL and its namespace, it carries out what comes from there.
    """

    folder: Path
    wiring: str
    address: str
    commands: tuple[OperateTerminal, ...]
    fault: str
    broker: tuple[str, str] | None = None


async def work(orders: Orders) -> None:
    """Send each command and wait for its answer, or take what the broker has."""
    device = BY_NAME[orders.wiring].device(orders.address, TERMINAL, orders.folder / TERMINAL)
    if orders.broker is not None:
        async with linked_gateway(orders.folder, device, *orders.broker):
            await asyncio.sleep(CHILD_TIMEOUT_S)
    async with at_work(orders.folder, [device]) as payments:
        for command in orders.commands:
            await payments.sends(command)
            await payments.hears(command.operation_id)


def main(orders: Orders) -> None:
    """The child process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["TILLSTREAM_FAULT"] = orders.fault
    arm_from_environment()
    asyncio.run(work(orders))


def started(orders: Orders) -> ForkServerProcess:
    """The child, started."""
    # One server that has read all the code; each child is a copy of it.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([main.__module__])
    process = context.Process(target=main, args=(orders,))
    process.start()
    return process


async def killed(orders: Orders) -> None:
    """Run the child until its fault has killed it. Raises AssertionError if it did not."""
    process = started(orders)
    await asyncio.to_thread(process.join, CHILD_TIMEOUT_S)
    hangs = process.is_alive()
    if hangs:
        process.kill()
        process.join()
    assert not hangs, "the child hangs"
    assert process.exitcode == -signal.SIGKILL, "the fault did not strike"
