"""Settlements of terminals, acquirers' files, and the differences that both bring to light."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from libs.contracts.permissions import Permission
from libs.contracts.refusal import NotFound
from libs.contracts.terminals import SchemeTotal
from libs.contracts.values import LARGEST_MINOR, CurrencyCode, Instant
from libs.web.authentication import Caller, RequestBody, require
from libs.web.idempotency import Once
from libs.web.paging import Page, Paging
from libs.web.transactions import Reading, Work
from services.payments.api.dependencies import PlainText, Settings
from services.payments.domain.settlement import Difference, DifferenceState, SettlementState
from services.payments.storage.acquirer_files import AcquirerFile, AcquirerFileRepository
from services.payments.storage.differences import DifferenceRepository
from services.payments.storage.settlements import Settlement, SettlementRepository
from services.payments.use_cases.follow_difference import close_difference, explain_difference
from services.payments.use_cases.import_acquirer_file import import_acquirer_file
from services.payments.use_cases.start_settlement import EndOfDay, start_settlement

router = APIRouter(tags=["settlement"])
_reads = require(Permission.PAYMENTS_READ)
_settles = require(Permission.PAYMENTS_SETTLE)

LARGEST_FILE_BYTES = 16 * 1024 * 1024
_FILE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"text/csv": {"schema": {"type": "string", "format": "binary", "description": "A CSV in UTF-8."}}},
    }
}
_Count = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
_Sum = Annotated[int, Field(strict=True, ge=0, le=LARGEST_MINOR)]


class UnknownSettlement(NotFound):
    """There is no settlement with this id."""

    type = "unknown-settlement"


class UnknownFile(NotFound):
    """There is no acquirer's file with this id."""

    type = "unknown-acquirer-file"


class TotalBody(RequestBody):
    """A line of a standalone terminal's slip; refunds apart."""

    scheme: Annotated[str, Field(min_length=1, max_length=40)]
    sale_count: _Count = 0
    sale_minor: _Sum = 0
    refund_count: _Count = 0
    refund_minor: _Sum = 0


class SettlementBody(RequestBody):
    """Which terminal's day ends, in which currency."""

    terminal_id: UUID
    currency: CurrencyCode
    till_id: UUID | None = Field(default=None, description="Absent, the caller's till, or the terminal's first.")
    totals: Annotated[list[TotalBody], Field(max_length=50)] | None = Field(
        default=None, description="What the slip of a standalone terminal says; never of another."
    )


class SettlementView(BaseModel):
    """An end of day: what the terminal said, what ours add up to, and how many differences were found."""

    settlement_id: UUID
    store_id: UUID
    till_id: UUID
    terminal_id: UUID
    terminal: str
    operation_id: UUID | None
    state: SettlementState
    currency: CurrencyCode
    terminal_totals: list[SchemeTotal]
    our_totals: list[SchemeTotal]
    difference_count: int
    reason: str | None
    requested_at: Instant
    closed_at: Instant | None

    @classmethod
    def of(cls, settlement: Settlement) -> SettlementView:
        """The settlement as the API tells it."""
        values = {name: getattr(settlement, name) for name in cls.model_fields if name != "terminal"}
        return cls(terminal=settlement.terminal_name, **values)


class DifferenceView(BaseModel):
    """Where ours and theirs part. Kinds: `sale_totals`, `refund_totals` of a terminal's scheme; of an acquirer's file
    `not_ours` (a row without a payment, or named twice) and `not_theirs` (a payment without a row); of a batch with an
    acquirer `batch_uploaded` (its totals did not agree: ours and theirs net, theirs by the reply or else by the items
    that it took), `batch_item_refused`, and `batch_out_of_balance` (it does not agree although it was told each item).
    """

    difference_id: UUID
    store_id: UUID
    settlement_id: UUID | None
    file_id: UUID | None
    acquirer: str | None = None
    kind: str
    scheme: str | None
    intent_id: UUID | None
    row_number: int | None
    currency: CurrencyCode
    ours_minor: int
    theirs_minor: int
    our_count: int
    their_count: int
    state: DifferenceState
    explanation: str | None
    explained_by: UUID | None
    explained_at: Instant | None
    closing_reason: str | None
    closed_by: UUID | None
    closed_at: Instant | None
    found_at: Instant

    @classmethod
    def of(cls, difference: Difference) -> DifferenceView:
        """The difference as the API tells it."""
        return cls.model_validate(difference, from_attributes=True)


class ExplanationBody(RequestBody):
    """What the difference comes from."""

    explanation: PlainText


class ClosingBody(RequestBody):
    """Why nothing more is to be done about it."""

    reason: PlainText


class AcquirerFileView(BaseModel):
    """A file that was imported: rows, how many were matched with payments, refused, and how many differences arose."""

    file_id: UUID
    store_id: UUID
    row_count: int
    matched_count: int
    refused_count: int
    difference_count: int
    imported_at: Instant

    @classmethod
    def of(cls, file: AcquirerFile) -> AcquirerFileView:
        """The file as the API tells it."""
        return cls.model_validate(file, from_attributes=True)


class RefusedRowView(BaseModel):
    """A row that was not taken in, and what would be right."""

    row_number: int
    message: str


@router.post(
    "/settlements",
    status_code=201,
    response_model=SettlementView,
    dependencies=[_settles],
    summary="End a terminal's day",
)
async def post_settlement(body: SettlementBody, caller: Caller, work: Work, once: Once, settings: Settings) -> Response:
    """Its totals are compared with ours by card scheme. Refused while a payment at it is not decided, because after
    its end of day a terminal cannot be asked about the day any more.
    """

    async def settle() -> SettlementView:
        totals = None if body.totals is None else [SchemeTotal(**each.model_dump()) for each in body.totals]
        wanted = EndOfDay(body.terminal_id, body.currency, body.till_id, totals)
        return SettlementView.of(await start_settlement(work, caller, wanted, settings.limits))

    return await once.answer(settle)


