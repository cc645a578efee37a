"""Transaction reports and slips: what an operator reads of card payments, and prints again."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from libs.bus.consumer import CommandConsumer
from libs.bus.transport import Delivery
from libs.contracts.gateway import PrintDocument, gateway_route
from libs.contracts.identity import TillChanged
from libs.contracts.permissions import Permission
from libs.testkit.databases import DatabaseServer
from services.payments.storage.transactions import TransactionFilter, page_statement, totals_statement
from tests.integration.payments.concentrated_shop import MASTERCARD
from tests.integration.payments.settling_shop import SettlingShop, open_settling_shop
from tests.integration.payments.terminal_shop import (
    MASKED,
    STARTED,
    Person,
    TerminalShop,
    answered,
    declines,
    refused,
    settings_of,
    terminal_device,
)

SINCE, UNTIL = (STARTED - timedelta(days=1)).isoformat(), (STARTED + timedelta(days=1)).isoformat()


@pytest.fixture(scope="module")
async def running_banks(
    postgres_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[SettlingShop]:
    async with open_settling_shop(postgres_server, tmp_path_factory.mktemp("acquirers")) as opened:
        yield opened


@pytest.fixture
async def banks(running_banks: SettlingShop) -> SettlingShop:
    return await running_banks.another(f"R{uuid4().int % 10_000_000:07d}")


@pytest.fixture
def shop(banks: SettlingShop) -> TerminalShop:
    return banks.shop


async def report(shop: TerminalShop, who: Person, path: str = "/transactions", **filters: Any) -> Any:
    wanted = {"store_id": str(shop.store_id), "from": SINCE, "until": UNTIL, **filters}
    return await who.get(path, **wanted)


async def test_the_transactions_of_a_store_with_what_a_report_needs(banks: SettlingShop, shop: TerminalShop) -> None:
    keyed = await banks.pays(1_500, MASTERCARD)
    wired = await shop.paid(4_000)
    shop.gateway.script["purchase"] = declines
    declined = await shop.authorize(700)
    await shop.becomes(declined, "declined")
    listed = (await report(shop, shop.person()))["items"]
    assert [each["intent_id"] for each in listed] == [str(keyed), str(wired), str(declined)]
    first, second, third = listed
    [message] = banks.second.of("0200", banks.number)
    assert {name: first[name] for name in ("kind", "state", "terminal", "scheme", "masked_number", "acquirer")} == {
        "kind": "purchase",
        "state": "captured",
        "terminal": "keyed",
        "scheme": "mastercard",
        "masked_number": "555555******4444",
        "acquirer": "second-bank",
    }
    assert (first["approval_code"], first["retrieval_reference"]) == (
        "A" + message.fields[11][1:],
        message.fields[37],
    )
    assert (second["masked_number"], second["acquirer"], second["captured_minor"]) == (MASKED, None, 4_000)
    assert (third["state"], third["amount_minor"], third["approved_minor"]) == ("declined", 700, 0)


async def test_transactions_are_narrowed_down_and_added_up_by_the_same_filter(
    banks: SettlingShop, shop: TerminalShop
) -> None:
    keyed = await banks.pays(1_500, MASTERCARD)
    wired = await shop.paid(4_000)
    refund = await shop.authorize(-500, original_tender_id=wired)
    await shop.becomes(refund, "approved")
    given_up = await shop.authorize(700)
    await shop.becomes(given_up, "approved")
    await shop.release(given_up, 700)
    await shop.becomes(given_up, "reversed")
    who = shop.person()
    for filters, expected in (
        ({"terminal_id": str(banks.terminal_id)}, [keyed]),
        ({"till_id": str(shop.till_id)}, [keyed, wired, refund, given_up]),
        ({"till_id": str(uuid4())}, []),
        ({"scheme": "visa", "state": "approved"}, [refund]),
        ({"scheme": "unknown"}, []),
        ({"until": SINCE}, []),
    ):
        listed = (await report(shop, who, **filters))["items"]
        assert [each["intent_id"] for each in listed] == [str(each) for each in expected]
    shop.gateway.script["purchase"] = declines
    declined = await shop.authorize(800)
    await shop.becomes(declined, "declined")
    [unknown] = (await report(shop, who, scheme="unknown"))["items"]
    assert unknown["intent_id"] == str(declined)
    totals = (await report(shop, who, "/transactions/totals"))["items"]
    assert totals == [
        _total("mastercard", "purchase", 1, 1, 1_500),
        _total("unknown", "purchase", 1, 0, 0),
        _total("visa", "purchase", 2, 1, 4_000, 500),
        _total("visa", "refund", 1, 1, 500),
    ]
    only = (await report(shop, who, "/transactions/totals", scheme="mastercard"))["items"]
    assert only == totals[:1]


def _total(scheme: str, kind: str, count: int, taken: int, minor: int, refunded: int = 0) -> dict[str, Any]:
    return {
        "scheme": scheme,
        "kind": kind,
        "currency": "PLN",
        "count": count,
        "taken_count": taken,
        "taken_minor": minor,
        "refunded_minor": refunded,
    }


async def test_transactions_are_paged_and_downloaded_whole(
    banks: SettlingShop, shop: TerminalShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid = [str(await shop.paid(amount)) for amount in (100, 250, 5_000, 10_000)]
    who = shop.person()
    first = await report(shop, who, limit=3)
    second = await report(shop, who, limit=3, cursor=first["next_cursor"])
    assert [each["intent_id"] for each in first["items"] + second["items"]] == paid
    assert second["next_cursor"] is None
    resources = shop.services.apps["payments"].state.resources
    small = settings_of(shop).model_copy(update={"transactions_chunk_rows": 2})
    monkeypatch.setitem(resources, type(small), small)
    params = {"store_id": str(shop.store_id), "from": SINCE, "until": UNTIL}
    file = await who.asks("GET", "/payments/v1/transactions.csv", params=params)
    assert file.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(file.text.removeprefix("\ufeff"))))
    assert [row["intent_id"] for row in rows] == paid
    assert [row["amount"] for row in rows] == ["1.00", "2.50", "50.00", "100.00"]
    assert (rows[0]["scheme"], rows[0]["masked_number"], rows[0]["currency"]) == ("visa", MASKED, "PLN")


async def test_a_report_is_of_a_store_of_ones_own_and_of_a_sane_length(shop: TerminalShop) -> None:
    stranger = shop.person(store_ids=[str(uuid4())], store_id=str(uuid4()))
    params = {"store_id": str(shop.store_id), "from": SINCE, "until": UNTIL}
    for path in ("transactions", "transactions/totals", "transactions.csv"):
        response = await stranger.asks("GET", f"/payments/v1/{path}", params=params)
        refused(response, 403, "forbidden")
        response = await shop.person().asks(
            "GET", f"/payments/v1/{path}", params={**params, "from": UNTIL, "until": SINCE}
        )
        refused(response, 422, "invalid", "until")
        late = (STARTED + timedelta(days=500)).isoformat()
        response = await shop.person().asks("GET", f"/payments/v1/{path}", params={**params, "until": late})
        refused(response, 422, "invalid", "until")


@pytest.mark.parametrize(
    ("narrowed", "index"),
    [
        ({}, "intents_of_store"),
        ({"state": "captured"}, "intents_of_store"),
        ({"till_id": UUID(int=1)}, "intents_of_till"),
        ({"terminal_id": UUID(int=1)}, "intents_of_terminal"),
    ],
)
async def test_each_report_reads_by_an_index(banks: SettlingShop, narrowed: dict[str, Any], index: str) -> None:
    wanted = TransactionFilter(UUID(int=2), STARTED, STARTED + timedelta(days=1), **narrowed)
    async with banks.shop.database.transaction() as work:
        # Of a few rows PostgreSQL would read all; what it has for many is what is asked here.
        await work.connection.execute(text("set local enable_seqscan = off"))
        await work.connection.execute(text("set local enable_bitmapscan = off"))
        for statement in (page_statement(wanted, (STARTED, UUID(int=3)), 50), totals_statement(wanted)):
            written = statement.compile(dialect=work.connection.dialect, compile_kwargs={"literal_binds": True})
            plan = (await work.connection.execute(text(f"explain {written}".replace(":", "\\:")))).scalars().all()
            read = "\n".join(plan)
            assert f"using {index}" in read
            assert "created_at >=" in read.partition("Index Cond")[2].partition("\n")[0]


async def test_the_report_of_a_days_end_has_both_sides_its_batches_and_each_payment(
    banks: SettlingShop, shop: TerminalShop
) -> None:
    paid = [await banks.pays(4_000), await banks.pays(1_000)]
    banks.first.batches[banks.number].popitem()
    settled = await banks.ends_day()
    shown = await shop.person().get(f"/settlements/{settled['settlement_id']}/report")
    assert (shown["terminal"], shown["state"], shown["requested_by_name"]) == ("keyed", "differing", "Maria Nowak")
    assert shown["our_totals"] == shown["terminal_totals"] == settled["our_totals"]
    [difference] = shown["differences"]
    assert (difference["kind"], difference["acquirer"]) == ("batch_uploaded", "first-bank")
    first, second = shown["batches"]
    assert (first["acquirer"], first["state"], first["item_count"], first["uploaded_count"]) == (
        "first-bank",
        "closed",
        2,
        2,
    )
    assert (first["totals"]["debits"], first["totals"]["net_minor"]) == ({"count": 2, "minor": 5_000}, 5_000)
    assert first["their_totals"]["debits"] == {"count": 1, "minor": 4_000}
    assert (second["acquirer"], second["out_of_balance"], second["their_totals"]) == ("second-bank", False, None)
    assert (shown["line_count"], [line["intent_id"] for line in shown["lines"]]) == (2, [str(each) for each in paid])
    stranger = shop.person(store_ids=[str(uuid4())], store_id=str(uuid4()))
    response = await stranger.asks("GET", f"/payments/v1/settlements/{settled['settlement_id']}/report")
    refused(response, 403, "forbidden")
    response = await shop.person().asks("GET", f"/payments/v1/settlements/{uuid4()}/report")
    refused(response, 404, "unknown-settlement")


async def test_from_the_office_a_day_ends_without_naming_a_till(banks: SettlingShop, shop: TerminalShop) -> None:
    office = shop.manager()
    nowhere = shop.person(
        frozenset({Permission.PAYMENTS_SETTLE, Permission.PAYMENTS_READ}), till_id=None, store_id=None
    )
    body = {"terminal_id": str(banks.terminal_id), "currency": "PLN"}
    settled = answered(await nowhere.post("/settlements", body), 201)
    assert settled["till_id"] == str(shop.till_id)
    await banks.settles()
    assert (await office.get(f"/settlements/{settled['settlement_id']}"))["state"] == "closed"


async def test_a_wired_terminals_slips_are_its_own_with_those_of_refunds(shop: TerminalShop) -> None:
    paid = await shop.paid(4_000)
    refund = await shop.authorize(-500, original_tender_id=paid)
    await shop.becomes(refund, "approved")
    slips = (await shop.person().get(f"/intents/{paid}/slips"))["items"]
    assert [(slip["kind"], slip["customer"], slip["merchant"]) for slip in slips] == [
        (kind, ["VISA ************0119", "APPROVED"], ["MERCHANT COPY"]) for kind in ("payment", "refund")
    ]
    [own] = (await shop.person().get(f"/intents/{refund}/slips"))["items"]
    assert own == slips[1]


async def test_a_concentrated_terminals_slips_are_composed_of_our_own_data(banks: SettlingShop) -> None:
    paid = await banks.pays(4_000)
    await banks.shop.release(paid)
    await banks.forwards()
    await banks.shop.becomes(paid, "voided")
    payment, void = (await banks.shop.person().get(f"/intents/{paid}/slips"))["items"]
    assert (payment["kind"], void["kind"]) == ("payment", "void")
    [charge] = banks.first.of("0200", banks.number)
    said = {" ".join(line.split()) for line in payment["customer"]}
    assert {
        "CARD PAYMENT",
        f"Terminal {banks.number}",
        "Merchant MERCHANT0000001",
        "Card VISA",
        "Number 411111******1111",
        f"Reference {charge.fields[37]}",
        "TOTAL PLN 40.00",
        "CUSTOMER COPY",
    } <= said
    assert void["merchant"][0].strip() == "CARD PAYMENT VOIDED"


async def test_a_standalone_terminals_slip_says_what_the_cashier_typed(shop: TerminalShop) -> None:
    body = {"store_id": str(shop.store_id), "name": "counter-two"}
    answered(await shop.manager().post("/standalone-terminals", body), 201)
    tender_id = await shop.authorize(4_000, instrument="counter-two")
    assert (await shop.person().get(f"/intents/{tender_id}/slips"))["items"] == []
    confirmed = {"approval_code": "A12", "last_four": "0119", "scheme": "VISA"}
    answered(await shop.person().post(f"/intents/{tender_id}/confirmation", confirmed), 200)
    [slip] = (await shop.person().get(f"/intents/{tender_id}/slips"))["items"]
    said = {" ".join(line.split()) for line in slip["merchant"]}
    assert {"Terminal counter-two", "Number ************0119", "Approval code A12", "TOTAL PLN 40.00"} <= said
    assert slip["slip_id"] == str(tender_id)


class PrinterAtTill:
    """The store PC of one till, which keeps what it is told to print."""

    def __init__(self) -> None:
        self.gateway_id = uuid4()
        self.printed: list[PrintDocument] = []

    async def listen(self, shop: TerminalShop) -> None:
        async def never(*_: Any) -> None:
            raise AssertionError("the sink takes everything")

        consumer = CommandConsumer(f"gateway.{self.gateway_id}", gateway_route(self.gateway_id), {PrintDocument: never})
        await shop.transport.attach(consumer, self._take)
        await shop.hears(
            terminal_device(shop.store_id, self.gateway_id, [shop.till_id], name="receipt-printer", kind="printer")
        )

    def _take(self, delivery: Delivery) -> None:
        self.printed.append(PrintDocument.parse(delivery.body))
        delivery.ack()


async def test_a_slip_is_printed_again_as_a_marked_duplicate_once_for_a_key(shop: TerminalShop) -> None:
    paid = await shop.paid(4_000)
    who = shop.person()
    [slip] = (await who.get(f"/intents/{paid}/slips"))["items"]
    path = f"/intents/{paid}/slips/{slip['slip_id']}/prints"
    refused(await who.post(path, {"copy": "customer"}), 409, "no-printer", "till_id")
    printer = PrinterAtTill()
    await printer.listen(shop)
    key = str(uuid4())
    first, second = [answered(await who.post(path, {"copy": "merchant"}, key), 201) for _ in range(2)]
    await shop.services.drained()
    assert first == second
    [job] = printer.printed
    assert (str(job.job_id), job.till_id, job.document_kind) == (first["job_id"], shop.till_id, "slip")
    assert [getattr(block, "text", None) for block in job.document.blocks] == [
        "*** DUPLICATE ***",
        "MERCHANT COPY",
        "*** DUPLICATE ***",
    ]
    noted = (await shop.intent(paid))["history"][-1]
    assert (noted["kind"], noted["by_name"], noted["reason"]) == (
        "slip_printed",
        "Anna Kowalska",
        "a duplicate of the payment slip, merchant copy, was printed",
    )


async def test_only_slips_of_the_payment_are_printed_and_only_at_tills_of_ones_own(shop: TerminalShop) -> None:
    paid = await shop.paid(4_000)
    who = shop.person()
    [slip] = (await who.get(f"/intents/{paid}/slips"))["items"]
    refused(await who.post(f"/intents/{paid}/slips/{uuid4()}/prints", {"copy": "customer"}), 404, "unknown-slip")
    refused(await who.post(f"/intents/{uuid4()}/slips/{uuid4()}/prints", {"copy": "customer"}), 404, "unknown-intent")
    elsewhere = uuid4()
    await shop.hears(
        TillChanged(till_id=elsewhere, store_id=uuid4(), code="9", name="Till 9", enrolled=True, active=True)
    )
    body = {"copy": "customer", "till_id": str(elsewhere)}
    refused(await who.post(f"/intents/{paid}/slips/{slip['slip_id']}/prints", body), 403, "forbidden")
