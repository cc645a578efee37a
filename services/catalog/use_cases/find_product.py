"""Find what a barcode names."""

from __future__ import annotations

from dataclasses import dataclass

from libs.barcodes import Scan, parse_scan
from libs.persistence import Connection
from services.catalog.domain.catalogue import CatalogueProduct
from services.catalog.domain.refusals import UnknownBarcode
from services.catalog.storage.products import ProductRepository
from services.catalog.storage.rules import RuleRepository
from services.catalog.use_cases.replace_barcode_layouts import CHAIN


@dataclass(frozen=True, slots=True)
class FoundProduct:
    """A product and the scan that named it."""

    product: CatalogueProduct
    scan: Scan


async def find_by_barcode(connection: Connection, text: str) -> FoundProduct:
    """What a scanner's text names: by barcode, by the item code inside an in-store code, else by product code.

    Raises UnreadableBarcode, WrongCheckDigit or UnknownBarcode.
    """
    scan = parse_scan(text)
    if scan.gtin is not None and scan.gtin.startswith("2"):
        # Only these can be in-store codes, so that an ordinary look-up costs one query.
        scan = parse_scan(text, (await RuleRepository(connection).layouts(CHAIN)).layouts)
    products = ProductRepository(connection)
    by_barcode = dict(await products.by_barcodes(scan.candidates))
    for candidate in scan.candidates:
        if candidate in by_barcode:
            return FoundProduct(by_barcode[candidate], scan)
    found = None
    if scan.item_code is not None:
        found = await products.by_item_code(scan.item_code)
    elif scan.own_code is not None:
        found = await products.by_code(text.strip())
    if found is None:
        named = f"item code {scan.item_code}" if scan.item_code is not None else f"barcode {scan.candidates[0]}"
        raise UnknownBarcode(
            f"No product has the {named}. Compare the digits, or add it to a product.", field="barcode"
        )
    return FoundProduct(found, scan)
