"""Printing by event and by command, through a gateway on the local transport."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from libs.bus.transports.local import LocalTransport
from libs.contracts.gateway import OpenDrawer, PrintDocument, PrintJobChanged
from libs.contracts.permissions import CASHIER, MANAGER, Permission
from libs.contracts.printing import Block, PairBlock, QrBlock, TextBlock
from libs.contracts.sales import SaleCompleted
from libs.persistence import new_id
from libs.testkit.databases import DatabaseServer
from services.sales.domain.till_devices import receipt_job_id, z_report_job_id
from tests.integration.sales.gateway_double import GatewayDouble
from tests.integration.sales.shift_shop import Person, Shop, answered, counted, open_shop, refused

CASH = {"kind": "cash", "given_minor": 2_000}
CARDLESS = {"kind": "voucher", "amount_minor": 1_298}
ADDRESS = "anna.nowak@example.org"


@pytest.fixture(scope="module")
async def transport() -> LocalTransport:
    return LocalTransport()


@pytest.fixture(scope="module")
async def shop(postgres_server: DatabaseServer, transport: LocalTransport) -> AsyncIterator[Shop]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TILLSTREAM_SALES_PRINT_GATHER_S", "0.01")
        patch.setenv("TILLSTREAM_SALES_RECEIPT_COPIES", "2")
        async with open_shop(postgres_server, transport) as opened:
            yield opened


@dataclass
class Counter:
    """A till with a cashier in an open shift, and the gateway that owns its devices."""

    anna: Person
    gateway: GatewayDouble
    shift_id: str


async def counter(shop: Shop, transport: LocalTransport, *, printer: bool) -> Counter:
    anna = await shop.cashier()
    gateway = GatewayDouble(shop, transport)
    await gateway.attach()
    shift = await anna.opens(float_minor=0)
    await gateway.serves(anna.till_id)
    if printer:
        await gateway.has_printer(anna.till_id)
    return Counter(anna, gateway, shift["shift_id"])


@pytest.fixture
async def at(shop: Shop, transport: LocalTransport) -> Counter:
    """A till with a printer."""
    return await counter(shop, transport, printer=True)


def texts(blocks: tuple[Block, ...]) -> str:
    shown = []
    for block in blocks:
        if isinstance(block, TextBlock):
            shown.append(block.text)
        elif isinstance(block, PairBlock):
            shown.append(f"{block.left} | {block.right}")
    return "\n".join(shown)


async def emails(shop: Shop, sale_id: str) -> list[tuple[str, str]]:
    async with shop.database.reading() as connection:
        rows = await connection.execute(
            text("select address, state from receipt_emails where sale_id = :id"), {"id": UUID(sale_id)}
        )
        return [(row.address, row.state) for row in rows]


async def test_a_sale_sent_three_times_is_printed_once_where_it_was_sold(shop: Shop, at: Counter) -> None:
    sale_id = str(new_id())
    for _ in range(3):
        await at.anna.sells(["tea"], CASH, sale_id=sale_id)
    await shop.services.drained()
    (job,) = at.gateway.took(PrintDocument)
    assert (job.job_id, job.document_kind, job.till_id) == (
        receipt_job_id(UUID(sale_id)),
        "receipt",
        at.anna.till_id,
    )
    assert (job.open_drawer, job.copies, job.printer, str(job.sale_id)) == ("cash_sale", 2, None, sale_id)
    assert job.title == "Receipt No. 1"
    assert job.document.language == "en"
    assert "Tea" in texts(job.document.blocks)
    assert "TOTAL | 12,98 PLN" in texts(job.document.blocks)


async def test_what_prints_at_one_till_is_sent_in_the_order_in_which_sales_heard_of_it(shop: Shop, at: Counter) -> None:
    sold = [await at.anna.sells(["tea"], CASH, sale_id=str(new_id())) for _ in range(3)]
    await shop.services.drained()
    assert len(sold) == len(at.gateway.took(PrintDocument)) == 3
    printed = [envelope for message, envelope in at.gateway.asked if isinstance(message, PrintDocument)]
    assert {envelope.partition_key for envelope in printed} == {str(at.anna.till_id)}


async def test_a_sale_told_of_again_in_another_message_is_printed_once(shop: Shop, at: Counter) -> None:
    sale = await at.anna.sells(["tea"], CASH)
    await shop.services.drained()
    # Nothing but the id of the print says that it was asked for already: the inbox knows messages, not sales.
    await at.gateway.tells(SaleCompleted.model_validate(sale))
    next_sale = await at.anna.sells(["tea"], CASH)
    await shop.services.drained()
    printed = [str(job.sale_id) for job in at.gateway.took(PrintDocument)]
    assert printed == [sale["sale_id"], next_sale["sale_id"]]


async def test_a_sale_told_of_too_late_is_not_printed(shop: Shop, at: Counter) -> None:
    sale = await at.anna.sells(["tea"], CARDLESS)
    await shop.services.drained()
    old = {"sale_id": str(new_id()), "completed_at": (shop.clock() - timedelta(seconds=601)).isoformat()}
    await at.gateway.tells(SaleCompleted.model_validate(sale | old))
    assert [str(job.sale_id) for job in at.gateway.took(PrintDocument)] == [sale["sale_id"]]


async def test_a_receipt_is_printed_for_ten_minutes_and_no_longer(shop: Shop, at: Counter) -> None:
    sale = await at.anna.sells(["tea"], CASH)
    await shop.services.drained()
    assert at.gateway.expiry() == datetime.fromisoformat(sale["completed_at"]) + timedelta(seconds=600)


async def test_the_drawer_opens_for_cash_only_and_says_which_way_it_goes(shop: Shop, at: Counter) -> None:
    await at.anna.sells(["tea"], CARDLESS)
    cash = await at.anna.sells(["tea"], CASH)
    returned = {
        "code": "tea",
        "quantity": -1,
        "returns": {"sale_id": cash["sale_id"], "line_id": cash["lines"][0]["line_id"]},
    }
    await at.anna.sells([returned], {"kind": "cash", "given_minor": -1_300})
    await shop.services.drained()
    jobs = sorted(at.gateway.took(PrintDocument), key=lambda job: job.title[-1])
    assert [(job.title, job.open_drawer) for job in jobs] == [
        ("Receipt No. 1", None),
        ("Receipt No. 2", "cash_sale"),
        ("Return No. 3", "cash_refund"),
    ]


async def test_a_void_prints_and_says_so_in_its_title(shop: Shop, at: Counter) -> None:
    sale = await at.anna.sells(["tea"], CASH)
    await shop.services.drained()
    approval = shop.approval(Permission.SALES_VOID, sale["sale_id"], at.anna)
    body = {"void_sale_id": str(new_id()), "reason": "wrong goods", "approval": approval}
    answered(await at.anna.post(f"/sales/{sale['sale_id']}/void", body), 201)
    await shop.services.drained()
    assert [job.title for job in at.gateway.took(PrintDocument)] == ["Receipt No. 1", "Void No. 2"]


async def test_a_till_without_a_printer_mails_the_receipt_and_opens_its_drawer(
    shop: Shop, transport: LocalTransport
) -> None:
    at = await counter(shop, transport, printer=False)
    sale_id = str(new_id())
    for _ in range(3):
        await at.anna.sells(["tea"], CASH, sale_id=sale_id, receipt_email=ADDRESS)
    await shop.services.drained()
    assert at.gateway.took(PrintDocument) == []
    (opening,) = at.gateway.took(OpenDrawer)
    assert opening.reason == "cash_sale"
    assert await emails(shop, sale_id) == [(ADDRESS, "queued")]


async def test_with_a_printer_too_the_customer_gets_both(shop: Shop, at: Counter) -> None:
    sale = await at.anna.sells(["tea"], CASH, receipt_email=ADDRESS)
    await shop.services.drained()
    assert len(at.gateway.took(PrintDocument)) == 1
    assert await emails(shop, sale["sale_id"]) == [(ADDRESS, "queued")]


async def test_the_address_is_in_no_message_and_not_in_the_basket_afterwards(shop: Shop, at: Counter) -> None:
    basket_id = str(new_id())
    body = {"basket_id": basket_id, "currency": "PLN", "receipt_email": "first@example.org"}
    assert answered(await at.anna.post("/baskets", body), 201)["receipt_email"] == "first@example.org"
    await at.anna.post(f"/baskets/{basket_id}/lines", {"code": "tea"})
    path = f"/baskets/{basket_id}/receipt-email"
    assert answered(await at.anna.asks("PUT", path, {"address": None}), 200)["receipt_email"] is None
    assert answered(await at.anna.asks("PUT", path, {"address": ADDRESS}), 200)["receipt_email"] == ADDRESS
    refused(await at.anna.asks("PUT", path, {"address": "nobody at all"}), 422, "invalid-request", "address")
    answered(await at.anna.post(f"/baskets/{basket_id}/tenders", CASH, key=str(new_id())), 201)
    answered(await at.anna.post(f"/baskets/{basket_id}/complete", {}), 201)
    answered(await at.anna.post(f"/baskets/{basket_id}/complete", {"receipt_email": "late@example.org"}), 201)
    await shop.services.drained()
    assert await emails(shop, basket_id) == [(ADDRESS, "queued")]
    async with shop.database.reading() as connection:
        for table in ("outbox", "inbox", "baskets", "sales"):
            found = await connection.scalar(
                text(f"select count(*) from {table} where cast({table}.* as text) like '%example%'")
            )
            assert found == 0, table
            hexed = ADDRESS.encode().hex()
            found = await connection.scalar(
                text(f"select count(*) from {table} where cast({table}.* as text) like :hexed"),
                {"hexed": f"%{hexed}%"},
            )
            assert found == 0, table


async def test_completing_a_basket_may_name_the_address(shop: Shop, at: Counter) -> None:
    basket_id = str(new_id())
    answered(await at.anna.post("/baskets", {"basket_id": basket_id, "currency": "PLN"}), 201)
    await at.anna.post(f"/baskets/{basket_id}/lines", {"code": "tea"})
    answered(await at.anna.post(f"/baskets/{basket_id}/tenders", CASH, key=str(new_id())), 201)
    answered(await at.anna.post(f"/baskets/{basket_id}/complete", {"receipt_email": ADDRESS}), 201)
    assert await emails(shop, basket_id) == [(ADDRESS, "queued")]


async def test_a_repeated_sale_with_another_address_is_the_same_sale(shop: Shop, at: Counter) -> None:
    sale_id = str(new_id())
    await at.anna.sells(["tea"], CASH, sale_id=sale_id)
    again = await at.anna.tries_to_sell(["tea"], CASH, sale_id=sale_id, receipt_email=ADDRESS)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert await emails(shop, sale_id) == []


async def test_movements_of_cash_open_the_drawer_with_their_reason(shop: Shop, at: Counter) -> None:
    manager = shop.manager(at.anna.till_id, cash_out_minor=10_000)
    path = f"/shifts/{at.shift_id}"
    ids = [str(new_id()) for _ in range(3)]
    for kind, movement_id in zip(("cash_in", "cash_out"), ids, strict=False):
        body = {"movement_id": movement_id, "kind": kind, "currency": "PLN", "amount_minor": 500, "reason": "change"}
        answered(await manager.post(f"{path}/cash-movements", body), 201)
    body = {"movement_id": ids[2], "reason": "a note for the bank"}
    answered(await manager.post(f"{path}/drawer-openings", body), 201)
    await shop.services.drained()
    openings = sorted(at.gateway.took(OpenDrawer), key=lambda opening: ids.index(str(opening.opening_id)))
    assert [(opening.reason, str(opening.opening_id), opening.requested_by) for opening in openings] == [
        ("cash_in", ids[0], manager.staff_id),
        ("cash_out", ids[1], manager.staff_id),
        ("no_sale", ids[2], manager.staff_id),
    ]
    assert at.gateway.took(PrintDocument) == []


async def test_a_float_opens_the_drawer_that_it_is_put_into(shop: Shop, transport: LocalTransport) -> None:
    anna = await shop.cashier()
    gateway = GatewayDouble(shop, transport)
    await gateway.attach()
    await gateway.serves(anna.till_id)
    await anna.opens(float_minor=20_000)
    await shop.services.drained()
    assert [opening.reason for opening in gateway.took(OpenDrawer)] == ["float"]


async def test_a_closed_shift_prints_its_z_report_at_its_till(shop: Shop, at: Counter) -> None:
    await at.anna.sells(["tea"], CASH)
    for _ in range(2):
        answered(await at.anna.post(f"/shifts/{at.shift_id}/close", {"counts": [counted("PLN", n100=13)]}), 200)
    await shop.services.drained()
    job = at.gateway.took(PrintDocument)[-1]
    assert len(at.gateway.took(PrintDocument)) == 2
    assert (job.job_id, job.document_kind, job.title) == (
        z_report_job_id(UUID(at.shift_id)),
        "z_report",
        "Z REPORT 1",
    )
    assert "Expected cash | 13,00" in texts(job.document.blocks).replace(".", ",")


async def test_a_copy_counts_is_marked_and_is_printed_once(shop: Shop, at: Counter) -> None:
    sale = await at.anna.sells(["tea"], CASH)
    await shop.services.drained()
    path = f"/sales/{sale['sale_id']}/prints"
    first, second = str(new_id()), str(new_id())
    for print_id in (first, first, second):
        answer = answered(await at.anna.post(path, {"print_id": print_id, "kind": "copy"}), 202)
        assert (answer["print_id"], answer["state"], answer["till_id"]) == (print_id, "queued", str(at.anna.till_id))
    await shop.services.drained()
    jobs = at.gateway.took(PrintDocument)[1:]
    assert [(str(job.job_id), job.document_kind, job.open_drawer) for job in jobs] == [
        (first, "copy", None),
        (second, "copy", None),
    ]
    assert "*** COPY 1 ***" in texts(jobs[0].document.blocks)
    assert "*** COPY 2 ***" in texts(jobs[1].document.blocks)
    assert jobs[0].requested_by == at.anna.staff_id
    other = await at.anna.sells(["tea"], CASH)
    taken = await at.anna.post(f"/sales/{other['sale_id']}/prints", {"print_id": first, "kind": "gift_receipt"})
    refused(taken, 409, "print-id-taken", "print_id")


async def test_a_copy_needs_the_right_to_reprint_or_an_approval(shop: Shop, at: Counter) -> None:
    sale = await at.anna.sells(["tea"], CASH)
    path = f"/sales/{sale['sale_id']}/prints"
    junior = shop.person(at.anna.till_id, permissions=CASHIER - {Permission.SALES_REPRINT})
    body = {"print_id": str(new_id()), "kind": "copy"}
    assert (await junior.post(path, body)).status_code == 403
    approval = shop.approval(Permission.SALES_REPRINT, sale["sale_id"], junior)
    answered(await junior.post(path, body | {"approval": approval}), 202)
    seller = shop.person(at.anna.till_id, permissions=CASHIER - {Permission.SALES_SELL})
    gift = {"print_id": str(new_id()), "kind": "gift_receipt"}
    refused(await seller.post(path, gift), 403, "forbidden")
    refused(await at.anna.post(path, gift | {"approval": approval}), 422, "invalid", "approval")


async def test_a_gift_receipt_shows_goods_and_code_and_no_price(shop: Shop, at: Counter) -> None:
    sale = await at.anna.sells(["tea", "bread"], CASH)
    await shop.services.drained()
    body = {"print_id": str(new_id()), "kind": "gift_receipt", "language": "de"}
    answered(await at.anna.post(f"/sales/{sale['sale_id']}/prints", body), 202)
    await shop.services.drained()
    job = at.gateway.took(PrintDocument)[-1]
    assert (job.document_kind, job.title, job.document.language) == ("gift_receipt", "Geschenkbeleg Nr. 1", "de")
    shown = texts(job.document.blocks)
    assert "Tea | 1 Stk." in shown
    for price in ("12,98", "4,50", "12.98", "4.50", "PLN", "17,48", "20,00"):
        assert price not in shown
    codes = [block.data for block in job.document.blocks if isinstance(block, QrBlock)]
    assert codes == [sale["receipt_code"]]
    returned = {
        "code": "tea",
        "quantity": -1,
        "returns": {"sale_id": sale["sale_id"], "line_id": sale["lines"][0]["line_id"]},
    }
    back = await at.anna.sells([returned], {"kind": "cash", "given_minor": -1_300})
    nothing = await at.anna.post(f"/sales/{back['sale_id']}/prints", body | {"print_id": str(new_id())})
    refused(nothing, 409, "no-gift-receipt")


async def test_a_print_may_be_sent_to_another_till_of_the_store(shop: Shop, at: Counter) -> None:
    bare = await shop.cashier()
    await bare.opens()
    sale = await bare.sells(["tea"], CASH)
    path = f"/sales/{sale['sale_id']}/prints"
    body = {"print_id": str(new_id()), "kind": "copy"}
    sentence = refused(await bare.post(path, body), 409, "no-printer", "till_id")["detail"]
    assert "has no printer" in sentence
    answered(await bare.post(path, body | {"till_id": str(at.anna.till_id)}), 202)
    await shop.services.drained()
    copies = [job for job in at.gateway.took(PrintDocument) if job.document_kind == "copy"]
    assert "*** COPY 1 ***" in texts(copies[0].document.blocks)
    refused(await bare.post(path, body | {"till_id": str(uuid4())}), 422, "unknown-till", "till_id")


async def test_x_and_z_reports_are_printed_by_command(shop: Shop, at: Counter) -> None:
    await at.anna.sells(["tea"], CASH)
    path = f"/shifts/{at.shift_id}/prints"
    x_body = {"print_id": str(new_id()), "kind": "x_report"}
    refused(await at.anna.post(path, x_body), 403, "forbidden")
    manager = shop.person(at.anna.till_id, permissions=MANAGER)
    answered(await manager.post(path, x_body), 202)
    await at.anna.sells(["tea"], CASH)
    assert answered(await manager.post(path, x_body), 202)["kind"] == "x_report"
    z_body = {"print_id": str(new_id()), "kind": "z_report", "language": "zh"}
    refused(await at.anna.post(path, z_body), 404, "shift-not-closed")
    answered(await at.anna.post(f"/shifts/{at.shift_id}/close", {"counts": [counted("PLN")]}), 200)
    answered(await at.anna.post(path, z_body), 202)
    await shop.services.drained()
    kinds = [job.document_kind for job in at.gateway.took(PrintDocument)]
    assert sorted(kinds) == ["receipt", "receipt", "x_report", "z_report", "z_report"]
    assert [job.title for job in at.gateway.took(PrintDocument) if job.document.language == "zh"] == ["Z 报表 1"]


async def test_what_became_of_each_print_is_shown(shop: Shop, at: Counter) -> None:
    sale = await at.anna.sells(["tea"], CASH)
    await shop.services.drained()
    job_id = receipt_job_id(UUID(sale["sale_id"]))
    facts: dict[str, Any] = {
        "job_id": job_id,
        "gateway_id": at.gateway.gateway_id,
        "store_id": shop.store.store_id,
        "till_id": at.anna.till_id,
        "document_kind": "receipt",
        "sale_id": UUID(sale["sale_id"]),
        "printer": "receipt-printer",
    }
    now = shop.clock()
    late = PrintJobChanged(**facts, state="unknown", reason="the cable was pulled", changed_at=now)
    await at.gateway.tells(late, sequence=3)
    await at.gateway.tells(
        PrintJobChanged(**facts, state="printing", changed_at=now - timedelta(seconds=1)), sequence=2
    )
    duplicate = facts | {"job_id": uuid4(), "duplicate_of": job_id}
    at_last = PrintJobChanged(**duplicate, state="printed", proof="confirmed", changed_at=now + timedelta(seconds=1))
    await at.gateway.tells(at_last)
    shown = answered(await at.anna.get(f"/sales/{sale['sale_id']}/prints"), 200)
    assert [(each["state"], each["proof"], each["reason"], each["duplicate_of"]) for each in shown] == [
        ("unknown", None, "the cable was pulled", None),
        ("printed", "confirmed", None, str(job_id)),
    ]
    assert shown[0]["printer"] == "receipt-printer"
    elsewhere = shop.person(None, store=shop.store.model_copy(update={"store_id": uuid4()}))
    refused(await elsewhere.get(f"/sales/{sale['sale_id']}/prints"), 403, "forbidden")


@pytest.mark.parametrize(
    "gone", ["the gateway is switched off", "the till is another gateway's", "the printer was taken out"]
)
async def test_nothing_is_sent_to_who_does_not_print_for_the_till_any_more(shop: Shop, at: Counter, gone: str) -> None:
    if gone == "the gateway is switched off":
        await at.gateway.serves(at.anna.till_id, version=2, active=False)
    elif gone == "the till is another gateway's":
        await at.gateway.serves(uuid4(), version=2)
    else:
        await at.gateway.has_printer(at.anna.till_id, configured=False)
    # What is older comes later and changes nothing.
    await at.gateway.serves(at.anna.till_id, version=1)
    await at.gateway.has_printer(at.anna.till_id, changed_at=shop.clock() - timedelta(hours=1))
    await at.anna.sells(["tea"], CASH)
    await shop.services.drained()
    assert at.gateway.took(PrintDocument) == []
