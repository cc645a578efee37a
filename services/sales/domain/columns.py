"""Plain text in a fixed number of columns, as an 80 mm printer shows it."""

from __future__ import annotations

import unicodedata

COLUMNS = 42
RULE = "-" * COLUMNS
DOUBLE_RULE = "=" * COLUMNS


def width(text: str) -> int:
    """How many columns the text takes: two for wide East Asian characters, none for combining marks."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )


def printable(text: str) -> str:
    """Spaces that printers lack become plain ones, and control characters go: a name must not drive the printer."""
    plain = ("Zs", "Zl", "Zp", "Cc")
    shown = (" " if unicodedata.category(each) in plain else each for each in text)
    return "".join(each for each in shown if unicodedata.category(each) != "Cf")


def cut(text: str, room: int) -> str:
    """The beginning of `text` that fits into `room` columns."""
    while width(text) > room:
        text = text[:-1]
    return text


def centred(text: str) -> str:
    """One row with `text` in the middle, cut when it is too long."""
    shown = cut(printable(text).strip(), COLUMNS)
    return " " * ((COLUMNS - width(shown)) // 2) + shown


def pair(left: str, right: str) -> list[str]:
    """`left` and, at the right edge, `right`; on rows of their own when they do not fit beside each other."""
    left, right = printable(left), cut(printable(right), COLUMNS)
    gap = COLUMNS - width(left) - width(right)
    if gap >= 1:
        return [left + " " * gap + right]
    return [cut(left, COLUMNS), " " * (COLUMNS - width(right)) + right]


def row(label: str, *cells: tuple[str, int]) -> list[str]:
    """`label`, then cells set right in columns of their widths; the label gets a row of its own when it is too long."""
    tail = "".join(_right(text, room) for text, room in cells)
    return (
        pair(label, tail.lstrip())
        if width(printable(label)) + width(tail) >= COLUMNS
        else [printable(label) + " " * (COLUMNS - width(printable(label)) - width(tail)) + tail]
    )


def _right(text: str, room: int) -> str:
    shown = printable(text)
    return " " * max(1, room - width(shown)) + shown
