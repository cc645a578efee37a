"""The demo's store PC: a device gateway with a receipt printer and a payment terminal at each till, enrolled and
configured as a real one is.

Printers and terminals are simulated and speak the real bytes, so what comes out of a printer is what a customer would
hold, and what a terminal charged is known apart from what it said.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from device_gateway.drivers.printer.escpos.simulated_paper import Receipt
from device_gateway.drivers.printer.escpos.simulator import PrinterSimulator
from device_gateway.simulators import serving
from infra.demo.acquirer_host import AcquirerHost, numbers
from infra.demo.api import Api, DemoFailed, Json
from infra.demo.back_room import BackRoom
from infra.demo.shop import READY_WITHIN_S, Shop
from infra.demo.terminals import LineTerminal, SberbankTerminal, StandaloneTerminal, Terminal, terminal_for
from libs.persistence import new_id

AnyTerminal = Terminal | StandaloneTerminal | AcquirerHost
PRINTER_PROFILE, PAPER_DOTS = "TM-T88V", 512
LINE = "tcp://127.0.0.1:0"
TERMINALS_FOLDER = "simulated-terminals"


@dataclass(frozen=True)
class StorePc:
    """The PC in the shop's back room. `printers` and `terminals` are the simulated ones, by till; one terminal stands
    alone, without a wire to the PC, and cards that are keyed in go to `bank`.
    """

    printers: dict[str, PrinterSimulator]
    terminals: dict[str, Terminal]
    standalone: StandaloneTerminal
    bank: AcquirerHost

    @property
    def all_terminals(self) -> list[AnyTerminal]:
        """Those of the tills, the one on the counter, and the one that is none but for its bank."""
        return [*self.terminals.values(), self.standalone, self.bank]

    def printed_at(self, till_id: str) -> list[Receipt]:
        """The pieces of paper that came out at a till."""
        return self.printers[till_id].receipts


@asynccontextmanager
async def store_pc(
    room: BackRoom, data_folder: Path, bank: AcquirerHost, anonymous: Api, shop: Shop
) -> AsyncIterator[StorePc]:
    """Have the gateway of the shop's tills work beside the services, with the simulated devices on their lines for the
    block. Once printers and terminals are known to those who use them, the tills take cards; those that are keyed in
    are for `bank` to decide.
    """
    folder = (data_folder / TERMINALS_FOLDER).absolute()
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    printers = {cashier.till_id: PrinterSimulator(dots=PAPER_DOTS) for cashier in shop.cashiers}
    terminals = {
        cashier.till_id: terminal_for(index, cashier.till_code, folder) for index, cashier in enumerate(shop.cashiers)
    }
    with ExitStack() as lines:
        devices = [
            device
            for cashier in shop.cashiers
            for device in (
                _printer(cashier.till_code, lines.enter_context(serving(printers[cashier.till_id], LINE))),
                _terminal(cashier.till_code, terminals[cashier.till_id], lines, folder),
            )
        ]
        await room.open_gateway(await _enrolled(anonymous, shop), devices)
        standalone = await _standalone(shop)
        await _add(shop, "concentrated-terminals", {"name": bank.name, "numbers": numbers()})
        await _until_printers_are_known(shop)
        await _until_terminals_are_known(shop, {terminal.name for terminal in terminals.values()})
        for cashier in shop.cashiers:
            cashier.take_cards(terminals[cashier.till_id], standalone, bank)
        yield StorePc(printers, terminals, standalone, bank)


async def _enrolled(anonymous: Api, shop: Shop) -> Json:
    """Add a gateway for all tills in the office, and exchange its one-time code for what the PC is known by."""
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
    enrolment: Json = await anonymous.post("/identity/v1/gateway-enrolments", {"code": code})
    return enrolment


def _printer(till_code: str, address: str) -> dict[str, object]:
    """What would stand in devices.toml for a till's printer."""
    return {
        "name": f"receipt-printer-{till_code}",
        "driver": "escpos",
        "tills": [till_code],
        "options": {"address": address, "profile": PRINTER_PROFILE},
    }


def _terminal(till_code: str, terminal: Terminal, lines: ExitStack, folder: Path) -> dict[str, object]:
    """What would stand in devices.toml for a till's terminal, which is put on its line, if it has one."""
    match terminal:
        case LineTerminal():
            options = terminal.options(lines.enter_context(serving(terminal.simulator, LINE)), folder)
        case SberbankTerminal():
            options = terminal.options()
        case _:
            raise DemoFailed(f"How a {terminal.kind} terminal is connected is not known.")
    return {"name": terminal.name, "driver": terminal.driver, "tills": [till_code], "options": options}


async def _standalone(shop: Shop) -> StandaloneTerminal:
    """The office adds a terminal that no wire leads to."""
    standalone = StandaloneTerminal()
    await _add(shop, "standalone-terminals", {"name": standalone.name})
    return standalone


async def _add(shop: Shop, kind: str, terminal: Json) -> None:
    body = {"store_id": shop.store_id, **terminal}
    await shop.office.post(f"/payments/v1/{kind}", body, headers={"Idempotency-Key": str(new_id())})


async def _until_printers_are_known(shop: Shop) -> None:
    """The gateway tells of its printers by events; the shop opens when sales has heard of all of them."""
    deadline = asyncio.get_running_loop().time() + READY_WITHIN_S
    for cashier in shop.cashiers:
        while not (await shop.office.get(f"/sales/v1/tills/{cashier.till_id}/printing"))["has_printer"]:
            if asyncio.get_running_loop().time() > deadline:
                raise DemoFailed(f"The printer of till {cashier.till_code} is not known after {READY_WITHIN_S:.0f} s.")
            await asyncio.sleep(0.1)


async def _until_terminals_are_known(shop: Shop, names: set[str]) -> None:
    """The same of its terminals, of which payments must have heard."""
    deadline = asyncio.get_running_loop().time() + READY_WITHIN_S
    while True:
        known = await shop.office.every("/payments/v1/terminals", store_id=shop.store_id)
        missing = names - {each["name"] for each in known if each["state"] == "ready"}
        if not missing:
            return
        if asyncio.get_running_loop().time() > deadline:
            raise DemoFailed(f"The terminals {sorted(missing)} are not known after {READY_WITHIN_S:.0f} s.")
        await asyncio.sleep(0.1)
