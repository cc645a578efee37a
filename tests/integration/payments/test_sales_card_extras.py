"""Cards at the till, whole: tips, cash-back, instalments, slips and refunds, from sales over payments to a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from uuid import UUID

import pytest
from pydantic_core import from_json
from sqlalchemy import text

from infra.demo.cashier import FLOAT_MINOR
from infra.demo.shop import set_up_shop
from libs.bus.consumer import CommandConsumer
from libs.bus.envelope import from_headers
from libs.bus.transport import Delivery
from libs.bus.transports.local import LocalTransport
from libs.contracts.gateway import DeviceChanged, PrintDocument, gateway_route
from libs.contracts.identity import GatewayChanged
from libs.contracts.message import definition_of
from libs.contracts.printing import CutBlock, PairBlock, PrintedDocument, TextBlock
from libs.contracts.terminals import OperateTerminal
from libs.persistence import Database, new_id, utc_now
from libs.testkit.databases import DatabaseServer
from libs.testkit.hosting import running
from services.sales.domain.tender import TenderKind
from services.sales.settings import SalesSettings
from tests.chaos.tills import OpenApi
from tests.integration.payments.terminal_shop import (
    DEADLINE_S,
    POLL_S,
    Gateway,
    answered,
    approves,
    publish,
    refused,
    terminal_device,
)
from tests.integration.payments.test_sales_end_to_end import SERVICES, CardShop

CUSTOMER_SLIP = ("VISA ************0119", "APPROVED")
PIECE = "--- cut ---"
SIGNS = {"float": 1, "cash_in": 1, "cash_out": -1, "no_sale": 0}


@dataclass
class Printer:
    """A store PC with a printer: what it was told to print, in order."""

    transport: LocalTransport
    gateway_id: UUID = field(default_factory=new_id)
    jobs: list[PrintDocument] = field(default_factory=list)
    openings: list[str] = field(default_factory=list)

    async def listen(self, store_id: UUID, till_id: UUID) -> None:
        consumer = CommandConsumer(f"gateway.{self.gateway_id}", gateway_route(self.gateway_id), {})
        await self.transport.attach(consumer, self._take)
        await publish(
            self.transport,
            GatewayChanged(
                gateway_id=self.gateway_id,
                store_id=store_id,
                code="pc",
                name="PC",
                till_ids=(till_id,),
                enrolled=True,
                active=True,
            ),
        )
        await publish(
            self.transport,
            DeviceChanged(
                device_id=new_id(),
                gateway_id=self.gateway_id,
                store_id=store_id,
                till_ids=(till_id,),
                name="receipt-printer",
                kind="printer",
                driver="escpos",
                configured=True,
                state="ready",
                changed_at=utc_now(),
            ),
        )

    def _take(self, delivery: Delivery) -> None:
        envelope = from_headers(delivery.headers, delivery.body)
        message = definition_of(envelope.type).model.parse(delivery.body)
        if isinstance(message, PrintDocument):
            self.jobs.append(message)
            self.openings += [message.open_drawer] if message.open_drawer else []
        delivery.ack()

    async def printed(self, kind: str, count: int = 1) -> list[PrintDocument]:
        """The jobs of a kind, once there are so many."""
        deadline = monotonic() + DEADLINE_S
        while len(found := [job for job in self.jobs if job.document_kind == kind]) < count:
            assert monotonic() < deadline, [(job.document_kind, job.title) for job in self.jobs]
            await asyncio.sleep(POLL_S)
        return found


def rows(document: PrintedDocument) -> list[str]:
    """What is printed, row by row."""
    shown: list[str] = []
    for block in document.blocks:
        if isinstance(block, TextBlock):
            shown += block.text.split("\n")
        elif isinstance(block, PairBlock):
            shown.append(f"{block.left} | {block.right}")
        elif isinstance(block, CutBlock):
            shown.append(PIECE)
    return shown


@dataclass
class Till(CardShop):
    """The shop of the other tests, with a printer beside its terminal."""

    printer: Printer

    async def x_report(self) -> dict[str, Any]:
        shift_id = self.shop.cashiers[0].shift_id
        return dict(await self.shop.office.get(f"/sales/v1/shifts/{shift_id}/x-report"))

    async def drawer(self) -> int:
        """What should be in the drawer, by the running totals; checked against every event of the shift."""
        expected: int = (await self.x_report())["cash"]["expected_minor"]
        moved = sum(SIGNS[each["kind"]] * each["amount_minor"] for each in await self.published("cash_moved"))
        assert expected == moved + sum(drawer_minor(each) for each in await self.published("sale_completed"))
        return expected

    async def published(self, event: str) -> list[dict[str, Any]]:
        """Every event of a kind, as everybody else heard of it."""
        database: Database = self.services.apps["sales"].state.context.database
        async with database.reading() as connection:
            bodies = await connection.execute(
                text("select body from outbox where type = :type order by seq"),
                {"type": f"tillstream.sales.{event}.v1"},
            )
            return [from_json(body) for body in bodies.scalars()]

    async def sold(self, **tender: Any) -> dict[str, Any]:
        """A sale of the dearest goods, paid by one card; its document."""
        basket = await self.basket()
        await self.tender(basket, "authorized", amount_minor=basket["total_minor"], **tender)
        return await self.completes(basket)

    async def brings_back(self, sale: dict[str, Any], quantity: str = "-1") -> dict[str, Any]:
        """A basket that brings back goods of a sale."""
        back = answered(await self.asks("POST", "/sales/v1/baskets", {"currency": "EUR"}), 201)
        line = sale["lines"][0]
        returned = {
            "product_id": line["product_id"],
            "quantity": quantity,
            "returns": {"sale_id": sale["sale_id"], "line_id": line["line_id"]},
        }
        path = f"/sales/v1/baskets/{back['basket_id']}/lines"
        return dict(answered(await self.asks("POST", path, returned), 201))

    async def tries(self, basket: dict[str, Any], **tender: Any) -> Any:
        body = {"tender_id": str(new_id()), "kind": "card", **tender}
        return await self.asks("POST", f"/sales/v1/baskets/{basket['basket_id']}/tenders", body)

    async def voids(self, sale: dict[str, Any]) -> dict[str, Any]:
        body = {
            "void_sale_id": str(new_id()),
            "reason": "Wrong goods",
            "approval": await self.approval("sales.void", sale["sale_id"]),
        }
        void = answered(await self.asks("POST", f"/sales/v1/sales/{sale['sale_id']}/void", body), 201)
        await self.services.drained()
        return dict(void)

    async def receipt(self, sale: dict[str, Any], ending: str = "") -> Any:
        found = await self.asks("GET", f"/sales/v1/sales/{sale['sale_id']}/receipt{ending}")
        assert found.status_code == 200, found.text
        return found.text if ending else found.json()


def drawer_minor(document: dict[str, Any]) -> int:
    """By how much a document moves the local cash in the drawer, as its event tells it."""
    cash = sum(
        each["given_minor"] - each["change_minor"] for each in document["tenders"] if each["given_minor"] is not None
    )
    return int(cash - sum(each["cash_back_minor"] for each in document["tenders"]))


@pytest.fixture(scope="module")
async def running_till(postgres_server: DatabaseServer) -> AsyncIterator[Till]:
    transport = LocalTransport()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TILLSTREAM_SALES_PRINT_GATHER_S", "0.01")
        async with running(SERVICES, postgres_server, transport=transport) as services:
            services.apps["sales"].state.resources[SalesSettings] = SalesSettings(tender_kinds=frozenset(TenderKind))
            shop = await set_up_shop(OpenApi(services.http), services.secrets, 1)
            await shop.cashiers[0].open_shift()
            await shop.office.put("/payments/v1/cash-back-limits/EUR/*", {"limit_minor": 50_000})
            gateway = Gateway(transport, new_id(), utc_now)
            await gateway.listen()
            store_id, till_id = UUID(shop.store_id), UUID(shop.cashiers[0].till_id)
            await publish(transport, terminal_device(store_id, gateway.gateway_id, [till_id]))
            printer = Printer(transport)
            await printer.listen(store_id, till_id)
            await services.drained()
            yield Till(services, shop, gateway, printer)


@pytest.fixture
def till(running_till: Till) -> Till:
    running_till.gateway.script.clear()
    running_till.gateway.asked.clear()
    running_till.printer.jobs.clear()
    running_till.printer.openings.clear()
    return running_till


async def test_rule_15_cash_back_leaves_the_drawer_is_no_turnover_and_a_void_brings_it_back(till: Till) -> None:
    before, drawer = await till.x_report(), await till.drawer()
    sale = await till.sold(cash_back_minor=2_000)
    [tender] = sale["tenders"]
    assert (tender["amount_minor"], tender["cash_back_minor"]) == (sale["total_minor"], 2_000)
    assert till.gateway.asked[0].amount_minor == sale["total_minor"] + 2_000
    after = await till.x_report()
    assert await till.drawer() == drawer - 2_000
    assert after["cash_back_minor"] - before["cash_back_minor"] == 2_000
    assert after["total_minor"] - before["total_minor"] == sale["total_minor"]
    assert after["tendered_minor"] - before["tendered_minor"] == sale["total_minor"]
    assert after["differences"] == []
    await till.printer.printed("receipt")
    assert till.printer.openings == ["cash_back"]
    void = await till.voids(sale)
    assert void["tenders"][0]["cash_back_minor"] == -2_000
    assert await till.drawer() == drawer
    assert (await till.x_report())["cash_back_minor"] == before["cash_back_minor"]


async def test_rule_15_the_drawer_must_hold_what_all_cards_of_a_basket_are_promised(till: Till) -> None:
    drawer = await till.drawer()
    basket = await till.basket()
    too_much = await till.tries(basket, amount_minor=basket["total_minor"], cash_back_minor=drawer + 1)
    refused(too_much, 409, "not-enough-cash", "cash_back_minor")
    await till.tender(basket, "authorized", amount_minor=1, cash_back_minor=drawer - 100)
    second = {"amount_minor": basket["total_minor"] - 1}
    refused(await till.tries(basket, **second, cash_back_minor=101), 409, "not-enough-cash", "cash_back_minor")
    await till.tender(basket, "authorized", **second, cash_back_minor=100)
    await till.completes(basket)
    assert await till.drawer() == 0
    # Cash that the next customer brings can be paid out again, in the very same basket.
    basket = await till.basket()
    given_minor = (basket["total_minor"] - 1) // 5 * 5
    rest = await till.tender(basket, "authorized", kind="cash", given_minor=given_minor)
    await till.tender(basket, "authorized", amount_minor=rest["due_minor"], cash_back_minor=given_minor)
    await till.completes(basket)
    assert await till.drawer() == 0
    movement = {"kind": "cash_in", "currency": "EUR", "amount_minor": FLOAT_MINOR, "reason": "Change"}
    path = f"/sales/v1/shifts/{till.shop.cashiers[0].shift_id}/cash-movements"
    answered(await till.asks("POST", path, {"movement_id": str(new_id()), **movement}), 201)
    assert (await till.x_report())["cash"]["expected_minor"] == FLOAT_MINOR


@pytest.mark.parametrize(
    ("field_name", "extra"),
    [("tip_minor", 100), ("cash_back_minor", 100), ("instalments", 2)],
)
async def test_rule_15_nothing_comes_on_top_of_a_refund_or_of_another_tender(
    till: Till, field_name: str, extra: int
) -> None:
    sale = await till.sold()
    back = await till.brings_back(sale)
    refund = {"amount_minor": back["total_minor"], field_name: extra}
    refused(await till.tries(back, **refund), 422, "tender-refused", field_name)
    basket = await till.basket()
    voucher = {"kind": "voucher", "amount_minor": 1, field_name: extra}
    refused(await till.tries(basket, **voucher), 422, "tender-refused", field_name)
    cash = {"kind": "cash", "given_minor": 1, field_name: extra}
    refused(await till.tries(basket, **cash), 422, "tender-refused", field_name)


@pytest.mark.parametrize(
    ("approved_on_top", "cash_back_minor"),
    [(-1, 0), (0, 0), (500, 500)],
)
async def test_rule_18_a_part_pays_for_goods_first_and_no_more_cash_is_paid_out_than_was_approved(
    till: Till, approved_on_top: int, cash_back_minor: int
) -> None:
    basket = await till.basket()
    total_minor = basket["total_minor"]

    def in_part(operation: OperateTerminal) -> dict[str, Any]:
        nothing_said = {"cash_back_minor": 0, "tip_minor": 0}
        return {**approves(operation), **nothing_said, "amount_minor": total_minor + approved_on_top}

    till.gateway.script["purchase"] = in_part
    paid = await till.tender(basket, "authorized", amount_minor=total_minor, cash_back_minor=2_000)
    assert paid["tender"]["cash_back_minor"] == cash_back_minor
    assert paid["due_minor"] == max(0, -approved_on_top)
    till.gateway.script.clear()
    if paid["due_minor"]:
        await till.tender(basket, "authorized", amount_minor=paid["due_minor"])
    drawer = await till.drawer()
    await till.completes(basket)
    assert await till.drawer() == drawer - cash_back_minor


async def test_rule_14_a_tip_is_charged_and_reported_and_is_no_turnover(till: Till) -> None:
    before = await till.x_report()
    asked = await till.sold(tip_minor=150)
    till.gateway.script["purchase"] = lambda operation: {
        **approves(operation),
        "amount_minor": operation.amount_minor + 250,
        "tip_minor": 250,
    }
    added = await till.sold()
    assert [each["tenders"][0]["tip_minor"] for each in (asked, added)] == [150, 250]
    after = await till.x_report()
    assert after["tip_minor"] - before["tip_minor"] == 400
    assert after["total_minor"] - before["total_minor"] == asked["total_minor"] + added["total_minor"]
    assert after["tax_minor"] - before["tax_minor"] == asked["tax_minor"] + added["tax_minor"]
    [cards] = [each for each in after["tenders"] if each["kind"] == "card"]
    [charged] = after["charged"]
    assert charged["amount_minor"] == cards["amount_minor"] + after["tip_minor"] + after["cash_back_minor"]
    await till.voids(added)
    assert (await till.x_report())["tip_minor"] - before["tip_minor"] == 150
    shown = await till.receipt(asked)
    total = asked["total_minor"]
    assert [(row["label"], row["amount_minor"]) for row in shown["on_top"]] == [
        ("Tip", 150),
        ("Charged to the card", total + 150),
    ]


async def test_instalments_reach_the_terminal_and_stay_with_the_tender(till: Till) -> None:
    sale = await till.sold(instalments=6)
    assert till.gateway.asked[0].instalments == 6
    assert sale["tenders"][0]["instalments"] == 6
    assert (await till.receipt(sale))["payments"][0]["note"].endswith("Instalments: 6")


async def test_everybody_hears_which_card_paid(till: Till) -> None:
    sale = await till.sold(tip_minor=100, cash_back_minor=200)
    [tender] = (await till.published("sale_completed"))[-1]["tenders"]
    assert (tender["scheme"], tender["masked_number"]) == ("visa", "476173******0119")
    assert tender["approval_code"] == sale["tenders"][0]["reference"]
    assert (tender["tip_minor"], tender["cash_back_minor"]) == (100, 200)


async def test_the_customers_slip_is_part_of_the_receipt_in_every_form_and_of_its_copies(till: Till) -> None:
    sale = await till.sold()
    [slip] = (await till.receipt(sale))["slips"]
    assert (slip["title"], tuple(slip["lines"]), slip["marks"]) == ("Card · Customer copy", CUSTOMER_SLIP, [])
    assert (await till.receipt(sale, ".txt")).endswith("\n" + "\n".join(CUSTOMER_SLIP) + "\n")
    assert "<pre>" + "\n".join(CUSTOMER_SLIP) + "</pre>" in await till.receipt(sale, ".html")
    [job] = await till.printer.printed("receipt")
    assert rows(job.document)[-3:] == ["Card · Customer copy", *CUSTOMER_SLIP]
    copy = {"kind": "copy", "print_id": str(new_id())}
    answered(await till.asks("POST", f"/sales/v1/sales/{sale['sale_id']}/prints", copy), 202)
    [again] = await till.printer.printed("copy")
    assert rows(again.document)[-4:] == ["Card · Customer copy", "*** DUPLICATE ***", *CUSTOMER_SLIP]


async def test_the_shops_slip_is_printed_once_the_card_is_approved_with_room_to_sign(till: Till) -> None:
    till.gateway.script["purchase"] = lambda operation: {**approves(operation), "signature_required": True}
    basket = await till.basket()
    paid = await till.tender(basket, "authorized", amount_minor=basket["total_minor"])
    assert paid["tender"]["signature_required"] is True
    [job] = await till.printer.printed("slip")
    shown = rows(job.document)
    assert shown[:2] == ["Corner Shop Rathmines", "Card · Merchant copy"]
    assert shown[-2:] == ["MERCHANT COPY", "Signature"]
    assert (job.title, str(job.sale_id)) == ("Card · Merchant copy", basket["basket_id"])
    sale = await till.completes(basket)
    await till.printer.printed("receipt")
    path = f"/sales/v1/sales/{sale['sale_id']}"
    assert [each["kind"] for each in answered(await till.asks("GET", f"{path}/prints"), 200)] == ["slip", "receipt"]
    again = {"kind": "merchant_slip", "print_id": str(new_id())}
    for _ in range(2):
        answered(await till.asks("POST", f"{path}/prints", again), 202)
    first, second = await till.printer.printed("slip", 2)
    assert [row for row in rows(second.document) if row not in rows(first.document)] == ["*** DUPLICATE ***"]
    [slips] = answered(await till.asks("GET", f"{path}/slips"), 200)
    assert (slips["cause"], slips["merchant"], slips["signature_required"]) == ("authorized", ["MERCHANT COPY"], True)


async def test_a_signature_without_a_slip_for_it_is_put_under_what_the_card_pays(till: Till) -> None:
    till.gateway.script["purchase"] = lambda operation: {
        **approves(operation),
        "customer_slip": (),
        "merchant_slip": (),
        "signature_required": True,
    }
    sale = await till.sold(tip_minor=100)
    [job] = await till.printer.printed("slip")
    charged = (sale["total_minor"] + 100) / 100
    assert rows(job.document)[-4:] == [
        "VISA **** 0119",
        sale["tenders"][0]["approval_code"],
        f"Charged to the card | €{charged:.2f}",
        "Signature",
    ]


async def test_a_terminal_without_slips_leaves_the_receipt_as_it_was(till: Till) -> None:
    till.gateway.script["purchase"] = lambda operation: {
        **approves(operation),
        "customer_slip": (),
        "merchant_slip": (),
    }
    sale = await till.sold()
    await till.printer.printed("receipt")
    assert [job.document_kind for job in till.printer.jobs] == ["receipt"]
    assert (await till.receipt(sale))["slips"] == []
    again = {"kind": "merchant_slip", "print_id": str(new_id())}
    refused(await till.asks("POST", f"/sales/v1/sales/{sale['sale_id']}/prints", again), 409, "no-slips")


async def test_the_slips_of_a_void_come_out_and_are_on_the_copy_of_its_receipt(till: Till) -> None:
    till.gateway.script["reversal"] = lambda operation: {
        **approves(operation),
        "customer_slip": ("VOIDED",),
        "merchant_slip": ("VOIDED, SHOP",),
    }
    void = await till.voids(await till.sold())
    _, job = await till.printer.printed("slip", 2)
    shown = rows(job.document)
    cut = shown.index(PIECE)
    assert (shown[1], shown[cut - 1]) == ("Given back: Card · Customer copy", "VOIDED")
    assert (shown[cut + 2], shown[-1]) == ("Given back: Card · Merchant copy", "VOIDED, SHOP")
    [slip] = (await till.receipt(void))["slips"]
    assert slip["lines"] == ["VOIDED"]


async def test_a_card_taken_back_before_the_sale_is_complete_leaves_its_slips(till: Till) -> None:
    till.gateway.script["reversal"] = lambda operation: {**approves(operation), "customer_slip": ("REVERSED",)}
    basket = await till.basket()
    paid = await till.tender(basket, "authorized", amount_minor=basket["total_minor"], cash_back_minor=500)
    tender_id = paid["tender"]["tender_id"]
    answered(await till.asks("DELETE", f"/sales/v1/baskets/{basket['basket_id']}/tenders/{tender_id}"), 200)
    await till.tender_becomes(basket, tender_id, "released")
    _, job = await till.printer.printed("slip", 2)
    assert rows(job.document)[3] == "REVERSED"
    drawer = await till.drawer()
    await till.tender(basket, "authorized", kind="cash", given_minor=basket["total_minor"])
    sale = await till.completes(basket)
    assert await till.drawer() == drawer + sale["tenders"][0]["given_minor"] - sale["tenders"][0]["change_minor"]
    assert (await till.receipt(sale))["slips"] == []


async def test_rule_9_a_refund_finds_the_one_card_that_paid_and_its_slip_is_on_the_return(till: Till) -> None:
    sale = await till.sold(tip_minor=300, cash_back_minor=400)
    drawer = await till.drawer()
    till.gateway.script["refund"] = lambda operation: {**approves(operation), "customer_slip": ("REFUND",)}
    back = await till.brings_back(sale)
    refund = await till.tender(back, "authorized", amount_minor=back["total_minor"])
    document = await till.completes(back)
    [tender] = document["tenders"]
    assert refund["tender"]["original_tender_id"] == sale["tenders"][0]["tender_id"] == tender["original_tender_id"]
    # Goods come back; the tip stays given, and the cash stays paid out.
    assert (tender["amount_minor"], tender["tip_minor"], tender["cash_back_minor"]) == (-sale["total_minor"], 0, 0)
    assert till.gateway.asked[-1].amount_minor == sale["total_minor"]
    assert await till.drawer() == drawer
    [slip] = (await till.receipt(document))["slips"]
    assert slip["lines"] == ["REFUND"]


async def test_rule_9_of_several_cards_the_till_names_one_and_none_gives_back_more_than_is_left(till: Till) -> None:
    basket = await till.basket()
    total_minor = basket["total_minor"]
    first = (await till.tender(basket, "authorized", amount_minor=400))["tender"]["tender_id"]
    second = (await till.tender(basket, "authorized", amount_minor=total_minor - 400))["tender"]["tender_id"]
    sale = await till.completes(basket)
    back = await till.brings_back(sale)
    problem = refused(
        await till.tries(back, amount_minor=-total_minor), 409, "original-tender-needed", "original_tender_id"
    )
    assert [(each["tender_id"], each["left_minor"]) for each in problem["tenders"]] == [
        (first, 400),
        (second, total_minor - 400),
    ]
    assert problem["tenders"][0]["masked_number"] == "476173******0119"
    await till.tender(back, "authorized", amount_minor=-400, original_tender_id=first)
    # One card is left now, and it is found by itself; the whole amount would be more than is due.
    rest = await till.tender(back, "authorized", amount_minor=400 - total_minor)
    assert rest["tender"]["original_tender_id"] == second
    await till.completes(back)
    for tender_id, amount_minor in ((first, 400), (second, total_minor - 400)):
        assert (await till.intent(tender_id))["refunded_minor"] == amount_minor


async def test_rule_9_goods_that_no_card_paid_for_are_not_refunded_to_one(till: Till) -> None:
    basket = await till.basket()
    await till.tender(basket, "authorized", kind="cash", given_minor=basket["total_minor"])
    sale = await till.completes(basket)
    back = await till.brings_back(sale)
    refused(await till.tries(back, amount_minor=back["total_minor"]), 409, "refund-elsewhere", "kind")


async def test_rule_9_a_card_that_paid_a_part_gives_back_that_part_at_most(till: Till) -> None:
    basket = await till.basket()
    await till.tender(basket, "authorized", amount_minor=300)
    await till.tender(basket, "authorized", kind="cash", given_minor=basket["total_minor"] - 300)
    back = await till.brings_back(await till.completes(basket))
    problem = refused(await till.tries(back, amount_minor=-301), 409, "refund-over-paid", "tenders")
    assert problem["left_minor"] == 300
    await till.tender(back, "authorized", amount_minor=-300)
