"""A cashier of the demo: signs on, rings up all kinds of baskets over the HTTP API, counts the drawer and signs off."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from infra.demo.acquirer_host import AcquirerHost
from infra.demo.api import Api, DemoFailed, Json
from infra.demo.cards import SALES, CardTill, Way, way_of
from infra.demo.goods import Goods
from infra.demo.terminals import StandaloneTerminal, Terminal
from libs.persistence import new_id

FLOAT_MINOR = 15_000
CURRENCY = "EUR"


@dataclass
class Manager:
    """Whoever approves at the till: by code and PIN, for one action on one thing."""

    code: str
    pin: str


@dataclass
class Tally:
    """What the cashier did, by their own account; compared with the system's at the end."""

    documents: int = 0
    total_minor: int = 0
    returns: int = 0
    voids: int = 0
    suspended: int = 0
    approvals: int = 0
    repeated: int = 0
    weighed_lines: int = 0
    discounted: int = 0


@dataclass
class Cashier:
    """One person at one till. `cash_minor` is what lies in the drawer, coin by coin as they handled it.

    Without `cards` the till has no payment terminal. `paid_by_card` are sales that one card paid at it, quite normally.
    """

    till_code: str
    till_id: str
    name: str
    api: Api
    manager: Manager
    chance: Random
    shelf: list[str]
    tally: Tally = field(default_factory=Tally)
    cash_minor: int = FLOAT_MINOR
    shift_id: str = ""
    receipts: list[Json] = field(default_factory=list)
    cards: CardTill | None = None
    paid_by_card: list[Json] = field(default_factory=list)
    _nothing_left: set[str] = field(default_factory=set)

    def take_cards(self, terminal: Terminal, standalone: StandaloneTerminal, bank: AcquirerHost) -> None:
        """From now on there is a payment terminal beside the till, one on the counter, and a bank for keyed cards."""
        # Seeded apart, so that what is weighed is the same with and without cards.
        chance = Random(self.till_code)  # noqa: S311 - which card a customer takes out is no secret
        self.cards = CardTill(self.api, terminal, standalone, bank, self.approval, chance)

    async def open_shift(self) -> None:
        """Count the float into the drawer."""
        shift = await self.api.post(
            f"{SALES}/shifts", {"shift_id": str(new_id()), "currency": CURRENCY, "float_minor": FLOAT_MINOR}
        )
        self.shift_id = shift["shift_id"]

    async def serve(self, goods: Sequence[Goods], turn: int) -> None:
        """Ring up one basket in one of the ways in which it happens in a shop."""
        if self.shelf and turn % 5 == 0:
            await self.recall()
        way = way_of(turn) if self.cards is not None else None
        if way is not None:
            await self.sell_by_card(goods, way)
        elif turn % 20 == 3:
            await self.scan_one_by_one(goods)
        elif turn % 20 == 7:
            await self.suspend(goods)
        elif turn % 20 == 11:
            await self.give_discount(goods)
        elif turn % 20 == 13:
            await self.lose_the_answer(goods)
        else:
            await self.sell(goods)
        if turn % 25 == 15:
            await self.take_back()
        if turn % 60 == 59:
            await self.void_last(paid_in_cash(self.receipts))
        if turn % 50 == 17:
            await self.take_back_to_card()
        if turn % 50 == 19 and self.cards is not None:
            voided = await self.void_last(self.paid_by_card)
            if voided is not None:
                await self.cards.given_back(voided["tenders"][0]["tender_id"])

    async def sell(self, goods: Sequence[Goods]) -> Json:
        """The usual way: the till posts the finished basket in one call."""
        return await self._post(self._paid(self._basket(goods), goods))

    async def lose_the_answer(self, goods: Sequence[Goods]) -> None:
        """The network hiccups: the till sends the same sale three times, twice at the same moment."""
        body = self._paid(self._basket(goods), goods)
        first, second = await asyncio.gather(self._sent(body), self._sent(body))
        third = await self._sent(body)
        if not first == second == third:
            raise DemoFailed(f"The sale {body['sale_id']}, sent three times, got different answers.")
        self.tally.repeated += 1
        self._book(first)

    async def give_discount(self, goods: Sequence[Goods]) -> None:
        """15 % off the basket is over a cashier's limit: the manager approves with their PIN."""
        body = self._basket(goods)
        body["discount_percent"] = "15"
        body["discount_reason"] = "Damaged packaging"
        body["approvals"] = [
            await self.approval("sales.discount", body["sale_id"], "Damaged packaging", {"discount_ppm": 150_000})
        ]
        self.tally.discounted += 1
        await self._post(self._paid(body, goods))

    async def scan_one_by_one(self, goods: Sequence[Goods]) -> None:
        """Scan by scan, a line discount within the cashier's limit, a voucher and the rest in cash."""
        basket = await self._scanned(goods)
        line_id = basket["lines"][0]["line_id"]
        basket = await self.api.put(
            f"{SALES}/baskets/{basket['basket_id']}/lines/{line_id}/discount",
            {"percent": "10", "reason": "Short date"},
        )
        self.tally.discounted += 1
        await self._pay(basket["basket_id"], basket["total_minor"], voucher_minor=min(200, basket["total_minor"] // 2))

    async def sell_by_card(self, goods: Sequence[Goods], way: Way) -> None:
        """Scan by scan; a card pays, or two, and cash the rest. Until it is known what a card paid, nothing goes on."""
        assert self.cards is not None, "a till without a terminal takes no cards"
        basket = await self._scanned(goods)
        basket_id = basket["basket_id"]
        due_minor = await self.cards.pay(basket_id, basket["total_minor"], way)
        sale = await self._pay(basket_id, due_minor, voucher_minor=0)
        if way is Way.WHOLE:
            self.paid_by_card.append(sale)

    async def suspend(self, goods: Sequence[Goods]) -> None:
        """The customer forgot something: the basket is put aside, for whichever till is free next."""
        basket = await self._scanned(goods)
        await self.api.post(f"{SALES}/baskets/{basket['basket_id']}/suspend")
        self.shelf.append(basket["basket_id"])
        self.tally.suspended += 1

    async def recall(self) -> None:
        """Take a suspended basket up and finish it here."""
        basket_id = self.shelf.pop(0)
        basket = await self.api.post(f"{SALES}/baskets/{basket_id}/recall")
        await self._pay(basket_id, basket["total_minor"], voucher_minor=0)

    async def take_back(self) -> None:
        """A customer brings the first thing on an earlier receipt back, and gets cash."""
        for sale in paid_in_cash(self.receipts):
            found = await self._returned_line(sale)
            if found is None:
                continue
            line, refund_minor = found
            body: Json = {"sale_id": str(new_id()), "currency": CURRENCY, "lines": [line]}
            body["tenders"] = [{"kind": "cash", "given_minor": -rounded(refund_minor)}]
            self.tally.returns += 1
            await self._post(body)
            return

    async def take_back_to_card(self) -> None:
        """The same by the code on the receipt of a card: the money goes back to the card that paid."""
        if self.cards is None:
            return
        for sale in self.paid_by_card:
            found = await self._returned_line(sale)
            if found is None:
                continue
            line, _refund_minor = found
            basket = await self.api.post(f"{SALES}/baskets", {"basket_id": str(new_id()), "currency": CURRENCY})
            path = f"{SALES}/baskets/{basket['basket_id']}"
            basket = await self.api.post(f"{path}/lines", line)
            [paid] = sale["tenders"]
            await self.cards.give_back(basket["basket_id"], basket["total_minor"], paid["tender_id"])
            self.tally.returns += 1
            self._book(await self.api.post(f"{path}/complete", {}))
            return

    async def _returned_line(self, sale: Json) -> tuple[Json, int] | None:
        """The first thing of a sale that may still come back, as a line of a basket, and what is given for it."""
        if sale["kind"] != "sale" or sale["sale_id"] in self._nothing_left:
            return None
        found = await self.api.get(f"{SALES}/sales/by-receipt/{sale['receipt_code']}")
        line = next((line for line in found["lines"] if line["why_not"] is None and line["refund_minor"]), None)
        if line is None or found["voided_by_sale_id"]:
            self._nothing_left.add(sale["sale_id"])
            return None
        returns = {"sale_id": found["sale_id"], "line_id": line["line_id"], "reason": "Not fresh"}
        returned = {"product_id": line["product_id"], "quantity": f"-{line['left']}", "returns": returns}
        return returned, line["refund_minor"]

    async def void_last(self, sales: Sequence[Json]) -> Json | None:
        """The customer changed their mind at once: the manager voids the last of these; gives it back, if any."""
        for sale in reversed(sales):
            if sale["kind"] == "sale" and sale["sale_id"] not in self._touched():
                approval = await self.approval("sales.void", sale["sale_id"], "Customer changed their mind")
                voided = await self.api.post(
                    f"{SALES}/sales/{sale['sale_id']}/void",
                    {"void_sale_id": str(new_id()), "reason": "Customer changed their mind", "approval": approval},
                )
                self.tally.voids += 1
                self._book(voided)
                return sale
        return None

    async def approval(self, action: str, bound_to: str, reason: str, up_to: Json | None = None) -> str:
        """The manager comes over, sees how far it goes, and types their PIN."""
        given = await self.api.post(
            "/identity/v1/approvals",
            {
                "approver_code": self.manager.code,
                "pin": self.manager.pin,
                "action": action,
                "bound_to": bound_to,
                "reason": reason,
                "up_to": up_to,
            },
        )
        self.tally.approvals += 1
        text: str = given["approval"]
        return text

    async def skim(self, amount_minor: int) -> None:
        """Take notes out of a full drawer into the safe; the manager approves."""
        approval = await self.approval(
            "sales.cash_out", self.shift_id, "Skim to the safe", {"amount_minor": amount_minor, "currency": CURRENCY}
        )
        await self.api.post(
            f"{SALES}/shifts/{self.shift_id}/cash-movements",
            {
                "movement_id": str(new_id()),
                "kind": "cash_out",
                "currency": CURRENCY,
                "amount_minor": amount_minor,
                "reason": "Skim to the safe",
                "approval": approval,
            },
        )
        self.cash_minor -= amount_minor

    async def close_shift(self, denominations: Sequence[int], *, lost_minor: int = 0) -> Json:
        """Count blind and sign off; returns the Z report. `lost_minor` fell out of the drawer during the day."""
        left = self.cash_minor - lost_minor
        count = []
        for value in sorted(denominations, reverse=True):
            count.append({"value_minor": value, "count": left // value})
            left %= value
        report: Json = await self.api.post(
            f"{SALES}/shifts/{self.shift_id}/close",
            {"counts": [{"currency": CURRENCY, "denominations": [each for each in count if each["count"]]}]},
        )
        return report

    def _basket(self, goods: Sequence[Goods]) -> Json:
        self.tally.weighed_lines += sum(each.weighed for each in goods)
        return {
            "sale_id": str(new_id()),
            "currency": CURRENCY,
            "age_confirmed_years": 18,
            "lines": [{"code": each.scan(self.chance)} for each in goods],
        }

    def _paid(self, body: Json, goods: Sequence[Goods]) -> Json:
        """Add the cash that a customer would hand over: the fewest notes that are surely enough."""
        at_most = sum(each.highest_price_minor for each in goods)
        body["tenders"] = [{"tender_id": str(new_id()), "kind": "cash", "given_minor": handed_over(at_most)}]
        return body

    async def _sent(self, body: Json) -> Json:
        answer: Json = await self.api.post(f"{SALES}/sales", body)
        return answer

    async def _post(self, body: Json) -> Json:
        sale = await self._sent(body)
        self._book(sale)
        return sale

    async def _scanned(self, goods: Sequence[Goods]) -> Json:
        basket: Json = await self.api.post(f"{SALES}/baskets", {"basket_id": str(new_id()), "currency": CURRENCY})
        for each in goods:
            line: Json = {"line_id": str(new_id()), "code": each.scan(self.chance)}
            if each.minimum_age_years:
                line["age_confirmed_years"] = each.minimum_age_years
            basket = await self.api.post(f"{SALES}/baskets/{basket['basket_id']}/lines", line)
            self.tally.weighed_lines += each.weighed
        return basket

    async def _pay(self, basket_id: str, total_minor: int, *, voucher_minor: int) -> Json:
        path = f"{SALES}/baskets/{basket_id}"
        if voucher_minor:
            voucher = {"tender_id": str(new_id()), "kind": "voucher", "amount_minor": voucher_minor, "reference": "V-1"}
            await self.api.post(f"{path}/tenders", voucher)
        if total_minor > voucher_minor:
            cash = {"tender_id": str(new_id()), "kind": "cash", "given_minor": handed_over(total_minor)}
            await self.api.post(f"{path}/tenders", cash)
        sale: Json = await self.api.post(f"{path}/complete", {})
        self._book(sale)
        return sale

    def _book(self, sale: Json) -> None:
        self.receipts.append(sale)
        self.tally.documents += 1
        self.tally.total_minor += sale["total_minor"]
        for tender in sale["tenders"]:
            if tender["kind"] == "cash":
                self.cash_minor += tender["given_minor"] - (tender["change_minor"] or 0)

    def _touched(self) -> set[str]:
        returned = {line["returns_sale_id"] for sale in self.receipts for line in sale["lines"]}
        return returned | {sale["voids_sale_id"] for sale in self.receipts}


def paid_in_cash(sales: Sequence[Json]) -> list[Json]:
    """Those that were paid in cash alone."""
    return [sale for sale in sales if all(tender["kind"] == "cash" for tender in sale["tenders"])]


def handed_over(at_most_minor: int) -> int:
    """The notes that a customer gives for something that costs at most so much: whole fives."""
    return max(500, -(-at_most_minor // 500) * 500)


def rounded(amount_minor: int) -> int:
    """Cash in five-cent coins: the shop's cash rounding, for what a cashier pays out."""
    return (amount_minor + 2) // 5 * 5
