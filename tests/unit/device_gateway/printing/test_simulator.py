"""The simulated printer by itself: bytes in, answers and paper out."""

from __future__ import annotations

from pathlib import Path

import pytest

from device_gateway.drivers.printer.escpos.simulator import CoverOpen, NearEnd, PrinterOptions, PrinterSimulator
from device_gateway.simulators.faults import Fault, Faults, PaperOut

CUT = b"\x1dV\x42\x00"
QUESTIONS = b"\x10\x04\x01\x10\x04\x02\x10\x04\x03\x10\x04\x04"


def _said(simulator: PrinterSimulator, data: bytes) -> bytes:
    return b"".join(reply.data for reply in simulator.received(data))


@pytest.mark.parametrize(
    ("faults", "answer"),
    [
        ([], "12 12 12 12"),
        ([NearEnd()], "12 12 12 1E"),
        ([CoverOpen()], "1A 16 12 12"),
        ([PaperOut()], "1A 32 12 72"),
    ],
)
def test_its_state_is_answered_at_once(faults: list[Fault], answer: str) -> None:
    assert _said(PrinterSimulator(faults=Faults(faults)), QUESTIONS) == bytes.fromhex(answer)


def test_it_answers_even_from_the_middle_of_a_picture() -> None:
    assert _said(PrinterSimulator(), b"\x1dv0\x00\x02\x00\x20\x00\x00\x10\x04\x01") == b"\x12"


def test_the_process_id_comes_back_when_everything_before_it_is_on_paper() -> None:
    simulator = PrinterSimulator(faults=Faults([PaperOut(5)]))
    data = b"\x1b@one\ntwo\n" + CUT + b"\x1d(H\x06\x00\x30\x30ab12"
    assert _said(simulator, data) == b""
    assert simulator.receipts == []
    simulator.load_paper()
    assert [receipt.lines for receipt in simulator.receipts] == [("one", "two")]


def test_changes_are_told_when_asked_for_until_it_is_initialised() -> None:
    simulator = PrinterSimulator()
    assert _said(simulator, b"\x1da\x0f") == bytes.fromhex("10 00 00 0F")
    assert _said(simulator, b"\x1bp\x00\x32\x32") == bytes.fromhex("14 00 00 0F")
    assert _said(simulator, b"\x1b@\x1bp\x00\x32\x32") == b""
    assert simulator.kicks == [0, 0]


def test_text_is_read_in_the_page_that_is_set() -> None:
    simulator = PrinterSimulator()
    simulator.received(bytes.fromhex("1B 74 12 BE A2 88 86 0A 1B 74 11 8C EF E1 0A") + CUT)
    assert simulator.receipts[0].text == "żółć\nМяс\n"


def test_a_row_that_is_too_long_goes_on_below() -> None:
    simulator = PrinterSimulator(PrinterOptions(paper_mm=58))
    simulator.received(b"x" * 33 + b"\n\x1d!\x11" + b"y" * 17 + b"\n" + CUT)
    assert simulator.receipts[0].lines == ("x" * 32, "x", "y" * 16, "y")


@pytest.mark.parametrize("size", [1, 7])
def test_the_paper_is_the_same_in_whatever_pieces_bytes_come(size: int) -> None:
    data = b"\x1b@\x1bE\x01Sale\x1bE\x00\n\x1dv0\x00\x01\x00\x02\x00\xff\x0f" + CUT
    whole, pieces = PrinterSimulator(), PrinterSimulator()
    whole.received(data)
    for at in range(0, len(data), size):
        pieces.received(data[at : at + size])
    assert pieces.receipts[0].png() == whole.receipts[0].png()


def test_dots_are_where_the_picture_has_them() -> None:
    simulator = PrinterSimulator()
    simulator.received(b"\x1dv0\x00\x01\x00\x01\x00\x81" + CUT)
    picture = simulator.receipts[0].picture
    assert [picture.getpixel((24 + x, 24)) == 0 for x in range(9)] == [True, *[False] * 6, True, False]


def test_receipts_are_written_as_they_are_cut_off(tmp_path: Path) -> None:
    simulator = PrinterSimulator(PrinterOptions(folder=tmp_path))
    simulator.received(b"one\n" + CUT + b"two\n" + CUT)
    assert (tmp_path / "receipt-002.txt").read_text(encoding="utf-8") == "two\n"
    assert (tmp_path / "receipt-001.png").read_bytes().startswith(b"\x89PNG")


def test_a_bar_code_that_is_none_or_too_wide_is_not_drawn() -> None:
    simulator = PrinterSimulator()
    wide = b"\x1dw\x06\x1dk\x49\x22{B" + b"A" * 32
    simulator.received(b"\x1dk\x43\x0512345" + wide + CUT)
    assert simulator.receipts[0].text.count("[no bar code") == 2


@pytest.mark.parametrize("text", ["dance", ""])
def test_what_may_be_typed_is_said_when_something_else_was(text: str) -> None:
    with pytest.raises(ValueError, match="Type one of: paper, no paper"):
        PrinterSimulator().typed(text)


def test_a_person_can_take_the_paper_out_and_put_it_in() -> None:
    simulator = PrinterSimulator()
    simulator.typed("no paper")
    simulator.received(b"late\n" + CUT)
    assert simulator.receipts == []
    simulator.typed("paper")
    assert simulator.receipts[0].text == "late\n"
