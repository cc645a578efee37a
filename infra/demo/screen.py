"""What a person sees of the day: a receipt and a Z report, who sold what, what became of the cards, and the checks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE
from rich.table import Table

from infra.demo.api import Json
from infra.demo.audit import Z_REPORT, Check
from infra.demo.back_room import BackRoom
from infra.demo.card_evening import CHARGED, GIVEN_BACK, SettledTerminal
from infra.demo.cards import UnknownOutcome
from infra.demo.shop import ADMINISTRATOR, CASHIER_PIN, CASHIERS, MANAGER, Shop
from infra.demo.store_pc import StorePc
from libs.host.console import out
from libs.money import Money


async def show_day(shop: Shop, elapsed_s: float) -> Json:
    """Show the evening on the screen; returns the document whose receipt was shown."""
    first = shop.cashiers[0]
    receipt = _worth_seeing(first.receipts)
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
        turnover = _euros(tally.total_minor)
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


def _worth_seeing(receipts: Sequence[Json]) -> Json:
    """A receipt that was paid by card and in cash, where there are cards; else one with a discount."""
    shared = [sale for sale in receipts if {tender["kind"] for tender in sale["tenders"]} >= {"card", "cash"}]
    reduced = [sale for sale in receipts if sale["discount_minor"] and len(sale["lines"]) > 2]
    return max(shared, key=lambda sale: len(sale["lines"]), default=(reduced or receipts)[0])


def show_cards(shop: Shop, settled: Sequence[SettledTerminal]) -> None:
    """What was paid by card at which terminal, and how each lost answer was found out."""
    out.rule("The cards")
    table = Table(box=SIMPLE, pad_edge=False, caption="back: refunded, reversed or voided; lost: the answer never came")
    table.add_column("terminal", no_wrap=True)
    for column in ("paid", "amount", "in part", "back", "declined", "lost"):
        table.add_column(column, justify="right", no_wrap=True)
    lost = [each for cashier in shop.cashiers if cashier.cards for each in cashier.cards.tally.unknown]
    unanswered = {each.tender_id for each in lost}
    for each in settled:
        taken = [intent for intent in each.intents if intent["kind"] == "purchase" and intent["state"] in CHARGED]
        back = [intent for intent in each.intents if intent["kind"] == "refund" or intent["state"] in GIVEN_BACK]
        declined = [intent for intent in each.intents if intent["state"] == "declined"]
        numbers = (
            len(taken),
            _euros(sum(intent["approved_minor"] for intent in taken)),
            sum(intent["approved_minor"] < intent["amount_minor"] for intent in taken),
            len(back),
            sum(intent["intent_id"] not in unanswered for intent in declined),
            sum(intent["intent_id"] in unanswered for intent in each.intents),
        )
        table.add_row(each.label, *(str(number) for number in numbers))
    out.print(table)
    _show_schemes([intent for each in settled for intent in each.intents])
    _show_lost(lost)


def _show_schemes(intents: Sequence[Json]) -> None:
    sums: dict[str, list[int]] = defaultdict(list)
    for intent in intents:
        if intent["kind"] == "purchase" and intent["state"] in CHARGED:
            # Each terminal writes a scheme's name in its own way.
            scheme = ((intent["card"] or {}).get("scheme") or "").title() or "not told by the terminal"
            sums[scheme].append(intent["approved_minor"])
    by_scheme = (f"{scheme} {len(amounts)} ({_euros(sum(amounts))})" for scheme, amounts in sorted(sums.items()))
    out.print(f"By scheme: {', '.join(by_scheme)}.", highlight=False)


def _show_lost(lost: Sequence[UnknownOutcome]) -> None:
    out.print(f"{len(lost)} answers of terminals were lost; each outcome was found out:", highlight=False)
    terminals: dict[tuple[str, str], list[str]] = defaultdict(list)
    for each in lost:
        when = each.lost.value if each.lost else "with another's"
        terminals[when, each.ended].append(each.terminal)
    table = Table(box=SIMPLE, pad_edge=False, show_header=False)
    table.add_column(justify="right")
    for _ in range(3):
        table.add_column()
    for (when, ended), kinds in sorted(terminals.items()):
        table.add_row(str(len(kinds)), when, ended, ", ".join(sorted(set(kinds))))
    out.print(table)


def _euros(amount_minor: int) -> str:
    return Money(amount_minor, "EUR").format("en")


def keep_pictures(shop: Shop, pc: StorePc, receipt: Json, folder: Path) -> None:
    """Keep that receipt and the Z report of the same till as they came out of the printer."""
    folder.mkdir(parents=True, exist_ok=True)
    paper = pc.printed_at(shop.cashiers[0].till_id)
    shown = [piece for piece in paper if receipt["receipt_code"] in piece.text][:1]
    shown += [piece for piece in paper if Z_REPORT in piece.text]
    out.rule("As printed")
    for name, piece in zip(("receipt.png", "z-report.png"), shown, strict=False):
        (folder / name).write_bytes(piece.png())
        out.print(f"  {folder / name}", highlight=False, soft_wrap=True)


def show_checks(checks: Sequence[Check]) -> None:
    out.rule("Does it agree?")
    for check in checks:
        if check.holds:
            out.print(f"[green]yes[/green]  {check.name}", highlight=False)
        else:
            out.print(f"[red]NO[/red]   {check.name}: expected {check.expected}, found {check.found}", highlight=False)
    held = sum(check.holds for check in checks)
    out.print(f"{held} of {len(checks)} checks hold.", highlight=False)


def say_where(room: BackRoom) -> None:
    code, _pin, password = ADMINISTRATOR
    out.print(f"\nTillstream runs at [bold]{room.url}[/bold]  (Ctrl-C stops it)", soft_wrap=True)
    for name in room.services:
        out.print(f"  {room.url}/{name}/docs", highlight=False, soft_wrap=True)
    if "backoffice" in room.services:
        out.print(f"  {room.url}/backoffice/  the operators' pages", highlight=False, soft_wrap=True)
    if room.has_gateway:
        out.print(f"  {room.url}/gateway/  the devices of the tills and how they are", highlight=False, soft_wrap=True)
    cashiers = ", ".join(each for each, _name in CASHIERS)
    for who, how in (
        ("office", f"{code}, password {password}"),
        ("manager", f"{MANAGER.code}, PIN {MANAGER.pin}"),
        ("cashiers", f"{cashiers} (as many as there are tills), PIN {CASHIER_PIN}"),
    ):
        out.print(f"  {who:9} {how}", highlight=False, soft_wrap=True)
