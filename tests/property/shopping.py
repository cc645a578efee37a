"""Random but valid baskets, promotions and policies, dense enough that promotions meet, compete and overlap."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from libs.money import Quantity, Unit
from libs.pricing import (
    EVERYTHING,
    Basket,
    BasketLine,
    BundleGroup,
    PriceBook,
    PricedProduct,
    PriceEntry,
    ProductKind,
    ProductSelector,
    Promotion,
    PromotionKind,
    ReturnPolicy,
    TaxCategory,
    TaxMode,
    TaxPolicy,
    TaxRate,
    TaxRounding,
)

PRODUCT_IDS = ("a", "b", "c", "d", "e")
CATEGORY_IDS = ("x", "y", "z")
TAXES = (
    TaxCategory("none", "Not taxed"),
    TaxCategory("standard", "Standard", (TaxRate("vat", "VAT", 210_000),)),
    TaxCategory("reduced", "Reduced", (TaxRate("vat", "VAT", 50_000),)),
    TaxCategory("two", "Two taxes", (TaxRate("vat", "VAT", 100_000), TaxRate("city", "City tax", 20_000))),
    TaxCategory("odd", "Odd", (TaxRate("vat", "VAT", 73_300),)),
)

policies = st.builds(TaxPolicy, st.sampled_from(TaxMode), st.sampled_from(TaxRounding), st.sampled_from([1, 5, 10, 50]))
percentages = st.sampled_from([0, 0, 1, 33_333, 100_000, 250_000, 1_000_000])
selectors = st.one_of(
    st.just(EVERYTHING),
    st.just(EVERYTHING),
    st.builds(lambda ids: ProductSelector(product_ids=ids), st.frozensets(st.sampled_from(PRODUCT_IDS), min_size=1)),
    st.builds(
        lambda ids, out: ProductSelector(category_ids=ids, excluded_product_ids=out),
        st.frozensets(st.sampled_from(CATEGORY_IDS), min_size=1),
        st.frozensets(st.sampled_from(PRODUCT_IDS), max_size=1),
    ),
)
_bundle_quantities = st.sampled_from([1000, 1000, 2000, 3000, 500])


@st.composite
def promotions(draw: st.DrawFn, number: int, policy: ReturnPolicy | None = None) -> Promotion:
    """One promotion of any kind."""
    kind = draw(st.sampled_from(PromotionKind))
    fields: dict[str, Any] = {"products": draw(selectors)}
    percent_ppm = draw(st.sampled_from([1, 100_000, 333_333, 500_000, 1_000_000]))
    amount: dict[str, Any] = {"amount_minor": draw(st.integers(1, 2000)), "currency": "EUR"}
    either: dict[str, Any] = draw(st.sampled_from([{"percent_ppm": percent_ppm}, amount]))
    if kind is PromotionKind.PERCENT_OFF:
        fields["percent_ppm"] = percent_ppm
    elif kind in (PromotionKind.AMOUNT_OFF, PromotionKind.FIXED_PRICE):
        fields |= amount
    elif kind is PromotionKind.BUY_X_GET_Y:
        fields |= {
            "buy_quantity_milli": draw(_bundle_quantities),
            "get_quantity_milli": draw(_bundle_quantities),
            "get_products": draw(st.none() | selectors),
            "percent_ppm": draw(st.none() | st.just(percent_ppm)),
        }
    elif kind is PromotionKind.BUNDLE:
        groups = draw(st.lists(st.builds(BundleGroup, selectors, _bundle_quantities), min_size=1, max_size=3))
        fields = {"groups": tuple(groups), **either}
    elif kind is PromotionKind.BASKET_THRESHOLD:
        fields |= {"threshold_minor": draw(st.integers(1, 5000)), "currency": "EUR", **either}
    else:
        fields |= {"customer_groups": frozenset({draw(st.sampled_from(["gold", "gold", "staff"]))}), **either}
    if kind is not PromotionKind.BASKET_THRESHOLD:
        fields["limit_per_basket"] = draw(st.none() | st.integers(1, 3))
    return Promotion(
        f"p{number}",
        f"Promotion {number}",
        kind,
        priority=draw(st.integers(0, 2)),
        exclusive=draw(st.sampled_from([False, False, False, True])),
        stacking_group=draw(st.sampled_from(["", "", "season"])),
        coupon_code=draw(st.sampled_from([None] * 5 + ["C1", "C2"])),
        return_policy=policy or draw(st.sampled_from(ReturnPolicy)),
        **fields,
    )


@st.composite
def books(draw: st.DrawFn, policy: ReturnPolicy | None = None, most: int = 6) -> PriceBook:
    """A price book of a few promotions and every kind of tax."""
    count = draw(st.integers(2, most))
    return PriceBook.compile([draw(promotions(number, policy)) for number in range(count)], TAXES)


@st.composite
def products(draw: st.DrawFn) -> PricedProduct:
    """Goods mostly, sometimes a gift card or something never discounted."""
    return PricedProduct(
        draw(st.sampled_from(PRODUCT_IDS)),
        "Product",
        draw(st.frozensets(st.sampled_from(CATEGORY_IDS))),
        Unit.PIECE,
        draw(st.sampled_from(TAXES)).code,
        (PriceEntry("retail", draw(st.integers(0, 3000))), PriceEntry("bulk", draw(st.integers(0, 3000)), 5000)),
        discountable=draw(st.sampled_from([True] * 7 + [False])),
        kind=draw(st.sampled_from([ProductKind.GOODS] * 7 + [ProductKind.GIFT_CARD])),
    )


@st.composite
def lines(draw: st.DrawFn, line_id: str, sign: int, whole: bool) -> BasketLine:
    """A line of pieces or of a weight."""
    pieces = st.integers(1, 7).map(lambda count: count * 1000)
    milli = draw(pieces if whole else st.one_of(pieces, st.integers(1, 4000)))
    return BasketLine(
        line_id,
        draw(products()),
        Quantity(sign * milli),
        price_override_minor=draw(st.sampled_from([None] * 8 + [0, 777])),
        percent_discount_ppm=draw(percentages),
        amount_discount_minor=draw(st.sampled_from([0, 0, 0, 1, 150, 99_999])),
    )


@st.composite
def baskets(draw: st.DrawFn, signs: tuple[int, ...] = (1,), whole: bool = False) -> Basket:
    """A basket of up to six lines; `signs` (1,) sells, (-1,) returns, (1, -1) mixes."""
    count = draw(st.sampled_from([1, 2, 3, 4, 5, 6]))
    return Basket(
        currency="EUR",
        store_id="store-1",
        lines=tuple(draw(lines(str(number), draw(st.sampled_from(signs)), whole)) for number in range(count)),
        at=datetime(2026, 5, 29, 12, 0, tzinfo=ZoneInfo("Europe/Warsaw")),
        business_date=date(2026, 5, 29),
        tax_policy=draw(policies),
        customer_groups=draw(st.sampled_from([frozenset({"gold"}), frozenset[str]()])),
        coupons=draw(st.sampled_from([(), ("c1",), ("C1", "C2", "unknown")])),
        percent_discount_ppm=draw(percentages),
        amount_discount_minor=draw(st.sampled_from([0, 0, 1, 500, 99_999])),
    )
