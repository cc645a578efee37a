"""Applying promotions to the lines of a basket: which, in what order, and what stays free for the next."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from libs.money import allocate, divide_rounded
from libs.pricing.book import CompiledPromotion, PriceBook
from libs.pricing.conditions import Circumstances, why_not
from libs.pricing.model import PPM
from libs.pricing.promotion import PromotionKind
from libs.pricing.sets import SetPlan, carry_out, plan_sets
from libs.pricing.units import LineState, Segment
from libs.pricing.words import amount_text

_Candidates = list[tuple[CompiledPromotion, list[LineState]]]
# Rank (larger share off first, then larger discount, then id and line, so that ties never depend on chance), the
# promotion, its lines, the plan when it takes sets or the discount when it works line by line, and a version.
_Offer = tuple[int, int, str, int, CompiledPromotion, list[LineState], SetPlan | int, int]


@dataclass(slots=True)
class PromotionOutcome:
    """Which promotions took something off, and why thresholds did not; for telling what became of a coupon."""

    applied: set[str] = field(default_factory=set)
    not_reached: dict[str, str] = field(default_factory=dict)


def apply_promotions(
    lines: Sequence[LineState], book: PriceBook, now: Circumstances, outcome: PromotionOutcome
) -> None:
    """Apply all that hold, those on units first, then basket thresholds, each by priority; see `Promotion`."""
    on_units: defaultdict[int, _Candidates] = defaultdict(list)
    thresholds: defaultdict[int, _Candidates] = defaultdict(list)
    for compiled, concerned in _candidates(lines, book, now):
        (thresholds if compiled.is_threshold else on_units)[compiled.promotion.priority].append((compiled, concerned))
    for priority in sorted(on_units, reverse=True):
        _apply_level(on_units[priority], outcome)
    for priority in sorted(thresholds, reverse=True):
        _apply_thresholds(thresholds[priority], now.currency, outcome)


def _candidates(lines: Sequence[LineState], book: PriceBook, now: Circumstances) -> _Candidates:
    """The promotions that hold now, each with the lines it selects. A line with its price changed by hand counts
    towards a threshold but takes no promotion.
    """
    found: dict[CompiledPromotion, list[LineState]] = {}
    for line in lines:
        product = line.line.product
        if not product.takes_discounts:
            continue
        sources = [book.for_everything, book.by_product.get(product.product_id, ())]
        sources += [book.by_category.get(category_id, ()) for category_id in product.category_ids]
        for source in sources:
            for compiled in source:
                concerned = found.get(compiled)
                if not (line.takes_promotions or compiled.is_threshold):
                    continue
                if concerned is None:
                    found[compiled] = [line]
                elif concerned[-1] is not line:
                    concerned.append(line)
    return [
        (compiled, _without_excluded(compiled, concerned) if compiled.has_exclusions else concerned)
        for compiled, concerned in found.items()
        if compiled.is_unconditional or why_not(compiled.promotion, now) is None
    ]


def _without_excluded(compiled: CompiledPromotion, lines: Iterable[LineState]) -> list[LineState]:
    kept = []
    for line in lines:
        product = line.line.product
        if any(each.matches(product.product_id, product.category_ids) for each in compiled.selectors):
            kept.append(line)
    return kept


def _apply_level(level: _Candidates, outcome: PromotionOutcome) -> None:
    """Apply the promotions of one priority, those that take the larger share off their units first."""
    offers: list[_Offer] = []
    for compiled, lines in level:
        promotion_id = compiled.promotion.id
        if compiled.works_line_by_line:
            for line in lines:
                discount, value = _line_discount(compiled, line)
                if discount:
                    rank = -(discount * PPM // value)
                    offers.append((rank, -discount, promotion_id, line.index, compiled, [line], discount, line.version))
        else:
            plan = plan_sets(compiled, lines)
            if plan.discount_minor:
                rank = -(plan.discount_minor * PPM // plan.value_minor)
                version = sum(line.version for line in lines)
                offers.append((rank, -plan.discount_minor, promotion_id, -1, compiled, lines, plan, version))
    offers.sort()
    for _, _, promotion_id, _, compiled, lines, planned, version in offers:
        is_stale = sum(line.version for line in lines) != version
        if isinstance(planned, SetPlan):
            plan = plan_sets(compiled, lines) if is_stale else planned
            discount = plan.discount_minor
            if discount:
                carry_out(compiled, plan)
        else:
            discount = _line_discount(compiled, lines[0])[0] if is_stale else planned
            if discount:
                _take_off([segment for segment in lines[0].segments if _is_free(segment, compiled)], compiled, discount)
        if discount:
            outcome.applied.add(promotion_id)


def _is_free(segment: Segment, compiled: CompiledPromotion) -> bool:
    return not segment.claims & compiled.blockers


def _line_discount(compiled: CompiledPromotion, line: LineState) -> tuple[int, int]:
    """What a promotion without limit takes off the free units of a line, and what these cost, in minor units."""
    blockers, net_minor, quantity_milli = compiled.blockers, 0, 0
    for segment in line.segments:
        if not segment.claims & blockers:
            net_minor += segment.net_minor
            quantity_milli += segment.quantity_milli
    if net_minor <= 0:
        return 0, 0
    promotion = compiled.promotion
    if promotion.percent_ppm is not None:
        return divide_rounded(net_minor * promotion.percent_ppm, PPM), net_minor
    amount_minor = divide_rounded((promotion.amount_minor or 0) * quantity_milli, 1000)
    if promotion.kind is PromotionKind.AMOUNT_OFF:
        return min(net_minor, amount_minor), net_minor
    return max(net_minor - amount_minor, 0), net_minor


def _take_off(segments: list[Segment], compiled: CompiledPromotion, discount: int, application: str = "") -> None:
    """Take a discount off these units, in proportion to what they cost, and claim them."""
    shares = [discount] if len(segments) == 1 else allocate(discount, [segment.net_minor for segment in segments])
    by_line: dict[int, list[int]] = {}
    for segment, share in zip(segments, shares, strict=True):
        segment.net_minor -= share
        segment.claims |= compiled.claim
        sums = by_line.setdefault(segment.line.index, [0, 0])
        sums[0] += share
        sums[1] += segment.quantity_milli
    lines = {segment.line.index: segment.line for segment in segments}
    for index, (share, quantity_milli) in by_line.items():
        if application:
            lines[index].discount_by_promotion(compiled, share, application, quantity_milli, 1)
        else:
            lines[index].discount_by_promotion(compiled, share)


def _apply_thresholds(level: _Candidates, currency: str, outcome: PromotionOutcome) -> None:
    """Apply the basket thresholds of one priority, the larger discount first."""
    offers = sorted(level, key=lambda each: (-_threshold_discount(*each)[0], each[0].promotion.id))
    for compiled, lines in offers:
        promotion = compiled.promotion
        discount, counted = _threshold_discount(compiled, lines)
        if discount:
            free = [segment for line in lines if line.takes_promotions for segment in line.segments]
            _take_off(
                [segment for segment in free if _is_free(segment, compiled)], compiled, discount, f"{promotion.id}#1"
            )
            outcome.applied.add(promotion.id)
        elif promotion.threshold_minor is not None and counted < promotion.threshold_minor:
            outcome.not_reached[promotion.id] = (
                f"the goods it counts come to {amount_text(counted, currency)},"
                f" it needs {amount_text(promotion.threshold_minor, currency)}"
            )


def _threshold_discount(compiled: CompiledPromotion, lines: list[LineState]) -> tuple[int, int]:
    """What a basket threshold takes off, 0 when not reached, and the amount it counts, in minor units.

    It counts what its goods cost after the promotions before it; it discounts the units still free for it.
    """
    promotion = compiled.promotion
    counted = sum(line.net_minor for line in lines)
    if promotion.threshold_minor is None or counted < promotion.threshold_minor:
        return 0, counted
    free_minor = sum(
        segment.net_minor
        for line in lines
        if line.takes_promotions
        for segment in line.segments
        if _is_free(segment, compiled)
    )
    if promotion.percent_ppm is not None:
        return divide_rounded(free_minor * promotion.percent_ppm, PPM), counted
    return min(promotion.amount_minor or 0, free_minor), counted
