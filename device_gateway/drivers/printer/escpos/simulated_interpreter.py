"""Carries out ESC/POS byte by byte, as a printer does. Written from the descriptions of the commands, and knowing
nothing of the code that encodes: protocols.md A.3, A.4.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field

from device_gateway.drivers.printer.escpos.simulated_paper import LINE_SPACING, Character, SimulatedPaper

# The numbers of code pages in Epson's TM series: protocols.md A.2.
EPSON_PAGES: Mapping[int, str] = {
    0: "cp437",
    2: "cp850",
    3: "cp860",
    4: "cp863",
    5: "cp865",
    13: "cp857",
    14: "cp737",
    15: "iso8859_7",
    16: "cp1252",
    17: "cp866",
    18: "cp852",
    19: "cp858",
    33: "cp775",
    34: "cp855",
    39: "iso8859_2",
    40: "iso8859_15",
    45: "cp1250",
    46: "cp1251",
    47: "cp1253",
    48: "cp1254",
    51: "cp1257",
}
CUT_FEED_LINES = 4
_LEVELS = {48: "l", 49: "m", 50: "q", 51: "h"}
_LF, _CR, _DLE, _ESC, _FS, _GS = 0x0A, 0x0D, 0x10, 0x1B, 0x1C, 0x1D
# Commands of one operand that change nothing which the simulator shows.
_IGNORED_ESC = frozenset(b"-3MRSV{ Gr")
_IGNORED_GS = frozenset(b"fIbB")

Steps = Generator[None, int, None]


@dataclass
class Orders:
    """What the interpreter asks of the rest of the printer; `answer` says bytes, the flag marks a proof of printing."""

    answer: Callable[[bytes, bool], None]
    kick: Callable[[int], None]
    tell_changes: Callable[[int], None]
    paper_status: Callable[[], int]
    drawer_status: Callable[[], int]
    cut: Callable[[str], None]


@dataclass
class _Setting:
    """What ESC @ sets back."""

    bold: bool = False
    wide: int = 1
    high: int = 1
    align: int = 0
    page: int = 0
    barcode_height: int = 162
    barcode_dots: int = 3
    text_below: bool = False
    qr_dots: int = 3
    qr_level: str = "l"
    qr_data: bytes = b""


@dataclass
class Interpreter:
    """A printer's command interpreter. Half a command stays half until its rest comes, over breaks of the line too."""

    paper: SimulatedPaper
    orders: Orders
    columns: int
    pages: Mapping[int, str] = field(default_factory=lambda: EPSON_PAGES)
    has_process_id: bool = True
    initialised: int = 0

    def __post_init__(self) -> None:
        self._set = _Setting()
        self._line: list[Character] = []
        self._steps = self._run()
        next(self._steps)

    def take(self, byte: int) -> None:
        """Carry out one more byte."""
        self._steps.send(byte)

    def _run(self) -> Steps:
        while True:
            byte = yield
            if byte == _LF:
                self._print_line()
            elif byte == _ESC:
                yield from self._esc()
            elif byte == _GS:
                yield from self._gs()
            elif byte == _FS:
                yield
            elif byte == _DLE:
                yield from self._dle()
            elif byte >= 0x20:
                self._add(byte)

    def _operands(self, count: int) -> Generator[None, int, bytes]:
        taken = bytearray()
        while len(taken) < count:
            taken.append((yield))
        return bytes(taken)

    def _dle(self) -> Steps:
        # Carried out when it arrived; here it is only left out.
        what = yield
        if what == 0x14:
            function = yield
            yield from self._operands({1: 2, 2: 2, 8: 7}.get(function, 0))
        else:
            yield

    def _esc(self) -> Steps:
        what = yield
        match chr(what):
            case "@":
                self._set = _Setting()
                self._line = []
                self.initialised += 1
                self.orders.tell_changes(0)
            case "2":
                pass
            case "p":
                pin, *_ = yield from self._operands(3)
                self.orders.kick(pin & 1)
            case "!":
                mode = yield
                self._set.bold, self._set.high, self._set.wide = (
                    bool(mode & 8),
                    1 + (mode >> 4 & 1),
                    1 + (mode >> 5 & 1),
                )
            case "E":
                self._set.bold = bool((yield) & 1)
            case "a":
                self._set.align = (yield) % 48 % 3
            case "t":
                self._set.page = yield
            case "d":
                lines = yield
                self._print_line(only_if_begun=True)
                self.paper.blank(lines * LINE_SPACING, lines)
            case "J":
                self._print_line(only_if_begun=True)
                self.paper.blank((yield), 0)
            case _ if what in _IGNORED_ESC:
                yield

    def _gs(self) -> Steps:
        what = yield
        match chr(what):
            case "!":
                size = yield
                self._set.wide, self._set.high = (size >> 4 & 7) + 1, (size & 7) + 1
            case "V":
                how = yield
                if how in (65, 66):
                    yield
                self._print_line(only_if_begun=True)
                self.paper.blank(CUT_FEED_LINES * LINE_SPACING, 0)
                self.orders.cut("full" if how in (0, 48, 65) else "partial")
            case "a":
                self.orders.tell_changes((yield))
            case "r":
                wanted = (yield) % 48
                self.orders.answer(
                    bytes((self.orders.paper_status() if wanted == 1 else self.orders.drawer_status(),)), True
                )
            case "h":
                self._set.barcode_height = yield
            case "w":
                self._set.barcode_dots = yield
            case "H":
                self._set.text_below = bool((yield) & 2)
            case "k":
                yield from self._barcode()
            case "v":
                yield from self._raster()
            case "(":
                yield from self._extended()
            case "L" | "W" | "P":
                yield from self._operands(2)
            case _ if what in _IGNORED_GS:
                yield

    def _barcode(self) -> Steps:
        kind = yield
        data = bytearray()
        if kind >= 65:
            data += yield from self._operands((yield))
        else:
            while byte := (yield):
                data.append(byte)
        self._print_line(only_if_begun=True)
        now = self._set
        self.paper.barcode(kind, bytes(data), now.barcode_dots, now.barcode_height, now.text_below, now.align)

    def _raster(self) -> Steps:
        _, _, low, high, rows_low, rows_high = yield from self._operands(6)
        width_bytes, rows = low + 256 * high, rows_low + 256 * rows_high
        data = yield from self._operands(width_bytes * rows)
        self._print_line(only_if_begun=True)
        self.paper.picture(width_bytes, data, self._set.align)

    def _extended(self) -> Steps:
        group = yield
        low, high = yield from self._operands(2)
        data = yield from self._operands(low + 256 * high)
        if group == ord("H") and data[:2] == b"00" and len(data) == 6 and self.has_process_id:
            self.orders.answer(b"\x37\x22" + data[2:] + b"\x00", True)
        elif group == ord("k") and data[:1] == b"1" and len(data) > 2:
            self._qr(data[1], data[2:])

    def _qr(self, function: int, data: bytes) -> None:
        match chr(function):
            case "C":
                self._set.qr_dots = data[0]
            case "E":
                self._set.qr_level = _LEVELS.get(data[0], "l")
            case "P":
                self._set.qr_data = data[1:]
            case "Q" if self._set.qr_data:
                self._print_line(only_if_begun=True)
                now = self._set
                self.paper.qr(now.qr_data, now.qr_dots, now.qr_level, now.align)

    def _add(self, byte: int) -> None:
        codec = self.pages.get(self._set.page, "ascii")
        text = bytes((byte,)).decode(codec, "replace")
        if sum(each.wide for each in self._line) + self._set.wide > self.columns:
            self._print_line()
        self._line.append(Character(text, self._set.bold, self._set.wide, self._set.high))

    def _print_line(self, *, only_if_begun: bool = False) -> None:
        if self._line or not only_if_begun:
            self.paper.text_line(self._line, self._set.align)
        self._line = []
