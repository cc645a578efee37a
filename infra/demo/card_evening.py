"""The evening at the payment terminals: each one's day is ended, and what it really charged is compared."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from device_gateway.drivers.terminal.simulated_ledger import LedgerEntry
from infra.demo.acquirer_host import AcquirerHost
from infra.demo.api import DemoFailed, Json
from infra.demo.audit import ARRIVES_WITHIN_S, Check
from infra.demo.cards import PAYMENTS
from infra.demo.shop import Shop
from infra.demo.store_pc import AnyTerminal, StorePc
from infra.demo.terminals import CURRENCY, StandaloneTerminal
from libs.persistence import new_id

Shared = StandaloneTerminal | AcquirerHost
"""Those that all tills use."""
CHARGED = frozenset({"approved", "captured", "part_refunded", "refunded"})
GIVEN_BACK = frozenset({"reversed", "voided"})


@dataclass(frozen=True, slots=True)
class SettledTerminal:
    """A terminal whose day is ended: its settlement, and its payments with the oldest first."""

    label: str
    terminal: AnyTerminal
    settlement: Json
    intents: Sequence[Json]


async def settle_terminals(shop: Shop, pc: StorePc, advance: Callable[[], None]) -> list[SettledTerminal]:
    """End every terminal's day, as the office does after closing time; `advance` is called after each.

    What a terminal's totals leave out is explained and closed; any other difference stays open, and the checks see it.
    """
    listed = await _decided(shop)

    async def settle(terminal: AnyTerminal) -> Json:
        settlement = await _settle(shop, terminal, listed[terminal.name]["terminal_id"])
        advance()
        return settlement

    settlements = await asyncio.gather(*(settle(terminal) for terminal in pc.all_terminals))
    intents = await shop.office.every(f"{PAYMENTS}/intents")
    tills = {pc.terminals[cashier.till_id].name: f"till {cashier.till_code}" for cashier in shop.cashiers}
    return [
        SettledTerminal(
            label=f"{terminal.kind} at {terminal.place if isinstance(terminal, Shared) else tills[terminal.name]}",
            terminal=terminal,
            settlement=settlement,
            intents=[intent for intent in intents if intent["terminal"] == terminal.name],
        )
        for terminal, settlement in zip(pc.all_terminals, settlements, strict=True)
    ]


async def _decided(shop: Shop) -> dict[str, Json]:
    """The terminals by name, once nothing is on its way to any of them: a void goes back to its card in a moment."""
    deadline = asyncio.get_running_loop().time() + ARRIVES_WITHIN_S
    while True:
        terminals = await shop.office.every(f"{PAYMENTS}/terminals", store_id=shop.store_id)
        undecided = sum(terminal["undecided_count"] for terminal in terminals)
        if undecided == 0:
            return {terminal["name"]: terminal for terminal in terminals}
        if asyncio.get_running_loop().time() > deadline:
            raise DemoFailed(f"{undecided} card payments are not decided after {ARRIVES_WITHIN_S:.0f} s.")
        await asyncio.sleep(0.1)


async def _settle(shop: Shop, terminal: AnyTerminal, terminal_id: str) -> Json:
    office = shop.office
    body: Json = {"terminal_id": terminal_id, "currency": CURRENCY}
    if isinstance(terminal, Shared):
        # Of no till, so it says at which one the day is ended.
        body["till_id"] = shop.cashiers[0].till_id
    if isinstance(terminal, StandaloneTerminal):
        # No wire tells what its slip says: somebody types it.
        body["totals"] = terminal.totals()
    settlement: Json = await office.post(f"{PAYMENTS}/settlements", body, headers=_once())
    path = f"{PAYMENTS}/settlements/{settlement['settlement_id']}"
    deadline = asyncio.get_running_loop().time() + ARRIVES_WITHIN_S
    while settlement["state"] == "requested" and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.1)
        settlement = await office.get(path)
    left_out = None if isinstance(terminal, Shared) else terminal.not_in_totals
    if settlement["state"] == "differing" and left_out is not None:
        await _explain(shop, settlement["settlement_id"], left_out)
        settlement = await office.get(path)
    return settlement


async def _explain(shop: Shop, settlement_id: str, left_out: str) -> None:
    """Somebody has looked at the terminal's slip, and says why its totals lack what ours have."""
    office = shop.office
    for difference in await office.every(
        f"{PAYMENTS}/differences", store_id=shop.store_id, settlement_id=settlement_id
    ):
        if (difference["their_count"], difference["theirs_minor"]) == (0, 0):
            path = f"{PAYMENTS}/differences/{difference['difference_id']}"
            await office.post(f"{path}/explanation", {"explanation": left_out}, headers=_once())
            await office.post(f"{path}/closing", {"reason": "Compared with the slip"}, headers=_once())


def _once() -> dict[str, str]:
    return {"Idempotency-Key": str(new_id())}


