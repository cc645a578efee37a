"""From what was scanned, typed or chosen to products: for a whole basket in a few queries, never one per line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from libs.barcodes import Scan
from libs.money import Quantity
from libs.persistence import Connection
from services.sales.domain.basket import check_quantity
from services.sales.domain.label_price import ONE, Entered, Place, read_label
from services.sales.domain.product import Product, UnknownProduct
from services.sales.price_books import CurrentBook


@dataclass(frozen=True, slots=True)
class Pointer:
    """How a line names its product: by what was scanned or typed, or by id. `field` is where the request says so.

    Goods that are `brought_back` need not be sold any more.
    """

    field: str
    code: str | None = None
    product_id: UUID | None = None
    brought_back: bool = False


@dataclass(frozen=True, slots=True)
class Identified:
    """The product, and what its barcode said of quantity or of the price of the whole piece."""

    product: Product
    quantity: Quantity | None = None
    price_minor: int | None = None

    def entered(self, quantity: Quantity | None, place: Place, *, field: str = "quantity") -> Entered:
        """How much of it and what a label asks; `quantity` is what the cashier said, if anything.

        Raises AbsurdQuantity, or Invalid for a part of a labelled package, naming `field`.
        """
        if self.price_minor is None:
            found = Entered(quantity if quantity is not None else self.quantity or ONE)
        else:
            found = read_label(self.product, self.price_minor, quantity, place, field=field)
        check_quantity(found.quantity, field=field)
        self.product.demand_countable(found.quantity, field=field)
        return found


async def identify_products(
    connection: Connection, current: CurrentBook, pointers: Sequence[Pointer], currency: str
) -> list[Identified]:
    """The product of each pointer, in order; `currency` is that of prices inside in-store codes.

    Raises UnknownProduct or ProductNotSold naming the pointer's field, and what reading a barcode raises.
    """
    catalogue = current.catalogue(connection)
    scans = {
        pointer.code: current.scan(pointer.code, field=pointer.field)
        for pointer in pointers
        if pointer.code is not None
    }
    typed = {code.strip() for code in scans}
    by_code = await catalogue.find_scanned({each for scan in scans.values() for each in scan.candidates} | typed)
    by_item_code = await catalogue.find_item_codes({scan.item_code for scan in scans.values() if scan.item_code})
    by_id = await catalogue.products_by_id({each.product_id for each in pointers if each.product_id is not None})
    identified = []
    for pointer in pointers:
        if pointer.code is None:
            assert pointer.product_id is not None
            found = _known(by_id.get(pointer.product_id), pointer, str(pointer.product_id))
            identified.append(Identified(found))
        else:
            identified.append(_scanned(scans[pointer.code], by_code, by_item_code, pointer, currency))
    return identified


def _scanned(
    scan: Scan, by_code: dict[str, Product], by_item_code: dict[str, Product], pointer: Pointer, currency: str
) -> Identified:
    assert pointer.code is not None
    product = by_item_code.get(scan.item_code) if scan.item_code else None
    if product is not None:
        return Identified(_known(product, pointer, pointer.code), scan.quantity, scan.price_minor(currency))
    for candidate in (*scan.candidates, pointer.code.strip()):
        if candidate in by_code:
            return Identified(_known(by_code[candidate], pointer, pointer.code), scan.quantity)
    raise UnknownProduct(f"No product has the code {pointer.code!r}.", field=pointer.field, code=pointer.code)


def _known(product: Product | None, pointer: Pointer, text: str) -> Product:
    if product is None:
        raise UnknownProduct(f"There is no product {text}.", field=pointer.field)
    if not pointer.brought_back:
        product.demand_sold()
    return product
