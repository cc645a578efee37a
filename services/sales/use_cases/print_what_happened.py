"""Print by event: a document's receipt at the till that sold, a Z report at its till; open a drawer for cash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from libs.contracts.sales import CashMoved, SaleCompleted, ShiftClosed
from libs.persistence import UnitOfWork
from services.sales.domain.receipt import make_receipt
from services.sales.domain.receipt_print import printable_receipt
from services.sales.domain.report_print import printable_report
from services.sales.domain.reports import ShiftReport
from services.sales.domain.shift import MovementKind
from services.sales.domain.slip import TenderSlips
from services.sales.domain.till_devices import (
    TillDevices,
    cash_reason,
    drawer_opening_id,
    receipt_job_id,
    z_report_job_id,
)
from services.sales.layout_samples import receipt_values, report_values
from services.sales.price_books import CurrentBook
from services.sales.printing_settings import PrintingSettings
from services.sales.receipt_layouts import CurrentLayouts
from services.sales.use_cases.send_print import DrawerOrder, PrintOrder, send_opening, send_print

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Printing:
    """A transaction in which something is printed, with the stores, the layouts and the limits in force, and the
    slips by document.
    """

    work: UnitOfWork
    current: CurrentBook
    layouts: CurrentLayouts
    settings: PrintingSettings
    slips: Mapping[UUID, tuple[TenderSlips, ...]]

    def expiry(self, happened_at: datetime, life_s: float) -> datetime | None:
        """Until when something that follows from `happened_at` is carried out; None if it is too late already."""
        expires_at = happened_at + timedelta(seconds=life_s)
        return expires_at if expires_at > self.work.now else None


async def print_sale(printing: Printing, devices: TillDevices, document: SaleCompleted) -> None:
    """Print the receipt, which opens the drawer if cash moved; without a printer only open the drawer."""
    expires_at = printing.expiry(document.completed_at, printing.settings.receipt_print_expiry_s)
    store = printing.current.stores.get(document.store_id)
    if expires_at is None or store is None:
        _log.warning("receipt_not_printed", sale_id=str(document.sale_id), store_known=store is not None)
        return
    if not devices.has_printer:
        _open_for_sale(printing, devices, document)
        return
    receipt = make_receipt(document, store, slips=printing.slips.get(document.sale_id, ()))
    printable = printable_receipt(receipt, printing.layouts.logo)
    order = PrintOrder(
        job_id=receipt_job_id(document.sale_id),
        store_id=document.store_id,
        till_id=document.till_id,
        kind="receipt",
        title=printable.title,
        document=printing.layouts.document("receipt", printable, receipt_values(receipt)),
        expires_at=expires_at,
        sale_id=document.sale_id,
        shift_id=document.shift_id,
        open_drawer=cash_reason(document),
        copies=printing.settings.receipt_copies,
    )
    await send_print(printing.work, devices, order)


def _open_for_sale(printing: Printing, devices: TillDevices, document: SaleCompleted) -> None:
    reason = cash_reason(document)
    expires_at = printing.expiry(document.completed_at, printing.settings.drawer_opening_expiry_s)
    if reason is not None and expires_at is not None:
        order = DrawerOrder(
            opening_id=drawer_opening_id(document.sale_id),
            store_id=document.store_id,
            till_id=document.till_id,
            reason=reason,
            requested_by=document.staff_id,
            expires_at=expires_at,
        )
        send_opening(printing.work, devices, order)


def open_for_movement(printing: Printing, devices: TillDevices, movement: CashMoved) -> None:
    """Open the drawer for a movement of cash, or for no sale. An empty float is put nowhere."""
    if movement.kind == MovementKind.FLOAT.value and not movement.amount_minor:
        return
    expires_at = printing.expiry(movement.moved_at, printing.settings.drawer_opening_expiry_s)
    if expires_at is not None:
        order = DrawerOrder(
            opening_id=movement.movement_id,
            store_id=movement.store_id,
            till_id=movement.till_id,
            reason=movement.kind,
            requested_by=movement.staff_id,
            expires_at=expires_at,
        )
        send_opening(printing.work, devices, order)


async def print_z_report(printing: Printing, devices: TillDevices, closed: ShiftClosed) -> None:
    """Print the Z report at its till, in the words that the store had at the close."""
    expires_at = printing.expiry(closed.closed_at, printing.settings.report_print_expiry_s)
    if not devices.has_printer or expires_at is None:
        return
    report = ShiftReport.model_validate(closed.z_report, extra="ignore")
    printable = printable_report(report)
    order = PrintOrder(
        job_id=z_report_job_id(closed.shift_id),
        store_id=closed.store_id,
        till_id=closed.till_id,
        kind="z_report",
        title=printable.title,
        document=printing.layouts.document("z_report", printable, report_values(report)),
        expires_at=expires_at,
        shift_id=closed.shift_id,
    )
    await send_print(printing.work, devices, order)
