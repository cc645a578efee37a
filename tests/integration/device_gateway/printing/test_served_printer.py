"""The driver and the simulated printer over real lines: pseudo-terminals, TCP and files."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from device_gateway.domain.observations import NotPrinted, Paper, Printed, PrinterStatus, PrintUnknown
from device_gateway.drivers.interface import DeviceAbsent, DeviceMisconfigured
from device_gateway.drivers.printer.escpos.driver import EscposPrinter, driver
from device_gateway.drivers.printer.escpos.simulator import PrinterOptions, PrinterSimulator
from device_gateway.simulators import CutAtByte, Fault, Faults, NoAnswer, PaperOut, serving
from tests.unit.device_gateway.printing.receipts import receipt

JOB = UUID("018f6d2a-7c3e-7d51-9a44-2b6c0e9f1a77")
LISTEN = ["pty", "tcp://127.0.0.1:0"]
IN_TIME_S = 10.0


def _open(address: str, **options: Any) -> EscposPrinter:
    asked = {"address": address, "profile": "TM-T20II", "answer_timeout_s": 1.0, **options}
    printer = driver.open_device(driver.options.model_validate(asked))
    assert isinstance(printer, EscposPrinter)
    return printer


def _eventually(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + IN_TIME_S
    while not true():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.01)


@pytest.mark.parametrize("listen", LISTEN)
@pytest.mark.parametrize("language", ["pl", "mn"])
def test_a_receipt_goes_over_the_line_and_its_end_is_confirmed(listen: str, language: str, tmp_path: Path) -> None:
    simulator = PrinterSimulator(PrinterOptions(folder=tmp_path))
    with serving(simulator, listen) as address:
        printer = _open(address)
        outcome = printer.print(JOB, printer.encode(receipt(language)).data)
        printer.close()
    assert outcome == Printed(confirmed=True)
    assert len(simulator.receipts) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["receipt-001.png", "receipt-001.txt"]


@pytest.mark.parametrize("listen", LISTEN)
def _listens(kind: str, folder: Path) -> str:
    """A place that is the same before and after the cable was out."""
    return f"pty:{folder}/printer" if kind == "pty" else kind


@pytest.mark.parametrize("listen", LISTEN)
def test_a_cable_cut_in_the_middle_is_unknown_and_the_next_receipt_whole(listen: str, tmp_path: Path) -> None:
    simulator = PrinterSimulator(faults=Faults([CutAtByte(2_000)]))
    with serving(simulator, _listens(listen, tmp_path), back_after_s=None) as address:
        printer = _open(address)
        data = printer.encode(receipt("pl")).data
        outcome = printer.print(JOB, data)
        printer.close()
        assert isinstance(outcome, PrintUnknown)
        assert simulator.receipts == []
        assert simulator.line is not None
        simulator.line.plug_in()
        again = _open(address)
        assert again.print(JOB, data) == Printed(confirmed=True)
        again.close()
    assert len(simulator.receipts) == 1


def test_what_the_printer_tells_by_itself_is_heard_while_polling() -> None:
    simulator = PrinterSimulator()
    with serving(simulator, "tcp://127.0.0.1:0") as address:
        printer = _open(address, drawer_sensor="high_is_open")
        seen: list[object] = []

        def hears(wanted: PrinterStatus) -> bool:
            seen.extend(printer.poll(0.05))
            return wanted in seen

        _eventually(lambda: hears(PrinterStatus(True, True, Paper.ADEQUATE, False, False)))
        simulator.run_out_of_paper()
        _eventually(lambda: hears(PrinterStatus(True, False, Paper.END, False, False)))
        simulator.load_paper()
        printer.kick_drawer()
        _eventually(lambda: hears(PrinterStatus(True, True, Paper.ADEQUATE, False, True)))
        printer.close()


@pytest.mark.parametrize(("fault", "reason"), [(PaperOut(), "no paper"), (NoAnswer(), "does not answer")])
def test_a_printer_that_cannot_print_is_sent_nothing(fault: Fault, reason: str) -> None:
    simulator = PrinterSimulator(faults=Faults([fault]))
    with serving(simulator, "tcp://127.0.0.1:0") as address:
        printer = _open(address, answer_timeout_s=0.2)
        outcome = printer.print(JOB, printer.encode(receipt("en")).data)
        printer.close()
    assert isinstance(outcome, NotPrinted)
    assert reason in outcome.reason
    assert not simulator.has_printed


def test_a_printer_switched_off_is_absent_to_whoever_asks() -> None:
    simulator = PrinterSimulator()
    with serving(simulator, "tcp://127.0.0.1:0", back_after_s=None) as address:
        printer = _open(address)
        assert printer.status().can_print
        assert simulator.line is not None
        simulator.line.unplug()
        with pytest.raises(DeviceAbsent):
            printer.status()
        with pytest.raises(DeviceAbsent, match="refuses the connection"):
            _open(address)
        printer.close()


def test_a_receipt_is_written_to_a_file_and_never_confirmed(tmp_path: Path) -> None:
    printer = _open(f"file:{tmp_path}/receipts.bin")
    data = printer.encode(receipt("de")).data
    assert printer.print(JOB, data) == Printed(confirmed=False)
    assert not printer.status().answered
    printer.close()
    assert (tmp_path / "receipts.bin").read_bytes() == data


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"profile": "TM-T1000"}, r"no printer profile 'TM-T1000'"),
        ({"columns": 96, "dots": 384}, r"96 characters do not fit on 384 dots"),
        ({"code_pages": {"18": "polish"}}, r"'polish', number 18, is no code page"),
    ],
)
def test_a_wrong_option_is_a_sentence_before_the_line_is_opened(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DeviceMisconfigured, match=sentence):
        _open("tcp://127.0.0.1:1", **options)
