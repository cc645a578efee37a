"""What the server holds of each till's numbers."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from libs.contracts.permissions import Permission
from libs.contracts.refusal import NotFound
from libs.web.authentication import Caller, require
from libs.web.transactions import Reading
from services.sales.api.dependencies import Books
from services.sales.storage.numbering import Continuity, NumberingRepository

router = APIRouter(tags=["continuity"])


class MissingNumbers(BaseModel):
    """A run of numbers, both ends inclusive, that have not arrived."""

    first: int
    last: int


class ContinuityAnswer(BaseModel):
    """What is held of a till's series of document numbers."""

    till_id: UUID
    through_number: int = Field(description="The highest number held; 0 before the first document.")
    held_count: int = Field(description="How many numbers from 1 to through_number are held.")
    missing_count: int
    missing: list[MissingNumbers] = Field(description="The first 1,000 runs of missing numbers.")
    answer: str = Field(examples=["I hold till 7 through 4812, missing none."])


@router.get(
    "/tills/{till_id}/continuity",
    summary="Which document numbers of a till are held, and which are missing",
    dependencies=[require(Permission.SALES_READ)],
)
async def continuity(till_id: UUID, reading: Reading, caller: Caller, books: Books) -> ContinuityAnswer:
    """Constant cost in the number of documents: gaps are kept as they open and close."""
    current = await books.current(reading)
    till = current.tills.get(till_id)
    if till is None:
        raise NotFound(f"There is no till {till_id}.", field="till_id")
    caller.demand_store(till.store_id)
    held = await NumberingRepository(reading).continuity(till_id)
    return ContinuityAnswer(
        till_id=till_id,
        through_number=held.last_number,
        held_count=held.held_count,
        missing_count=held.last_number - held.held_count,
        missing=[MissingNumbers(first=gap.first, last=gap.last) for gap in held.gaps],
        answer=_sentence(till.code, held),
    )


def _sentence(till_code: str, held: Continuity) -> str:
    if held.last_number == 0:
        return f"I hold nothing of till {till_code} yet."
    runs = [f"{gap.first}" if gap.first == gap.last else f"{gap.first} to {gap.last}" for gap in held.gaps[:10]]
    more = " and more" if len(held.gaps) > len(runs) else ""
    return f"I hold till {till_code} through {held.last_number}, missing {', '.join(runs) or 'none'}{more}."
