"""What the ZVT driver still knows after the gateway was started again."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from device_gateway.domain.card_operations import Approved, Declined, NotFound, NotSent, Unknown
from device_gateway.drivers.interface import DeviceMisconfigured
from device_gateway.drivers.terminal.simulated_ledger import Decline
from device_gateway.drivers.terminal.zvt.driver import open_zvt
from device_gateway.drivers.terminal.zvt.simulator import ZvtSimulator, ZvtSimulatorOptions
from device_gateway.simulators import (
    AnswerLostAfterEffect,
    Faults,
    NoAnswer,
    serving,
)
from tests.integration.device_gateway.terminals.operations import approved, inquiry_about, operation, performed
from tests.integration.device_gateway.terminals.zvt.terminals import moved, options_for


def test_a_restarted_gateway_without_memory_file_leaves_the_outcome_to_a_person() -> None:
    simulator = ZvtSimulator(ZvtSimulatorOptions())
    with serving(simulator, "tcp://127.0.0.1:0") as address:
        sale = operation("purchase", 1234)
        device = open_zvt(options_for(address))
        simulator.faults = Faults([AnswerLostAfterEffect()])
        assert isinstance(performed(device, sale), Unknown)
        device.close()
        simulator.faults = Faults()
        restarted = open_zvt(options_for(address))

        result = restarted.inquire(inquiry_about(sale))
        restarted.close()
    assert isinstance(result, Unknown)
    assert "The terminal's last receipt is 0001 over 1234 (minor units)" in result.reason


def test_a_restarted_gateway_with_memory_file_knows_every_outcome(tmp_path: Path) -> None:
    simulator = ZvtSimulator(ZvtSimulatorOptions())
    with serving(simulator, "tcp://127.0.0.1:0") as address:
        options = options_for(address, memory_file=tmp_path / "memory")
        device = open_zvt(options)
        sold, declined, lost = (operation("purchase", 1234) for _ in range(3))
        approved(device, sold)
        simulator.rules.append(Decline("78"))
        performed(device, declined)
        simulator.faults = Faults([AnswerLostAfterEffect()])
        performed(device, lost)
        device.close()
        simulator.faults = Faults()
        restarted = open_zvt(options)
        answers = [restarted.inquire(inquiry_about(sent)) for sent in (sold, declined, lost)]
        restarted.close()

    assert [type(answer) for answer in answers] == [Approved, Declined, Approved]
    assert "443056******1234" in (tmp_path / "memory").read_text()


def test_an_operation_that_was_interrupted_before_it_left_may_be_sent_again(tmp_path: Path) -> None:
    simulator = ZvtSimulator(ZvtSimulatorOptions())
    with serving(simulator, "tcp://127.0.0.1:0") as address:
        options = options_for(address, memory_file=tmp_path / "memory")
        device = open_zvt(options)
        approved(device, operation("purchase", 1))
        sale = operation("purchase", 1234)
        simulator.faults = Faults([NoAnswer()])
        assert isinstance(performed(device, sale), NotSent)
        device.close()
        simulator.faults = Faults()
        restarted = open_zvt(options)

        assert isinstance(restarted.inquire(inquiry_about(sale)), NotFound)
        approved(restarted, operation("purchase", 2))
        assert isinstance(restarted.inquire(inquiry_about(sale)), NotFound)
        restarted.close()


def test_a_damaged_or_unwritable_memory_file_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    damaged = tmp_path / "memory"
    damaged.write_text("{")
    simulator = ZvtSimulator(ZvtSimulatorOptions())
    with serving(simulator, "tcp://127.0.0.1:0") as address:
        with pytest.raises(DeviceMisconfigured, match="is damaged"):
            open_zvt(options_for(address, memory_file=damaged))
        device = open_zvt(options_for(address, memory_file=tmp_path / "no" / "folder"))
        result = performed(device, operation("purchase", 1234))
        device.close()

        assert isinstance(result, NotSent)
        assert "cannot be written" in result.reason
        assert moved(simulator) == []


def test_what_is_in_doubt_is_on_the_disk_with_its_name_before_the_request_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # After a power cut a file may be the one from before, unless its folder was written, too.
    simulator = ZvtSimulator(ZvtSimulatorOptions())
    written: list[str] = []
    fsync = os.fsync

    def written_to_disk(descriptor: int) -> None:
        fsync(descriptor)
        written.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")

    with serving(simulator, "tcp://127.0.0.1:0") as address:
        device = open_zvt(options_for(address, memory_file=tmp_path / "memory"))
        monkeypatch.setattr(os, "fsync", written_to_disk)
        before_the_card: list[list[str]] = []
        device.perform(operation("purchase", 1234), lambda stage, text: before_the_card.append(list(written)))
        device.close()

    # The operation is taken up, the newest receipt is known, the operation is in doubt: each file, then its folder.
    assert before_the_card[0] == ["file", "folder"] * 3
