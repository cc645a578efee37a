"""Goods by weight whose in-store label has only a price: how much they are, so that stock moves by weight."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from libs.contracts.identity import StoreChanged
from libs.contracts.refusal import Invalid
from libs.money import Quantity, Unit, divide_rounded
from libs.pricing.prices import price_for
from services.sales.domain.basket import LARGEST_QUANTITY
from services.sales.domain.product import Product

ONE = Quantity(1000)
# The price of the smallest amount: breaks for larger quantities are not what a scale prints on a label.
_SMALLEST_MILLI = 1


@dataclass(frozen=True, slots=True)
class Entered:
    """What a scan and the cashier say of a line: how much, and what the label asks for it.

    `price_minor` is a price for each unit from the label, `label_amount_minor` one for the whole line.
    """

    quantity: Quantity
    price_minor: int | None = None
    label_amount_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when goods are scanned, and for whom: what their unit price depends on. `at` is aware."""

    store: StoreChanged
    at: datetime
    customer_groups: tuple[str, ...] = ()


def read_label(
    product: Product, price_minor: int, entered: Quantity | None, place: Place, *, field: str = "quantity"
) -> Entered:
    """The line of a scanned label with a price of `price_minor`; `entered` is what the cashier says of the quantity.

    Goods sold by weight: the quantity is the label's price over the price of a unit, to the gram, and the amount is
    exactly the label's, times the whole number of such packages that was entered. By the piece, or where no unit
    price is known, it is the price of a piece. Raises Invalid for a part of a package.
    """
    weight = _weight(product, price_minor, place)
    if weight is None:
        return Entered(entered if entered is not None else ONE, price_minor=price_minor)
    packages = entered if entered is not None else ONE
    if not packages.is_whole:
        raise Invalid(
            f"The label of {product.name} has the price of the whole package: leave the quantity away, or say how many "
            "such packages there are.",
            field=field,
        )
    count = packages.milli // 1000
    return Entered(Quantity(weight.milli * count), label_amount_minor=price_minor * abs(count))


def _weight(product: Product, price_minor: int, place: Place) -> Quantity | None:
    """What a package of this price weighs; None for goods by the piece, and where that cannot be told."""
    if product.unit is Unit.PIECE:
        return None
    entry = price_for(
        product.priced(place.store),
        str(place.store.store_id),
        frozenset(place.customer_groups),
        place.at,
        _SMALLEST_MILLI,
    )
    if entry is None or entry.amount_minor <= 0:
        return None
    milli = divide_rounded(price_minor * 1000, entry.amount_minor)
    return Quantity(milli) if 0 < milli <= LARGEST_QUANTITY.milli else None
