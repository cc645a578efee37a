"""Promotions that take whole sets of units: buy X get Y, bundles, mix-and-match, and so-many-per-basket limits.

A plan is made without changing anything, so that promotions of one priority can be compared, and carried out after.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from libs.money import allocate, divide_rounded
from libs.pricing.book import CompiledPromotion
from libs.pricing.model import PPM
from libs.pricing.promotion import ProductSelector, Promotion, PromotionKind
from libs.pricing.units import LineState, Segment

_UNIT_MILLI = 1000
_Part = tuple[Segment, int, int]  # segment, quantity_milli, value_minor


class _Stock:
    """What a plan has left of one segment; the same arithmetic as cutting it will do."""

    __slots__ = ("left_milli", "left_minor", "segment")

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        self.left_milli = segment.quantity_milli
        self.left_minor = segment.net_minor

    def take(self, quantity_milli: int) -> _Part:
        """Take that much out, at its share of what the rest costs; all of it at exactly that."""
        value = self.left_minor
        if quantity_milli != self.left_milli:
            value = divide_rounded(value * quantity_milli, self.left_milli)
        self.left_milli -= quantity_milli
        self.left_minor -= value
        return self.segment, quantity_milli, value


class _Take:
    """One part of every set: so much of these units, in this order; the last `reduced_milli` of it at a percentage
    off. Stocks come dearest first, so the last are the cheapest.
    """

    __slots__ = ("_position", "percent_ppm", "quantity_milli", "reduced_milli", "stocks")

    def __init__(self, stocks: list[_Stock], quantity_milli: int, reduced_milli: int, percent_ppm: int) -> None:
        self.stocks = stocks
        self.quantity_milli = quantity_milli
        self.reduced_milli = reduced_milli
        self.percent_ppm = percent_ppm
        self._position = 0

    def head(self) -> _Stock | None:
        """The first stock with something left."""
        stocks = self.stocks
        for position in range(self._position, len(stocks)):
            if stocks[position].left_milli:
                self._position = position
                return stocks[position]
        return None

    def gather(self, sets: int) -> list[_Part] | None:
        """Take the units of that many sets; None when there are not enough. Several sets come of one stock only."""
        head = self.head()
        missing = self.quantity_milli * sets
        if head is None:
            return None
        if head.left_milli >= missing:
            return [head.take(missing)]
        taken = []
        for stock in self.stocks[self._position :]:
            if stock.left_milli:
                part = min(stock.left_milli, missing)
                taken.append(stock.take(part))
                missing -= part
                if not missing:
                    return taken
        return None

    def discount(self, taken: list[_Part]) -> int:
        """What the percentage takes off the units gathered."""
        if len(taken) == 1 or self.reduced_milli == self.quantity_milli:
            value = sum([part[2] for part in taken])
            return divide_rounded(value * self.reduced_milli * self.percent_ppm, self.quantity_milli * PPM)
        reduced, missing = 0, self.reduced_milli
        for _, quantity_milli, value in reversed(taken):
            if quantity_milli >= missing:
                reduced += divide_rounded(value * missing, quantity_milli)
                break
            reduced += value
            missing -= quantity_milli
        return divide_rounded(reduced * self.percent_ppm, PPM)


@dataclass(frozen=True, slots=True)
class SetApplication:
    """One or several equal sets: which units, what they cost together, what comes off."""

    sets: int
    discount_minor: int
    parts: tuple[_Part, ...]


@dataclass(frozen=True, slots=True)
class SetPlan:
    """All the sets a promotion finds in the basket as it is."""

    applications: tuple[SetApplication, ...]
    discount_minor: int
    value_minor: int


_NOTHING = SetPlan((), 0, 0)


def plan_sets(compiled: CompiledPromotion, lines: Iterable[LineState]) -> SetPlan:
    """Find the sets, dearest units first: of every X+Y units in that order the Y cheapest are the gift."""
    promotion, blockers = compiled.promotion, compiled.blockers
    segments = [segment for line in lines for segment in line.segments if not segment.claims & blockers]
    if sum([segment.quantity_milli for segment in segments]) < compiled.set_milli:
        return _NOTHING
    stocks = [_Stock(segment) for segment in segments]
    if len(stocks) > 1:
        stocks.sort(key=_dearest_first)
    takes = _takes(compiled, stocks)
    applications: list[SetApplication] = []
    sets_left = promotion.limit_per_basket
    while sets_left is None or sets_left > 0:
        application = _next_application(promotion, takes, sets_left)
        if application is None:
            break
        applications.append(application)
        if sets_left is not None:
            sets_left -= application.sets
    if not applications:
        return _NOTHING
    return SetPlan(
        tuple(applications),
        sum([each.discount_minor for each in applications]),
        sum([value for each in applications for _, _, value in each.parts]),
    )


def carry_out(compiled: CompiledPromotion, plan: SetPlan) -> None:
    """Take the plan's discounts off, in proportion to the value of every unit of a set, bought or given.

    Spreading the discount over the whole set is what makes a return at the prorated price fair (retail rule 6).
    """
    joins_units = compiled.promotion.kind in (PromotionKind.BUNDLE, PromotionKind.BUY_X_GET_Y)
    together: dict[LineState, int] = {}
    for number, application in enumerate(plan.applications, start=1):
        shares = allocate(application.discount_minor, [value for _, _, value in application.parts])
        by_line: dict[LineState, list[int]] = {}
        for (segment, quantity_milli, value), share in zip(application.parts, shares, strict=True):
            piece = segment.cut(quantity_milli, value)
            piece.net_minor -= share
            piece.claims |= compiled.claim
            sums = by_line.setdefault(segment.line, [0, 0])
            sums[0] += share
            sums[1] += quantity_milli
        for line, (share, quantity_milli) in by_line.items():
            if joins_units:
                name = f"{compiled.promotion.id}#{number}"
                line.discount_by_promotion(compiled, share, name, quantity_milli, application.sets)
            else:
                together[line] = together.get(line, 0) + share
    for line, share in together.items():
        line.discount_by_promotion(compiled, share)


def _dearest_first(stock: _Stock) -> tuple[int, int]:
    return -(stock.left_minor * PPM // stock.left_milli), stock.segment.line.index


def _takes(compiled: CompiledPromotion, stocks: list[_Stock]) -> list[_Take]:
    promotion = compiled.promotion
    # The lines at hand were chosen by the promotion's selectors; only where it has several must they be told apart.
    chosen = [stocks] if len(compiled.selectors) == 1 else [_chosen(each, stocks) for each in compiled.selectors]
    percent_ppm = promotion.percent_ppm or 0
    if promotion.kind is PromotionKind.BUNDLE:
        return [
            _Take(group_stocks, group.quantity_milli, group.quantity_milli, percent_ppm)
            for group_stocks, group in zip(chosen, promotion.groups, strict=True)
        ]
    if promotion.kind is not PromotionKind.BUY_X_GET_Y:
        return [_Take(stocks, _UNIT_MILLI, _UNIT_MILLI, percent_ppm)]
    buy_milli, get_milli = promotion.buy_quantity_milli or 0, promotion.get_quantity_milli or 0
    percent_ppm = percent_ppm or PPM
    if promotion.get_products is None:
        return [_Take(stocks, buy_milli + get_milli, get_milli, percent_ppm)]
    dearest_first, gifts = chosen
    gift_stocks = {id(stock) for stock in gifts}
    # Units that can only be bought are counted as bought first, so that those that may be given stay to be given.
    bought = sorted(dearest_first, key=lambda stock: id(stock) in gift_stocks)
    return [_Take(bought, buy_milli, 0, 0), _Take(gifts[::-1], get_milli, get_milli, percent_ppm)]


def _chosen(selector: ProductSelector, stocks: list[_Stock]) -> list[_Stock]:
    chosen = []
    for stock in stocks:
        product = stock.segment.line.line.product
        if selector.matches(product.product_id, product.category_ids):
            chosen.append(stock)
    return chosen


def _next_application(promotion: Promotion, takes: list[_Take], sets_left: int | None) -> SetApplication | None:
    sets = _equal_sets(takes, sets_left)
    if sets == 0:
        return None
    parts: list[_Part] = []
    discount = 0
    for take in takes:
        taken = take.gather(sets)
        if taken is None:
            return None
        parts += taken
        if take.percent_ppm:
            discount += take.discount(taken)
    if promotion.amount_minor is not None:
        value = sum([part[2] for part in parts])
        off_each = promotion.kind is PromotionKind.AMOUNT_OFF
        discount = min(value, promotion.amount_minor * sets) if off_each else value - promotion.amount_minor * sets
        if discount <= 0:
            return None  # units come dearest first: no later set is worth more than the bundle's price either
    return SetApplication(sets, discount, tuple(parts))


def _equal_sets(takes: list[_Take], sets_left: int | None) -> int:
    """How many sets can be taken at once because each take is served by one stock; 1 when a set spans stocks."""
    needs: dict[int, list[int]] = {}
    for take in takes:
        head = take.head()
        if head is None:
            return 0
        need = needs.setdefault(id(head), [head.left_milli, 0])
        need[1] += take.quantity_milli
    sets = min([left // needed for left, needed in needs.values()])
    if sets_left is not None and sets_left < sets:
        sets = sets_left
    return sets or 1
