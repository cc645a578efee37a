"""What a basket demands of the person who rings it up (retail rule 26): permissions, and how far they must reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from libs.contracts.permissions import Permission
from libs.contracts.sales import LineFacts
from libs.money import divide_rounded
from libs.pricing import AdjustmentKind
from libs.web.principal import Extent, Limits
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
    """A permission that is needed, and how far: the limits and the approval that must suffice.

    `change_minor` is by how much prices are changed by hand, up or down, in all.
    """

    permission: Permission
    discount_ppm: int = 0
    refund_minor: int = 0
    change_minor: int = 0

    def within(self, limits: Limits) -> bool:
        """Whether somebody with these limits may do it."""
        return self.discount_ppm <= limits.discount_ppm and self.refund_minor <= limits.refund_minor

    def together_with(self, other: Need) -> Need:
        """What two lines need of one permission: the higher discount, the sum of the amounts."""
        return Need(
            self.permission,
            max(self.discount_ppm, other.discount_ppm),
            self.refund_minor + other.refund_minor,
            self.change_minor + other.change_minor,
        )

    def extent(self, currency: str) -> Extent:
        """How far it goes, in the basket's `currency`, as an approval of it says."""
        if self.permission is Permission.SALES_DISCOUNT:
            return Extent(discount_ppm=self.discount_ppm)
        return Extent(amount_minor=max(0, self.refund_minor, self.change_minor), currency=currency)


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
    overridden = [facts for line, facts in zip(basket.lines, lines, strict=True) if _overridden(line)]
    if overridden:
        needs.append(Need(Permission.SALES_OVERRIDE_PRICE, change_minor=sum(map(_change_minor, overridden))))
    returned = -sum(line.total_minor for line in lines if line.quantity_milli < 0)
    if any(map(_without_receipt, basket.lines)):
        needs.append(Need(Permission.SALES_RETURN_WITHOUT_RECEIPT, refund_minor=returned))
    if any(line.returns is not None for line in basket.lines):
        needs.append(Need(Permission.SALES_RETURN, refund_minor=returned + returned_before_minor))
    return needs


def without_receipt_minor(basket: Basket, lines: Sequence[LineFacts]) -> int:
    """What the goods without receipt that nobody has approved yet give back."""
    return -sum(facts.total_minor for line, facts in zip(basket.lines, lines, strict=True) if _without_receipt(line))


def _overridden(line: BasketLine) -> bool:
    by_hand = line.price_override_minor is not None and not line.price_from_code
    return by_hand and line.quantity.milli > 0 and line.approved_by is None


def _change_minor(line: LineFacts) -> int:
    """By how much a price set by hand changes the line; all of it where no price list knows the goods."""
    list_minor = divide_rounded(line.list_price_minor * line.quantity_milli, 1000)
    return abs(list_minor - line.gross_minor) or line.gross_minor


def _without_receipt(line: BasketLine) -> bool:
    return line.quantity.milli < 0 and line.returns is None and line.approved_by is None


def _hand_discount_ppm(line: LineFacts) -> int:
    by_hand = -sum(adjustment.amount_minor for adjustment in line.adjustments if adjustment.kind in _BY_HAND)
    others = sum(adjustment.amount_minor for adjustment in line.adjustments if adjustment.kind not in _BY_HAND)
    before = line.gross_minor + others
    # Rounding to whole minor units may push a permitted percentage a fraction over: that fraction is forgiven.
    return max(0, (by_hand - 1) * PPM // before + 1) if before > 0 and by_hand > 0 else 0
