"""The demo's store PC: a device gateway with a receipt printer at each till, enrolled and configured as a real one is.

The printers are simulated and speak the real bytes over TCP, so what comes out of them is what a customer would hold.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from device_gateway.configuration import devices_in
from device_gateway.drivers.printer.escpos.simulated_paper import Receipt
from device_gateway.drivers.printer.escpos.simulator import PrinterSimulator
from device_gateway.enrolment import Enrolment, keep
from device_gateway.service import NAME, SUMMARY, gateway_at_work
from device_gateway.simulators import serving
from infra.demo.api import Api, DemoFailed
from infra.demo.shop import READY_WITHIN_S, Shop
from libs.host.embedded import EmbeddedHost
from libs.web.authentication import TokenVerifier

PRINTER_PROFILE, PAPER_DOTS = "TM-T88V", 512


@dataclass(frozen=True)
class StorePc:
    """The PC in the shop's back room. `printers` are the simulated ones, by till."""

    printers: dict[str, PrinterSimulator]

    def printed_at(self, till_id: str) -> list[Receipt]:
        """The pieces of paper that came out at a till."""
        return self.printers[till_id].receipts


@asynccontextmanager
async def store_pc(host: EmbeddedHost, anonymous: Api, shop: Shop) -> AsyncIterator[StorePc]:
    """Run the gateway of the shop's tills beside the services for the block, until sales knows its printers."""
    async with AsyncExitStack() as stack:
        printers = {cashier.till_id: PrinterSimulator(dots=PAPER_DOTS) for cashier in shop.cashiers}
        addresses = {
            till_id: stack.enter_context(serving(printer, "tcp://127.0.0.1:0")) for till_id, printer in printers.items()
        }
        enrolment = await _enrolled(anonymous, shop)
        data_folder = host.surroundings.settings.data_folder
        await asyncio.to_thread(keep, enrolment, data_folder)
        gateway = await stack.enter_async_context(
            gateway_at_work(
                enrolment=enrolment,
                devices=devices_in({"device": _devices(shop, addresses)}, enrolment.tills),
                data_folder=data_folder,
                transport=host.surroundings.transport,
                verifier=TokenVerifier.over_http(host.surroundings.http, host.surroundings.clock),
                clock=host.surroundings.clock,
            )
        )
        host.edge.add(NAME, gateway.app, SUMMARY)
        stack.callback(host.edge.remove, NAME)
        await _until_printers_are_known(shop)
        yield StorePc(printers)


async def _enrolled(anonymous: Api, shop: Shop) -> Enrolment:
    """Add a gateway for all tills in the office, and exchange its one-time code at the PC."""
    gateway = await shop.office.post(
        "/identity/v1/gateways",
        {
            "store_id": shop.store_id,
            "code": "back-room",
            "name": "PC in the back room",
            "till_ids": [cashier.till_id for cashier in shop.cashiers],
        },
    )
    code = (await shop.office.post(f"/identity/v1/gateways/{gateway['id']}/enrolment-codes"))["code"]
    return Enrolment.model_validate(await anonymous.post("/identity/v1/gateway-enrolments", {"code": code}))


def _devices(shop: Shop, addresses: dict[str, str]) -> list[dict[str, object]]:
    """What would stand in devices.toml."""
    return [
        {
            "name": f"receipt-printer-{cashier.till_code}",
            "driver": "escpos",
            "tills": [cashier.till_code],
            "options": {"address": addresses[cashier.till_id], "profile": PRINTER_PROFILE},
        }
        for cashier in shop.cashiers
    ]


async def _until_printers_are_known(shop: Shop) -> None:
    """The gateway tells of its printers by events; the shop opens when sales has heard of all of them."""
    deadline = asyncio.get_running_loop().time() + READY_WITHIN_S
    for cashier in shop.cashiers:
        while not (await shop.office.get(f"/sales/v1/tills/{cashier.till_id}/printing"))["has_printer"]:
            if asyncio.get_running_loop().time() > deadline:
                raise DemoFailed(f"The printer of till {cashier.till_code} is not known after {READY_WITHIN_S:.0f} s.")
            await asyncio.sleep(0.1)
