"""Paying a basket tender by tender: frozen prices, change, foreign cash, and tenders that somebody else decides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from libs.bus.consumer import Received
from libs.bus.envelope import Envelope
from libs.contracts.permissions import MANAGER, Permission
from libs.contracts.tenders import (
    TenderAuthorized,
    TenderCaptured,
    TenderDeclined,
    TenderOutcome,
    TenderReleased,
    TenderUnknown,
)
from libs.persistence import new_id
from libs.testkit.databases import DatabaseServer
from libs.web.live import LiveFeed
from services.sales.domain.tender import TenderKind
from services.sales.price_books import PriceBooks
from services.sales.settings import SalesSettings
from services.sales.tender_handlers import tender_consumer
from services.sales.use_cases.keep_slips import SlipDesk
from tests.integration.sales.basket_shop import price_of, publish, published_sequences, stock_the_shelves
from tests.integration.sales.shift_shop import OPENED, Person, Shop, answered, open_shop, refused


@pytest.fixture(scope="module")
async def shop(postgres_server: DatabaseServer) -> AsyncIterator[Shop]:
    """A shop that takes cards too; who decides them is the test."""
    async with open_shop(postgres_server) as opened:
        settings = SalesSettings(tender_kinds=frozenset({*TenderKind} - {TenderKind.POINTS}))
        opened.resources[SalesSettings] = settings
        await stock_the_shelves(opened)
        yield opened


@pytest.fixture
async def anna(shop: Shop) -> Person:
    person = await shop.cashier()
    await person.opens()
    return person


async def basket_of(person: Person, *codes: str) -> str:
    basket = answered(await person.post("/baskets", {"currency": "PLN"}), 201)
    for code in codes:
        answered(await person.post(f"/baskets/{basket['basket_id']}/lines", {"code": code}), 201)
    return str(basket["basket_id"])


async def pays(person: Person, basket_id: str, status: int = 201, **tender: Any) -> dict[str, Any]:
    body = {"tender_id": str(new_id()), **tender}
    payment: dict[str, Any] = answered(await person.post(f"/baskets/{basket_id}/tenders", body), status)
    return payment


async def completes(person: Person, basket_id: str) -> dict[str, Any]:
    document: dict[str, Any] = answered(await person.post(f"/baskets/{basket_id}/complete", {}), 201)
    return document


def outcome(kind: type[TenderOutcome], basket_id: str, tender_id: str, **facts: Any) -> TenderOutcome:
    return kind(
        tender_id=UUID(tender_id), sale_id=UUID(basket_id), store_id=uuid4(), kind="card", decided_at=OPENED, **facts
    )


async def decides(shop: Shop, decided: TenderOutcome) -> None:
    envelope = Envelope(
        id=str(uuid4()),
        type=decided.message.type,
        source="/payments",
        subject=decided.subject,
        time=OPENED,
        partition_key=decided.subject,
        sequence=1,
        correlation_id="test",
        body=decided.body(),
    )
    async with shop.database.transaction() as work:
        desk = SlipDesk(shop.resources[PriceBooks], shop.resources[SalesSettings])
        consumer = tender_consumer(shop.resources[LiveFeed], desk)
        await consumer.handlers[type(decided)](Received(decided, envelope), work)


async def commands(shop: Shop, tender_id: str) -> list[str]:
    async with shop.database.reading() as connection:
        rows = await connection.execute(
            text("select type from outbox where body like :id and kind = 'command' order by seq"),
            {"id": f'%"{tender_id}"%'.encode()},
        )
        return [row.type.removeprefix("tillstream.tenders.").removesuffix(".v1") for row in rows]


async def test_split_tenders_and_change_complete_a_basket(anna: Person) -> None:
    basket_id = await basket_of(anna, "tea", "bread")
    assert (await pays(anna, basket_id, kind="voucher", amount_minor=500, reference="V1"))["due_minor"] == 1_248
    assert (await pays(anna, basket_id, kind="cash", given_minor=1_000))["due_minor"] == 248
    paid = await pays(anna, basket_id, kind="cash", given_minor=300)
    assert (paid["due_minor"], paid["state"]) == (0, "paying")
    document = await completes(anna, basket_id)
    assert document["total_minor"] == 1_748
    assert [(each["kind"], each["amount_minor"], each["change_minor"]) for each in document["tenders"]] == [
        ("voucher", 500, None),
        ("cash", 1_000, 0),
        ("cash", 248, 50),
    ]
    assert document["rounding_minor"] == 2


async def test_rule_16_foreign_cash_freezes_its_rate_and_gives_local_change(shop: Shop, anna: Person) -> None:
    office = shop.person(anna.till_id, permissions=MANAGER | {Permission.SALES_CONFIGURE})
    answered(await office.asks("PUT", "/exchange-rates/PLN/EUR", {"rate": "4.25"}), 200)
    basket_id = await basket_of(anna, "wine")
    paid = await pays(anna, basket_id, kind="cash", foreign_currency="EUR", foreign_minor=1_000)
    [tender] = paid["tenders"]
    assert (tender["given_minor"], tender["change_minor"], tender["exchange_rate"]) == (4_250, 250, "4.25")
    answered(await office.asks("PUT", "/exchange-rates/PLN/EUR", {"rate": "4.30"}), 200)
    document = await completes(anna, basket_id)
    assert document["tenders"][0]["exchange_rate"] == "4.25"
    assert document["tenders"][0]["foreign_minor"] == 1_000
    problem = await anna.post(
        f"/baskets/{await basket_of(anna, 'wine')}/tenders",
        {"kind": "cash", "foreign_currency": "USD", "foreign_minor": 1_000},
    )
    refused(problem, 422, "no-exchange-rate", "foreign_currency")


async def test_the_first_tender_freezes_the_price_and_taking_it_back_thaws_it(shop: Shop, anna: Person) -> None:
    basket_id = await basket_of(anna, "wine")
    paid = await pays(anna, basket_id, kind="voucher", amount_minor=100)
    await publish(shop, price_of(shop.products["wine"], 4_500), sequence=50)
    assert answered(await anna.get(f"/baskets/{basket_id}"), 200)["total_minor"] == 3_999
    refused(await anna.post(f"/baskets/{basket_id}/lines", {"code": "tea"}), 409, "basket-not-open")
    tender_id = paid["tenders"][0]["tender_id"]
    released = answered(await anna.asks("DELETE", f"/baskets/{basket_id}/tenders/{tender_id}"), 200)
    assert (released["state"], released["tenders"][0]["state"]) == ("open", "released")
    assert answered(await anna.get(f"/baskets/{basket_id}"), 200)["total_minor"] == 4_500
    await publish(shop, price_of(shop.products["wine"], 3_999), sequence=51)


async def test_the_same_tender_sent_again_is_the_same_tender(anna: Person) -> None:
    basket_id = await basket_of(anna, "wine")
    tender = {"tender_id": str(new_id()), "kind": "voucher", "amount_minor": 100}
    first, second = await asyncio.gather(*(anna.post(f"/baskets/{basket_id}/tenders", tender) for _ in range(2)))
    assert answered(first, 201)["due_minor"] == answered(second, 201)["due_minor"] == 3_899
    other = {**tender, "kind": "cheque"}
    refused(await anna.post(f"/baskets/{basket_id}/tenders", other), 409, "tender-id-taken", "tender_id")


async def test_a_basket_completed_twice_at_once_is_one_sale_and_the_answer_the_same(anna: Person) -> None:
    basket_id = await basket_of(anna, "bread")
    await pays(anna, basket_id, kind="cash", given_minor=450)
    answers = await asyncio.gather(*(anna.post(f"/baskets/{basket_id}/complete", {}) for _ in range(4)))
    documents = [answered(answer, 201) for answer in answers]
    assert all(document == documents[0] for document in documents)
    assert answered(await anna.get(f"/tills/{anna.till_id}/continuity"), 200)["held_count"] == 1


async def test_what_is_not_covered_is_not_sold(anna: Person) -> None:
    basket_id = await basket_of(anna, "bread")
    problem = refused(await anna.post(f"/baskets/{basket_id}/complete", {}), 409, "not-covered", "tenders")
    assert problem["due_minor"] == 450


async def test_a_card_is_asked_for_and_captured_when_the_sale_completes(shop: Shop, anna: Person) -> None:
    basket_id = await basket_of(anna, "wine")
    asked = await pays(anna, basket_id, status=202, kind="card", amount_minor=3_999)
    tender_id = asked["tenders"][0]["tender_id"]
    refused(await anna.post(f"/baskets/{basket_id}/complete", {}), 409, "tender-undecided")
    refused(await anna.post(f"/baskets/{basket_id}/cancel", {}), 409, "money-at-stake")
    await decides(
        shop,
        outcome(TenderAuthorized, basket_id, tender_id, currency="PLN", amount_minor=3_999, reference="A1"),
    )
    document = await completes(anna, basket_id)
    assert document["tenders"][0]["reference"] == "A1"
    assert await commands(shop, tender_id) == ["authorize_tender", "capture_tender"]
    await decides(shop, outcome(TenderCaptured, basket_id, tender_id))
    shown = answered(await anna.get(f"/baskets/{basket_id}/tenders"), 200)
    assert shown["tenders"][0]["state"] == "captured"


async def test_what_a_card_says_after_the_sale_takes_no_number_of_the_documents_events(
    shop: Shop, anna: Person
) -> None:
    manager = shop.person(anna.till_id, permissions=MANAGER, staff_id=anna.staff_id)
    basket_id = await basket_of(anna, "wine")
    tender_id = (await pays(anna, basket_id, status=202, kind="card", amount_minor=3_999))["tenders"][0]["tender_id"]
    await decides(shop, outcome(TenderAuthorized, basket_id, tender_id, currency="PLN", amount_minor=3_999))
    await completes(anna, basket_id)
    await decides(shop, outcome(TenderCaptured, basket_id, tender_id))
    answered(await manager.post(f"/sales/{basket_id}/void", {"reason": "wrong card"}, key=str(new_id())), 201)
    # opened, scanned, asked, authorised, sale_completed, sale_voided
    assert await published_sequences(shop, basket_id) == [1, 2, 3, 4, 5, 6]


async def test_rule_9_a_card_that_refused_to_pay_is_no_reason_to_refund_another_in_cash(
    shop: Shop, anna: Person
) -> None:
    bought = await basket_of(anna, "wine")
    tender_id = (await pays(anna, bought, status=202, kind="card", amount_minor=3_999))["tenders"][0]["tender_id"]
    await decides(shop, outcome(TenderAuthorized, bought, tender_id, currency="PLN", amount_minor=3_999))
    sold = await completes(anna, bought)
    exchange = await basket_of(anna, "tea")
    back = {
        "product_id": sold["lines"][0]["product_id"],
        "quantity": "-1",
        "returns": {"sale_id": bought, "line_id": sold["lines"][0]["line_id"]},
    }
    declined = (await pays(anna, exchange, status=202, kind="card", amount_minor=1_298))["tenders"][0]["tender_id"]
    await decides(shop, outcome(TenderDeclined, exchange, declined, reason_code="51", reason="Insufficient funds"))
    answered(await anna.post(f"/baskets/{exchange}/lines", back), 201)
    await pays(anna, exchange, kind="cash", given_minor=-2_700)
    refused(await anna.post(f"/baskets/{exchange}/complete", {}), 409, "refund-elsewhere", "tenders")


async def test_rule_11_a_gift_card_does_not_pay_for_a_gift_card(shop: Shop, anna: Person) -> None:
    basket_id = await basket_of(anna, "gift", "wine")
    path = f"/baskets/{basket_id}/tenders"
    problem = refused(
        await anna.post(path, {"kind": "gift_card", "amount_minor": 4_000}), 422, "tender-refused", "amount_minor"
    )
    assert problem["left_minor"] == 3_999
    await pays(anna, basket_id, status=202, kind="gift_card", amount_minor=3_000)
    refused(await anna.post(path, {"kind": "gift_card", "amount_minor": 1_000}), 422, "tender-refused", "amount_minor")
    assert (await pays(anna, basket_id, status=202, kind="gift_card", amount_minor=999))["due_minor"] == 5_000


async def test_waiting_with_prefer_answers_as_soon_as_the_outcome_is_there(shop: Shop, anna: Person) -> None:
    basket_id = await basket_of(anna, "wine")
    tender_id = str(new_id())
    body = {"tender_id": tender_id, "kind": "card", "amount_minor": 3_999}

    async def ask() -> Any:
        headers = {"Authorization": f"Bearer {anna.token}", "Prefer": "wait=20"}
        return await shop.http.post(f"/sales/v1/baskets/{basket_id}/tenders", json=body, headers=headers)

    async def decide() -> None:
        while not await commands(shop, tender_id):
            await asyncio.sleep(0.02)
        declined = outcome(TenderDeclined, basket_id, tender_id, reason_code="51", reason="Insufficient funds")
        await decides(shop, declined)

    answer, _ = await asyncio.gather(ask(), decide())
    payment = answered(answer, 201)
    assert (payment["tenders"][0]["state"], payment["due_minor"], payment["state"]) == ("declined", 3_999, "open")


async def test_whoever_watches_a_basket_is_told_of_an_outcome_at_once(shop: Shop, anna: Person) -> None:
    basket_id = await basket_of(anna, "wine")
    tender_id = (await pays(anna, basket_id, status=202, kind="card", amount_minor=3_999))["tenders"][0]["tender_id"]
    feed: LiveFeed = shop.resources[LiveFeed]
    async with feed.watch(f"sales.basket.{basket_id}") as messages:
        await decides(shop, outcome(TenderAuthorized, basket_id, tender_id, currency="PLN", amount_minor=3_999))
        told = await asyncio.wait_for(anext(messages), timeout=10)
    assert tender_id in told


async def test_rule_18_a_partial_approval_leaves_a_remainder_due(shop: Shop, anna: Person) -> None:
    basket_id = await basket_of(anna, "wine")
    tender_id = (await pays(anna, basket_id, status=202, kind="card", amount_minor=3_999))["tenders"][0]["tender_id"]
    await decides(shop, outcome(TenderAuthorized, basket_id, tender_id, currency="PLN", amount_minor=3_000))
    assert (await pays(anna, basket_id, kind="cash", given_minor=500))["due_minor"] == 499
    await pays(anna, basket_id, kind="cash", given_minor=500)
    assert (await completes(anna, basket_id))["total_minor"] == 3_999


async def test_rule_17_an_unknown_tender_keeps_the_basket_open_until_it_is_resolved(shop: Shop, anna: Person) -> None:
    basket_id = await basket_of(anna, "wine")
    tender_id = (await pays(anna, basket_id, status=202, kind="card", amount_minor=3_999))["tenders"][0]["tender_id"]
    await decides(shop, outcome(TenderUnknown, basket_id, tender_id, reason="No answer from the terminal"))
    refused(await anna.post(f"/baskets/{basket_id}/complete", {}), 409, "tender-undecided")
    payment = await anna.post(
        f"/baskets/{basket_id}/tenders", {"tender_id": str(new_id()), "kind": "cash", "given_minor": 4_000}
    )
    refused(payment, 422, "tender-refused")
    answered(await anna.asks("DELETE", f"/baskets/{basket_id}/tenders/{tender_id}"), 200)
    assert await commands(shop, tender_id) == ["authorize_tender", "release_tender"]
    await decides(shop, outcome(TenderReleased, basket_id, tender_id))
    await pays(anna, basket_id, kind="cash", given_minor=4_000)
    assert (await completes(anna, basket_id))["total_minor"] == 3_999


async def test_a_late_outcome_that_no_longer_applies_changes_nothing(shop: Shop, anna: Person) -> None:
    basket_id = await basket_of(anna, "wine")
    tender_id = (await pays(anna, basket_id, status=202, kind="card", amount_minor=3_999))["tenders"][0]["tender_id"]
    await decides(shop, outcome(TenderDeclined, basket_id, tender_id, reason_code="05", reason="Do not honour"))
    before = answered(await anna.get(f"/baskets/{basket_id}/tenders"), 200)
    await decides(shop, outcome(TenderAuthorized, basket_id, tender_id, currency="PLN", amount_minor=3_999))
    await decides(shop, outcome(TenderDeclined, basket_id, str(new_id()), reason_code="05", reason="Not ours"))
    assert answered(await anna.get(f"/baskets/{basket_id}/tenders"), 200) == before


async def test_a_kind_that_the_shop_does_not_take_is_refused(anna: Person) -> None:
    basket_id = await basket_of(anna, "wine")
    points = {"kind": "points", "amount_minor": 100}
    refused(await anna.post(f"/baskets/{basket_id}/tenders", points), 422, "tender-kind-not-taken", "kind")


async def test_a_basket_is_paid_where_it_is(shop: Shop, anna: Person) -> None:
    basket_id = await basket_of(anna, "wine")
    other = await shop.cashier()
    await other.opens()
    cash = {"kind": "cash", "given_minor": 4_000}
    refused(await other.post(f"/baskets/{basket_id}/tenders", cash), 409, "basket-elsewhere")
    refused(await other.post(f"/baskets/{uuid4()}/tenders", cash), 404, "unknown-basket", "basket_id")
