"""Lays a printed document out for a width of paper: blocks -> rows of so many characters. Pure: no printer, no I/O."""

from device_gateway.layout.rows import (
    BarcodeRow,
    CutRow,
    FeedRow,
    ImageRow,
    QrRow,
    Row,
    RuleRow,
    TextRow,
    rows_of,
)
from device_gateway.layout.wrapping import display_width, plain_text, wrapped

__all__ = [
    "BarcodeRow",
    "CutRow",
    "FeedRow",
    "ImageRow",
    "QrRow",
    "Row",
    "RuleRow",
    "TextRow",
    "display_width",
    "plain_text",
    "rows_of",
    "wrapped",
]
