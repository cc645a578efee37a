"""A gateway with a payment terminal in a process of its own, to be killed."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from libs.contracts.terminals import OperateTerminal
from libs.testkit.faults import arm_from_environment
from tests.integration.device_gateway.terminals.gateway_stand import at_work, wired


@dataclass(frozen=True)
class Orders:
    """What the child shall have done at the terminal at `address`, one after the other."""

    folder: Path
    driver: str
    address: str
    commands: tuple[OperateTerminal, ...]
    fault: str


async def work(orders: Orders) -> None:
    """Send each command and wait for its answer, until the fault strikes."""
    async with at_work(orders.folder, [wired(orders.driver, orders.address, orders.folder)]) as payments:
        for command in orders.commands:
            await payments.sends(command)
            await payments.hears(command.operation_id)


def main(orders: Orders) -> None:
    """The child process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["TILLSTREAM_FAULT"] = orders.fault
    arm_from_environment()
    asyncio.run(work(orders))
