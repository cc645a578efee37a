"""Barcodes: what a scanner's text says, and the one form in which a code is stored. Pure: no I/O, no clock."""

from libs.barcodes.layouts import check_layouts, normalise_item_code
from libs.barcodes.refusals import UnreadableBarcode, WrongCheckDigit
from libs.barcodes.scan import Scan, ScanKind
from libs.barcodes.scanning import normalise_barcode, parse_scan

__all__ = [
    "Scan",
    "ScanKind",
    "UnreadableBarcode",
    "WrongCheckDigit",
    "check_layouts",
    "normalise_barcode",
    "normalise_item_code",
    "parse_scan",
]
