"""What a scan means for the till: a product, a receipt of ours, or nothing it can use. Pure.

Products are read by `libs.barcodes` (over biip), the one place that knows GTINs, GS1 elements, in-store codes and
Digital Links. A receipt's QR code holds the sale's id in Crockford's base 32 (see the sales service, numbering).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import RFC_4122, UUID

from device_gateway.domain.observations import Scan
from libs.barcodes import Scan as Barcode
from libs.barcodes import ScanKind, UnreadableBarcode, parse_scan
from libs.contracts.catalog import BarcodeLayout

_BASE_32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RECEIPT_CODE_LENGTH = 26


@dataclass(frozen=True, slots=True)
class ProductScanned:
    """A product's code: `barcode.candidates` names it; quantity, price, lot and dates are in it where it has them.

    Cards and vouchers with plain codes come as this too (`own_code`): only the services know those.
    """

    barcode: Barcode


@dataclass(frozen=True, slots=True)
class ReceiptScanned:
    """The code of one of our receipts: what a return begins with."""

    sale_id: UUID


@dataclass(frozen=True, slots=True)
class NothingScanned:
    """A text that means nothing here; `sentence` says why and what to do."""

    sentence: str


Meaning = ProductScanned | ReceiptScanned | NothingScanned


def meaning_of(scan: Scan, layouts: Iterable[BarcodeLayout] = ()) -> Meaning:
    """What a scan means; `layouts` are the chain's in-store weight and price codes. Never raises."""
    try:
        barcode = parse_scan((scan.aim or "") + scan.text, layouts)
    except UnreadableBarcode as refused:
        return NothingScanned(refused.sentence)
    # A GS1 code of digits only may look like a receipt code, so products are asked first.
    sale_id = _sale_id(scan.text) if barcode.kind is ScanKind.OWN_CODE else None
    return ProductScanned(barcode) if sale_id is None else ReceiptScanned(sale_id)


def _sale_id(text: str) -> UUID | None:
    """The sale inside a receipt code, also typed with spaces; None for any other text, e.g. a ULID of somebody else."""
    digits = text.strip().upper().replace(" ", "").replace("-", "")
    if len(digits) != _RECEIPT_CODE_LENGTH or not set(digits) <= set(_BASE_32):
        return None
    value = 0
    for digit in digits:
        value = value << 5 | _BASE_32.index(digit)
    if value >> 128:
        return None
    sale_id = UUID(int=value)
    return sale_id if sale_id.variant == RFC_4122 else None


def meaning_message(meaning: Meaning) -> dict[str, object]:
    """A meaning as pages and programs hear it: `meaning` is `product`, `receipt` or `nothing`, the rest goes with it.

    `candidates` are the stored forms to look up, the likeliest first. `quantity_milli` is thousandths of `unit`, or of
    the product's own unit where `unit` is null; `price` is the whole piece's, in units of money, as a decimal string.
    """
    match meaning:
        case ReceiptScanned(sale_id):
            return {"meaning": "receipt", "sale_id": str(sale_id)}
        case NothingScanned(sentence):
            return {"meaning": "nothing", "sentence": sentence}
        case ProductScanned(barcode):
            return {
                "meaning": "product",
                "kind": barcode.kind.value,
                "candidates": list(barcode.candidates),
                "item_code": barcode.item_code,
                "quantity_milli": barcode.quantity.milli if barcode.quantity else None,
                "unit": barcode.unit.value if barcode.unit else None,
                "price": str(barcode.price) if barcode.price is not None else None,
                "lot": barcode.lot,
                "serial": barcode.serial,
                "expires_on": barcode.expires_on.isoformat() if barcode.expires_on else None,
                "best_before": barcode.best_before.isoformat() if barcode.best_before else None,
            }
