"""Record receipts, adjustments and counts, and set reorder points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from libs.contracts.refusal import Invalid
from libs.money import Quantity
from libs.persistence import UnitOfWork
from services.catalog.domain.refusals import UnknownProduct
from services.catalog.domain.stock import BY_HAND, MovementReason, StockLevel, change_by_hand
from services.catalog.storage.stock import Movement, StockedProduct, StockRepository
from services.catalog.use_cases.move_stock import WantedMovement, lock_stock, move_stock, tell_low


@dataclass(frozen=True, slots=True)
class CountedLine:
    """A product and how much of it: received, adjusted by, or counted."""

    product_id: UUID
    quantity: Quantity


async def record_stock(
    work: UnitOfWork,
    store_id: UUID,
    reason: MovementReason,
    lines: Sequence[CountedLine],
    *,
    reference: str | None,
    note: str | None,
    moved_by: UUID,
) -> list[Movement]:
    """Write the movements of one delivery note, correction or count. Raises UnknownProduct or Invalid with the line."""
    assert reason in BY_HAND
    known = await StockRepository(work.connection).products({line.product_id for line in lines})
    wanted: list[WantedMovement] = []
    for index, line in enumerate(lines):
        product = known_product(known, line.product_id, f"lines.{index}.product_id")
        if reason is MovementReason.COUNT and any(other.product_id == line.product_id for other in lines[:index]):
            raise Invalid(f"{product.code} is counted twice: add the counts up.", field=f"lines.{index}.product_id")
        change = partial(_change, reason, line.quantity, product, f"lines.{index}.quantity")
        wanted.append(WantedMovement(line.product_id, change, reason, reference, note, moved_by=moved_by))
    locked = await lock_stock(work, store_id, wanted)
    return await move_stock(work, store_id, wanted, locked, work.now)


def _change(reason: MovementReason, quantity: Quantity, product: StockedProduct, field: str, on_hand_milli: int) -> int:
    return change_by_hand(reason, quantity, on_hand_milli, product.unit, field)


def known_product(known: dict[UUID, StockedProduct], product_id: UUID, field: str) -> StockedProduct:
    """The product whose stock is kept. Raises UnknownProduct, or Invalid if its stock is not kept."""
    product = known.get(product_id)
    if product is None:
        raise UnknownProduct(f"There is no product {product_id}.", field=field)
    if not product.counted:
        raise Invalid(f"The stock of {product.code} is not kept.", field=field)
    return product


async def set_reorder_point(
    work: UnitOfWork, store_id: UUID, product_id: UUID, reorder_point: Quantity | None
) -> StockLevel:
    """Set from which quantity down the stock is low (None: never); tells stock_low if it is so from now on."""
    stock = StockRepository(work.connection)
    known_product(await stock.products({product_id}), product_id, "product_id")
    if reorder_point is not None and reorder_point.milli < 0:
        raise Invalid("A reorder point is zero or more.", field="reorder_point")
    locked = (await stock.lock(store_id, {product_id}, work.now))[product_id]
    level, low_now = locked.level.with_reorder_point(None if reorder_point is None else reorder_point.milli)
    sequence = locked.sequence
    if low_now:
        sequence += 1
        tell_low(work, store_id, product_id, level, sequence)
    await stock.store_levels(store_id, {product_id: (level, sequence)}, work.now)
    return level
