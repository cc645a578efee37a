"""Stock: what is on hand, the ledger, receipts, adjustments and counts."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field, StringConstraints

from libs.contracts.permissions import Permission
from libs.contracts.values import Instant, QuantityText
from libs.money import Quantity
from libs.web.authentication import Caller, RequestBody, require
from libs.web.idempotency import Once
from libs.web.paging import Page, Paging
from libs.web.transactions import Reading, Work
from services.catalog.domain.stock import MovementReason, StockLevel
from services.catalog.storage.stock import Movement, StockRepository, StockRow
from services.catalog.use_cases.record_stock import CountedLine, record_stock, set_reorder_point

router = APIRouter(tags=["stock"])
_reads = require(Permission.CATALOG_READ_STOCK)
_adjusts = require(Permission.CATALOG_ADJUST_STOCK)
LARGEST_LINES = 500
Note = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class HandReason(StrEnum):
    """Why stock is moved by hand."""

    RECEIPT = "receipt"
    ADJUSTMENT = "adjustment"
    COUNT = "count"


class MovementLineBody(RequestBody):
    """A product and how much of it was received, is adjusted by (signed), or was counted."""

    product_id: UUID
    quantity: QuantityText


class MovementsBody(RequestBody):
    """A delivery note, a correction or a count at one store."""

    store_id: UUID
    reason: HandReason
    reference: Note | None = Field(default=None, description="The number of the delivery note or count.")
    note: Note | None = None
    lines: list[MovementLineBody] = Field(min_length=1, max_length=LARGEST_LINES)


class MovementAnswer(BaseModel):
    """A line of the ledger. `on_hand` is what was on hand after it."""

    id: UUID
    store_id: UUID
    product_id: UUID
    change: QuantityText
    on_hand: QuantityText
    reason: MovementReason
    reference: str | None
    note: str | None
    sale_id: UUID | None
    line_id: UUID | None
    moved_by: UUID | None
    moved_at: Instant

    @classmethod
    def of(cls, movement: Movement) -> Self:
        """The answer for a movement."""
        return cls(
            id=movement.id,
            store_id=movement.store_id,
            product_id=movement.product_id,
            change=Quantity(movement.change_milli),
            on_hand=Quantity(movement.on_hand_milli),
            reason=MovementReason(movement.reason),
            reference=movement.reference,
            note=movement.note,
            sale_id=movement.sale_id,
            line_id=movement.line_id,
            moved_by=movement.moved_by,
            moved_at=movement.moved_at,
        )


class MovementsAnswer(BaseModel):
    """The movements that were recorded, in the order of the request's lines."""

    movements: list[MovementAnswer]


class StockAnswer(BaseModel):
    """The stock of a product at a store; below zero means that more was sold than was ever received."""

    store_id: UUID
    product_id: UUID
    product_code: str
    product_name: str
    unit: str
    on_hand: QuantityText
    reorder_point: QuantityText | None
    low: bool
    changed_at: Instant

    @classmethod
    def of(cls, row: StockRow) -> Self:
        """The answer for a level."""
        level = row.level
        return cls(
            store_id=row.store_id,
            product_id=row.product_id,
            product_code=row.code,
            product_name=row.name,
            unit=row.unit,
            on_hand=Quantity(level.on_hand_milli),
            reorder_point=None if level.reorder_point_milli is None else Quantity(level.reorder_point_milli),
            low=level.low,
            changed_at=row.changed_at,
        )


class ReorderPointBody(RequestBody):
    """From which quantity down the stock is low; null for never."""

    reorder_point: QuantityText | None


class ReorderPointAnswer(BaseModel):
    """The reorder point and how the stock stands to it."""

    on_hand: QuantityText
    reorder_point: QuantityText | None
    low: bool

    @classmethod
    def of(cls, level: StockLevel) -> Self:
        """The answer for a level."""
        return cls(
            on_hand=Quantity(level.on_hand_milli),
            reorder_point=None if level.reorder_point_milli is None else Quantity(level.reorder_point_milli),
            low=level.low,
        )


@router.get("/stock", dependencies=[_reads], summary="List the stock of a store by product code")
async def get_stock(
    store_id: UUID,
    caller: Caller,
    connection: Reading,
    paging: Paging,
    low: Annotated[bool | None, Query(description="Only what is at or below its reorder point.")] = None,
    negative: Annotated[bool | None, Query(description="Only what is below zero.")] = None,
) -> Page[StockAnswer]:
    caller.demand_store(store_id)
    after = paging.after_keys(str, UUID)
    rows = await StockRepository(connection).page(
        store_id, None if after is None else (after[0], after[1]), paging.limit + 1, low=low, negative=negative
    )
    return paging.page(rows, lambda row: (row.code, str(row.product_id)), StockAnswer.of)


@router.get(
    "/stock/{store_id}/{product_id}/movements", dependencies=[_reads], summary="Read the ledger, the latest first"
)
async def get_movements(
    store_id: UUID, product_id: UUID, caller: Caller, connection: Reading, paging: Paging
) -> Page[MovementAnswer]:
    caller.demand_store(store_id)
    after = paging.after_keys(UUID)
    movements = await StockRepository(connection).movements(
        store_id, product_id, None if after is None else after[0], paging.limit + 1
    )
    return paging.page(movements, lambda movement: (str(movement.id),), MovementAnswer.of)


@router.post(
    "/stock/movements",
    status_code=201,
    response_model=MovementsAnswer,
    dependencies=[_adjusts],
    summary="Record a receipt, an adjustment or a count",
)
async def post_movements(body: MovementsBody, caller: Caller, work: Work, once: Once) -> Response:
    caller.demand_store(body.store_id)

    async def record() -> MovementsAnswer:
        movements = await record_stock(
            work,
            body.store_id,
            MovementReason(body.reason.value),
            [CountedLine(line.product_id, line.quantity) for line in body.lines],
            reference=body.reference,
            note=body.note,
            moved_by=caller.id,
        )
        return MovementsAnswer(movements=[MovementAnswer.of(movement) for movement in movements])

    return await once.answer(record)


@router.put(
    "/stock/{store_id}/{product_id}/reorder-point", dependencies=[_adjusts], summary="Set when the stock is low"
)
async def put_reorder_point(
    store_id: UUID, product_id: UUID, body: ReorderPointBody, caller: Caller, work: Work
) -> ReorderPointAnswer:
    caller.demand_store(store_id)
    return ReorderPointAnswer.of(await set_reorder_point(work, store_id, product_id, body.reorder_point))
