"""CSV files of strangers: encoding, delimiter, records, and cells that a spreadsheet must not take for formulas.

RFC 4180, with the delimiters that spreadsheets of different languages write.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO

from services.catalog.domain.refusals import ImportUnreadable

UTF_8 = "utf-8"
ENCODINGS = (
    UTF_8,
    "utf-16",
    "windows-1250",
    "windows-1251",
    "windows-1252",
    "iso-8859-1",
    "iso-8859-2",
    "iso-8859-5",
    "iso-8859-15",
)
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}
# OWASP, "CSV Injection": a cell that begins so is run as a formula by a spreadsheet; the wide forms count in Japan.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_GUARD = "'"
_CHOICES = f"encoding= ({', '.join(ENCODINGS)})"


def decode(file: bytes, encoding: str) -> str:
    """The text of a file. Raises ImportUnreadable naming the byte that does not fit, its line, and what to do."""
    if encoding == UTF_8 and file.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ImportUnreadable(
            "The file begins with the bytes of UTF-16, not of UTF-8. Save it as 'CSV UTF-8', or send encoding=utf-16.",
            field="encoding",
        )
    try:
        text = file.decode("utf-8-sig" if encoding == UTF_8 else encoding)
    except UnicodeDecodeError as error:
        line = file.count(b"\n", 0, error.start) + 1
        raise ImportUnreadable(
            f"The file is not {encoding}: byte {error.start + 1}, in line {line}, is 0x{file[error.start]:02X}. "
            f"Save it as 'CSV UTF-8', or say which encoding it has with {_CHOICES}.",
            field="encoding",
            byte=error.start + 1,
            line=line,
        ) from error
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        raise ImportUnreadable(
            f"The file holds a zero byte in line {line}: it is no CSV text, or it is UTF-16; "
            f"say which encoding it has with {_CHOICES}.",
            field="encoding",
            line=line,
        )
    return text


def find_delimiter(text: str) -> str:
    """What separates the cells of the header line. Raises ImportUnreadable if that cannot be told."""
    header = text.split("\n", 1)[0]
    counts = {delimiter: header.count(delimiter) for delimiter in DELIMITERS.values()}
    most = max(counts.values())
    found = [delimiter for delimiter, count in counts.items() if count == most]
    if most == 0 and header.strip():
        return ","
    if len(found) != 1:
        raise ImportUnreadable(
            "The header line does not tell what separates the cells: send delimiter=comma, semicolon or tab.",
            field="delimiter",
        )
    return found[0]


def records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The records with their row numbers as a spreadsheet shows them (the header is row 1); empty rows are left out.

    Raises ImportUnreadable with the line where quotes are wrong.
    """
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for number, cells in enumerate(reader, start=1):
            if any(cells):
                yield number, [unguarded(cell.strip()) for cell in cells]
    except csv.Error as error:
        raise ImportUnreadable(
            f"Line {reader.line_num} cannot be read as CSV ({error}): look for a quote that is not closed or doubled.",
            field="file",
            line=reader.line_num,
        ) from error


def lines(rows: Iterable[Sequence[str]], delimiter: str) -> str:
    """CSV lines of `rows`, guarded against formulas; `records` reads them back unchanged."""
    buffer = StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter, lineterminator="\r\n").writerows(
        [guarded(cell) for cell in row] for row in rows
    )
    return buffer.getvalue()


def guarded(cell: str) -> str:
    """The cell with an apostrophe before what a spreadsheet would calculate, and before another apostrophe."""
    return _GUARD + cell if cell.startswith((*_FORMULA_STARTS, _GUARD)) else cell


def unguarded(cell: str) -> str:
    """The cell without the apostrophe that `guarded` put there."""
    return cell[1:] if cell.startswith(_GUARD) and cell[1:].startswith((*_FORMULA_STARTS, _GUARD)) else cell
