"""What is said of a document, by what the printer did and said."""

from __future__ import annotations

import pytest

from device_gateway.domain.observations import (
    SILENT,
    NotPrinted,
    Paper,
    Printed,
    PrinterStatus,
    PrintUnknown,
)
from device_gateway.drivers.interface import DeviceAbsent
from device_gateway.drivers.printer.escpos.simulator import CoverOpen, NearEnd, PrinterOptions, PrinterSimulator
from device_gateway.simulators.faults import (
    AnswerLostAfterEffect,
    Fault,
    Faults,
    Garbage,
    LateAnswer,
    NoAnswer,
    PaperOut,
)
from libs.contracts.printing import PrintedDocument, TextBlock
from tests.unit.device_gateway.printing.memory_line import JOB, Clock, MemoryLine, printer_on

DOCUMENT = PrintedDocument(language="en", blocks=tuple(TextBlock(text=f"row {number}") for number in range(40)))


class Shop:
    """A printer, its line and its driver."""

    def __init__(self, *faults: Fault, has_process_id: bool = True, stalls_at: int | None = None, **options: object):
        self.clock = Clock()
        self.simulator = PrinterSimulator(PrinterOptions(has_process_id=has_process_id), Faults(faults))
        self.line = MemoryLine(self.simulator, self.clock, stalls_at=stalls_at)
        self.printer = printer_on(self.line, self.clock, has_process_id=has_process_id, **options)
        self.data = self.printer.encode(DOCUMENT).data

    def print(self) -> Printed | NotPrinted | PrintUnknown:
        return self.printer.print(JOB, self.data)


def test_the_printers_own_word_after_the_last_row_is_confirmation() -> None:
    shop = Shop()
    assert shop.print() == Printed(confirmed=True)
    assert [receipt.lines[0] for receipt in shop.simulator.receipts] == ["row 0"]


def test_a_printer_without_process_id_is_asked_before_and_after_and_has_probably_printed() -> None:
    shop = Shop(has_process_id=False)
    assert shop.print() == Printed(confirmed=False)
    assert len(shop.simulator.receipts) == 1


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (PaperOut(), "has no paper. Put in a new roll"),
        (CoverOpen(), "cover is open. Close it"),
        (NoAnswer(), "does not answer"),
        (Garbage(), "does not answer"),
    ],
)
def test_a_printer_that_is_not_ready_is_sent_nothing(fault: Fault, reason: str) -> None:
    shop = Shop(fault)
    before = shop.line.delivered
    outcome = shop.print()
    assert isinstance(outcome, NotPrinted)
    assert reason in outcome.reason
    assert shop.line.delivered - before <= 12, "four questions, and nothing else"
    assert not shop.simulator.has_printed


def test_silence_after_the_receipt_came_out_is_unknown() -> None:
    shop = Shop(AnswerLostAfterEffect())
    assert isinstance(shop.print(), PrintUnknown)
    assert len(shop.simulator.receipts) == 1


@pytest.mark.parametrize("at_byte", [1, 40, 200])
def test_paper_that_ends_in_the_middle_and_is_not_replaced_leaves_it_unknown(at_byte: int) -> None:
    shop = Shop(PaperOut(at_byte), recovery_limit_s=30)
    outcome = shop.print()
    assert isinstance(outcome, PrintUnknown)
    assert shop.simulator.receipts == []
    assert 30 < shop.clock.now < 60


