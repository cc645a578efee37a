"""A simulated ZVT terminal and the driver for it, as the tests use them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from device_gateway.drivers.terminal.zvt.driver import ZvtOptions, ZvtTerminal, open_zvt
from device_gateway.drivers.terminal.zvt.simulator import ZvtSimulator, ZvtSimulatorOptions
from device_gateway.simulators import serving


def options_for(address: str, **options: Any) -> ZvtOptions:
    """Options of a driver for the terminal at an address; it loses patience quickly."""
    short = {"connect_timeout_s": 1, "acknowledge_timeout_s": 0.3, "answer_timeout_s": 0.3, "inquiry_timeout_s": 1}
    return ZvtOptions.model_validate({"address": address, **short, **options})


@contextmanager
def terminal(**options: Any) -> Iterator[tuple[ZvtSimulator, ZvtTerminal]]:
    """A fresh terminal and an open driver for it."""
    simulator = ZvtSimulator(ZvtSimulatorOptions(**options))
    with serving(simulator, "tcp://127.0.0.1:0") as address:
        device = open_zvt(options_for(address))
        yield simulator, device
        device.close()


def moved(simulator: ZvtSimulator) -> list[tuple[str, int]]:
    """What the terminal really moved, oldest first."""
    return [(entry.kind, entry.amount_minor) for entry in simulator.ledger]
