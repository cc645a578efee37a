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
_Offer = tuple[int, int, str, int, CompiledPromotion, LineState | list[LineState], SetPlan | int, int]


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
    discountable = [line for line in lines if line.takes_discounts]
    open_lines = [line for line in discountable if line.takes_promotions]
    found: dict[CompiledPromotion, list[LineState] | None] = {
        compiled: discountable if compiled.is_threshold else open_lines
        for compiled in book.for_everything
        if compiled.is_unconditional or why_not(compiled.promotion, now) is None
    }
    by_product, by_category = book.by_product, book.by_category
    for line in discountable:
        product = line.line.product
        sources = [by_product[product.product_id]] if product.product_id in by_product else []
        sources += [by_category[category_id] for category_id in product.category_ids if category_id in by_category]
        for source in sources:
            for compiled in source:
                if compiled not in found:
                    holds = compiled.is_unconditional or why_not(compiled.promotion, now) is None
                    concerned = found[compiled] = [] if holds else None
                else:
                    concerned = found[compiled]
                if concerned is None or (concerned and concerned[-1] is line):
                    continue
                if line.takes_promotions or compiled.is_threshold:
                    concerned.append(line)
    return [
        (compiled, _without_excluded(compiled, concerned) if compiled.has_exclusions else concerned)
        for compiled, concerned in found.items()
        if concerned
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
                    offers.append((rank, -discount, promotion_id, line.index, compiled, line, discount, line.version))
        else:
            plan = plan_sets(compiled, lines)
            if plan.discount_minor:
                rank = -(plan.discount_minor * PPM // plan.value_minor)
                offers.append((rank, -plan.discount_minor, promotion_id, -1, compiled, lines, plan, _version_of(lines)))
    offers.sort()
    for _, _, promotion_id, _, compiled, concerned, planned, version in offers:
        if isinstance(concerned, LineState):
            applied = _apply_to_line(compiled, concerned, planned if concerned.version == version else None)
        else:
            applied = _apply_sets(compiled, concerned, planned if _version_of(concerned) == version else None)
        if applied:
            outcome.applied.add(promotion_id)


def _version_of(lines: list[LineState]) -> int:
    """Changes whenever a promotion was applied to one of the lines: a plan made before is stale."""
    return sum([line.version for line in lines])


def _apply_to_line(compiled: CompiledPromotion, line: LineState, planned: SetPlan | int | None) -> bool:
    discount = planned if isinstance(planned, int) else _line_discount(compiled, line)[0]
    if discount:
        _take_off(_free_segments(compiled, [line]), compiled, discount)
    return discount > 0


def _apply_sets(compiled: CompiledPromotion, lines: list[LineState], planned: SetPlan | int | None) -> bool:
    plan = planned if isinstance(planned, SetPlan) else plan_sets(compiled, lines)
    if plan.discount_minor:
        carry_out(compiled, plan)
    return plan.discount_minor > 0


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
    """Take a discount off these units, in proportion to what they cost, and claim them. Only a discount that spans
    lines is an `application` of them together.
    """
    if len(segments) == 1 and not application:
        segments[0].net_minor -= discount
        segments[0].claims |= compiled.claim
        segments[0].line.discount_by_promotion(compiled, discount)
        return
    shares = allocate(discount, [segment.net_minor for segment in segments])
    claim = compiled.claim
    line, line_share, line_quantity_milli = segments[0].line, 0, 0
    for segment, share in zip(segments, shares, strict=True):
        if segment.line is not line:  # the segments of a line follow each other
            line.discount_by_promotion(compiled, line_share, application, line_quantity_milli, 1)
            line, line_share, line_quantity_milli = segment.line, 0, 0
        segment.net_minor -= share
        segment.claims |= claim
        line_share += share
        line_quantity_milli += segment.quantity_milli
    line.discount_by_promotion(compiled, line_share, application, line_quantity_milli, 1)


def _apply_thresholds(level: _Candidates, currency: str, outcome: PromotionOutcome) -> None:
    """Apply the basket thresholds of one priority, the larger discount first.

    A threshold counts what its goods cost after the promotions before it; it discounts the units still free for it.
    """
    sums: dict[tuple[int, int], tuple[int, int]] = {}
    offers = sorted(level, key=lambda each: (-_threshold_discount(each[0], each[1], sums)[0], each[0].promotion.id))
    for compiled, lines in offers:
        promotion = compiled.promotion
        discount, counted = _threshold_discount(compiled, lines, sums)
        if discount:
            _take_off(_free_segments(compiled, lines), compiled, discount, f"{promotion.id}#1")
            outcome.applied.add(promotion.id)
            sums.clear()
        elif promotion.coupon_code and promotion.threshold_minor and counted < promotion.threshold_minor:
            outcome.not_reached[promotion.id] = (
                f"the goods it counts come to {amount_text(counted, currency)},"
                f" it needs {amount_text(promotion.threshold_minor, currency)}"
            )


def _threshold_discount(
    compiled: CompiledPromotion, lines: list[LineState], sums: dict[tuple[int, int], tuple[int, int]]
) -> tuple[int, int]:
    """What a basket threshold takes off, 0 when not reached, and the amount it counts, in minor units.

    Most thresholds count the whole basket: `sums` keeps what is counted and free, until one is applied.
    """
    promotion = compiled.promotion
    key = (id(lines), compiled.blockers)
    known = sums.get(key)
    if known is None:
        free = sum([segment.net_minor for segment in _free_segments(compiled, lines)])
        known = sums[key] = (sum([line.net_minor for line in lines]), free)
    counted, free = known
    if promotion.threshold_minor is None or counted < promotion.threshold_minor:
        return 0, counted
    if promotion.percent_ppm is not None:
        return divide_rounded(free * promotion.percent_ppm, PPM), counted
    return min(promotion.amount_minor or 0, free), counted


def _free_segments(compiled: CompiledPromotion, lines: list[LineState]) -> list[Segment]:
    blockers = compiled.blockers
    return [
        segment for line in lines if line.takes_promotions for segment in line.segments if not segment.claims & blockers
    ]
