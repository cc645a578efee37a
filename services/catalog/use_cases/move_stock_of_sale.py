"""Move the stock of a finished document: a sale lowers it, a return raises it, a void reverses what it voids."""

from __future__ import annotations

from libs.contracts.sales import LineFacts, SaleCompleted
from libs.persistence import UnitOfWork
from services.catalog.domain.stock import reason_of_line
from services.catalog.storage.stock import StockRepository
from services.catalog.use_cases.move_stock import WantedMovement, lock_stock, move_stock


async def move_stock_of_sale(work: UnitOfWork, sale: SaleCompleted) -> None:
    """Write one movement for each line, once however often the message arrives.

    Lines carry their sign, so every kind of document is the same here. Products whose stock is not kept, gift cards
    and services do not move, nor do products that this catalogue does not know.
    """
    stock = StockRepository(work.connection)
    known = await stock.products({line.product_id for line in sale.lines})
    moving = [line for line in sale.lines if line.product_id in known and known[line.product_id].counted]
    wanted = [_movement(sale, line) for line in moving if line.quantity_milli]
    if not wanted:
        return
    locked = await lock_stock(work, sale.store_id, wanted)
    # Asked only under the locks: whoever moved the same lines has committed by now.
    done = await stock.known_lines(sale.sale_id)
    remaining = [movement for movement in wanted if movement.line_id not in done]
    if remaining:
        await move_stock(work, sale.store_id, remaining, locked, sale.completed_at)


def _movement(sale: SaleCompleted, line: LineFacts) -> WantedMovement:
    change_milli = -line.quantity_milli
    return WantedMovement(
        product_id=line.product_id,
        change_milli=lambda _on_hand_milli: change_milli,
        reason=reason_of_line(sale.kind, line),
        reference=sale.receipt_code,
        sale_id=sale.sale_id,
        line_id=line.line_id,
        moved_by=sale.staff_id,
    )
