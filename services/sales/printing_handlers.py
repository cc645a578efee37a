"""What is printed because something happened, and what gateways tell of their devices and prints.

Apart from the completion of a sale, which never waits for paper: sales hears its own events as everybody else does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from libs.bus.consumer import ProjectionConsumer, Received
from libs.contracts.gateway import DeviceChanged, PrintJobChanged
from libs.contracts.identity import GatewayChanged
from libs.contracts.sales import CashMoved, SaleCompleted, ShiftClosed
from libs.persistence import UnitOfWork
from services.sales.price_books import PriceBooks
from services.sales.printing_settings import PrintingSettings
from services.sales.receipt_layouts import ReceiptLayouts
from services.sales.storage.devices import DeviceRepository
from services.sales.storage.print_jobs import PrintJobRepository
from services.sales.storage.slips import SlipRepository
from services.sales.use_cases.print_what_happened import Printing, open_for_movement, print_sale, print_z_report

_BATCH_SIZE = 200


def printing_consumer(books: PriceBooks, layouts: ReceiptLayouts, settings: PrintingSettings) -> ProjectionConsumer:
    """The consumer that prints. A batch costs one question where no till has devices."""

    async def handle(batch: Sequence[Received[Any]], work: UnitOfWork) -> None:
        devices = await DeviceRepository(work.connection).at_tills({received.message.till_id for received in batch})
        if not devices:
            return
        current = await books.current(work.connection)
        slips = await SlipRepository(work.connection).of_documents(
            received.message
            for received in batch
            if isinstance(received.message, SaleCompleted) and received.message.till_id in devices
        )
        printing = Printing(work, current, await layouts.current(work.connection), settings, slips)
        for received in batch:
            message = received.message
            owned = devices.get(message.till_id)
            if owned is None:
                continue
            match message:
                case SaleCompleted():
                    await print_sale(printing, owned, message)
                case ShiftClosed():
                    await print_z_report(printing, owned, message)
                case CashMoved():
                    open_for_movement(printing, owned, message)

    return ProjectionConsumer(
        name="sales.printing",
        messages=(SaleCompleted, ShiftClosed, CashMoved),
        handler=handle,
        batch_size=_BATCH_SIZE,
        # In a rush dozens of sales share a transaction; one for each would slow the sales themselves down.
        batch_wait_s=settings.print_gather_s,
    )


async def on_device_changes(batch: Sequence[Received[Any]], work: UnitOfWork) -> None:
    """Keep a batch of what gateways and identity tell."""
    devices = DeviceRepository(work.connection)
    messages = [received.message for received in batch]
    await devices.keep_gateways(
        [
            (received.message, received.envelope.sequence)
            for received in batch
            if isinstance(received.message, GatewayChanged)
        ]
    )
    await devices.keep_printers(
        [message for message in messages if isinstance(message, DeviceChanged) and message.kind == "printer"]
    )
    await PrintJobRepository(work.connection).keep(
        [message for message in messages if isinstance(message, PrintJobChanged)]
    )


devices_consumer = ProjectionConsumer(
    name="sales.devices",
    messages=(DeviceChanged, GatewayChanged, PrintJobChanged),
    handler=on_device_changes,
)
