"""Stock: how a movement changes what is on hand, and when that is low."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from libs.contracts.refusal import Invalid
from libs.contracts.sales import LineFacts
from libs.contracts.values import LARGEST_MINOR
from libs.money import Quantity, Unit


class MovementReason(StrEnum):
    """Why stock moved. The last three are recorded by hand."""

    SALE = "sale"
    RETURN = "return"
    VOID = "void"
    RECEIPT = "receipt"
    ADJUSTMENT = "adjustment"
    COUNT = "count"


BY_HAND = (MovementReason.RECEIPT, MovementReason.ADJUSTMENT, MovementReason.COUNT)


@dataclass(frozen=True, slots=True)
class StockLevel:
    """The stock of one product at one store. `low` remembers that its fall was told, until it rises again."""

    on_hand_milli: int
    reorder_point_milli: int | None
    low: bool

    def moved(self, change_milli: int) -> tuple[StockLevel, bool]:
        """The level after a movement, and whether it has just fallen to or below the reorder point."""
        return self._settled(self.on_hand_milli + change_milli, self.reorder_point_milli)

    def with_reorder_point(self, reorder_point_milli: int | None) -> tuple[StockLevel, bool]:
        """The level with another reorder point, and whether it is low by that only now."""
        return self._settled(self.on_hand_milli, reorder_point_milli)

    def _settled(self, on_hand_milli: int, reorder_point_milli: int | None) -> tuple[StockLevel, bool]:
        if abs(on_hand_milli) > LARGEST_MINOR:
            raise Invalid("That is more stock than can be counted.", field="quantity")
        low = reorder_point_milli is not None and on_hand_milli <= reorder_point_milli
        return StockLevel(on_hand_milli, reorder_point_milli, low), low and not self.low


def reason_of_line(document_kind: str, line: LineFacts) -> MovementReason:
    """Why the line of a finished document moves stock."""
    if document_kind == MovementReason.VOID:
        return MovementReason.VOID
    return MovementReason.SALE if line.quantity_milli > 0 else MovementReason.RETURN


def change_by_hand(reason: MovementReason, quantity: Quantity, on_hand_milli: int, unit: Unit, field: str) -> int:
    """How a movement recorded by hand changes what is on hand, in thousandths.

    A receipt adds, an adjustment adds or takes away, a count says what is really there. Raises Invalid.
    """
    if unit is Unit.PIECE and not quantity.is_whole:
        raise Invalid("This product is counted in pieces: give a whole number.", field=field)
    if reason is MovementReason.COUNT:
        if quantity.milli < 0:
            raise Invalid("A count is zero or more.", field=field)
        return quantity.milli - on_hand_milli
    if reason is MovementReason.RECEIPT and quantity.milli <= 0:
        raise Invalid("A receipt is more than zero; take stock away with an adjustment.", field=field)
    if not quantity.milli:
        raise Invalid("An adjustment of zero changes nothing.", field=field)
    return quantity.milli