@pytest.mark.parametrize("has_process_id", [True, False])
def test_paper_replaced_in_time_lets_the_receipt_end(has_process_id: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(PaperOut(200), has_process_id=has_process_id)
    read = shop.line.read

    def somebody_puts_paper_in(limit: int, timeout_s: float) -> bytes:
        if shop.clock.now > 15 and not shop.simulator.receipts:
            shop.simulator.load_paper()
        return read(limit, timeout_s)

    monkeypatch.setattr(shop.line, "read", somebody_puts_paper_in)
    assert shop.print() == Printed(confirmed=has_process_id)
    assert [len(receipt.lines) for receipt in shop.simulator.receipts] == [40]
    assert shop.clock.now > 15


def test_the_answer_to_another_job_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(AnswerLostAfterEffect())
    read = shop.line.read
    monkeypatch.setattr(shop.line, "read", lambda limit, timeout_s: read(limit, timeout_s) or b"\x37\x221234\x00")
    assert isinstance(shop.print(), PrintUnknown)


def test_a_line_that_takes_nothing_from_the_start_has_printed_nothing() -> None:
    shop = Shop()
    shop.line.stalls_at = shop.line.delivered + 12
    assert isinstance(shop.print(), NotPrinted)
    assert not shop.simulator.has_printed


def test_a_line_that_takes_nothing_more_is_tried_until_the_limit_and_then_unknown() -> None:
    shop = Shop(recovery_limit_s=30)
    shop.line.stalls_at = shop.line.delivered + 12 + 100
    assert isinstance(shop.print(), PrintUnknown)
    assert 30 <= shop.clock.now < 60


def test_late_answers_are_never_taken_for_answers_to_other_questions() -> None:
    shop = Shop(LateAnswer(2.5))
    # The drawer's bit in the answer to question 1 would be an open cover in the answer to question 2.
    shop.simulator.drawer_open = True
    for _ in range(12):
        status = shop.printer.status()
        assert status in (SILENT, PrinterStatus(True, True, Paper.ADEQUATE, False))


def test_a_printer_that_answers_late_but_within_its_time_is_understood() -> None:
    shop = Shop(LateAnswer(0.5))
    assert shop.printer.status() == PrinterStatus(True, True, Paper.ADEQUATE, False)
    assert shop.print() == Printed(confirmed=True)


def test_a_lost_answer_is_forgotten_after_its_time() -> None:
    shop = Shop(NoAnswer())
    assert shop.printer.status() == SILENT
    shop.simulator.faults = Faults()
    shop.clock.now += 10
    assert shop.printer.status().answered


def test_silence_is_never_good_news() -> None:
    shop = Shop(NoAnswer())
    assert shop.printer.status() == SILENT
    assert not shop.printer.status().can_print


def test_paper_near_its_end_is_told_and_printed_on() -> None:
    shop = Shop(NearEnd())
    assert shop.printer.status().paper is Paper.NEAR_END
    assert shop.print() == Printed(confirmed=True)


def test_a_change_is_heard_without_asking() -> None:
    shop = Shop()
    list(shop.printer.poll(0.1))
    shop.simulator.open_cover()
    assert list(shop.printer.poll(0.1)) == [PrinterStatus(True, False, Paper.ADEQUATE, True)]


def test_a_printer_that_is_not_to_be_asked_has_probably_printed_what_it_took() -> None:
    shop = Shop(NoAnswer(), has_status=False)
    assert shop.print() == Printed(confirmed=False)
    assert shop.printer.status() == SILENT


@pytest.mark.parametrize(("pin", "heard"), [(2, 0), (5, 1)])
def test_the_drawer_is_kicked_at_its_pin(pin: int, heard: int) -> None:
    shop = Shop(drawer_pin=pin)
    shop.printer.kick_drawer()
    assert shop.simulator.kicks == [heard]


def test_the_drawer_of_a_printer_without_paper_opens_now_and_not_when_paper_is_put_in() -> None:
    shop = Shop(PaperOut())
    shop.printer.kick_drawer()
    assert shop.simulator.kicks == [0]
    shop.simulator.load_paper()
    assert shop.simulator.kicks == [0]


def test_a_silent_printer_cannot_be_trusted_with_the_drawer() -> None:
    shop = Shop(NoAnswer())
    with pytest.raises(DeviceAbsent, match="Open the drawer with its key"):
        shop.printer.kick_drawer()


def test_the_drawers_sensor_is_read_where_it_is_set_up() -> None:
    shop = Shop(drawer_sensor="high_is_open")
    assert shop.printer.status().drawer_open is False
    shop.printer.kick_drawer()
    assert shop.printer.status().drawer_open is True
