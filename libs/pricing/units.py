"""A basket line while it is being priced: its units, what each still costs, and which promotions have them."""

from __future__ import annotations

from libs.money import divide_rounded
from libs.pricing.book import CompiledPromotion
from libs.pricing.model import BasketLine
from libs.pricing.priced import Adjustment, AdjustmentKind


class Segment:
    """Units of one line with the same history: how many, what they still cost together, which groups claimed them."""

    __slots__ = ("claims", "line", "net_minor", "quantity_milli")

    def __init__(self, line: LineState, quantity_milli: int, net_minor: int, claims: int) -> None:
        self.line = line
        self.quantity_milli = quantity_milli
        self.net_minor = net_minor
        self.claims = claims

    def cut(self, quantity_milli: int, net_minor: int) -> Segment:
        """Take units worth `net_minor` out into a segment of their own; the whole segment when it is all of them."""
        if quantity_milli == self.quantity_milli:
            return self
        piece = Segment(self.line, quantity_milli, net_minor, self.claims)
        self.quantity_milli -= quantity_milli
        self.net_minor -= net_minor
        self.line.segments.append(piece)
        return piece


class LineState:
    """One line in work. Quantities and amounts are positive; the engine turns returned lines around at the end."""

    __slots__ = (
        "adjustments",
        "gross_minor",
        "index",
        "line",
        "list_price_minor",
        "net_minor",
        "notes",
        "quantity_milli",
        "segments",
        "takes_discounts",
        "takes_promotions",
        "unit_price_minor",
        "version",
    )

    def __init__(
        self, index: int, line: BasketLine, list_price_minor: int, unit_price_minor: int, notes: list[str]
    ) -> None:
        self.index = index
        self.line = line
        self.quantity_milli = abs(line.quantity.milli)
        self.list_price_minor = list_price_minor
        self.unit_price_minor = unit_price_minor
        label_minor = line.label_amount_minor
        by_price = divide_rounded(unit_price_minor * self.quantity_milli, 1000)
        self.gross_minor = self.net_minor = by_price if label_minor is None else label_minor
        self.takes_discounts = line.product.takes_discounts
        priced_apart = line.price_override_minor is not None or label_minor is not None
        self.takes_promotions = self.takes_discounts and not priced_apart
        self.segments = [Segment(self, self.quantity_milli, self.net_minor, 0)]
        self.adjustments: list[Adjustment] = []
        self.notes = notes
        self.version = 0

    def discount_by_hand(self, kind: AdjustmentKind, name: str, amount_minor: int, text: str) -> None:
        """Take a positive amount off the whole line. Promotions are over by then, so segments are left as they are."""
        if amount_minor:
            self.net_minor -= amount_minor
            self.adjustments.append(Adjustment(kind, "", name, -amount_minor, text))

    def discount_by_promotion(
        self,
        compiled: CompiledPromotion,
        amount_minor: int,
        application: str = "",
        quantity_milli: int = 0,
        sets: int = 0,
    ) -> None:
        """Write down what a promotion took off this line; the caller has taken it off the segments."""
        promotion = compiled.promotion
        self.net_minor -= amount_minor
        self.version += 1
        self.adjustments.append(
            Adjustment(
                AdjustmentKind.PROMOTION,
                promotion.id,
                promotion.name,
                -amount_minor,
                compiled.text,
                promotion.return_policy,
                application,
                quantity_milli if application else 0,
                sets if application else 0,
            )
        )
