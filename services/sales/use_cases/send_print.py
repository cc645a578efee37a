"""Send something to be printed, once: the job and its command commit together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.contracts.gateway import DocumentKind, OpenDrawer, PrintDocument
from libs.contracts.printing import PrintedDocument
from libs.persistence import UnitOfWork
from services.sales.domain.till_devices import PrintIdTaken, PrintJob, TillDevices
from services.sales.storage.print_jobs import PrintJobRepository


@dataclass(frozen=True, slots=True)
class PrintOrder:
    """What is to be printed, where, and until when; `open_drawer` says why the drawer opens with it."""

    job_id: UUID
    store_id: UUID
    till_id: UUID
    kind: DocumentKind
    title: str
    document: PrintedDocument
    expires_at: datetime
    sale_id: UUID | None = None
    shift_id: UUID | None = None
    requested_by: UUID | None = None
    open_drawer: str | None = None
    copies: int = 1


async def send_print(work: UnitOfWork, devices: TillDevices, order: PrintOrder) -> PrintJob:
    """The job; the one that is there already if its id was used for the same before. Raises PrintIdTaken."""
    job = PrintJob(
        job_id=order.job_id,
        gateway_id=devices.gateway_id,
        store_id=order.store_id,
        till_id=order.till_id,
        document_kind=order.kind,
        sale_id=order.sale_id,
        shift_id=order.shift_id,
        requested_by=order.requested_by,
        requested_at=work.now,
        expires_at=order.expires_at,
    )
    repository = PrintJobRepository(work.connection)
    if not await repository.add(job):
        earlier = await repository.get(order.job_id)
        if earlier is None or not earlier.asks_for_the_same(job):
            raise PrintIdTaken("This print_id is of another print. A new one needs a new id.", field="print_id")
        return earlier
    work.send(
        PrintDocument(
            gateway_id=devices.gateway_id,
            store_id=order.store_id,
            till_id=order.till_id,
            job_id=order.job_id,
            document_kind=order.kind,
            title=order.title,
            document=order.document,
            copies=order.copies,
            open_drawer=order.open_drawer,
            sale_id=order.sale_id,
            requested_by=order.requested_by,
        ),
        expires_at=order.expires_at,
        # One after the other as they happened: a Z report comes out after the receipts that it counts.
        partition_key=str(order.till_id),
    )
    return job


@dataclass(frozen=True, slots=True)
class DrawerOrder:
    """Which till's drawer is to be opened, why, and until when."""

    opening_id: UUID
    store_id: UUID
    till_id: UUID
    reason: str
    requested_by: UUID
    expires_at: datetime


def send_opening(work: UnitOfWork, devices: TillDevices, order: DrawerOrder) -> None:
    """Send an opening of a drawer; the gateway opens it once for an `opening_id`."""
    work.send(
        OpenDrawer(
            gateway_id=devices.gateway_id,
            store_id=order.store_id,
            till_id=order.till_id,
            opening_id=order.opening_id,
            reason=order.reason,
            requested_by=order.requested_by,
        ),
        expires_at=order.expires_at,
        # One after the other as they happened: a Z report comes out after the receipts that it counts.
        partition_key=str(order.till_id),
    )
