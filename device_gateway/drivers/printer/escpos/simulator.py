"""A receipt printer that speaks the real bytes and shows what it printed. `tillstream simulate printer` serves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field

from device_gateway.drivers.printer.escpos.simulated_interpreter import EPSON_PAGES, Interpreter, Orders
from device_gateway.drivers.printer.escpos.simulated_paper import CELL_WIDTH, Receipt, SimulatedPaper
from device_gateway.simulators.faults import LINE_FAULTS, AnswerLostAfterEffect, Fault, Faults, PaperOut
from device_gateway.simulators.simulator import Reply, SimulatedDevice, Simulator, SimulatorOptions

_DOTS = {80: 576, 58: 384}
FaultT = TypeVar("FaultT", bound=Fault)
_EOT, _DC4 = 0x04, 0x14


@dataclass(frozen=True)
class NearEnd(Fault):
    name = "near-end"
    meaning = "The paper is near its end; it prints."


@dataclass(frozen=True)
class CoverOpen(Fault):
    name = "cover-open"
    meaning = "The cover is open; it does not print."


class PrinterOptions(SimulatorOptions):
    """What `--set` may say of the simulated printer."""

    paper_mm: Literal[58, 80] = Field(80, description="the width of the paper")
    dots: int | None = Field(
        None, ge=128, le=1024, description="dots across, if not 576 or 384: 512 for a TM-T88V, for instance"
    )
    folder: Path | None = Field(None, description="a folder for receipt-001.png and receipt-001.txt, and so on")
    has_process_id: bool = Field(True, description="whether it answers GS ( H")


class PrinterSimulator(Simulator):
    """See the module's description. `receipts` are the pieces of paper that it has cut off.

    What it has received but cannot print, for want of paper, it keeps. Half a command outlives a break of the line, as
    in a printer on a serial line, which does not notice one.
    """

    def __init__(
        self,
        options: PrinterOptions | None = None,
        faults: Faults | None = None,
        *,
        pages: Mapping[int, str] = EPSON_PAGES,
        dots: int | None = None,
    ) -> None:
        super().__init__(faults)
        self._options = options or PrinterOptions()
        self.paper = SimulatedPaper(dots or self._options.dots or _DOTS[self._options.paper_mm])
        self.drawer_open = False
        self.kicks: list[int] = []
        self._out_of_paper = False
        self._cover_open = False
        self._mended: list[Fault] = []
        self._job_bytes = 0
        self._held = bytearray()
        self._real_time = bytearray()
        self._told_changes = 0
        self._replies: list[Reply] = []
        self._interpreter = Interpreter(
            self.paper,
            Orders(
                answer=self._answer,
                kick=self._kick,
                tell_changes=self._tell_changes,
                paper_status=lambda: 0x0C if self._out_of_paper else 0x03 if self._near_end else 0,
                drawer_status=lambda: int(self.drawer_open),
                cut=self._cut,
            ),
            self.paper.dots // CELL_WIDTH,
            pages,
            self._options.has_process_id,
        )

    @property
    def receipts(self) -> list[Receipt]:
        """The pieces of paper that have been cut off."""
        return self.paper.finished

    @property
    def has_printed(self) -> bool:
        """Whether anything at all has come out."""
        return bool(self.receipts) or not self.paper.is_clean

    def received(self, data: bytes) -> Sequence[Reply]:
        for byte in data:
            self._listen_for_real_time(byte)
            self._held.append(byte)
            self._print_held()
        return self._take_replies()

    def connected(self) -> Sequence[Reply]:
        return self._take_replies()

    def disconnected(self) -> None:
        self._replies.clear()

    def load_paper(self) -> None:
        """Put in a new roll; what waited is printed."""
        self._change(out_of_paper=False)

    def run_out_of_paper(self) -> None:
        """The roll is at its end."""
        self._change(out_of_paper=True)

    def open_cover(self) -> None:
        """Open the cover."""
        self._change(cover_open=True)

    def close_cover(self) -> None:
        """Close it; what waited is printed."""
        self._change(cover_open=False)

    def tear_off(self) -> None:
        """Tear the paper off, as people do at a printer without a cutter."""
        self._cut("torn")

    def close_drawer(self) -> None:
        """Push the drawer in."""
        self.drawer_open = False
        self._say_change()

    def typed(self, text: str) -> None:
        actions = {
            "paper": self.load_paper,
            "no paper": self.run_out_of_paper,
            "open cover": self.open_cover,
            "close cover": self.close_cover,
            "close drawer": self.close_drawer,
            "tear off": self.tear_off,
        }
        if text.strip() not in actions:
            raise ValueError(f"Type one of: {', '.join(actions)}.")
        actions[text.strip()]()

    # --- paper, cover and drawer ---

    @property
    def _near_end(self) -> bool:
        return NearEnd in self.faults

    @property
    def _cover(self) -> bool:
        return self._cover_open or self._unmended(CoverOpen) is not None

    @property
    def _stands(self) -> bool:
        return self._out_of_paper or self._cover

    def _unmended(self, kind: type[FaultT]) -> FaultT | None:
        """The fault of that kind, unless a person has put it right."""
        fault = self.faults.of(kind)
        return None if any(fault is each for each in self._mended) else fault

    def _mend(self, kind: type[Fault]) -> None:
        fault = self.faults.of(kind)
        if fault is not None:
            self._mended.append(fault)

    def _change(self, *, out_of_paper: bool | None = None, cover_open: bool | None = None) -> None:
        if out_of_paper is not None:
            self._out_of_paper = out_of_paper
            if not out_of_paper:
                self._mend(PaperOut)
        if cover_open is not None:
            self._cover_open = cover_open
            if not cover_open:
                self._mend(CoverOpen)
        self._print_held()
        self._say_change()

    def _say_change(self) -> None:
        if self._told_changes:
            self._replies.append(Reply(self._state()))
        self.say(*self._take_replies())

    def _kick(self, pin: int) -> None:
        self.kicks.append(pin)
        self.drawer_open = True
        self.tell(f"The drawer opens (pin {2 if pin == 0 else 5}).")
        if self._told_changes:
            self._replies.append(Reply(self._state()))

    def _cut(self, how: str) -> None:
        receipt = self.paper.cut(how)
        if self._options.folder is not None:
            self.tell(f"Receipt: {receipt.save(self._options.folder, len(self.receipts))}")
        else:
            self.tell(receipt.text)

    # --- bytes ---

    def _print_held(self) -> None:
        """Carry out what has come, as long as there is paper."""
        done = 0
        for byte in self._held:
            self._look_at_paper()
            if self._stands:
                break
            begun = self._interpreter.initialised
            self._interpreter.take(byte)
            done += 1
            self._job_bytes = 1 if self._interpreter.initialised > begun else self._job_bytes + 1
        del self._held[:done]

    def _look_at_paper(self) -> None:
        ends = self._unmended(PaperOut)
        if ends is not None and not self._out_of_paper and (ends.at_byte == 0 or self._in_job_at(ends.at_byte)):
            self._out_of_paper = True
            if self._told_changes:
                self._replies.append(Reply(self._state()))

    def _in_job_at(self, byte: int) -> bool:
        return self._interpreter.initialised > 0 and self._job_bytes >= byte

    def _listen_for_real_time(self, byte: int) -> None:
        """Carry out DLE EOT and DLE DC4 as soon as they come, wherever they stand and even without paper."""
        self._real_time.append(byte)
        while self._real_time and self._real_time[0] != 0x10:
            del self._real_time[0]
        if len(self._real_time) >= 2 and self._real_time[1] not in (_EOT, _DC4):
            del self._real_time[0]
            return self._again()
        if len(self._real_time) == 3 and self._real_time[1] == _EOT:
            number = self._real_time[2]
            self._real_time.clear()
            self._look_at_paper()
            if 1 <= number <= 4:
                self._replies.append(Reply(bytes((self._real_time_status(number),))))
        elif len(self._real_time) == 5:
            function, pin, _ = self._real_time[2:5]
            self._real_time.clear()
            if function == 1:
                self._kick(pin & 1)
        return None

    def _again(self) -> None:
        rest = bytes(self._real_time)
        self._real_time.clear()
        for byte in rest:
            self._listen_for_real_time(byte)

    def _real_time_status(self, number: int) -> int:
        match number:
            case 1:
                return 0x12 | (0x04 if self.drawer_open else 0) | (0x08 if self._stands else 0)
            case 2:
                return 0x12 | (0x04 if self._cover else 0) | (0x20 if self._out_of_paper else 0)
            case 3:
                return 0x12
            case _:
                return 0x12 | (0x0C if self._near_end else 0) | (0x60 if self._out_of_paper else 0)

    def _state(self) -> bytes:
        first = 0x10 | (0x04 if self.drawer_open else 0) | (0x08 if self._stands else 0) | (0x20 if self._cover else 0)
        third = (0x03 if self._near_end else 0) | (0x0C if self._out_of_paper else 0)
        return bytes((first, 0, third, 0x0F))

    def _tell_changes(self, what: int) -> None:
        self._told_changes = what
        if what:
            self._replies.append(Reply(self._state()))

    def _answer(self, data: bytes, proof: bool) -> None:
        self._replies.append(Reply(data, after_effect=proof))

    def _take_replies(self) -> Sequence[Reply]:
        replies, self._replies = self._replies, []
        return replies


simulated = SimulatedDevice(
    options=PrinterOptions,
    make=PrinterSimulator,
    faults=(*LINE_FAULTS, AnswerLostAfterEffect, PaperOut, NearEnd, CoverOpen),
    typing="paper, no paper, open cover, close cover, close drawer, tear off",
    default_listen="tcp://127.0.0.1:9100",
)
