"""Pricing a basket: prices, promotions, discounts by hand, taxes, totals, in the one documented order.

1. each line's unit price times its quantity;
2. promotions on units, then basket thresholds (`Promotion` says how they compete);
3. the line's percentage, 4. the basket's percentage, 5. the line's amount, 6. the basket's amount (retail rule 5);
7. taxes on what is left.

No line goes below zero. Returned lines (negative quantity) are priced by themselves as if sold, and turned around,
so that they mirror the sale exactly (retail rule 10); the basket's amount comes off the sold lines if there are any.
"""

from __future__ import annotations

from libs.money import allocate, divide_rounded
from libs.pricing.applying import PromotionOutcome, apply_promotions
from libs.pricing.book import PriceBook
from libs.pricing.conditions import Circumstances, normal_coupon, why_not
from libs.pricing.model import PPM, Basket, BasketLine, PricedProduct, PriceEntry, PricingError, TaxMode
from libs.pricing.priced import AdjustmentKind, PricedBasket, PricedLine, UnusedCoupon
from libs.pricing.prices import price_for
from libs.pricing.taxes import taxes_of_lines
from libs.pricing.units import LineState
from libs.pricing.words import amount_text, percent_text, quantity_text


def price_basket(basket: Basket, book: PriceBook) -> PricedBasket:
    """Price the basket from this book alone; the same two always give the same result. Amounts are minor units of
    the basket's currency; lines keep the basket's order.

    Raises PricingError when a product has neither a price that holds nor an override, or an unknown tax category.
    """
    now = Circumstances.of(basket)
    outcome = PromotionOutcome()
    sold = [line for line in basket.lines if line.quantity.milli > 0]
    returned = [line for line in basket.lines if line.quantity.milli < 0]
    priced = _price_side(sold, basket, book, now, outcome, basket.amount_discount_minor)
    if returned:
        amount_minor = 0 if sold else basket.amount_discount_minor
        mirrored = _price_side(returned, basket, book, now, outcome, amount_minor)
        by_id = {line.line_id: line for line in (*priced, *(-line for line in mirrored))}
        priced = [by_id[line.line_id] for line in basket.lines]
    return PricedBasket.of_lines(basket.currency, priced, _unused_coupons(basket, book, now, outcome))


def _price_side(
    lines: list[BasketLine],
    basket: Basket,
    book: PriceBook,
    now: Circumstances,
    outcome: PromotionOutcome,
    amount_discount_minor: int,
) -> list[PricedLine]:
    """Price the sold or the returned lines, as positive ones."""
    quantities: dict[str, int] = {}
    for line in lines:
        product_id = line.product.product_id
        quantities[product_id] = quantities.get(product_id, 0) + abs(line.quantity.milli)
    states = [_start(index, line, basket, quantities[line.product.product_id]) for index, line in enumerate(lines)]
    apply_promotions(states, book, now, outcome)
    _discount_by_hand(states, basket, amount_discount_minor)
    policy = basket.tax_policy
    goods: list[tuple[PricedProduct, int]] = [(state.line.product, state.net_minor) for state in states]
    taxes = taxes_of_lines(goods, book.tax_categories, basket.business_date, policy)
    inclusive = policy.mode is TaxMode.INCLUSIVE
    priced = []
    for state, line_taxes in zip(states, taxes, strict=True):
        line, net_minor = state.line, state.net_minor
        priced.append(
            PricedLine(
                line.line_id,
                basket.currency,
                line.product.kind,
                policy.mode,
                line.quantity if line.quantity.milli > 0 else -line.quantity,
                state.unit_price_minor,
                state.list_price_minor,
                state.gross_minor,
                tuple(state.adjustments),
                net_minor,
                line_taxes,
                net_minor if inclusive else net_minor + sum([tax.tax_minor for tax in line_taxes]),
                tuple(state.notes),
            )
        )
    return priced


