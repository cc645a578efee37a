"""What the gateway answers and takes over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from device_gateway.domain.observations import Weighing
from device_gateway.domain.orders import DrawerOpening, PrintJob
from device_gateway.domain.print_job import PrintState
from device_gateway.domain.terminal_operation import OperationState, TerminalOperation
from libs.contracts.gateway import DeviceKind, DocumentKind
from libs.contracts.terminals import TerminalAction
from libs.web.authentication import RequestBody

Line = Annotated[str, StringConstraints(max_length=80)]
MOST_ITEMS = 200


class LastErrorView(BaseModel):
    """What went wrong last."""

    text: str
    at: datetime


class LastJobView(BaseModel):
    """The newest job of a printer."""

    job_id: UUID
    title: str
    state: PrintState
    changed_at: datetime
    reason: str | None


class LastOperationView(BaseModel):
    """The newest operation of a payment terminal."""

    operation_id: UUID
    action: TerminalAction
    currency: str
    amount_minor: int
    state: OperationState
    changed_at: datetime
    reason: str | None


class DeviceView(BaseModel):
    """A device as it is now. `detail` says what is wrong and `what_to_do` what a shop assistant can do about it."""

    name: str
    kind: DeviceKind
    driver: str
    till_ids: tuple[UUID, ...]
    state: str
    detail: str | None
    what_to_do: str | None
    waiting: Annotated[int, Field(description="Copies that wait to be printed, operations for a terminal.")] = 0
    last_job: LastJobView | None = None
    last_operation: LastOperationView | None = None
    last_error: LastErrorView | None = None


class CopyView(BaseModel):
    """One copy of a job on paper."""

    number: int
    state: PrintState
    attempts: int
    proof: str | None
    reason: str | None


class JobView(BaseModel):
    """A print job. `unknown` means that it may or may not have come out: look, then print a marked duplicate."""

    job_id: UUID
    till_id: UUID
    printer: str | None
    document_kind: DocumentKind
    title: str
    state: PrintState
    proof: str | None
    reason: str | None
    copies: tuple[CopyView, ...]
    received_at: datetime
    changed_at: datetime
    expires_at: datetime | None
    sale_id: UUID | None
    duplicate_of: UUID | None


class NewDuplicate(RequestBody):
    """`job_id` is made by the caller, so that a request sent twice prints once; one is made up without it."""

    job_id: UUID | None = None


class WeighingView(BaseModel):
    """A reading in whole grams; only one with `may_be_sold` (stable and above zero) goes on a receipt."""

    state: str
    gross_g: int | None
    tare_g: int | None
    net_g: int | None
    may_be_sold: bool
    detail: str


class NewTare(RequestBody):
    """The weight of the container in grams; null takes what lies on the scale, 0 clears it."""

    grams: Annotated[int, Field(ge=0, le=100_000)] | None = None


class NewDrawerOpening(RequestBody):
    """`opening_id` is made by the caller, so that a request sent twice opens the drawer once."""

    till_id: UUID
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    opening_id: UUID | None = None


class DrawerOpeningView(BaseModel):
    """An opening as it stands; its outcome follows on the live feed as `drawer_opened`."""

    opening_id: UUID
    till_id: UUID
    drawer: str
    reason: str
    state: str
    detail: str | None


class NewScan(RequestBody):
    """What a scanner typed into the till's page as a keyboard wedge; `aim` is its symbology identifier, if sent."""

    till_id: UUID
    text: Annotated[str, StringConstraints(min_length=1, max_length=4_000)]
    aim: Annotated[str, StringConstraints(pattern=r"^\][A-Za-z][0-9A-Za-z]$")] | None = None


class DisplayedItem(RequestBody):
    """A line of the basket as the customer sees it, formatted by the till, e.g. `quantity` "2 x 1.50"."""

    text: Line
    quantity: Line = ""
    amount: Line = ""


class Displayed(RequestBody):
    """What the customer sees: two lines for a line display; items and total for a second screen."""

    upper: Line = ""
    lower: Line = ""
    items: Annotated[tuple[DisplayedItem, ...], Field(max_length=MOST_ITEMS)] = ()
    total: Line | None = None


def job_view(job: PrintJob) -> JobView:
    """A job as it is answered."""
    return JobView(
        job_id=job.job_id,
        till_id=job.till_id,
        printer=job.printer,
        document_kind=job.document_kind,
        title=job.title,
        state=job.state,
        proof=job.proof,
        reason=job.reason,
        copies=tuple(
            CopyView(number=number, state=copy.state, attempts=copy.attempts, proof=copy.proof, reason=copy.reason)
            for number, copy in enumerate(job.copies, 1)
        ),
        received_at=job.received_at,
        changed_at=job.changed_at,
        expires_at=job.expires_at,
        sale_id=job.sale_id,
        duplicate_of=job.duplicate_of,
    )


def last_operation_view(operation: TerminalOperation) -> LastOperationView:
    """A terminal's newest operation as it is answered."""
    return LastOperationView(
        operation_id=operation.operation_id,
        action=operation.action,
        currency=operation.currency,
        amount_minor=operation.amount_minor,
        state=operation.state,
        changed_at=operation.changed_at,
        reason=operation.answer.reason if operation.answer else None,
    )


def opening_view(opening: DrawerOpening) -> DrawerOpeningView:
    """An opening as it is answered."""
    return DrawerOpeningView(
        opening_id=opening.opening_id,
        till_id=opening.till_id,
        drawer=opening.drawer,
        reason=opening.reason,
        state=opening.state.value,
        detail=opening.detail,
    )


def weighing_view(weighing: Weighing) -> WeighingView:
    """A weighing as it is answered."""
    return WeighingView(
        state=weighing.state.value,
        gross_g=weighing.gross_g,
        tare_g=weighing.tare_g,
        net_g=weighing.net_g,
        may_be_sold=weighing.may_be_sold,
        detail=weighing.detail,
    )
