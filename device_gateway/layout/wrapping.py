"""Text in columns of a fixed width: East Asian wide characters take two (Unicode Standard Annex #11)."""

from __future__ import annotations

import re
import unicodedata

TAB_COLUMNS = 4
# A row does not begin with these: they belong to what stands before them.
_NEVER_FIRST = frozenset("，。、；：？！）》」』】〉”’·…%‰℃")
# What wraps as one piece: a run of blanks, or a run of anything else.
_PIECES = re.compile(r" +|[^ ]+")


def character_width(character: str) -> int:
    """The columns of a character: 2 if it is wide, 0 if it combines with the one before, else 1."""
    if unicodedata.east_asian_width(character) in "WF":
        return 2
    if unicodedata.combining(character) or unicodedata.category(character) in ("Cf", "Me", "Mn"):
        return 0
    return 1


def display_width(text: str) -> int:
    """The columns that a text takes."""
    return len(text) if text.isascii() else sum(map(character_width, text))


def plain_text(text: str) -> str:
    """The text composed (NFC), without control characters, with ordinary blanks; line ends are kept as line feeds.

    A control character in a name, an ESC for instance, must never reach a printer as a command.
    """
    lines = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join("".join(map(_printable, line.replace("\t", " " * TAB_COLUMNS))) for line in lines)


def _printable(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Zs":
        return "\u3000" if character == "\u3000" else " "
    return "" if category in ("Cc", "Cf", "Cs", "Zl", "Zp") else character


def wrapped(text: str, columns: int) -> list[str]:
    """The text on rows of at most `columns`, broken at blanks, between wide characters, and else where a row is full.

    A row that somebody set out by blanks for wider paper, such as a card slip's, stays one row if fewer blanks do it.
    Blanks at the end of a row are dropped, those at the beginning of a paragraph kept. An empty paragraph is an empty
    row. A character that is wider than the row stands alone on it.
    """
    return [row for line in plain_text(text).split("\n") for row in _wrapped_line(line, max(1, columns))]


def _wrapped_line(line: str, columns: int) -> list[str]:
    line = _drawn_together(line.rstrip(" "), columns)
    if display_width(line) <= columns:
        return [line]
    rows: list[str] = []
    row = ""
    for piece in _pieces(line):
        if display_width(row) + display_width(piece) <= columns:
            row += piece
            continue
        if piece.isspace():
            # The blanks at which a row ends are not printed at the beginning of the next.
            rows.append(row)
            row = ""
            continue
        if row.strip(" "):
            rows.append(row)
            row = ""
        while display_width(row) + display_width(piece) > columns:
            head = _head(piece, columns - display_width(row))
            if not head and row:
                row = ""
                continue
            head = head or piece[0]
            rows.append(row + head)
            row, piece = "", piece[len(head) :]
        row += piece
    if row.strip(" ") or not rows:
        rows.append(row)
    return [each.rstrip(" ") for each in rows]


def _drawn_together(line: str, columns: int) -> str:
    """The line with the longest of its runs of blanks shortened until it fits; as it was where that is not enough."""
    excess = display_width(line) - columns
    if excess <= 0:
        return line
    pieces = _PIECES.findall(line)
    spare = {at: len(piece) - 1 for at, piece in enumerate(pieces) if piece[0] == " " and len(piece) > 1}
    if sum(spare.values()) < excess:
        return line
    while excess > 0:
        longest = max(spare, key=lambda at: spare[at])
        others = [blanks for at, blanks in spare.items() if at != longest]
        # Down to the next longest at once, then in turns.
        step = min(excess, max(1, spare[longest] - max(others, default=0)))
        pieces[longest] = pieces[longest][step:]
        spare[longest] -= step
        excess -= step
    return "".join(pieces)


def _pieces(line: str) -> list[str]:
    """Runs of blanks, and words; each wide character is a word of its own, with the mark that may not begin a row."""
    pieces: list[str] = []
    for run in _PIECES.findall(line):
        begins = 0
        for at in range(1, len(run)):
            if (2 in (character_width(run[at]), character_width(run[at - 1]))) and _may_begin(run[at]):
                pieces.append(run[begins:at])
                begins = at
        pieces.append(run[begins:])
    return pieces


def _may_begin(character: str) -> bool:
    return character not in _NEVER_FIRST and character_width(character) > 0


def _head(word: str, columns: int) -> str:
    """As much of the beginning of a word as fits."""
    used = 0
    for at, character in enumerate(word):
        used += character_width(character)
        if used > columns:
            return word[:at]
    return word


def aligned(text: str, columns: int, align: str) -> str:
    """The text moved to its place on a row by blanks before it; none after it."""
    free = max(0, columns - display_width(text))
    if align == "center":
        return " " * (free // 2) + text
    return " " * free + text if align == "right" else text