def _start(index: int, line: BasketLine, basket: Basket, product_quantity_milli: int) -> LineState:
    product, override = line.product, line.price_override_minor
    entry = price_for(product, basket.store_id, basket.customer_groups, basket.at, product_quantity_milli)
    if line.label_amount_minor is not None:
        return _labelled(index, line, line.label_amount_minor, entry, basket.currency)
    if override is None:
        if entry is None:
            raise PricingError("product", f"{product.name} has no price in store {basket.store_id} at this time")
        price = entry.amount_minor
        return LineState(index, line, price, price, [f"price list {entry.price_list}"])
    before = f"from {amount_text(entry.amount_minor, basket.currency)} " if entry else ""
    reason = f": {line.price_override_reason}" if line.price_override_reason else ""
    note = f"price changed {before}to {amount_text(override, basket.currency)} by hand{reason}"
    return LineState(index, line, entry.amount_minor if entry else override, override, [note])


def _labelled(index: int, line: BasketLine, label_minor: int, entry: PriceEntry | None, currency: str) -> LineState:
    """Goods by weight at the price on their label, which need not be quantity times price to the last minor unit."""
    quantity = abs(line.quantity.milli)
    price = entry.amount_minor if entry else divide_rounded(label_minor * 1000, quantity)
    unit = line.product.unit.value
    note = (
        f"label price {amount_text(label_minor, currency)}: "
        f"{quantity_text(quantity)} {unit} at {amount_text(price, currency)} per {unit}"
    )
    return LineState(index, line, price, price, [note])


def _discount_by_hand(states: list[LineState], basket: Basket, amount_discount_minor: int) -> None:
    open_states = [state for state in states if state.takes_discounts]
    currency = basket.currency
    for state in open_states:
        ppm = state.line.percent_discount_ppm
        if ppm:
            off = divide_rounded(state.net_minor * ppm, PPM)
            name = state.line.percent_discount_reason or "Discount"
            state.discount_by_hand(AdjustmentKind.LINE_PERCENT, name, off, percent_text(ppm))
    if basket.percent_discount_ppm:
        off = divide_rounded(sum(state.net_minor for state in open_states) * basket.percent_discount_ppm, PPM)
        name = basket.percent_discount_reason or "Basket discount"
        text = percent_text(basket.percent_discount_ppm)
        _spread(open_states, AdjustmentKind.BASKET_PERCENT, name, off, text)
    for state in open_states:
        wanted = state.line.amount_discount_minor
        if wanted:
            off = min(wanted, state.net_minor)
            name = state.line.amount_discount_reason or "Discount"
            state.discount_by_hand(AdjustmentKind.LINE_AMOUNT, name, off, f"{amount_text(wanted, currency)} off")
    if amount_discount_minor:
        off = min(amount_discount_minor, sum(state.net_minor for state in open_states))
        name = basket.amount_discount_reason or "Basket discount"
        text = f"share of {amount_text(amount_discount_minor, currency)}"
        _spread(open_states, AdjustmentKind.BASKET_AMOUNT, name, off, text)
    if len(open_states) < len(states):
        _note_refusals(states, basket, amount_discount_minor)


def _spread(states: list[LineState], kind: AdjustmentKind, name: str, off: int, text: str) -> None:
    """Allocate a basket discount to the lines when the sale is made, across tax rates (retail rule 4)."""
    if states:
        shares = allocate(off, [state.net_minor for state in states])
        for state, share in zip(states, shares, strict=True):
            state.discount_by_hand(kind, name, share, text)


def _note_refusals(states: list[LineState], basket: Basket, amount_discount_minor: int) -> None:
    basket_discounts = bool(basket.percent_discount_ppm or amount_discount_minor)
    for state in states:
        line = state.line
        wanted = basket_discounts or line.percent_discount_ppm or line.amount_discount_minor
        if wanted and not state.takes_discounts:
            state.notes.append(f"no discount: {line.product.name} is never discounted")


def _unused_coupons(
    basket: Basket, book: PriceBook, now: Circumstances, outcome: PromotionOutcome
) -> list[UnusedCoupon]:
    unused, seen = [], set()
    for code in basket.coupons:
        normal = normal_coupon(code)
        compiled = book.by_coupon.get(normal, ())
        if normal in seen:
            unused.append(UnusedCoupon(code, "it was already presented"))
        elif not any(each.promotion.id in outcome.applied for each in compiled):
            reasons = [
                why_not(each.promotion, now)
                or outcome.not_reached.get(each.promotion.id)
                or "nothing in the basket qualifies, or a better promotion holds"
                for each in compiled
            ]
            unused.append(UnusedCoupon(code, reasons[0] if reasons else "no promotion of this shop knows it"))
        seen.add(normal)
    return unused
