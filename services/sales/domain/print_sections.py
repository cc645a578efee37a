"""Named sections of blocks: what a layout puts in order. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from libs.contracts.printing import LONGEST_TEXT, Block, PairBlock, TextBlock
from services.sales.domain.columns import printable

Sections = Mapping[str, tuple[Block, ...]]


@dataclass(frozen=True, slots=True)
class Printable:
    """What can be printed: its language, its title for people who look at the queue, and its sections by name."""

    language: str
    title: str
    sections: Sections


def plain(text: str) -> str:
    """A text without control characters and within a block's length: a name must not drive the printer."""
    return printable(text)[:LONGEST_TEXT]


def text(value: str, *, size: int = 1, bold: bool = False, centred: bool = False) -> TextBlock:
    """A paragraph."""
    return TextBlock(text=plain(value), align="center" if centred else "left", bold=bold, size=size)


def pair(left: str, right: str, *, size: int = 1, bold: bool = False, indent: int = 0) -> PairBlock:
    """A label and what belongs to it at the right edge."""
    return PairBlock(left=plain(left), right=plain(right), bold=bold, size=size, indent=indent)
