"""How the ZVT driver finds, loses and lets go of its line."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from device_gateway.domain.card_operations import Approved
from device_gateway.drivers.interface import DeviceAbsent, DeviceMisconfigured
from device_gateway.drivers.lines import LineStalled
from device_gateway.drivers.terminal.zvt.driver import open_zvt
from device_gateway.drivers.terminal.zvt.network import open_network_line
from device_gateway.drivers.terminal.zvt.simulator import ZvtSimulator, ZvtSimulatorOptions
from device_gateway.simulators import (
    AnswerLostAfterEffect,
    Faults,
    serving,
)
from tests.integration.device_gateway.terminals.operations import approved, inquiry_about, operation, performed
from tests.integration.device_gateway.terminals.zvt.terminals import moved, options_for, terminal


def test_polling_notices_a_terminal_that_is_gone_unless_something_is_in_doubt() -> None:
    with terminal() as (simulator, device):
        assert device.poll(0.01) == ()
        sale = operation("purchase", 1234)
        simulator.faults = Faults([AnswerLostAfterEffect()])
        performed(device, sale)
        assert simulator.line is not None
        simulator.line.unplug()
        assert device.poll(0.01) == ()
        simulator.faults = Faults()
        simulator.line.plug_in()
        assert isinstance(device.inquire(inquiry_about(sale)), Approved)
        simulator.line.unplug()
        with pytest.raises(DeviceAbsent):
            device.poll(0.01)


def test_a_terminal_that_is_not_there_says_so() -> None:
    with serving(ZvtSimulator(ZvtSimulatorOptions()), "tcp://127.0.0.1:0") as address:
        pass
    with pytest.raises(DeviceAbsent, match="cannot be reached"):
        open_zvt(options_for(address))


def test_a_request_that_was_given_up_never_arrives_later() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line = open_network_line(
            f"tcp://127.0.0.1:{listening.getsockname()[1]}", connect_timeout_s=1, write_timeout_s=0.05
        )
        terminal, _ = listening.accept()
        with terminal:
            with pytest.raises(LineStalled):
                line.write(bytes(50_000_000))
            line.close()
            with pytest.raises(ConnectionResetError):
                _read_to_the_end(terminal)


def _read_to_the_end(terminal: socket.socket) -> None:
    """What was on its way may arrive; what was still in this PC must not."""
    while terminal.recv(1_000_000):
        pass


@pytest.mark.parametrize("address", ["tcp://192.0.2.40", "tcp://192.0.2.40:x", "tcp://192.0.2.40:20007/path"])
def test_a_wrong_network_address_says_how_it_is_written(address: str) -> None:
    with pytest.raises(DeviceMisconfigured, match="is no network address: write it as"):
        open_zvt(options_for(address))


def test_over_a_serial_line_a_broken_frame_is_asked_for_again() -> None:
    simulator = ZvtSimulator(ZvtSimulatorOptions(serial=True))
    with serving(simulator, "pty") as address:
        device = open_zvt(options_for(address))
        assert approved(device, operation("purchase", 1234)).slips.customer[0] == "CUSTOMER"
        device.close()

        assert moved(simulator) == [("charge", 1234)]


@pytest.mark.parametrize("wrong", [{"password": "12"}, {"currency": "XXX"}, {"answer_timeout_s": 0}, {"speed": 1}])
def test_wrong_options_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        options_for("tcp://127.0.0.1:1", **wrong)
