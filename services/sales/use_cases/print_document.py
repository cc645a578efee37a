"""Print by command: a copy or a gift receipt of a document, an X or Z report of a shift."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import UUID

from libs.contracts.gateway import DocumentKind
from libs.contracts.permissions import Permission
from libs.contracts.printing import PrintedDocument
from libs.contracts.refusal import Conflict
from libs.persistence import UnitOfWork
from libs.web.principal import Approval, Principal
from services.sales.domain.receipt import make_receipt
from services.sales.domain.receipt_labels import Language
from services.sales.domain.receipt_print import printable_gift_receipt, printable_receipt
from services.sales.domain.report_print import printable_report
from services.sales.domain.returning import UnknownReceipt
from services.sales.domain.slip_print import SlipPiece, SlipSide, slip_document
from services.sales.domain.till import UnknownTill
from services.sales.domain.till_devices import NoPrinter, PrintJob, TillDevices
from services.sales.layout_samples import gift_values, receipt_values, report_values
from services.sales.price_books import CurrentBook
from services.sales.printing_settings import PrintingSettings
from services.sales.receipt_layouts import CurrentLayouts
from services.sales.storage.devices import DeviceRepository
from services.sales.storage.print_jobs import PrintJobRepository
from services.sales.storage.sales import SaleRepository
from services.sales.storage.slips import SlipRepository
from services.sales.use_cases.authorise import authorise
from services.sales.use_cases.read_sale import read_sale
from services.sales.use_cases.report_shift import read_x_report, read_z_report
from services.sales.use_cases.reprint_receipt import reprint_receipt
from services.sales.use_cases.send_print import PrintOrder, send_print


class NoSlips(Conflict):
    """There is no slip of a terminal that could be printed again."""

    type = "no-slips"


@dataclass(frozen=True, slots=True)
class PrintDesk:
    """Who prints, and what holds there: stores and tills, layouts, limits."""

    work: UnitOfWork
    caller: Principal
    current: CurrentBook
    layouts: CurrentLayouts
    settings: PrintingSettings


@dataclass(frozen=True, slots=True)
class PrintWish:
    """A print that is asked for: `print_id` is made by whoever asks, the same on each retry. Without `till_id` it is
    printed at the caller's own till, else where the document was made; without `language` in the store's.
    """

    print_id: UUID
    till_id: UUID | None
    language: Language | None


async def print_copy(desk: PrintDesk, sale_id: UUID, wish: PrintWish, approval: Approval | None) -> PrintJob:
    """Print the receipt again, counted and marked as a copy as `reprint_receipt` says.

    Raises the refusals of `reprint_receipt`, UnknownTill, NoPrinter or PrintIdTaken; nothing is counted then.
    """
    stored, reprint = await reprint_receipt(desk.work, desk.caller, sale_id, wish.print_id, approval)
    document = stored.document
    receipt = make_receipt(
        document,
        desk.current.stores[document.store_id],
        language=wish.language,
        copy_number=reprint.copy_number,
        voided=stored.voided_by_sale_id is not None,
        slips=await SlipRepository(desk.work.connection).of_document(document),
    )
    printable = printable_receipt(receipt, desk.layouts.logo)
    return await _send(
        desk,
        wish,
        "copy",
        printable.title,
        desk.layouts.document("receipt", printable, receipt_values(receipt)),
        made_at=document.till_id,
        sale_id=sale_id,
        shift_id=document.shift_id,
    )


async def print_gift_receipt(desk: PrintDesk, sale_id: UUID, wish: PrintWish) -> PrintJob:
    """Print what was bought without its prices. It shows nothing that is paid out, so whoever sells may print it.

    Raises Forbidden, UnknownReceipt, NoGiftReceipt, UnknownTill, NoPrinter or PrintIdTaken.
    """
    desk.caller.demand(Permission.SALES_SELL)
    stored = await SaleRepository(desk.work.connection).get(sale_id)
    if stored is None:
        raise UnknownReceipt(f"No sale {sale_id} is known.", field="sale_id")
    document = stored.document
    desk.caller.demand_store(document.store_id)
    voided = stored.voided_by_sale_id is not None
    receipt = make_receipt(document, desk.current.stores[document.store_id], language=wish.language, voided=voided)
    printable = printable_gift_receipt(receipt, desk.layouts.logo)
    return await _send(
        desk,
        wish,
        "gift_receipt",
        printable.title,
        desk.layouts.document("gift_receipt", printable, gift_values(receipt)),
        made_at=document.till_id,
        sale_id=sale_id,
        shift_id=document.shift_id,
    )


async def print_merchant_slips(desk: PrintDesk, sale_id: UUID, wish: PrintWish, approval: Approval | None) -> PrintJob:
    """Print the shop's slips of a document's cards again, each on its own piece and marked as a duplicate.

    Raises UnknownReceipt, NoSlips, Forbidden, ApprovalRequired and its kin, UnknownTill, NoPrinter or PrintIdTaken.
    """
    earlier = await PrintJobRepository(desk.work.connection).get(wish.print_id)
    stored = await read_sale(desk.work.connection, desk.caller, sale_id)
    document = stored.document
    if earlier is not None and earlier.sale_id == sale_id and earlier.document_kind == "slip":
        return earlier
    # The slips of a void are those of the tenders that it gave back.
    tenders = {key: each for each in document.tenders for key in (each.original_tender_id, each.tender_id) if key}
    pieces = [
        SlipPiece(SlipSide.MERCHANT, slips, tenders[slips.tender_id])
        for slips in await SlipRepository(desk.work.connection).of_document(document)
        if slips.merchant or slips.signature_required
    ]
    if not pieces:
        raise NoSlips("No terminal gave a slip for the shop with this document.")
    await authorise(desk.work, desk.caller, Permission.SALES_REPRINT, bound_to=str(sale_id), approval=approval)
    store = desk.current.stores[document.store_id]
    printed = slip_document(pieces, store, document.till_code, language=wish.language, duplicate=True)
    return await _send(
        desk,
        wish,
        "slip",
        printed.title,
        printed.document,
        made_at=document.till_id,
        sale_id=sale_id,
        shift_id=document.shift_id,
    )


async def print_shift_report(
    desk: PrintDesk, shift_id: UUID, kind: Literal["x_report", "z_report"], wish: PrintWish
) -> PrintJob:
    """Print what an open shift has taken so far (X), or the report that was frozen at its close (Z).

    Raises the refusals of reading the report, UnknownTill, NoPrinter or PrintIdTaken.
    """
    # A repeated X would show other numbers: what was asked for once is answered, whatever was sold since.
    earlier = await PrintJobRepository(desk.work.connection).get(wish.print_id)
    if earlier is not None and earlier.shift_id == shift_id and earlier.document_kind == kind:
        desk.caller.demand(Permission.SALES_X_REPORT if kind == "x_report" else Permission.SALES_READ)
        desk.caller.demand_store(earlier.store_id)
        return earlier
    if kind == "x_report":
        report = await read_x_report(desk.work, desk.caller, desk.current, shift_id)
    else:
        report = await read_z_report(desk.work.connection, desk.caller, shift_id)
    printable = printable_report(report, wish.language)
    return await _send(
        desk,
        wish,
        kind,
        printable.title,
        desk.layouts.document(kind, printable, report_values(report)),
        made_at=report.till_id,
        shift_id=shift_id,
    )


async def _send(
    desk: PrintDesk,
    wish: PrintWish,
    kind: DocumentKind,
    title: str,
    document: PrintedDocument,
    *,
    made_at: UUID,
    shift_id: UUID,
    sale_id: UUID | None = None,
) -> PrintJob:
    till_id = wish.till_id or desk.caller.till_id or made_at
    store_id, devices = await _devices(desk, till_id)
    report = kind in ("x_report", "z_report")
    life_s = desk.settings.report_print_expiry_s if report else desk.settings.receipt_print_expiry_s
    order = PrintOrder(
        job_id=wish.print_id,
        store_id=store_id,
        till_id=till_id,
        kind=kind,
        title=title,
        document=document,
        expires_at=desk.work.now + timedelta(seconds=life_s),
        sale_id=sale_id,
        shift_id=shift_id,
        requested_by=desk.caller.id,
    )
    return await send_print(desk.work, devices, order)


async def _devices(desk: PrintDesk, till_id: UUID) -> tuple[UUID, TillDevices]:
    till = desk.current.tills.get(till_id)
    if till is None:
        raise UnknownTill(f"There is no till {till_id}.", field="till_id")
    desk.caller.demand_store(till.store_id)
    devices = await DeviceRepository(desk.work.connection).at_till(till_id)
    if devices is None or not devices.has_printer:
        raise NoPrinter(
            f"Till {till.code} has no printer. Name a till that has one in till_id, or mail the receipt.",
            field="till_id",
        )
    return till.store_id, devices
