"""Blocks as lines of text, exactly, so that a person can read a golden."""

from __future__ import annotations

from collections.abc import Iterable

from libs.contracts.printing import (
    Block,
    CellsBlock,
    FeedBlock,
    ImageBlock,
    PairBlock,
    QrBlock,
    RuleBlock,
    TextBlock,
)


def written(blocks: Iterable[Block]) -> str:
    """One line for each block: what it is, how it looks where that is not plain, and its texts."""
    return "".join(f"{_line(block)}\n" for block in blocks)


def _line(block: Block) -> str:
    match block:
        case TextBlock():
            look = _look(block.bold, block.size) + ("" if block.align == "left" else f" {block.align}")
            return f"text{look}: {block.text}"
        case PairBlock():
            indent = f" indent {block.indent}" if block.indent else ""
            return f"pair{_look(block.bold, block.size)}{indent}: {block.left} | {block.right}"
        case CellsBlock():
            cells = [f"{cell.text} <{cell.share} {cell.align}>" for cell in block.cells]
            return f"cells{_look(block.bold, 1)}: {' | '.join(cells)}"
        case RuleBlock():
            return "rule"
        case FeedBlock():
            return f"feed {block.rows}"
        case QrBlock():
            return f"qr {block.module_dots}: {block.data} / {block.caption}"
        case ImageBlock():
            return f"image: {len(block.png)} bytes"
        case _:
            return repr(block)


def _look(bold: bool, size: int) -> str:
    return (" bold" if bold else "") + (f" size {size}" if size != 1 else "")
