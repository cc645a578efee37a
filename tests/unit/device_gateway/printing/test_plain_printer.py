"""Plain text printers: one code page, no answers."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from device_gateway.domain.observations import SILENT, NotPrinted, Printed, PrintUnknown
from device_gateway.drivers.interface import DeviceAbsent
from device_gateway.drivers.lines import LineBroken
from device_gateway.drivers.printer.plain.driver import PlainOptions, PlainPrinter
from libs.contracts.printing import Block, CutBlock, PairBlock, PrintedDocument, QrBlock, RuleBlock, TextBlock
from tests.unit.device_gateway.printing.memory_line import JOB, Clock


class _Line:
    """A line that takes `takes` bytes and then breaks; `left` of them stay in this PC."""

    answers = True

    def __init__(self, clock: Clock, takes: int | None = None, left: int = 0) -> None:
        self.taken = b""
        self._clock = clock
        self._takes = takes
        self._left = left

    def write(self, data: bytes) -> None:
        self.taken += data[: self._takes]
        if self._takes is not None and len(data) > self._takes:
            raise LineBroken("The line is gone.", self._takes)

    def read(self, limit: int, timeout_s: float) -> bytes:
        self._clock.now += timeout_s
        return b""

    def unsent(self) -> int:
        return self._left

    def close(self) -> None:
        pass


def _printer(*, takes: int | None = None, left: int = 0, **options: Any) -> tuple[PlainPrinter, _Line]:
    clock = Clock()
    line = _Line(clock, takes, left)
    asked = PlainOptions.model_validate({"address": "tcp://kitchen:9100", "columns": 20, **options})
    return PlainPrinter(line, asked, clock), line


def _data(*blocks: Block, **options: Any) -> bytes:
    return _printer(**options)[0].encode(PrintedDocument(language="pl", blocks=blocks)).data


def test_a_kitchen_order_is_plain_text() -> None:
    blocks = (TextBlock(text="TABLE 4", size=2, align="center"), RuleBlock(), PairBlock(left="2 x Żurek", right="hot"))
    assert _data(*blocks, code_page="cp852", feed_rows=2) == (
        "      TABLE 4\r\n--------------------\r\n2 x Żurek        hot\r\n\r\n\r\n".encode("cp852")
    )


@pytest.mark.parametrize(
    ("options", "end"),
    [
        ({"end": "form_feed"}, b"x\r\n\x0c"),
        ({"end": "rows", "feed_rows": 1, "line_end": "lf"}, b"x\n\n"),
        ({"end": "command", "feed_rows": 1, "cut_command": "1b 69"}, b"x\r\n\r\n\x1bi"),
    ],
)
def test_a_document_ends_as_the_printer_needs_it(options: dict[str, Any], end: bytes) -> None:
    assert _data(TextBlock(text="x"), CutBlock(), **options) == end


def test_what_the_code_page_has_not_is_printed_without_its_accent_and_warned_of() -> None:
    printer, _ = _printer(code_page="cp437", feed_rows=0)
    encoded = printer.encode(PrintedDocument(language="pl", blocks=(TextBlock(text="ćma ₮"), QrBlock(data="sale"))))
    assert encoded.data == b"cma ?\r\nsale\r\n"
    assert encoded.warnings == (
        "cp437 has no ć; c was printed instead",
        "cp437 has no ₮; ? was printed instead",
        "this printer prints no codes; the text of one was printed instead",
    )


def test_no_code_of_a_document_becomes_a_command() -> None:
    assert b"\x1b" not in _data(TextBlock(text="a\x1bi"), QrBlock(data="\x1bi"))


def test_what_was_handed_over_is_probably_printed_and_never_confirmed() -> None:
    printer, line = _printer()
    assert printer.print(JOB, b"order") == Printed(confirmed=False)
    assert line.taken == b"order"
    assert printer.status() == SILENT


def test_a_line_that_took_nothing_has_printed_nothing() -> None:
    assert isinstance(_printer(takes=0)[0].print(JOB, b"order"), NotPrinted)


def test_a_line_that_broke_in_the_middle_leaves_it_unknown() -> None:
    assert isinstance(_printer(takes=3)[0].print(JOB, b"order"), PrintUnknown)


def test_bytes_that_never_left_this_pc_leave_it_unknown() -> None:
    assert isinstance(_printer(left=2)[0].print(JOB, b"order"), PrintUnknown)


def test_the_drawer_is_kicked_by_the_command_that_was_set_up_or_not_at_all() -> None:
    printer, line = _printer(kick_command="1b 70 00 32 32")
    printer.kick_drawer()
    assert line.taken == b"\x1bp\x0022"
    with pytest.raises(DeviceAbsent, match="Open the drawer with its key"):
        _printer()[0].kick_drawer()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"code_page": "polish"}, "'polish' is no code page"), ({"cut_command": "ESC i"}, "write bytes in hexadecimal")],
)
def test_a_wrong_option_says_what_would_be_right(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        _printer(**options)