async def audit_cards(
    shop: Shop, settled: Sequence[SettledTerminal], sales: Sequence[Json], reports: Sequence[Json]
) -> list[Check]:
    """Compare terminals, payments, sales and Z reports: every card is charged once, and for what the receipt says."""
    checks: list[Check] = []
    for each in settled:
        checks += [
            Check(
                f"{each.label}: charged at the terminal = known to payments, one by one",
                _moved_by(each.terminal),
                _known(each.intents, each.terminal),
            ),
            Check(
                f"{each.label}: end of day = what it charged, nothing left to explain",
                ("closed", *_totals_of(each.terminal.ledger)),
                (each.settlement["state"], *_added_up(each.settlement["our_totals"])),
            ),
        ]
    intents = [intent for each in settled for intent in each.intents]
    for cashier, report in zip(shop.cashiers, reports, strict=True):
        mine = [intent for intent in intents if intent["till_id"] == cashier.till_id]
        checks.append(
            Check(
                f"till {cashier.till_code}: cards of the Z report = captured by payments",
                sum(_kept_minor(intent) for intent in mine),
                _card_minor(report["tenders"]),
            )
        )
    checks.append(
        Check(
            "cards of all Z reports = all settlements",
            sum(_card_minor(report["tenders"]) for report in reports),
            sum(_net_minor(each.settlement["our_totals"]) for each in settled),
        )
    )
    checks += _customer_checks(shop, intents, sales)
    unresolved = await shop.office.every(f"{PAYMENTS}/intents", state="unresolved")
    anomalous = await shop.office.every(f"{PAYMENTS}/intents", state="anomalous")
    checks.append(Check("card payments unresolved / with an anomaly", (0, 0), (len(unresolved), len(anomalous))))
    return checks


def _customer_checks(shop: Shop, intents: Sequence[Json], sales: Sequence[Json]) -> list[Check]:
    """No customer paid twice, nobody left without paying, and no lost answer was forgotten."""
    voided = {sale["voids_sale_id"] for sale in sales}
    charged: Counter[str] = Counter()
    for intent in intents:
        charged[intent["sale_id"]] += _kept_minor(intent)
    by_card = {
        sale["sale_id"]: 0 if sale["sale_id"] in voided else _card_minor(sale["tenders"])
        for sale in sales
        if sale["kind"] != "void" and any(tender["kind"] == "card" for tender in sale["tenders"])
    }
    once = sum(charged[sale_id] == amount_minor for sale_id, amount_minor in by_card.items())
    elsewhere = sum(amount_minor != 0 for sale_id, amount_minor in charged.items() if sale_id not in by_card)
    declined = {basket_id for cashier in shop.cashiers if cashier.cards for basket_id in cashier.cards.tally.declined}
    paid = {sale["sale_id"] for sale in sales if _paid_minor(sale) == sale["total_minor"]}
    unknown = [each for cashier in shop.cashiers if cashier.cards for each in cashier.cards.tally.unknown]
    states = {intent["intent_id"]: intent["state"] for intent in intents}
    resolved = sum(states[each.tender_id] in CHARGED | GIVEN_BACK | {"declined"} for each in unknown)
    return [
        Check("receipts by card, charged just once / charged without a receipt", (len(by_card), 0), (once, elsewhere)),
        Check("baskets with a declined card, paid in another way", len(declined), len(declined & paid)),
        Check("card payments whose answer was lost, resolved", len(unknown), resolved),
    ]


def _moved_by(terminal: AnyTerminal) -> dict[str, list[int]]:
    """What a terminal moved: its charges and refunds in their order, and what was reversed."""
    ledger = terminal.ledger
    if isinstance(terminal, AcquirerHost):
        # Payments never learns whether a lost request had been booked, only that nothing of it stands.
        undone = {entry.reverses for entry in ledger}
        ledger = [entry for entry in ledger if entry.kind == "charge" and entry.number not in undone]
    moved: dict[str, list[int]] = {"charge": [], "refund": [], "reversal": []}
    for entry in ledger:
        moved[entry.kind].append(entry.amount_minor)
    return {"charges": moved["charge"], "refunds": moved["refund"], "reversals": sorted(moved["reversal"])}


def _known(intents: Sequence[Json], terminal: AnyTerminal) -> dict[str, list[int]]:
    """The same as payments knows it, in the order of the payments."""
    taken = [intent for intent in intents if intent["state"] in CHARGED | GIVEN_BACK]
    if isinstance(terminal, AcquirerHost):
        taken = [intent for intent in taken if intent["state"] in CHARGED]
    if isinstance(terminal, Shared):
        # Several tills share it, so that its approval codes tell the order and not the moment when a till asked.
        taken.sort(key=lambda intent: str(intent["references"]["approval_code"]))
    return {
        "charges": [intent["approved_minor"] for intent in taken if intent["kind"] == "purchase"],
        "refunds": [intent["approved_minor"] for intent in taken if intent["kind"] == "refund"],
        "reversals": sorted(intent["approved_minor"] for intent in taken if intent["state"] in GIVEN_BACK),
    }


def _kept_minor(intent: Json) -> int:
    """What a payment left with the shop; below zero for a refund."""
    if intent["state"] not in CHARGED:
        return 0
    amount_minor: int = intent["approved_minor"]
    return -amount_minor if intent["kind"] == "refund" else amount_minor


def _totals_of(ledger: Sequence[LedgerEntry]) -> tuple[int, int, int, int]:
    """Count and sum of what a terminal charged and did not take back, and of its refunds."""
    charged = [entry.amount_minor for entry in ledger if entry.kind == "charge"]
    reversed_ = [entry.amount_minor for entry in ledger if entry.kind == "reversal"]
    refunds = [entry.amount_minor for entry in ledger if entry.kind == "refund"]
    return len(charged) - len(reversed_), sum(charged) - sum(reversed_), len(refunds), sum(refunds)


def _added_up(totals: Sequence[Json]) -> tuple[int, ...]:
    """The same of a settlement's totals by scheme."""
    columns = ("sale_count", "sale_minor", "refund_count", "refund_minor")
    return tuple(sum(total[column] for total in totals) for column in columns)


def _net_minor(totals: Sequence[Json]) -> int:
    return sum(total["sale_minor"] - total["refund_minor"] for total in totals)


def _card_minor(tenders: Sequence[Json]) -> int:
    return sum(tender["amount_minor"] for tender in tenders if tender["kind"] == "card")


def _paid_minor(sale: Json) -> int:
    return sum(tender["amount_minor"] for tender in sale["tenders"])
