"""The paper of the simulated printer: what comes out, as text and as a picture that a person can look at."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import segno
from PIL import Image, ImageDraw

from device_gateway.drivers.printer.escpos.simulated_codes import code128_modules, ean13_modules
from device_gateway.fonts import CHINESE, font, font_of

CELL_WIDTH, CELL_HEIGHT, LINE_SPACING = 12, 24, 30
_MARGIN_DOTS = 24
_SCISSORS_DOTS = 12


@dataclass(frozen=True, slots=True)
class Character:
    """A character as it is to be printed."""

    text: str
    bold: bool
    wide: int
    high: int


@dataclass(frozen=True)
class Receipt:
    """A piece of paper, from cut to cut. `cut` is how it ended: `full`, `partial`, or `torn` where it was not cut."""

    lines: tuple[str, ...]
    draw: Callable[[], Image.Image] = field(repr=False)
    cut: str

    @cached_property
    def picture(self) -> Image.Image:
        """What it looks like, in dots. Drawn when somebody looks: a day's receipts are mostly read as text."""
        return self.draw()

    @property
    def text(self) -> str:
        """What can be read on it; pictures and codes are named in square brackets."""
        return "\n".join(self.lines) + "\n"

    def png(self) -> bytes:
        """The picture as a PNG file."""
        written = io.BytesIO()
        self.picture.save(written, "PNG", optimize=True)
        return written.getvalue()

    def save(self, folder: Path, number: int) -> Path:
        """Write receipt-NNN.png and receipt-NNN.txt; returns the picture's path."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"receipt-{number:03}.txt").write_text(self.text, encoding="utf-8")
        path = folder / f"receipt-{number:03}.png"
        path.write_bytes(self.png())
        return path


@dataclass
class SimulatedPaper:
    """The roll. `finished` are the pieces that were cut off; what came out since then is still in the printer."""

    dots: int
    finished: list[Receipt] = field(default_factory=list)
    _lines: list[str] = field(default_factory=list)
    _strips: list[Callable[[], Image.Image]] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing has come out since the last cut."""
        return not any(self._lines)

    def text_line(self, characters: list[Character], align: int) -> None:
        """Print a line of text and go to the next."""
        line = tuple(characters)
        # Blanks that move a text to its place are kept: a test sees where it stands.
        self._put(lambda: _drawn_line(line), align, "".join(each.text for each in line).rstrip(" "))

    def blank(self, dots: int, lines: int) -> None:
        """Feed paper."""
        self._lines += [""] * lines
        if dots:
            self._strips.append(lambda: Image.new("1", (self.dots, dots), 1))

    def picture(self, width_bytes: int, data: bytes, align: int) -> None:
        """Print dots; rows of `width_bytes`."""
        height = len(data) // width_bytes if width_bytes else 0
        if not height:
            return
        size = (width_bytes * 8, height)
        if self._lines[-1:] and self._lines[-1].startswith(_PICTURE):
            height += int(self._lines.pop().rpartition(" ")[2].rstrip("]"))
        self._put(
            lambda: Image.frombytes("1", size, bytes(byte ^ 0xFF for byte in data)),
            align,
            f"{_PICTURE}{width_bytes * 8} dots wide, high {height}]",
        )

    def qr(self, data: bytes, module_dots: int, level: str, align: int) -> None:
        """Print a QR code, without a quiet zone, as printers do."""
        self._put(lambda: _drawn_qr(data, module_dots, level), align, f"[QR: {data.decode('utf-8', 'replace')}]")

    def barcode(self, kind: int, data: bytes, module_dots: int, height: int, text_below: bool, align: int) -> None:
        """Print a bar code; one that cannot be is left out, and one that is too wide, as printers do."""
        try:
            if kind in (2, 67):
                name, text = "EAN-13", data.decode("ascii", "replace")
                modules = ean13_modules(text)
            else:
                name = "Code 128"
                modules, text = code128_modules(data)
        except ValueError as error:
            self._lines.append(f"[no bar code: {error}]")
            return
        if len(modules) * module_dots > self.dots:
            self._lines.append(f"[no bar code: {text!r} is too wide]")
            return
        self._put(lambda: _drawn_bars(modules, module_dots, height), align, f"[{name}: {text}]")
        if text_below:
            below = [Character(each, False, 1, 1) for each in text]
            self.text_line(below, align)
            self._lines.pop()

    def cut(self, how: str) -> Receipt:
        """Cut it off."""
        strips, dots = self._strips, self.dots
        receipt = Receipt(tuple(self._lines), lambda: _drawn_piece(strips, dots, how), how)
        self.finished.append(receipt)
        self._lines, self._strips = [], []
        return receipt

    def _put(self, draw: Callable[[], Image.Image], align: int, line: str) -> None:
        def strip() -> Image.Image:
            drawn = draw()
            whole = Image.new("1", (self.dots, drawn.height), 1)
            free = max(0, self.dots - drawn.width)
            whole.paste(drawn, ((0, free // 2, free)[align], 0))
            return whole

        self._strips.append(strip)
        self._lines.append(line)


_PICTURE = "[picture "


def _drawn_piece(strips: Sequence[Callable[[], Image.Image]], dots: int, how: str) -> Image.Image:
    """The strips one under the other, and the edge where the paper was cut."""
    drawn = [strip() for strip in strips]
    height = sum(strip.height for strip in drawn) + 2 * _MARGIN_DOTS
    picture = Image.new("1", (dots + 2 * _MARGIN_DOTS, height), 1)
    y = _MARGIN_DOTS
    for strip in drawn:
        picture.paste(strip, (_MARGIN_DOTS, y))
        y += strip.height
    edge = ImageDraw.Draw(picture)
    for x in range(0, picture.width, 2 * _SCISSORS_DOTS):
        gap = 0 if how == "full" else _SCISSORS_DOTS
        edge.line((x, height - 2, x + 2 * _SCISSORS_DOTS - gap, height - 2), fill=0, width=2)
    return picture


def _drawn_line(characters: Sequence[Character]) -> Image.Image:
    width = sum(CELL_WIDTH * each.wide for each in characters)
    height = max((each.high for each in characters), default=1) * CELL_HEIGHT
    strip = Image.new("1", (max(1, width), max(LINE_SPACING, height)), 1)
    x = 0
    for each in characters:
        # Letters of different heights stand on one line.
        strip.paste(_drawn(each), (x, height - CELL_HEIGHT * each.high))
        x += CELL_WIDTH * each.wide
    return strip


def _drawn_qr(data: bytes, module_dots: int, level: str) -> Image.Image:
    code = segno.make(data, error=level, boost_error=False, micro=False)
    side = int(code.symbol_size(border=0)[0])
    drawn = Image.new("1", (side, side), 1)
    for y, row in enumerate(code.matrix):
        for x, dark in enumerate(row):
            drawn.putpixel((x, y), 0 if dark else 1)
    return _enlarged(drawn, module_dots, module_dots)


def _drawn_bars(modules: str, module_dots: int, height: int) -> Image.Image:
    bars = Image.new("1", (len(modules), 1), 1)
    for x, module in enumerate(modules):
        bars.putpixel((x, 0), 0 if module == "1" else 1)
    return _enlarged(bars, module_dots, height)


def _drawn(character: Character) -> Image.Image:
    """The character in its cell, made of dots, enlarged as a printer enlarges: dot by dot."""
    cell = Image.new("1", (CELL_WIDTH, CELL_HEIGHT), 1)
    file = font_of(character.text, bold=character.bold)
    if file is not None and file != CHINESE and not character.text.isspace():
        draw = ImageDraw.Draw(cell)
        draw.fontmode = "1"
        draw.text((0, 19), character.text, fill=0, font=font(file, CELL_WIDTH), anchor="ls")
    return _enlarged(cell, character.wide, character.high)


def _enlarged(picture: Image.Image, wide: int, high: int) -> Image.Image:
    return picture.resize((picture.width * wide, picture.height * high), Image.Resampling.NEAREST)
