"""Keep a terminal's slips with their tender, and print the shop's at the till; the customer's is on the receipt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import structlog

from libs.contracts.tenders import TenderAuthorized, TenderReleased
from libs.persistence import UnitOfWork
from services.sales.domain.basket import Basket
from services.sales.domain.completion import tender_facts
from services.sales.domain.slip import MerchantSlips, SlipCause, TenderSlips, slip_lines
from services.sales.domain.slip_print import SlipPiece, SlipSide, slip_document
from services.sales.domain.tender import Tender
from services.sales.domain.till_devices import slip_job_id
from services.sales.price_books import PriceBooks
from services.sales.printing_settings import PrintingSettings
from services.sales.storage.devices import DeviceRepository
from services.sales.storage.slips import SlipRepository
from services.sales.use_cases.send_print import PrintOrder, send_print

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SlipDesk:
    """What printing a slip needs: stores with their languages, and what the chain wants printed for how long."""

    books: PriceBooks
    settings: PrintingSettings


async def keep_slips(
    work: UnitOfWork, desk: SlipDesk, basket: Basket, tender: Tender, outcome: TenderAuthorized | TenderReleased
) -> None:
    """Store the slips of an outcome, and send to the till's printer what no receipt will carry: the shop's slip, and
    on the way back the customer's too, because that money went back beside or after a receipt.

    Slips that came before are not printed again. A till without a printer prints nothing.
    """
    cause = SlipCause.AUTHORIZED if isinstance(outcome, TenderAuthorized) else SlipCause.RELEASED
    slips = TenderSlips(
        tender_id=tender.tender_id,
        cause=cause,
        sale_id=basket.basket_id,
        customer=slip_lines(outcome.slip),
        merchant=slip_lines(outcome.merchant_slip),
        signature_required=outcome.signature_required,
        came_at=outcome.decided_at,
    )
    if slips.empty:
        return
    await SlipRepository(work.connection).add(slips)
    sides = _printed_sides(slips, desk.settings.merchant_slips)
    if sides:
        await _print(work, desk, basket, tender, slips, sides)


def _printed_sides(slips: TenderSlips, wanted: MerchantSlips) -> tuple[SlipSide, ...]:
    sides = []
    if slips.cause is SlipCause.RELEASED and slips.customer:
        sides.append(SlipSide.CUSTOMER)
    if (slips.merchant or slips.signature_required) and slips.prints_merchant(wanted):
        sides.append(SlipSide.MERCHANT)
    return tuple(sides)


async def _print(
    work: UnitOfWork,
    desk: SlipDesk,
    basket: Basket,
    tender: Tender,
    slips: TenderSlips,
    sides: tuple[SlipSide, ...],
) -> None:
    devices = await DeviceRepository(work.connection).at_till(basket.till_id)
    if devices is None or not devices.has_printer:
        return
    current = await desk.books.current(work.connection)
    store, till = current.stores.get(basket.store_id), current.tills.get(basket.till_id)
    expires_at = slips.came_at + timedelta(seconds=desk.settings.receipt_print_expiry_s)
    if store is None or till is None or expires_at <= work.now:
        _log.warning("slip_not_printed", tender_id=str(tender.tender_id), store_known=store is not None)
        return
    facts = tender_facts(tender)
    printed = slip_document([SlipPiece(side, slips, facts) for side in sides], store, till.code)
    order = PrintOrder(
        job_id=slip_job_id(tender.tender_id, slips.cause),
        store_id=basket.store_id,
        till_id=basket.till_id,
        kind="slip",
        title=printed.title,
        document=printed.document,
        expires_at=expires_at,
        sale_id=basket.basket_id,
    )
    await send_print(work, devices, order)
