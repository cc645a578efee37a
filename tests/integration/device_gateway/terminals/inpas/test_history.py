"""The history check for INPAS. The protocol has no inquiry, so a person reads the terminal's journal, as in a shop."""

from __future__ import annotations

import pytest

from device_gateway.drivers.interface import Terminal
from device_gateway.drivers.terminal.inpas.driver import InpasOptions, open_terminal
from device_gateway.drivers.terminal.inpas.simulator import InpasSimulator
from tests.integration.device_gateway.terminals.history import SimulatedTerminal, check_terminal_history, on_a_line
from tests.integration.device_gateway.terminals.person import WorkerAndPerson


@pytest.mark.parametrize(("carrier", "every"), [("http", 17), ("frames", 3)])
def test_what_the_terminal_moved_is_what_the_driver_said_or_left_unknown(carrier: str, every: int) -> None:
    def make_driver(simulated: SimulatedTerminal) -> Terminal:
        address = simulated.address
        options = InpasOptions(
            line=address.replace("tcp://", "http://") if carrier == "http" else address,
            terminal_id="00010001",
            answer_timeout_s=1.0,
            acknowledge_timeout_s=0.5,
            between_bytes_s=0.1,
        )
        return WorkerAndPerson(lambda: open_terminal(options), simulated)

    report = check_terminal_history(on_a_line(InpasSimulator), make_driver, currency="RUB", every=every, at_once=4)
    assert report.first_outcomes["Unknown"] > 0
