"""Price a basket from this service's own copy of the catalogue: the price is the server's, never the till's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID

from libs.persistence import Connection
from libs.pricing import PricedLine
from services.sales.domain.basket import Basket
from services.sales.domain.priced_contents import PricedContents, price_lines
from services.sales.domain.product import Product
from services.sales.price_books import CurrentBook
from services.sales.use_cases.price_returned_lines import price_returned_lines


async def price_contents(
    connection: Connection,
    basket: Basket,
    current: CurrentBook,
    now: datetime,
    *,
    products: Mapping[UUID, Product] | None = None,
    business_date: date | None = None,
) -> PricedContents:
    """The basket's lines with their prices at `now`, amounts in minor units of its currency.

    Lines that bring back goods of a known receipt take their price from it (retail rule 7). `products` are those the
    caller has read already. `business_date` picks the tax rates: the store's local date unless given.
    Raises CannotBePriced, UnknownProduct, UnknownStore, and for returned lines what `price_returned_lines` does.
    """
    store = current.store(basket.store_id)
    known = dict(products or {})
    missing = {line.product_id for line in basket.lines} - known.keys()
    if missing:
        known |= await current.catalogue(connection).products_by_id(missing)
    returned: list[PricedLine] = []
    if any(line.returns for line in basket.lines):
        returned = await price_returned_lines(connection, basket, store.tax_mode)
    return price_lines(basket, known, returned, store, current.book, now, business_date)
