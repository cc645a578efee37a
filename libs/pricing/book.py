"""The price book: promotions and taxes compiled once, so that a basket looks only at what may concern it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from libs.pricing.conditions import normal_coupon
from libs.pricing.model import PricingError, TaxCategory
from libs.pricing.promotion import ProductSelector, Promotion, PromotionKind
from libs.pricing.words import amount_text, percent_text, quantity_text

# Bit 0 of a unit's claims: an exclusive promotion has closed it to all others. The other bits are stacking groups.
CLOSED = 1

_UNIT_KINDS = frozenset(
    {PromotionKind.PERCENT_OFF, PromotionKind.AMOUNT_OFF, PromotionKind.FIXED_PRICE, PromotionKind.MEMBER_PRICE}
)


@dataclass(frozen=True, slots=True, eq=False)
class CompiledPromotion:
    """A promotion with what pricing asks of it at every basket worked out before."""

    promotion: Promotion
    selectors: tuple[ProductSelector, ...]
    is_threshold: bool
    works_line_by_line: bool
    is_unconditional: bool
    has_exclusions: bool
    claim: int
    blockers: int
    set_milli: int
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class PriceBook:
    """Immutable; make a new one when a promotion or tax changes. Safe to share between threads and requests."""

    promotions: tuple[Promotion, ...]
    tax_categories: Mapping[str, TaxCategory]
    by_product: Mapping[str, tuple[CompiledPromotion, ...]]
    by_category: Mapping[str, tuple[CompiledPromotion, ...]]
    for_everything: tuple[CompiledPromotion, ...]
    by_coupon: Mapping[str, tuple[CompiledPromotion, ...]]

    @classmethod
    def compile(cls, promotions: Iterable[Promotion], tax_categories: Iterable[TaxCategory]) -> PriceBook:
        """Index promotions by product, category and coupon; the order they are given in makes no difference.

        Raises PricingError for an id or code given twice.
        """
        promotions, categories = tuple(sorted(promotions, key=lambda each: each.id)), tuple(tax_categories)
        _refuse_twice("promotions", [each.id for each in promotions])
        _refuse_twice("tax_categories", [each.code for each in categories])
        bits: dict[tuple[bool, str], int] = {}
        by_product: defaultdict[str, list[CompiledPromotion]] = defaultdict(list)
        by_category: defaultdict[str, list[CompiledPromotion]] = defaultdict(list)
        by_coupon: defaultdict[str, list[CompiledPromotion]] = defaultdict(list)
        for_everything = []
        for promotion in promotions:
            compiled = _compile(promotion, bits)
            if any(selector.everything for selector in compiled.selectors):
                for_everything.append(compiled)
            else:
                for product_id in frozenset().union(*(each.product_ids for each in compiled.selectors)):
                    by_product[product_id].append(compiled)
                for category_id in frozenset().union(*(each.category_ids for each in compiled.selectors)):
                    by_category[category_id].append(compiled)
            if promotion.coupon_code is not None:
                by_coupon[normal_coupon(promotion.coupon_code)].append(compiled)
        return cls(
            promotions,
            MappingProxyType({each.code: each for each in categories}),
            _frozen(by_product),
            _frozen(by_category),
            tuple(for_everything),
            _frozen(by_coupon),
        )


def _compile(promotion: Promotion, bits: dict[tuple[bool, str], int]) -> CompiledPromotion:
    is_threshold = promotion.kind is PromotionKind.BASKET_THRESHOLD
    claim = 1 << bits.setdefault((is_threshold, promotion.stacking_group), len(bits) + 1)
    if promotion.groups:
        selectors = tuple(group.products for group in promotion.groups)
    elif promotion.get_products is not None:
        selectors = (promotion.products, promotion.get_products)
    else:
        selectors = (promotion.products,)
    return CompiledPromotion(
        promotion=promotion,
        selectors=selectors,
        is_threshold=is_threshold,
        works_line_by_line=promotion.kind in _UNIT_KINDS and promotion.limit_per_basket is None,
        is_unconditional=_is_unconditional(promotion),
        has_exclusions=any(each.excluded_product_ids or each.excluded_category_ids for each in selectors),
        claim=claim | CLOSED if promotion.exclusive else claim,
        # An exclusive promotion is kept out by any claim at all, others by their own group's and by CLOSED.
        blockers=-1 if promotion.exclusive else claim | CLOSED,
        set_milli=sum(group.quantity_milli for group in promotion.groups)
        or (promotion.buy_quantity_milli or 0) + (promotion.get_quantity_milli or 0),
        text=describe(promotion),
    )


def _is_unconditional(promotion: Promotion) -> bool:
    return not (
        promotion.currency is not None
        or promotion.store_ids
        or promotion.customer_groups
        or promotion.coupon_code is not None
        or promotion.starts_on is not None
        or promotion.ends_on is not None
        or promotion.weekdays
        or promotion.hours_from is not None
    )


def describe(promotion: Promotion) -> str:
    """What the promotion gives, in a few English words, e.g. '10 % off', '3 for 5.00', 'buy 2, get 1 free'."""
    kind = promotion.kind
    percent = f"{percent_text(promotion.percent_ppm)} off" if promotion.percent_ppm is not None else ""
    amount = ""
    if promotion.amount_minor is not None and promotion.currency is not None:
        amount = amount_text(promotion.amount_minor, promotion.currency)
    if kind is PromotionKind.AMOUNT_OFF:
        return f"{amount} off each"
    if kind in (PromotionKind.FIXED_PRICE, PromotionKind.MEMBER_PRICE):
        return percent or f"at {amount} each"
    if kind is PromotionKind.BUY_X_GET_Y:
        buy, get = quantity_text(promotion.buy_quantity_milli or 0), quantity_text(promotion.get_quantity_milli or 0)
        gift = "free" if promotion.percent_ppm in (None, 1_000_000) else f"at {percent}"
        return f"buy {buy}, get {get} {gift}"
    if kind is PromotionKind.BUNDLE:
        parts = " + ".join(quantity_text(group.quantity_milli) for group in promotion.groups)
        return f"{parts} at {percent}" if percent else f"{parts} for {amount}"
    if kind is PromotionKind.BASKET_THRESHOLD and promotion.threshold_minor is not None and promotion.currency:
        reached = amount_text(promotion.threshold_minor, promotion.currency)
        return f"{percent or f'{amount} off'} from {reached}"
    return percent


def _refuse_twice(field: str, keys: list[str]) -> None:
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            raise PricingError(field, f"{key!r} is given twice")
        seen.add(key)


def _frozen(
    index: Mapping[str, list[CompiledPromotion]],
) -> Mapping[str, tuple[CompiledPromotion, ...]]:
    return MappingProxyType({key: tuple(values) for key, values in index.items()})
