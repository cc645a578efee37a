"""Move stock: lock the levels in one order, write the ledger, tell what is on hand and what has become low."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.contracts.catalog import StockChanged, StockLow
from libs.persistence import UnitOfWork, new_id
from services.catalog.domain.stock import MovementReason, StockLevel
from services.catalog.storage.stock import LockedStock, Movement, StockRepository


@dataclass(frozen=True, slots=True)
class WantedMovement:
    """A movement to come. `change_milli` is asked for the level on hand, which only the lock makes certain."""

    product_id: UUID
    change_milli: Callable[[int], int]
    reason: MovementReason
    reference: str | None = None
    note: str | None = None
    sale_id: UUID | None = None
    line_id: UUID | None = None
    moved_by: UUID | None = None


def stock_id(store_id: UUID, product_id: UUID) -> str:
    """The id under which the stock of a product at a store is told of."""
    return f"{store_id}.{product_id}"


async def lock_stock(work: UnitOfWork, store_id: UUID, wanted: Sequence[WantedMovement]) -> dict[UUID, LockedStock]:
    """Lock the levels that `wanted` moves, in the order of product ids so that two sales cannot deadlock."""
    product_ids = {movement.product_id for movement in wanted}
    return await StockRepository(work.connection).lock(store_id, product_ids, work.now)


async def move_stock(
    work: UnitOfWork,
    store_id: UUID,
    wanted: Sequence[WantedMovement],
    locked: dict[UUID, LockedStock],
    moved_at: datetime,
) -> list[Movement]:
    """Write the movements and tell of each product once; returns the lines of the ledger in the order given."""
    repository = StockRepository(work.connection)
    levels = {product_id: stock.level for product_id, stock in locked.items()}
    fell_low: set[UUID] = set()
    movements: list[Movement] = []
    for each in wanted:
        before = levels[each.product_id]
        change_milli = each.change_milli(before.on_hand_milli)
        after, low_now = before.moved(change_milli)
        levels[each.product_id] = after
        fell_low = fell_low | {each.product_id} if low_now else fell_low
        movements.append(
            Movement(
                id=new_id(),
                store_id=store_id,
                product_id=each.product_id,
                change_milli=change_milli,
                on_hand_milli=after.on_hand_milli,
                reason=each.reason.value,
                reference=each.reference,
                note=each.note,
                sale_id=each.sale_id,
                line_id=each.line_id,
                moved_by=each.moved_by,
                moved_at=moved_at,
            )
        )
    await repository.record(movements, work.now)
    changed: dict[UUID, tuple[StockLevel, int]] = {}
    for product_id in sorted({movement.product_id for movement in movements}):
        of_product = [movement for movement in movements if movement.product_id == product_id]
        sequence = _tell(work, of_product, levels[product_id], locked[product_id].sequence, product_id in fell_low)
        changed[product_id] = (levels[product_id], sequence)
    await repository.store_levels(store_id, changed, work.now)
    return movements


def _tell(work: UnitOfWork, movements: Sequence[Movement], level: StockLevel, sequence: int, fell_low: bool) -> int:
    """Emit what happened to the stock of one product; returns the number of its events so far."""
    last = movements[-1]
    work.emit(
        StockChanged(
            stock_id=stock_id(last.store_id, last.product_id),
            store_id=last.store_id,
            product_id=last.product_id,
            on_hand_milli=level.on_hand_milli,
            change_milli=sum(movement.change_milli for movement in movements),
            reason=last.reason,
            reference=last.reference,
            moved_at=last.moved_at,
        ),
        sequence=sequence + 1,
    )
    # A fall that the same movement made good again (an exchange) is none.
    if not (fell_low and level.low):
        return sequence + 1
    tell_low(work, last.store_id, last.product_id, level, sequence + 2)
    return sequence + 2


def tell_low(work: UnitOfWork, store_id: UUID, product_id: UUID, level: StockLevel, sequence: int) -> None:
    """Emit that the stock is low."""
    assert level.reorder_point_milli is not None
    work.emit(
        StockLow(
            stock_id=stock_id(store_id, product_id),
            store_id=store_id,
            product_id=product_id,
            on_hand_milli=level.on_hand_milli,
            reorder_point_milli=level.reorder_point_milli,
        ),
        sequence=sequence,
    )