@router.get("/settlements", dependencies=[_reads], summary="List the settlements of a store by time")
async def list_settlements(
    caller: Caller,
    reading: Reading,
    paging: Paging,
    store_id: Annotated[UUID, Query()],
    newest_first: Annotated[bool, Query(description="Keep it the same for all pages of a list.")] = False,
) -> Page[SettlementView]:
    """The oldest first, unless told otherwise."""
    caller.demand_store(store_id)
    after = paging.after_keys(datetime.fromisoformat, UUID)
    rows = await SettlementRepository(reading).page(
        store_id, None if after is None else (after[0], after[1]), paging.limit + 1, newest_first=newest_first
    )
    return paging.page(rows, lambda row: (row.requested_at.isoformat(), str(row.settlement_id)), SettlementView.of)


@router.get("/settlements/{settlement_id}", dependencies=[_reads], summary="A settlement")
async def show_settlement(settlement_id: UUID, caller: Caller, reading: Reading) -> SettlementView:
    settlement = await SettlementRepository(reading).get(settlement_id)
    if settlement is None:
        raise UnknownSettlement(f"No settlement {settlement_id} is known.", field="settlement_id")
    caller.demand_store(settlement.store_id)
    return SettlementView.of(settlement)


@router.get("/differences", dependencies=[_reads], summary="List the differences of a store, the oldest first")
async def list_differences(
    caller: Caller,
    reading: Reading,
    paging: Paging,
    store_id: Annotated[UUID, Query()],
    unclosed: Annotated[bool, Query(description="Only those that are not closed.")] = False,
    settlement_id: Annotated[UUID | None, Query()] = None,
    file_id: Annotated[UUID | None, Query()] = None,
) -> Page[DifferenceView]:
    caller.demand_store(store_id)
    after = paging.after_keys(datetime.fromisoformat, UUID)
    rows = await DifferenceRepository(reading).page(
        store_id,
        None if after is None else (after[0], after[1]),
        paging.limit + 1,
        unclosed=unclosed,
        settlement_id=settlement_id,
        file_id=file_id,
    )
    return paging.page(rows, lambda row: (row.found_at.isoformat(), str(row.difference_id)), DifferenceView.of)


@router.post(
    "/differences/{difference_id}/explanation",
    response_model=DifferenceView,
    dependencies=[_settles],
    summary="Explain a difference",
)
async def post_explanation(
    difference_id: UUID, body: ExplanationBody, caller: Caller, work: Work, once: Once
) -> Response:
    async def explain() -> DifferenceView:
        return DifferenceView.of(await explain_difference(work, caller, difference_id, body.explanation))

    return await once.answer(explain, status=200)


@router.post(
    "/differences/{difference_id}/closing",
    response_model=DifferenceView,
    dependencies=[_settles],
    summary="Close a difference",
)
async def post_closing(difference_id: UUID, body: ClosingBody, caller: Caller, work: Work, once: Once) -> Response:
    """With its last difference a settlement is closed, and `settlement_closed` is published."""

    async def close() -> DifferenceView:
        return DifferenceView.of(await close_difference(work, caller, difference_id, body.reason))

    return await once.answer(close, status=200)


@router.post(
    "/acquirer-files",
    status_code=201,
    dependencies=[_settles],
    max_body_size=LARGEST_FILE_BYTES,
    openapi_extra=_FILE_BODY,
    summary="Import an acquirer's settlement file",
)
async def post_acquirer_file(
    request: Request, caller: Caller, work: Work, settings: Settings, store_id: Annotated[UUID, Query()]
) -> AcquirerFileView:
    """A CSV whose first line names the columns: `kind` (sale or refund), `date`, `currency`, `amount`,
    `retrieval_reference`, `approval_code` (one of both at least) and `scheme`. Each row is checked; those that are
    right are matched with payments by the reference, else by approval code, amount and date. What no payment was found
    for, and payments of those days that no row names, are differences. The very same file again is refused.
    """
    content = await request.body()
    file = await import_acquirer_file(work, caller, store_id, content, largest_rows=settings.acquirer_file_largest_rows)
    return AcquirerFileView.of(file)


@router.get("/acquirer-files", dependencies=[_reads], summary="List the acquirers' files of a store, the oldest first")
async def list_acquirer_files(
    caller: Caller, reading: Reading, paging: Paging, store_id: Annotated[UUID, Query()]
) -> Page[AcquirerFileView]:
    caller.demand_store(store_id)
    after = paging.after_keys(datetime.fromisoformat, UUID)
    rows = await AcquirerFileRepository(reading).page(
        store_id, None if after is None else (after[0], after[1]), paging.limit + 1
    )
    return paging.page(rows, lambda row: (row.imported_at.isoformat(), str(row.file_id)), AcquirerFileView.of)


@router.get("/acquirer-files/{file_id}/refusals", dependencies=[_reads], summary="The rows that were refused, and why")
async def list_refusals(file_id: UUID, caller: Caller, reading: Reading, paging: Paging) -> Page[RefusedRowView]:
    repository = AcquirerFileRepository(reading)
    file = await repository.get(file_id)
    if file is None:
        raise UnknownFile(f"No acquirer's file {file_id} is known.", field="file_id")
    caller.demand_store(file.store_id)
    after = paging.after_keys(int)
    rows = await repository.refused(file_id, 0 if after is None else after[0], paging.limit + 1)
    return paging.page(rows, lambda row: (row[0],), lambda row: RefusedRowView(row_number=row[0], message=row[1]))
