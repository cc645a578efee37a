"""How long a full basket takes to price: 100 lines against 500 promotions of every kind (budget: 2 ms)."""

from __future__ import annotations

import random
import time
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from statistics import median

from libs.money import Quantity, Unit
from libs.pricing import (
    EVERYTHING,
    Basket,
    BasketLine,
    BundleGroup,
    PriceBook,
    PricedProduct,
    PriceEntry,
    ProductSelector,
    Promotion,
    PromotionKind,
    TaxCategory,
    TaxMode,
    TaxPolicy,
    TaxRate,
    TaxRounding,
    price_basket,
)

LINES = 100
PROMOTIONS = 500
CATALOGUE = 10_000
CATEGORIES = 200
ROUNDS = 200


def _promotion(number: int, chance: random.Random) -> Promotion:
    """One of a chain's promotions. Most name a score of products, some a category, one in twenty the whole basket: a
    line of the basket meets 27 of them on average, 25 of which hold for the whole basket, more than a shop would run.
    """
    products = ProductSelector(product_ids=frozenset(f"p{chance.randrange(CATALOGUE)}" for _ in range(20)))
    category = ProductSelector(category_ids=frozenset({f"c{chance.randrange(CATEGORIES)}"}))
    identity, name = f"promotion-{number:03}", f"Promotion {number}"
    kind = number % 20
    if kind < 7:
        return Promotion(
            identity,
            name,
            PromotionKind.PERCENT_OFF,
            products,
            percent_ppm=50_000 + number * 100,
            priority=number % 3,
            hours_from=time_of_day(8),
            hours_until=time_of_day(20),
        )
    if kind < 11:
        return Promotion(
            identity,
            name,
            PromotionKind.FIXED_PRICE,
            products,
            amount_minor=150,
            currency="EUR",
            stacking_group="price",
            weekdays=frozenset({5, 6, 7}),
        )
    if kind < 13:
        return Promotion(
            identity,
            name,
            PromotionKind.BUY_X_GET_Y,
            products if kind == 11 else category,
            buy_quantity_milli=2000,
            get_quantity_milli=1000,
            priority=5,
        )
    if kind < 17:
        mixed = (BundleGroup(products, 2000),)
        groups = mixed if kind < 16 else (*mixed, BundleGroup(category, 1000))
        return Promotion(identity, name, PromotionKind.BUNDLE, groups=groups, amount_minor=500, currency="EUR")
    if kind < 19:
        return Promotion(
            identity,
            name,
            PromotionKind.MEMBER_PRICE,
            category,
            percent_ppm=30_000,
            customer_groups=frozenset({"gold" if number % 40 < 20 else "staff"}),
            stacking_group="member",
        )
    return Promotion(
        identity,
        name,
        PromotionKind.BASKET_THRESHOLD,
        EVERYTHING,
        threshold_minor=1_000 * number,
        currency="EUR",
        amount_minor=500,
    )


def full_basket() -> tuple[Basket, PriceBook]:
    """The same basket and price book at every run."""
    chance = random.Random(2006)
    rates = (TaxRate("vat", "VAT", 210_000), TaxRate("city", "City tax", 20_000))
    categories = [
        TaxCategory("standard", "Standard", rates),
        TaxCategory("food", "Food", (TaxRate("vat", "VAT", 90_000),)),
    ]
    book = PriceBook.compile([_promotion(number, chance) for number in range(PROMOTIONS)], categories)
    lines = []
    for number in range(LINES):
        price = chance.randrange(99, 2_000)
        product = PricedProduct(
            f"p{chance.randrange(CATALOGUE)}",
            f"Product {number}",
            frozenset({f"c{chance.randrange(CATEGORIES)}", f"c{chance.randrange(CATEGORIES)}"}),
            Unit.PIECE,
            "food" if number % 2 else "standard",
            (PriceEntry("retail", price), PriceEntry("retail", price - 9, minimum_quantity_milli=6000)),
        )
        lines.append(BasketLine(str(number), product, Quantity(1000 * chance.randrange(1, 4))))
    basket = Basket(
        "EUR",
        "store-1",
        tuple(lines),
        datetime(2026, 5, 29, 12, 0, tzinfo=UTC),
        date(2026, 5, 29),
        TaxPolicy(TaxMode.INCLUSIVE, TaxRounding.PER_RATE, 5),
        customer_groups=frozenset({"gold"}),
        percent_discount_ppm=50_000,
    )
    return basket, book


def run() -> dict[str, object]:
    """Milliseconds to price the basket: the median and the slowest of many, and how much it had to do."""
    basket, book = full_basket()
    taken_ms = []
    for _ in range(ROUNDS):
        started = time.perf_counter_ns()
        priced = price_basket(basket, book)
        taken_ms.append((time.perf_counter_ns() - started) / 1_000_000)
    return {
        "lines": len(priced.lines),
        "promotions": len(book.promotions),
        "adjustments": sum(len(line.adjustments) for line in priced.lines),
        "median_ms": round(median(taken_ms), 3),
        "p99_ms": round(sorted(taken_ms)[int(ROUNDS * 0.99) - 1], 3),
        "budget_ms": 2.0,
    }


if __name__ == "__main__":
    print(run())
