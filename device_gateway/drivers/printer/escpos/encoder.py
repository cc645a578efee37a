"""A document as the bytes of one printer: by its own characters where it has them, else as pictures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from PIL import Image

from device_gateway.domain.observations import Encoded
from device_gateway.drivers.printer.escpos import commands, pictures
from device_gateway.drivers.printer.escpos.code_pages import CodePages
from device_gateway.drivers.printer.escpos.profiles import Profile
from device_gateway.layout import (
    BarcodeRow,
    CutRow,
    FeedRow,
    ImageRow,
    QrRow,
    Row,
    RuleRow,
    TextRow,
    rows_of,
    wrapped,
)
from libs.contracts.printing import PrintedDocument

# A picture is sent in bands: after a break a printer waits for the rest of one band at most.
BAND_BYTES = 1_024
_ROWS_BELOW_CUT = 5
_EAN13, _CODE128 = 67, 73
_EAN13_MODULES = 95
_BARCODE_QUIET_MODULES = 20
_DARK_MODULES_DOTS = (3, 2)
_GAP_DOTS = 6
_GAP_BELOW_PICTURE_DOTS = 12
_LINE = "\u2500"

Cut = Literal["full", "partial", "none"]


@dataclass(frozen=True)
class Paper:
    """The paper a document is encoded for: `columns` of characters, `dots` across."""

    columns: int
    dots: int

    @property
    def cell_dots(self) -> int:
        """The width of a character of font A."""
        return min(12, self.dots // self.columns)


@dataclass(frozen=True)
class Habits:
    """What is set for one printer: how it cuts, whether it tells changes unasked, what must be said at the start.

    `draws_whole_documents`: where one row has to be drawn all are, so that a receipt is of one hand; else, on a slow
    line, only the rows that need it.
    """

    cut: Cut = "partial"
    tells_changes: bool = True
    cancel_two_byte_characters: bool = False
    native_qr: bool = True
    draws_whole_documents: bool = True


def encoded(
    document: PrintedDocument, profile: Profile, paper: Paper, habits: Habits, duplicate_mark: str | None
) -> Encoded:
    """The document as bytes, from the initialisation to the cut."""
    rows = rows_of(document, paper.columns, duplicate_mark=duplicate_mark)
    encoder = _Encoder(profile, paper, habits)
    if habits.draws_whole_documents:
        encoder.draw_all_if_one_needs_it(rows)
    for row in rows:
        encoder.add(row)
    return encoder.ended()


class _Encoder:
    """Gathers bytes; keeps in mind how the printer is set, and rows drawn one after another, to send them as one."""

    def __init__(self, profile: Profile, paper: Paper, habits: Habits) -> None:
        self._profile = profile
        self._paper = paper
        self._habits = habits
        self._pages = CodePages(profile.pages)
        self._drawn: list[Image.Image] = []
        self._draws_all = False
        self._warnings: dict[str, None] = {}
        self._bold = False
        self._size = 1
        self._data = bytearray(commands.INITIALISE)
        if habits.cancel_two_byte_characters:
            self._data += commands.CANCEL_TWO_BYTE_CHARACTERS
        if habits.tells_changes:
            # Initialising ends it on some models.
            self._data += commands.TELL_EVERY_CHANGE

    def draw_all_if_one_needs_it(self, rows: Iterable[Row]) -> None:
        texts = (row.text for row in rows if isinstance(row, TextRow))
        self._draws_all = self._profile.raster and not all(map(self._pages.can_show, texts))

    def add(self, row: Row) -> None:
        match row:
            case TextRow():
                self._add_text(row)
            case RuleRow():
                self._add_rule()
            case FeedRow():
                self._say(commands.feed(row.rows))
            case QrRow():
                self._add_qr(row)
            case BarcodeRow():
                self._add_barcode(row)
            case ImageRow():
                self._add_image(row)
            case CutRow():
                self._add_cut()

    def ended(self) -> Encoded:
        self._flush()
        return Encoded(bytes(self._data), tuple(self._warnings))

    def _say(self, data: bytes) -> None:
        self._flush()
        self._data += data

    def _add_text(self, row: TextRow) -> None:
        if self._pages.can_show(row.text) and not self._draws_all:
            self._say_line(row.text, row.bold, row.size)
        elif self._profile.raster:
            drawn = pictures.text_picture(
                row.text,
                cell_dots=self._paper.cell_dots,
                columns=self._paper.columns,
                bold=row.bold,
                size=row.size,
            )
            self._drawn.append(drawn.picture)
            if drawn.unknown:
                self._warn(f"no shipped font has {' '.join(sorted(drawn.unknown))}; a frame was printed instead")
        else:
            missing = self._pages.missing(row.text)
            shown = "".join("?" if character in missing else character for character in row.text)
            self._warn(f"this printer can neither print nor draw {' '.join(sorted(missing))}; ? was printed instead")
            self._say_line(shown, row.bold, row.size)

    def _say_line(self, text: str, bold: bool, size: int) -> None:
        self._say(self._set_to(bold, size) + self._pages.encoded(text) + commands.LINE_FEED)
        if size > 1:
            # High letters fill their row up to the next.
            self._data += commands.feed_dots(_GAP_DOTS)

    def _set_to(self, bold: bool, size: int) -> bytes:
        data = b""
        if bold != self._bold:
            data += commands.BOLD_ON if bold else commands.BOLD_OFF
        if size != self._size:
            data += commands.size(size)
        self._bold, self._size = bold, size
        return data

    def _add_rule(self) -> None:
        if self._drawn or self._draws_all:
            self._drawn.append(pictures.rule_picture(self._paper.columns * self._paper.cell_dots))
            return
        line = _LINE if self._pages.can_show(_LINE) else "-"
        self._say_line(line * self._paper.columns, False, 1)

    def _add_qr(self, row: QrRow) -> None:
        modules = pictures.qr_modules(row.data)
        module_dots = min(row.module_dots, self._paper.dots // modules)
        if module_dots < pictures.LEAST_MODULE_DOTS:
            self._warn("a QR code has more text than fits on this paper; it is printed too fine to be read safely")
            module_dots = 1
        if self._habits.native_qr and not commands.is_carried_out_at_once(row.data.encode()):
            self._in_the_middle(commands.qr(row.data.encode(), module_dots))
        elif self._profile.raster:
            self._draw(pictures.qr_picture(row.data, module_dots))
        else:
            self._warn("this printer cannot print QR codes; its text is printed instead")
            self._add_words(row.data)

    def _add_barcode(self, row: BarcodeRow) -> None:
        symbology, data = row.symbology, row.data
        if symbology == "ean13":
            digits = _ean13(data)
            if digits is None:
                self._warn(f"{data!r} is no EAN-13; it is printed as Code 128")
                symbology = "code128"
            else:
                data = digits
        content = data.encode("ascii") if symbology == "ean13" else _code128(data)
        modules = _EAN13_MODULES if symbology == "ean13" else _code128_modules(data)
        room = self._paper.dots // (modules + _BARCODE_QUIET_MODULES)
        module_dots = next((dots for dots in _DARK_MODULES_DOTS if dots <= room), None)
        if module_dots is None or len(content) > commands.MOST_BARCODE_BYTES:
            self._warn(f"the bar code {data!r} is wider than the paper; it is printed as a QR code")
            self._add_qr(QrRow(data, 5))
            self._add_words(data)
        elif self._profile.native_barcode:
            kind = _EAN13 if symbology == "ean13" else _CODE128
            self._in_the_middle(commands.barcode(kind, content, module_dots) + commands.LINE_FEED)
        elif self._profile.raster:
            bars = pictures.barcode_modules(symbology, data)
            self._draw(pictures.barcode_picture(bars, data, module_dots))
        else:
            self._warn("this printer cannot print bar codes; the text of one is printed instead")
            self._add_words(data)

    def _add_image(self, row: ImageRow) -> None:
        if not self._profile.raster:
            self._warn("this printer cannot print pictures; one was left out")
            return
        try:
            picture, smaller = pictures.logo_picture(row.png, self._paper.dots)
        except pictures.PictureUnreadable as error:
            self._warn(f"a picture was left out: {error}")
            return
        if smaller:
            self._warn(f"a picture is wider than the paper and was made smaller, to {self._paper.dots} dots")
        self._draw(picture)

    def _add_words(self, text: str) -> None:
        for line in wrapped(text, self._paper.columns):
            self._add_text(TextRow(line))

    def _add_cut(self) -> None:
        cut = self._habits.cut
        if cut == "full" and not self._profile.full_cut:
            cut = "partial"
        if cut == "partial" and not self._profile.partial_cut:
            cut = "full" if self._profile.full_cut else "none"
        if cut == "none":
            # Torn off by hand: what was printed last must come out from under the print head.
            self._say(commands.feed(_ROWS_BELOW_CUT))
        else:
            self._say(commands.FEED_AND_CUT_FULLY if cut == "full" else commands.FEED_AND_CUT_PARTLY)

    def _draw(self, picture: Image.Image) -> None:
        """Draw a picture of its own in the middle."""
        self._in_the_middle(_bands(picture))

    def _in_the_middle(self, data: bytes) -> None:
        self._say(commands.CENTRED + data + commands.AT_THE_LEFT + commands.feed_dots(_GAP_BELOW_PICTURE_DOTS))

    def _flush(self) -> None:
        """Send the rows that have been drawn."""
        if self._drawn:
            data = _bands(pictures.stacked(self._drawn))
            self._drawn = []
            self._data += data

    def _warn(self, text: str) -> None:
        self._warnings[text] = None


def _bands(picture: Image.Image) -> bytes:
    width_bytes, dots = pictures.dots_of(picture)
    rows = max(1, BAND_BYTES // width_bytes)
    band = rows * width_bytes
    return b"".join(commands.raster(width_bytes, dots[at : at + band]) for at in range(0, len(dots), band))


def _ean13(data: str) -> str | None:
    """The 13 digits; None if they are none, or the last does not check."""
    if len(data) not in (12, 13) or not data.isdecimal():
        return None
    total = sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(data[:12]))
    digits = data[:12] + str(-total % 10)
    return digits if data in (digits, digits[:12]) else None


def _code128(data: str) -> bytes:
    """The content of a Code 128 with the code set that is shorter; { is written twice."""
    if _in_pairs(data):
        return b"{C" + _pairs(data)
    return b"{B" + data.replace("{", "{{").encode("ascii")


def _code128_modules(data: str) -> int:
    symbols = len(data) // 2 if _in_pairs(data) else len(data)
    return 11 * (symbols + 3) + 2


def _in_pairs(data: str) -> bool:
    """Whether two digits are sent as one byte; not where the bytes would be a command, a kick of the drawer even."""
    if len(data) < 4 or len(data) % 2 or not data.isdecimal():
        return False
    return not commands.is_carried_out_at_once(_pairs(data))


def _pairs(data: str) -> bytes:
    return bytes(int(data[at : at + 2]) for at in range(0, len(data), 2))
