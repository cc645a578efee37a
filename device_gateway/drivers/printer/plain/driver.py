"""The driver of plain text printers: text in one code page, line ends, a form feed if wanted. They answer nothing, so
that everything was handed over is the most that is ever known of a document.
"""

from __future__ import annotations

import codecs
import time
import unicodedata
from collections.abc import Callable, Iterable
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from device_gateway.domain.observations import (
    SILENT,
    Encoded,
    NotPrinted,
    Observation,
    Printed,
    PrinterStatus,
    PrintOutcome,
    PrintUnknown,
)
from device_gateway.drivers.interface import DeviceAbsent, Driver, DriverOptions
from device_gateway.drivers.lines import Line, LineBroken, SerialSettings, open_line
from device_gateway.layout import BarcodeRow, CutRow, FeedRow, ImageRow, QrRow, Row, RuleRow, TextRow, rows_of, wrapped
from libs.contracts.printing import PrintedDocument

_DRAIN_STEP_S = 0.05
_MOST_BYTES_OF_A_COMMAND = 16
_FORM_FEED = b"\x0c"


def _known_code_page(name: str) -> str:
    try:
        codecs.lookup(name)
    except LookupError as error:
        raise ValueError(f"{name!r} is no code page; write one such as cp852, cp1251, gb18030 or utf-8") from error
    return name


def _hexadecimal(text: str) -> str:
    try:
        data = bytes.fromhex(text)
    except ValueError as error:
        raise ValueError('write bytes in hexadecimal, such as "1b 69"') from error
    if len(data) > _MOST_BYTES_OF_A_COMMAND:
        raise ValueError(f"at most {_MOST_BYTES_OF_A_COMMAND} bytes, such as 1b 69")
    return text


class PlainOptions(DriverOptions):
    """What devices.toml may say of a plain text printer."""

    address: str = Field(min_length=1, description="where it is: /dev/usb/lp0, /dev/ttyUSB0, tcp://192.0.2.20:9100")
    columns: int = Field(42, ge=16, le=160, description="characters on a row")
    code_page: Annotated[str, AfterValidator(_known_code_page)] = Field(
        "cp437", description="the code page it is set to, as Python names it"
    )
    line_end: Literal["lf", "crlf"] = Field("crlf", description="crlf, or lf for one that feeds twice at crlf")
    end: Literal["form_feed", "rows", "command"] = Field(
        "rows", description="what follows a document: a form feed, empty rows to tear at, or `cut_command`"
    )
    feed_rows: int = Field(6, ge=0, le=40, description="empty rows before the tear or the cut")
    cut_command: Annotated[str, AfterValidator(_hexadecimal)] = Field(
        "", description='the bytes of its cut in hexadecimal, such as "1b 69", for end = "command"'
    )
    kick_command: Annotated[str, AfterValidator(_hexadecimal)] = Field(
        "", description="the bytes that open a drawer plugged into it, in hexadecimal; none without one"
    )
    baud: int = Field(9600, ge=1200, le=921_600, description="the speed of a serial line")
    parity: Literal["none", "even", "odd"] = "none"
    flow_control: Literal["none", "hardware", "software"] = "none"
    connect_timeout_s: float = Field(3.0, gt=0, le=60)
    write_timeout_s: float = Field(10.0, gt=0, le=600)
    drain_timeout_s: float = Field(30.0, gt=0, le=600, description="how long the last bytes may take to leave this PC")


class PlainPrinter:
    """A plain text printer on an open line."""

    def __init__(self, line: Line, options: PlainOptions, clock: Callable[[], float] = time.monotonic) -> None:
        self._line = line
        self._options = options
        self._clock = clock

    def encode(self, document: PrintedDocument, *, duplicate_mark: str | None = None) -> Encoded:
        """See Printer. What the code page does not have is printed without its accent, else as `?`, and warned of."""
        warnings: dict[str, None] = {}
        data = bytearray()
        for row in rows_of(document, self._options.columns, duplicate_mark=duplicate_mark, largest_size=1):
            data += self._encoded(row, warnings)
        return Encoded(bytes(data), tuple(warnings))

    def print(self, job_id: UUID, data: bytes) -> PrintOutcome:
        """See Printer. Probably printed when everything has left this PC; nobody can confirm it."""
        try:
            self._line.write(data)
        except LineBroken as broken:
            if broken.nothing_left:
                return NotPrinted(str(broken))
            return PrintUnknown(f"{broken} Some of it may have come out.")
        except DeviceAbsent as error:
            return NotPrinted(str(error))
        return Printed(confirmed=False) if self._drained() else PrintUnknown("The printer takes no more data.")

    def status(self) -> PrinterStatus:
        """See Printer: it never tells."""
        return SILENT

    def poll(self, timeout_s: float) -> Iterable[Observation]:
        """See Device: only whether the line is still there."""
        self._line.read(1, timeout_s)
        return ()

    def kick_drawer(self) -> None:
        """See Printer."""
        command = bytes.fromhex(self._options.kick_command)
        if not command:
            raise DeviceAbsent("No drawer is set up at this printer (kick_command). Open the drawer with its key.")
        self._line.write(command)

    def close(self) -> None:
        """See Device."""
        self._line.close()

    def _drained(self) -> bool:
        deadline = self._clock() + self._options.drain_timeout_s
        while self._line.unsent():
            if self._clock() > deadline:
                return False
            try:
                self._line.read(1, _DRAIN_STEP_S)
            except DeviceAbsent:
                return False
        return True

    def _encoded(self, row: Row, warnings: dict[str, None]) -> bytes:
        line_end = b"\n" if self._options.line_end == "lf" else b"\r\n"
        match row:
            case TextRow(text):
                return self._text(text, warnings) + line_end
            case RuleRow():
                return b"-" * self._options.columns + line_end
            case FeedRow(rows):
                return line_end * rows
            case QrRow(data) | BarcodeRow(_, data):
                warnings["this printer prints no codes; the text of one was printed instead"] = None
                lines = wrapped(data, self._options.columns)
                return b"".join(self._text(line, warnings) + line_end for line in lines)
            case ImageRow():
                warnings["this printer prints no pictures; one was left out"] = None
                return b""
            case CutRow():
                return self._end(line_end)

    def _end(self, line_end: bytes) -> bytes:
        options = self._options
        if options.end == "form_feed":
            return _FORM_FEED
        command = bytes.fromhex(options.cut_command) if options.end == "command" else b""
        return line_end * options.feed_rows + command

    def _text(self, text: str, warnings: dict[str, None]) -> bytes:
        return b"".join(self._character(character, warnings) for character in text)

    def _character(self, character: str, warnings: dict[str, None]) -> bytes:
        for attempt in (character, unicodedata.normalize("NFKD", character)[:1]):
            try:
                data = attempt.encode(self._options.code_page)
            except UnicodeEncodeError:
                continue
            if attempt != character:
                warnings[f"{self._options.code_page} has no {character}; {attempt} was printed instead"] = None
            return data
        warnings[f"{self._options.code_page} has no {character}; ? was printed instead"] = None
        return b"?"


def open_printer(options: PlainOptions) -> PlainPrinter:
    """Open the line. Raises DeviceAbsent or DeviceMisconfigured."""
    line = open_line(
        options.address,
        serial=SerialSettings(baud=options.baud, parity=options.parity, flow_control=options.flow_control),
        connect_timeout_s=options.connect_timeout_s,
        write_timeout_s=options.write_timeout_s,
    )
    return PlainPrinter(line, options)


driver = Driver(options=PlainOptions, open_device=open_printer)
