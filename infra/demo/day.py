"""One trading day, unattended: set up, open, ring up real baskets at several tills at once, close, and check it all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
from rich.box import SIMPLE
from rich.table import Table

from infra.demo.api import Api, DemoFailed, Json
from infra.demo.audit import Check, audit, audit_paper, documents_of
from infra.demo.back_room import STEPS, BackRoom, back_room
from infra.demo.card_evening import audit_cards, settle_terminals
from infra.demo.goods import Goods, assortment, baskets
from infra.demo.shop import ADMINISTRATOR, CASHIER_PIN, CASHIERS, MANAGER, AlreadySetUp, Shop, set_up_shop
from infra.demo.store_pc import StorePc, store_pc
from libs.host.console import err, out, progress
from libs.host.server import StopSignal
from libs.host.settings import HostSettings
from libs.money import Money

REQUEST_TIMEOUT_S = 30.0
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
        with progress("Starting", STEPS) as advance:
            room = await stack.enter_async_context(back_room(settings, advance))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=room.url, timeout=REQUEST_TIMEOUT_S))
        agrees = await _day(
            Api(http),
            room.secrets,
            baskets,
            tills,
            lambda anonymous, shop: stack.enter_async_context(store_pc(room, settings.data_folder, anonymous, shop)),
            pictures,
        )
        if keep:
            stop.started = True
            _say_where(room)
            await stop.wait()
            err.print("Stopping: open requests may finish.")
        return agrees


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
        with progress("Closing", till_count) as advance:
            reports = await _close(shop, lambda: advance("shifts", 1))
            settled = await settle_terminals(shop, pc) if pc is not None else []
        receipt = await _show(shop, elapsed_s)
        with progress("Checking"):
            sales = await documents_of(shop)
            checks = await audit(shop, sales, reports)
            if pc is not None:
                checks += await audit_cards(shop, settled, sales, reports)
                checks += await audit_paper(shop, pc, sales)
        if pc is not None and pictures is not None:
            _keep_pictures(shop, pc, receipt, pictures)
    except DemoFailed as error:
        err.print(f"[red]{error}[/red]", highlight=False)
        return False
    _show_checks(checks)
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


async def _show(shop: Shop, elapsed_s: float) -> Json:
    """Show the evening on the screen; returns the document whose receipt was shown."""
    first = shop.cashiers[0]
    receipt = next(
        (sale for sale in first.receipts if sale["discount_minor"] and len(sale["lines"]) > 2), first.receipts[0]
    )
    out.rule("A receipt")
    out.print(await first.api.text(f"/sales/v1/sales/{receipt['sale_id']}/receipt.txt"), highlight=False, markup=False)
    out.rule(f"The Z report of till {first.till_code}")
    out.print(await shop.office.text(f"/sales/v1/shifts/{first.shift_id}/z-report.txt"), highlight=False, markup=False)
    out.rule("The day")
    table = Table(
        box=SIMPLE, pad_edge=False, caption="aside: put aside and recalled later; thrice: sent three times, sold once"
    )
    table.add_column("till")
    table.add_column("cashier", no_wrap=True)
    for column in ("sales", "turnover", "returns", "voids", "aside", "thrice"):
        table.add_column(column, justify="right", no_wrap=True)
    for cashier in shop.cashiers:
        tally = cashier.tally
        turnover = Money(tally.total_minor, "EUR").format("en")
        numbers = (
            tally.documents,
            turnover,
            tally.returns,
            tally.voids,
            tally.suspended,
            tally.repeated,
        )
        table.add_row(cashier.till_code, cashier.name, *(str(each) for each in numbers))
    out.print(table)
    documents = sum(cashier.tally.documents for cashier in shop.cashiers)
    out.print(f"{documents} documents at {len(shop.cashiers)} tills in {elapsed_s:.1f} s.", highlight=False)
    return receipt


def _keep_pictures(shop: Shop, pc: StorePc, receipt: Json, folder: Path) -> None:
    """Keep that receipt and the Z report of the same till as they came out of the printer."""
    folder.mkdir(parents=True, exist_ok=True)
    paper = pc.printed_at(shop.cashiers[0].till_id)
    shown = [piece for piece in paper if receipt["receipt_code"] in piece.text][:1] + paper[-1:]
    out.rule("As printed")
    for name, piece in zip(("receipt.png", "z-report.png"), shown, strict=False):
        (folder / name).write_bytes(piece.png())
        out.print(f"  {folder / name}", highlight=False, soft_wrap=True)


def _show_checks(checks: Sequence[Check]) -> None:
    out.rule("Does it agree?")
    for check in checks:
        if check.holds:
            out.print(f"[green]yes[/green]  {check.name}", highlight=False)
        else:
            out.print(f"[red]NO[/red]   {check.name}: expected {check.expected}, found {check.found}", highlight=False)
    held = sum(check.holds for check in checks)
    out.print(f"{held} of {len(checks)} checks hold.", highlight=False)


def _say_where(room: BackRoom) -> None:
    code, _pin, password = ADMINISTRATOR
    out.print(f"\nTillstream runs at [bold]{room.url}[/bold]  (Ctrl-C stops it)", soft_wrap=True)
    for name in room.services:
        out.print(f"  {room.url}/{name}/docs", highlight=False, soft_wrap=True)
    if room.has_gateway:
        out.print(f"  {room.url}/gateway/  the devices of the tills and how they are", highlight=False, soft_wrap=True)
    cashiers = ", ".join(each for each, _name in CASHIERS)
    for who, how in (
        ("office", f"{code}, password {password}"),
        ("manager", f"{MANAGER.code}, PIN {MANAGER.pin}"),
        ("cashiers", f"{cashiers} (as many as there are tills), PIN {CASHIER_PIN}"),
    ):
        out.print(f"  {who:9} {how}", highlight=False, soft_wrap=True)
