"""Whether receipts of a till are printed, and by which gateway: what an operator asks when no paper comes."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from libs.contracts.permissions import Permission
from libs.contracts.refusal import NotFound
from libs.web.authentication import Caller, require
from libs.web.transactions import Reading
from services.sales.api.dependencies import Books
from services.sales.storage.devices import DeviceRepository

router = APIRouter(tags=["prints"])


class TillPrinting(BaseModel):
    """Where documents of a till go. `gateway_id` is null where no store PC owns the till's devices."""

    till_id: UUID
    gateway_id: UUID | None
    has_printer: bool = Field(description="Whether receipts are printed; else they go out by e-mail where asked for.")


@router.get(
    "/tills/{till_id}/printing",
    summary="Whether documents of a till are printed",
    dependencies=[require(Permission.SALES_READ)],
)
async def till_printing(till_id: UUID, reading: Reading, caller: Caller, books: Books) -> TillPrinting:
    current = await books.current(reading)
    till = current.tills.get(till_id)
    if till is None:
        raise NotFound(f"There is no till {till_id}.", field="till_id")
    caller.demand_store(till.store_id)
    devices = await DeviceRepository(reading).at_till(till_id)
    return TillPrinting(
        till_id=till_id,
        gateway_id=devices.gateway_id if devices else None,
        has_printer=devices is not None and devices.has_printer,
    )
