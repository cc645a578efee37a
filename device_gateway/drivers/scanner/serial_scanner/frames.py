"""From a scanner's bytes to scans: pure, incremental, and of bounded memory whatever comes.

A frame is an optional AIM identifier (ISO/IEC 15424), the code, and a suffix (protocols.md B [S]). The character GS
stands for FNC1 and is kept. A frame with any other byte outside ASCII's printable range is noise and dropped whole: a
wrong price is worse than a second scan.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum

from device_gateway.domain.observations import Scan

LONGEST_FRAME_BYTES = 512
_CODE = re.compile(rb"[ -~\x1d]+")
_AIM = re.compile(r"\][A-Za-z][0-9A-Za-z]")


class Suffix(StrEnum):
    """What the scanner sends after each code. A line feed after a carriage return is never part of a code."""

    CR = "cr"
    LF = "lf"
    CRLF = "crlf"
    TAB = "tab"


_LAST_BYTE = {Suffix.CR: b"\r", Suffix.LF: b"\n", Suffix.CRLF: b"\r", Suffix.TAB: b"\t"}


class ScanFrames:
    """Cuts a stream of bytes into scans. `unreadable` counts the noise frames since the last good one."""

    def __init__(self, suffix: Suffix = Suffix.CR, longest_bytes: int = LONGEST_FRAME_BYTES) -> None:
        self._end = _LAST_BYTE[suffix]
        self._longest_bytes = longest_bytes
        self._begun = b""
        self._too_long = False
        self.unreadable = 0

    def feed(self, data: bytes) -> Iterator[Scan]:
        """The scans that these bytes complete, in order. Never raises."""
        *complete, rest = data.split(self._end)
        for part in complete:
            scan = self._completed(part)
            if scan is not None:
                yield scan
        self._add(rest)

    def forget(self) -> None:
        """Drop what has begun: its end will not come."""
        self._begun = b""
        self._too_long = False

    def _add(self, part: bytes) -> None:
        if self._too_long or len(self._begun) + len(part) > self._longest_bytes:
            if not self._too_long:
                # Counted at once: noise at a wrong speed may never hold a suffix.
                self.unreadable += 1
            self._begun, self._too_long = b"", True
        else:
            self._begun += part

    def _completed(self, part: bytes) -> Scan | None:
        self._add(part)
        frame, too_long = self._begun.strip(b"\r\n\t\x00"), self._too_long
        self.forget()
        if too_long or not frame.strip(b" \x1d"):
            return None
        if not _CODE.fullmatch(frame):
            self.unreadable += 1
            return None
        self.unreadable = 0
        return scan_of(frame.decode("ascii"))


def scan_of(text: str) -> Scan:
    """A code with its AIM identifier taken off, where it has one."""
    aim = _AIM.match(text)
    if aim is None or len(text) == aim.end():
        return Scan(text)
    return Scan(text[aim.end() :], aim=aim.group())
