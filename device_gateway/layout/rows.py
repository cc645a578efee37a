"""The rows of a document: text already wrapped and aligned by blanks, and what is drawn across the paper."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from device_gateway.layout.wrapping import aligned, display_width, wrapped
from libs.contracts.printing import (
    BarcodeBlock,
    CellsBlock,
    CutBlock,
    FeedBlock,
    ImageBlock,
    PairBlock,
    PrintedDocument,
    QrBlock,
    RuleBlock,
    TextBlock,
)

GAP_COLUMNS = 1
LEAST_CELL_COLUMNS = 2
# An amount keeps a column of its own as long as the text beside it has this part of the row.
_LEAST_LEFT_PART = 3
MARK_SIZE = 2


@dataclass(frozen=True, slots=True)
class TextRow:
    """A row of text; of `size` 2 each character takes two columns and two rows."""

    text: str
    bold: bool = False
    size: int = 1


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A line across the paper."""


@dataclass(frozen=True, slots=True)
class FeedRow:
    """Empty rows."""

    rows: int = 1


@dataclass(frozen=True, slots=True)
class QrRow:
    """A QR code in the middle; its caption follows as text rows."""

    data: str
    module_dots: int


@dataclass(frozen=True, slots=True)
class BarcodeRow:
    """A bar code in the middle."""

    symbology: str
    data: str


@dataclass(frozen=True, slots=True)
class ImageRow:
    """A picture in the middle."""

    png: bytes


@dataclass(frozen=True, slots=True)
class CutRow:
    """The end of a piece of paper."""


Row = TextRow | RuleRow | FeedRow | QrRow | BarcodeRow | ImageRow | CutRow


def rows_of(
    document: PrintedDocument, columns: int, *, duplicate_mark: str | None = None, largest_size: int = 4
) -> list[Row]:
    """The document on paper of so many columns, ending with one cut. The mark stands large at the top and the bottom
    of every piece that is cut off. Nothing is larger than `largest_size`, for printers of one size.
    """
    rows: list[Row] = []
    for piece in _pieces(document):
        if duplicate_mark is not None:
            mark = TextBlock(text=duplicate_mark, align="center", bold=True, size=MARK_SIZE)
            piece = [mark, RuleBlock(), *piece, RuleBlock(), mark]
        rows += _piece_rows([_at_most(block, largest_size) for block in piece], columns)
        rows.append(CutRow())
    return rows


def _piece_rows(blocks: Iterable[Any], columns: int) -> list[Row]:
    """The rows of some blocks."""
    return [row for block in blocks for row in _LAYOUTS[type(block)](block, columns)]


def _pieces(document: PrintedDocument) -> list[list[Any]]:
    """The blocks from cut to cut, without the cuts; a cut with nothing before it is none."""
    pieces: list[list[Any]] = [[]]
    for block in document.blocks:
        if isinstance(block, CutBlock):
            pieces.append([])
        else:
            pieces[-1].append(block)
    return [piece for piece in pieces if piece] or [[]]


def _at_most(block: Any, largest_size: int) -> Any:
    if isinstance(block, TextBlock | PairBlock) and block.size > largest_size:
        return block.model_copy(update={"size": largest_size})
    return block


def _text(block: TextBlock, columns: int) -> Iterator[Row]:
    size = _fitting(block.size, columns)
    for line in wrapped(block.text, columns // size):
        yield TextRow(aligned(line, columns // size, block.align), block.bold, size)


def _pair(block: PairBlock, columns: int) -> Iterator[Row]:
    size = _fitting(block.size, columns)
    room = columns // size
    # On narrow paper an indent gives way before the text does.
    indent = " " * min(block.indent, room // 4)
    for line in _pair_lines(block.left, block.right, room - len(indent)):
        yield TextRow((indent + line).rstrip(" "), block.bold, size)


def _pair_lines(left: str, right: str, room: int) -> list[str]:
    """The left text wrapped beside the right one, which stands on its last row; below it if there is no room beside."""
    rights = wrapped(right, room)
    width = max(display_width(text) for text in rights)
    beside = room - width - GAP_COLUMNS
    if beside < room // _LEAST_LEFT_PART and display_width(left) > beside:
        return [*wrapped(left, room), *(aligned(text, room, "right") for text in rights)]
    lines = wrapped(left, max(1, beside))
    last = lines.pop()
    return [
        *lines,
        last + " " * (room - display_width(last) - display_width(rights[0])) + rights[0],
        *(aligned(text, room, "right") for text in rights[1:]),
    ]


def _cells(block: CellsBlock, columns: int) -> Iterator[Row]:
    widths = _shared(columns - GAP_COLUMNS * (len(block.cells) - 1), [cell.share for cell in block.cells])
    wrapped_cells = [wrapped(cell.text, width) for cell, width in zip(block.cells, widths, strict=True)]
    for lines in zip_longest(*wrapped_cells, fillvalue=""):
        text = ""
        for line, cell, width in zip(lines, block.cells, widths, strict=True):
            placed = aligned(line, width, cell.align)
            text += placed + " " * (max(0, width - display_width(placed)) + GAP_COLUMNS)
        yield TextRow(text.rstrip(" "), block.bold)


def _shared(columns: int, shares: Sequence[int]) -> list[int]:
    """Columns dealt out by shares, with room for a wide character each; what is left over goes to the first."""
    least = min(LEAST_CELL_COLUMNS, max(1, columns // len(shares)))
    widths = [max(least, columns * share // sum(shares)) for share in shares]
    widths[0] += max(0, columns - sum(widths))
    while sum(widths) > columns and max(widths) > least:
        widths[widths.index(max(widths))] -= 1
    return widths


def _qr(block: QrBlock, columns: int) -> Iterator[Row]:
    yield QrRow(block.data, block.module_dots)
    if block.caption:
        yield from _text(TextBlock(text=block.caption, align="center"), columns)


def _fitting(size: int, columns: int) -> int:
    """The size, or the largest at which a word still has room."""
    return max(1, min(size, columns // 8))


_LAYOUTS: dict[type[Any], Callable[[Any, int], Iterable[Row]]] = {
    TextBlock: _text,
    PairBlock: _pair,
    CellsBlock: _cells,
    QrBlock: _qr,
    RuleBlock: lambda block, columns: [RuleRow()],
    FeedBlock: lambda block, columns: [FeedRow(block.rows)],
    BarcodeBlock: lambda block, columns: [BarcodeRow(block.symbology, block.data)],
    ImageBlock: lambda block, columns: [ImageRow(bytes(block.png))],
}
