"""One trading day, unattended: set up, open, ring up real baskets at several tills at once, close, and check it all."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import httpx

from infra.demo.acquirer_host import AcquirerHost, acquirers_file
from infra.demo.api import Api, DemoFailed, Json
from infra.demo.audit import audit, audit_paper, documents_of
from infra.demo.back_room import STEPS, back_room
from infra.demo.card_evening import audit_cards, settle_terminals
from infra.demo.goods import Goods, assortment, baskets
from infra.demo.screen import keep_pictures, say_where, show_cards, show_checks, show_day
from infra.demo.shop import AlreadySetUp, Shop, set_up_shop
from infra.demo.store_pc import StorePc, store_pc
from libs.host.console import err, out, progress
from libs.host.server import StopSignal
from libs.host.settings import HostSettings

REQUEST_TIMEOUT_S = 30.0
ACQUIRERS_FILE = "demo-acquirers.toml"
# Nobody signs for a card that is tapped: the shop's own slip would only fill the paper bin.
_UNLESS_SET = {"TILLSTREAM_SALES_MERCHANT_SLIPS": "for_signature"}
OpenStorePc = Callable[[Api, Shop], Awaitable[StorePc]]


async def run_day(*, settings: HostSettings, baskets: int, tills: int, keep: bool, pictures: Path) -> bool:
    """Trade for a day on an embedded system; True when everything agrees in the evening.

    `baskets` are rung up at `tills` tills working at once, each with a receipt printer; a receipt and a Z report as
    they were printed are kept in the folder `pictures`. With `keep` the system runs on until it is told to stop, and
    says where it is and who may sign on.
    """
    stop = StopSignal()
    async with AsyncExitStack() as stack:
        stack.enter_context(stop.listening())
        bank = AcquirerHost()
        file = settings.data_folder.absolute() / ACQUIRERS_FILE
        await asyncio.to_thread(_write, file, acquirers_file(await stack.enter_async_context(bank.listening())))
        with progress("Starting", STEPS) as advance:
            # Whatever is set elsewhere, keyed cards go to the demo's own bank.
            environment = {**_UNLESS_SET, **os.environ, "TILLSTREAM_PAYMENTS_ACQUIRERS_FILE": str(file)}
            room = await stack.enter_async_context(back_room(settings, environment, advance))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=room.url, timeout=REQUEST_TIMEOUT_S))

        async def open_store_pc(anonymous: Api, shop: Shop) -> StorePc:
            return await stack.enter_async_context(store_pc(room, settings.data_folder, bank, anonymous, shop))

        agrees = await _day(Api(http), room.secrets, baskets, tills, open_store_pc, pictures)
        if keep:
            stop.started = True
            say_where(room)
            await stop.wait()
            err.print("Stopping: open requests may finish.")
        return agrees


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


async def run_day_at(url: str, secrets: Mapping[str, str], *, baskets: int, tills: int) -> bool:
    """The same on a system that runs already behind `url`, with the demo's subscriber among its services.

    `secrets` holds its set-up code as TILLSTREAM_IDENTITY_SETUP_CODE.
    """
    async with httpx.AsyncClient(base_url=url, timeout=REQUEST_TIMEOUT_S) as http:
        return await _day(Api(http), secrets, baskets, tills)


async def _day(
    anonymous: Api,
    secrets: Mapping[str, str],
    basket_count: int,
    till_count: int,
    open_store_pc: OpenStorePc | None = None,
    pictures: Path | None = None,
) -> bool:
    try:
        with progress("Setting the shop up"):
            shop = await _new_shop(anonymous, secrets, till_count)
            pc = await open_store_pc(anonymous, shop) if shop is not None and open_store_pc is not None else None
        if shop is None:
            out.print("The data folder holds a shop already, so no day is traded: it goes on where it was.")
            return True
        started = time.perf_counter()
        with progress("Ringing up", basket_count) as advance:
            await _trade(shop, basket_count, lambda: advance("baskets", 1))
        elapsed_s = time.perf_counter() - started
        with progress("Closing", till_count + (len(pc.all_terminals) if pc is not None else 0)) as advance:
            reports = await _close(shop, lambda: advance("shifts", 1))
            settled = [] if pc is None else await settle_terminals(shop, pc, lambda: advance("terminals", 1))
        receipt = await show_day(shop, elapsed_s)
        if settled:
            show_cards(shop, settled)
        with progress("Checking"):
            sales = await documents_of(shop)
            checks = await audit(shop, sales, reports)
            if pc is not None:
                checks += await audit_cards(shop, settled, sales, reports)
                checks += await audit_paper(shop, pc, sales)
        if pc is not None and pictures is not None:
            keep_pictures(shop, pc, receipt, pictures)
    except DemoFailed as error:
        err.print(f"[red]{error}[/red]", highlight=False)
        return False
    show_checks(checks)
    return all(check.holds for check in checks)


async def _new_shop(anonymous: Api, secrets: Mapping[str, str], till_count: int) -> Shop | None:
    """A shop ready to trade; None when the installation was set up before."""
    try:
        return await set_up_shop(anonymous, secrets, till_count)
    except AlreadySetUp:
        return None


async def _trade(shop: Shop, basket_count: int, advance: Callable[[], None]) -> None:
    """Each till serves its share of the customers, all tills at once."""
    goods = assortment()
    queue = [[goods[name] for name in names] for names in baskets(basket_count)]
    shares = [_in_turn(queue[index :: len(shop.cashiers)]) for index in range(len(shop.cashiers))]

    async def work(index: int) -> None:
        cashier = shop.cashiers[index]
        await cashier.open_shift()
        for turn, basket in enumerate(shares[index]):
            await cashier.serve(basket, turn)
            advance()
        if cashier.cash_minor > 50_000:
            await cashier.skim(30_000)

    try:
        async with asyncio.TaskGroup() as tills:
            for index in range(len(shop.cashiers)):
                tills.create_task(work(index))
    except* DemoFailed as failed:
        # One till in trouble is enough to end the day; the others are told to stop.
        raise failed.exceptions[0] from None
    # Whoever forgot something has come back by closing time.
    while shop.cashiers[0].shelf:
        await shop.cashiers[0].recall()


def _in_turn(share: Sequence[list[Goods]]) -> list[list[Goods]]:
    """The baskets of a till, of each two the smaller one first: who has little in the basket taps a card for it."""
    pairs = (share[place : place + 2] for place in range(0, len(share), 2))
    return [basket for pair in pairs for basket in sorted(pair, key=len)]


async def _close(shop: Shop, advance: Callable[[], None]) -> list[Json]:
    denominations = (await shop.cashiers[0].api.get("/sales/v1/denominations", currency="EUR"))["denominations_minor"]
    reports = []
    for index, cashier in enumerate(shop.cashiers):
        # At the second till a coin fell behind the counter: the variance must show in its Z report.
        reports.append(await cashier.close_shift(denominations, lost_minor=50 if index == 1 else 0))
        advance()
    return reports
