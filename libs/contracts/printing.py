"""What is to be printed, free of any printer: blocks one under the other. The device gateway lays them out for the
paper, the character set and the abilities of the printer that it has.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Base64Bytes, Field, StringConstraints

from libs.contracts.values import Part

Align = Literal["left", "center", "right"]
# A receipt has a few hundred blocks; whoever sends more has made a mistake, and paper is not free.
MOST_BLOCKS = 2_000
LONGEST_TEXT = 2_000
LARGEST_IMAGE_BYTES = 65_536

PrintedText = Annotated[str, StringConstraints(max_length=LONGEST_TEXT)]


class TextBlock(Part):
    """A paragraph. It is wrapped at the paper's width; `size` 2 is twice as wide and high."""

    type: Literal["text"] = "text"
    text: PrintedText
    align: Align = "left"
    bold: bool = False
    size: Annotated[int, Field(ge=1, le=4)] = 1


class PairBlock(Part):
    """A text at the left and one, such as an amount, at the right; where both do not fit on a row, the left wraps."""

    type: Literal["pair"] = "pair"
    left: PrintedText
    right: PrintedText
    bold: bool = False
    size: Annotated[int, Field(ge=1, le=4)] = 1
    indent: Annotated[int, Field(ge=0, le=16)] = 0


class Cell(Part):
    """A cell of a row; `share` is its part of the width beside the others'."""

    text: PrintedText
    share: Annotated[int, Field(ge=1, le=100)] = 1
    align: Align = "left"


class CellsBlock(Part):
    """A row of a table."""

    type: Literal["cells"] = "cells"
    cells: Annotated[tuple[Cell, ...], Field(min_length=1, max_length=8)]
    bold: bool = False


class RuleBlock(Part):
    """A line across the paper."""

    type: Literal["rule"] = "rule"


class FeedBlock(Part):
    """Empty rows."""

    type: Literal["feed"] = "feed"
    rows: Annotated[int, Field(ge=1, le=20)] = 1


class QrBlock(Part):
    """A QR code (ISO/IEC 18004) in the middle; `caption` is printed below it. `module_dots` is the size of a module."""

    type: Literal["qr"] = "qr"
    data: Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
    caption: PrintedText = ""
    module_dots: Annotated[int, Field(ge=2, le=12)] = 5


class BarcodeBlock(Part):
    """A bar code in the middle with its text below: EAN-13 with its check digit, or Code 128 of ASCII characters."""

    type: Literal["barcode"] = "barcode"
    symbology: Literal["ean13", "code128"]
    data: Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]{1,48}$")]


class ImageBlock(Part):
    """A picture in the middle, such as a logo: a PNG, printed black and white and never wider than the paper."""

    type: Literal["image"] = "image"
    png: Annotated[Base64Bytes, Field(max_length=LARGEST_IMAGE_BYTES)]


class CutBlock(Part):
    """Cut the paper here; every document ends with a cut of its own."""

    type: Literal["cut"] = "cut"


Block = Annotated[
    TextBlock | PairBlock | CellsBlock | RuleBlock | FeedBlock | QrBlock | BarcodeBlock | ImageBlock | CutBlock,
    Field(discriminator="type"),
]


class PrintedDocument(Part):
    """A document in one language (`en`, `pl`, ...), from top to bottom."""

    language: str
    blocks: Annotated[tuple[Block, ...], Field(min_length=1, max_length=MOST_BLOCKS)]
