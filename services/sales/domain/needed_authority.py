"""What a basket demands of the person who rings it up (retail rule 26): permissions, and how far they must reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from libs.contracts.permissions import Permission
from libs.contracts.sales import LineFacts
from libs.pricing import AdjustmentKind
from libs.web.principal import Limits
from services.sales.domain.basket import Basket, BasketLine

_BY_HAND = frozenset(
    {
        AdjustmentKind.LINE_PERCENT.value,
        AdjustmentKind.LINE_AMOUNT.value,
        AdjustmentKind.BASKET_PERCENT.value,
        AdjustmentKind.BASKET_AMOUNT.value,
    }
)
PPM = 1_000_000


@dataclass(frozen=True, slots=True)
class Need:
    """A permission that is needed, and the limits that must suffice."""

    permission: Permission
    discount_ppm: int = 0
    refund_minor: int = 0

    def within(self, limits: Limits) -> bool:
        """Whether somebody with these limits may do it."""
        return self.discount_ppm <= limits.discount_ppm and self.refund_minor <= limits.refund_minor


def needed_authority(basket: Basket, lines: Sequence[LineFacts], returned_before_minor: int = 0) -> list[Need]:
    """Every permission that the basket's discounts, prices and returns need.

    What was approved when it was entered needs no second approval. Discounts given by hand count per line, against
    the line's price before them, so that a basket discount and a line discount cannot together pass a limit that
    each of them keeps. Likewise a receipt counts as a whole against the limit of refunds: `returned_before_minor` is
    what came back before of the receipts whose goods come back now.
    """
    needs = []
    unapproved = [line for line in lines if line.quantity_milli > 0 and line.approved_by is None]
    discount_ppm = max(map(_hand_discount_ppm, unapproved), default=0)
    if discount_ppm and basket.discount_approved_by is None:
        needs.append(Need(Permission.SALES_DISCOUNT, discount_ppm=discount_ppm))
    if any(map(_overridden, basket.lines)):
        needs.append(Need(Permission.SALES_OVERRIDE_PRICE))
    returned = -sum(line.total_minor for line in lines if line.quantity_milli < 0)
    if any(map(_without_receipt, basket.lines)):
        needs.append(Need(Permission.SALES_RETURN_WITHOUT_RECEIPT, refund_minor=returned))
    if any(line.returns is not None for line in basket.lines):
        needs.append(Need(Permission.SALES_RETURN, refund_minor=returned + returned_before_minor))
    return needs


def _overridden(line: BasketLine) -> bool:
    by_hand = line.price_override_minor is not None and not line.price_from_code
    return by_hand and line.quantity.milli > 0 and line.approved_by is None


def _without_receipt(line: BasketLine) -> bool:
    return line.quantity.milli < 0 and line.returns is None and line.approved_by is None


def _hand_discount_ppm(line: LineFacts) -> int:
    by_hand = -sum(adjustment.amount_minor for adjustment in line.adjustments if adjustment.kind in _BY_HAND)
    others = sum(adjustment.amount_minor for adjustment in line.adjustments if adjustment.kind not in _BY_HAND)
    before = line.gross_minor + others
    # Rounding to whole minor units may push a permitted percentage a fraction over: that fraction is forgiven.
    return max(0, (by_hand - 1) * PPM // before + 1) if before > 0 and by_hand > 0 else 0
