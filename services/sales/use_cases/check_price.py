"""Say what a scanned product costs, without selling it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.contracts.sales import LineFacts
from libs.money import Quantity
from libs.persistence import Connection, new_id
from services.sales.domain.basket import Basket, BasketLine
from services.sales.domain.label_price import Place
from services.sales.price_books import CurrentBook
from services.sales.use_cases.identify_products import Pointer, identify_products
from services.sales.use_cases.price_basket import price_contents


@dataclass(frozen=True, slots=True)
class CheckedPrice:
    """The product as a line of its own; `explanation` says in English how its total came about."""

    line: LineFacts
    currency: str
    quantity: Quantity
    minimum_age_years: int
    explanation: tuple[str, ...]


async def check_price(
    connection: Connection,
    current: CurrentBook,
    now: datetime,
    store_id: UUID,
    code: str,
    quantity: Quantity | None,
    customer_groups: tuple[str, ...] = (),
) -> CheckedPrice:
    """The price of `quantity` (None: what the code says, else one) in the store, in its currency.

    Raises UnknownStore, UnknownProduct, ProductNotSold, UnreadableBarcode, AbsurdQuantity or CannotBePriced.
    """
    store = current.store(store_id)
    [found] = await identify_products(connection, current, [Pointer("code", code)], store.currency)
    entered = found.entered(quantity, Place(store, now, customer_groups))
    wanted = entered.quantity
    line = BasketLine(
        line_id=new_id(),
        product_id=found.product.product_id,
        quantity=wanted,
        scanned=code,
        price_override_minor=entered.price_minor,
        price_from_code=found.price_minor is not None,
        label_amount_minor=entered.label_amount_minor,
    )
    basket = Basket(
        basket_id=new_id(),
        store_id=store_id,
        till_id=store_id,
        staff_id=store_id,
        currency=store.currency,
        opened_at=now,
        lines=(line,),
        customer_groups=customer_groups,
    )
    contents = await price_contents(
        connection, basket, current, now, products={found.product.product_id: found.product}
    )
    [facts] = contents.frozen_lines(basket, store.language)
    [priced] = contents.priced.lines
    return CheckedPrice(facts, store.currency, wanted, found.product.minimum_age_years, priced.explanation)
