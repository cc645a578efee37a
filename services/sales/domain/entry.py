"""What a cashier may enter: the checks that a line and a basket must pass before they are priced."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from libs.contracts.identity import StoreChanged
from libs.contracts.refusal import Conflict
from services.sales.domain.basket import Basket
from services.sales.domain.product import Product
from services.sales.domain.shift import WrongCurrency


class AgeNotConfirmed(Conflict):
    """Goods with an age limit are in the basket and the customer's age has not been confirmed."""

    type = "age-not-confirmed"


def demand_currency(currency: str, store: StoreChanged, *, field: str = "currency") -> None:
    """Raise WrongCurrency unless the store trades in `currency`."""
    if currency != store.currency:
        raise WrongCurrency(f"Store {store.code} trades in {store.currency}, not in {currency}.", field=field)


def demand_age(basket: Basket, products: Mapping[UUID, Product]) -> None:
    """Raise AgeNotConfirmed unless the customer was confirmed to be old enough for all that is sold to them."""
    sold = [products[line.product_id] for line in basket.lines if line.quantity.milli > 0]
    oldest = max(sold, key=lambda product: product.minimum_age_years, default=None)
    if oldest is not None and oldest.minimum_age_years > basket.age_confirmed_years:
        raise AgeNotConfirmed(
            f"{oldest.name} is sold from the age of {oldest.minimum_age_years}. Check the age and confirm it.",
            field="age_confirmed_years",
            minimum_age_years=oldest.minimum_age_years,
        )
