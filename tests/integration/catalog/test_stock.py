"""Stock: a ledger that sales move once, whatever is repeated; on hand is always its sum."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from libs.bus.consumer import Received
from libs.bus.envelope import Envelope
from libs.contracts.sales import LineFacts, SaleCompleted
from services.catalog.handlers import STOCK
from tests.integration.catalog.office import STORE, Office, refused

SOLD_AT = datetime(2026, 5, 4, 10, 30, tzinfo=UTC)


def line(product: dict[str, Any], quantity_milli: int, **more: Any) -> LineFacts:
    facts: dict[str, Any] = {
        "line_id": uuid4(),
        "product_id": UUID(product["id"]),
        "product_code": product["code"],
        "name": product["name"],
        "kind": product["kind"],
        "unit": product["unit"],
        "quantity_milli": quantity_milli,
        "unit_price_minor": 100,
        "list_price_minor": 100,
        "gross_minor": 0,
        "adjustments": (),
        "net_minor": 0,
        "taxes": (),
        "total_minor": 0,
    }
    return LineFacts(**{**facts, **more})


def sale(*lines: LineFacts, kind: str = "sale", store: UUID = STORE, **more: Any) -> SaleCompleted:
    facts: dict[str, Any] = {
        "sale_id": uuid4(),
        "kind": kind,
        "store_id": store,
        "till_id": uuid4(),
        "till_code": "1",
        "shift_id": uuid4(),
        "number": 1,
        "receipt_code": "W1-1-1",
        "staff_id": uuid4(),
        "staff_name": "Anna",
        "business_date": date(2026, 5, 4),
        "completed_at": SOLD_AT,
        "currency": "EUR",
        "tax_mode": "inclusive",
        "tax_rounding": "per_line",
        "lines": lines,
        "taxes": (),
        "tenders": (),
        "gross_minor": 0,
        "discount_minor": 0,
        "tax_minor": 0,
        "total_minor": 0,
        "rounding_minor": 0,
    }
    return SaleCompleted(**{**facts, **more})


async def heard(office: Office, *messages: SaleCompleted) -> None:
    """The stock consumer takes the messages in, each in a transaction of its own, as the inbox does."""
    for message in messages:
        envelope = Envelope(
            id=str(uuid4()),
            type=message.message.type,
            source="/sales",
            subject=message.subject,
            time=SOLD_AT,
            partition_key=message.subject,
            sequence=1,
            correlation_id="test",
            body=message.body(),
        )
        async with office.database.transaction() as work:
            await STOCK.handlers[SaleCompleted](Received(message, envelope), work)


async def on_hand(office: Office, store: UUID = STORE) -> dict[str, str]:
    items = (await office.get("/stock", store_id=store))["items"]
    return {item["product_code"]: item["on_hand"] for item in items}


async def ledger_agrees(office: Office) -> bool:
    """Whether on hand is the sum of the movements, for every product at every store, and the last line says so too."""
    async with office.database.reading() as connection:
        rows = await connection.execute(
            text(
                "SELECT s.on_hand_milli, sum(m.change_milli) AS total, "
                "(array_agg(m.on_hand_milli ORDER BY m.id DESC))[1] AS last FROM stock s "
                "JOIN stock_movements m USING (store_id, product_id) GROUP BY s.store_id, s.product_id"
            )
        )
        return all(row.on_hand_milli == row.total == row.last for row in rows)


async def receipt(office: Office, product: dict[str, Any], quantity: str, reason: str = "receipt") -> Any:
    body = {
        "store_id": str(STORE),
        "reason": reason,
        "reference": "DN-1",
        "lines": [{"product_id": product["id"], "quantity": quantity}],
    }
    return await office.post("/stock/movements", body, key=str(uuid4()))


async def test_a_sale_lowers_a_return_raises_and_a_void_reverses(office: Office) -> None:
    await office.tax_category()
    tea, ham = await office.product("TEA"), await office.product("HAM", unit="kg")
    await receipt(office, tea, "10")
    sold = sale(line(tea, 3_000), line(ham, 1_250), line(tea, 1_000))
    returned = sale(line(tea, -1_000), kind="return")
    voided = sale(line(tea, -3_000), line(ham, -1_250), line(tea, -1_000), kind="void", voids_sale_id=sold.sale_id)
    await heard(office, sold)
    assert await on_hand(office) == {"HAM": "-1.250", "TEA": "6"}
    await heard(office, returned)
    assert await on_hand(office) == {"HAM": "-1.250", "TEA": "7"}
    await heard(office, voided)
    assert await on_hand(office) == {"HAM": "0", "TEA": "11"}
    movements = (await office.get(f"/stock/{STORE}/{tea['id']}/movements"))["items"]
    assert [(movement["reason"], movement["change"], movement["on_hand"]) for movement in movements] == [
        ("void", "1", "11"),
        ("void", "3", "10"),
        ("return", "1", "7"),
        ("sale", "-1", "6"),
        ("sale", "-3", "7"),
        ("receipt", "10", "10"),
    ]
    assert (movements[3]["reference"], movements[3]["sale_id"]) == ("W1-1-1", str(sold.sale_id))
    assert await ledger_agrees(office)


async def test_a_sale_that_is_heard_again_moves_nothing(office: Office) -> None:
    await office.tax_category()
    tea = await office.product("TEA")
    sold = sale(line(tea, 2_000), line(tea, 1_000))
    await heard(office, sold, sold)
    await asyncio.gather(*(heard(office, sold) for _ in range(3)))
    assert await on_hand(office) == {"TEA": "-3"}
    stock_id = f"{STORE}.{tea['id']}"
    assert [(event["sequence"], event["change_milli"]) for event in await office.events(stock_id)] == [(1, -3_000)]


async def test_what_is_not_kept_does_not_move(office: Office) -> None:
    await office.tax_category()
    card = await office.product("CARD", kind="gift_card", tax_category=None)
    repair = await office.product("REPAIR", kind="service")
    bag = await office.product("BAG", tracks_stock=False)
    unknown = {"id": str(uuid4()), "code": "X", "name": "X", "kind": "goods", "unit": "piece"}
    await heard(office, sale(*(line(product, 1_000) for product in (card, repair, bag, unknown))))
    assert await on_hand(office) == {}
    body = {"store_id": str(STORE), "reason": "receipt", "lines": [{"product_id": bag["id"], "quantity": 1}]}
    answer = await office.asks("POST", "/stock/movements", json=body, headers={"Idempotency-Key": "k" * 8})
    refused(answer, 422, "invalid", "lines.0.product_id")


async def test_stores_are_apart(office: Office) -> None:
    await office.tax_category()
    tea, other = await office.product("TEA"), uuid4()
    await heard(office, sale(line(tea, 1_000)), sale(line(tea, 5_000), store=other))
    assert (await on_hand(office), await on_hand(office, other)) == ({"TEA": "-1"}, {"TEA": "-5"})


async def test_many_sales_at_once_of_the_same_products_in_any_order_agree(office: Office) -> None:
    await office.tax_category()
    products = [await office.product(f"P{number}") for number in range(4)]
    sales = [
        sale(*(line(product, 1_000) for product in (products if number % 2 else reversed(products))))
        for number in range(20)
    ]
    await asyncio.gather(*(heard(office, each) for each in sales))
    assert await on_hand(office) == {f"P{number}": "-20" for number in range(4)}
    assert await ledger_agrees(office)
    events = await office.events(f"{STORE}.{products[0]['id']}")
    assert [event["sequence"] for event in events] == list(range(1, 21))
    assert events[-1]["on_hand_milli"] == -20_000


async def test_stock_low_is_told_once_for_each_crossing(office: Office) -> None:
    await office.tax_category()
    tea = await office.product("TEA")
    await receipt(office, tea, "5")
    answer = await office.put(f"/stock/{STORE}/{tea['id']}/reorder-point", {"reorder_point": "3"})
    assert answer == {"on_hand": "5", "reorder_point": "3", "low": False}
    await heard(office, sale(line(tea, 1_000)))
    await heard(office, sale(line(tea, 1_000)), sale(line(tea, 1_000)), sale(line(tea, 1_000)))
    await receipt(office, tea, "10")
    await heard(office, sale(line(tea, 20_000)))
    events = await office.events(f"{STORE}.{tea['id']}")
    assert [(event["sequence"], event["type"], event["on_hand_milli"]) for event in events] == [
        (1, "stock_changed", 5_000),
        (2, "stock_changed", 4_000),
        (3, "stock_changed", 3_000),
        (4, "stock_low", 3_000),
        (5, "stock_changed", 2_000),
        (6, "stock_changed", 1_000),
        (7, "stock_changed", 11_000),
        (8, "stock_changed", -9_000),
        (9, "stock_low", -9_000),
    ]
    assert events[3]["reorder_point_milli"] == 3_000
    low = (await office.get("/stock", store_id=STORE, low=True))["items"]
    assert [(item["product_code"], item["on_hand"], item["low"]) for item in low] == [("TEA", "-9", True)]
    assert len((await office.get("/stock", store_id=STORE, negative=True))["items"]) == 1


async def test_a_reorder_point_above_what_is_there_is_low_at_once(office: Office) -> None:
    await office.tax_category()
    tea = await office.product("TEA")
    path = f"/stock/{STORE}/{tea['id']}/reorder-point"
    assert (await office.put(path, {"reorder_point": 2}))["low"] is True
    assert (await office.put(path, {"reorder_point": 2}))["low"] is True
    assert [event["type"] for event in await office.events(f"{STORE}.{tea['id']}")] == ["stock_low"]
    assert await office.put(path, {"reorder_point": None}) == {"on_hand": "0", "reorder_point": None, "low": False}
    refused(await office.asks("PUT", path, json={"reorder_point": "-1"}), 422, "invalid", "reorder_point")


async def test_counts_set_and_adjustments_add_with_who_and_why(office: Office) -> None:
    await office.tax_category()
    ham = await office.product("HAM", unit="kg")
    await receipt(office, ham, "10.500")
    answer = await receipt(office, ham, "9.750", "count")
    assert (answer["movements"][0]["change"], answer["movements"][0]["on_hand"]) == ("-0.750", "9.750")
    answer = await receipt(office, ham, "-0.250", "adjustment")
    movement = answer["movements"][0]
    assert (movement["on_hand"], movement["reason"], movement["reference"]) == ("9.500", "adjustment", "DN-1")
    assert movement["moved_by"] is not None
    assert await ledger_agrees(office)


@pytest.mark.parametrize(
    ("reason", "quantity", "field"),
    [
        ("receipt", "0", "lines.0.quantity"),
        ("receipt", "-1", "lines.0.quantity"),
        ("receipt", "1.5", "lines.0.quantity"),
        ("adjustment", "0", "lines.0.quantity"),
        ("count", "-1", "lines.0.quantity"),
    ],
)
async def test_a_wrong_quantity_is_refused(office: Office, reason: str, quantity: str, field: str) -> None:
    await office.tax_category()
    tea = await office.product("TEA")
    body = {
        "store_id": str(STORE),
        "reason": reason,
        "lines": [{"product_id": tea["id"], "quantity": quantity}],
    }
    answer = await office.asks("POST", "/stock/movements", json=body, headers={"Idempotency-Key": "k" * 8})
    refused(answer, 422, "invalid", field)
    assert await on_hand(office) == {}


async def test_a_receipt_sent_twice_is_received_once(office: Office) -> None:
    await office.tax_category()
    tea = await office.product("TEA")
    body = {
        "store_id": str(STORE),
        "reason": "receipt",
        "lines": [{"product_id": tea["id"], "quantity": 4}],
    }
    first = await office.post("/stock/movements", body, key="delivery-1")
    assert await office.post("/stock/movements", body, key="delivery-1") == first
    assert await on_hand(office) == {"TEA": "4"}
    missing = await office.asks("POST", "/stock/movements", json=body)
    refused(missing, 400, "idempotency-key-required", "header.Idempotency-Key")


async def test_stock_is_read_and_moved_only_with_permission_and_for_ones_own_store(office: Office) -> None:
    await office.tax_category()
    tea = await office.product("TEA")
    elsewhere = office.someone(stores=(uuid4(),))
    refused(await elsewhere.asks("GET", "/stock", params={"store_id": str(STORE)}), 403, "forbidden")
    body = {"store_id": str(STORE), "reason": "receipt", "lines": [{"product_id": tea["id"], "quantity": 1}]}
    headers = {"Idempotency-Key": "k" * 8}
    refused(await elsewhere.asks("POST", "/stock/movements", json=body, headers=headers), 403, "forbidden")
    reader = office.someone(frozenset({"catalog.read_stock"}), stores=(STORE,))
    assert (await reader.get("/stock", store_id=STORE))["items"] == []
    answer = await reader.asks("POST", "/stock/movements", json=body, headers=headers)
    assert refused(answer, 403, "forbidden")["permission"] == "catalog.adjust_stock"
