"""Wherever the line to a ZVT terminal is cut, what it charged is what the driver says."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from device_gateway.drivers.terminal.zvt.driver import ZvtOptions, ZvtTerminal, open_zvt
from device_gateway.drivers.terminal.zvt.simulator import ZvtSimulator, ZvtSimulatorOptions
from tests.integration.device_gateway.terminals.history import SimulatedTerminal, check_terminal_history, on_a_line


def _terminal(**options: object) -> ZvtSimulator:
    return ZvtSimulator(ZvtSimulatorOptions.model_validate({"slips": False, **options}))


def _driver(terminal: SimulatedTerminal, memory_file: Path | None = None) -> ZvtTerminal:
    options = ZvtOptions(
        address=terminal.address,
        memory_file=memory_file,
        connect_timeout_s=1,
        acknowledge_timeout_s=1,
        answer_timeout_s=1,
    )
    return open_zvt(options)


class _WithMemory:
    """Opens drivers with a memory file for each terminal."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)
        # Kept, so that no two terminals are ever the same object.
        self._files: list[tuple[SimulatedTerminal, Path]] = []

    def __call__(self, terminal: SimulatedTerminal) -> ZvtTerminal:
        for known, file in tuple(self._files):
            if known is terminal:
                return _driver(terminal, file)
        file = self._folder / f"{next(self._numbers)}.json"
        self._files.append((terminal, file))
        return _driver(terminal, file)


def test_cut_at_every_byte_the_terminal_charged_what_the_driver_says() -> None:
    report = check_terminal_history(on_a_line(_terminal), _driver, same_reference=True)

    assert report.histories > 350
    assert set(report.first_outcomes) == {"Approved", "NotSent", "Unknown"}


@pytest.mark.parametrize("finishes", [True, False])
def test_a_gateway_that_is_started_again_finds_out_by_its_memory_file(tmp_path: Path, finishes: bool) -> None:
    check_terminal_history(
        on_a_line(lambda: _terminal(finishes_when_cut_off=finishes, works_on_s=0.03)),
        _WithMemory(tmp_path),
        restarted=True,
        same_reference=True,
        every=3,
    )


def test_the_next_customer_who_pays_the_same_amount_is_not_mistaken_for_the_one_in_doubt() -> None:
    check_terminal_history(on_a_line(_terminal), _driver, another_first=True, same_reference=True, every=3)


def test_over_a_serial_line_cut_at_every_byte_too(tmp_path: Path) -> None:
    report = check_terminal_history(on_a_line(lambda: _terminal(serial=True), tmp_path), _driver, every=4)

    assert report.histories > 100
