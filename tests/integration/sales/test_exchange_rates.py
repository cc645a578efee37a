"""The rates of foreign cash over HTTP (retail rule 16)."""

from __future__ import annotations

import pytest

from libs.contracts.permissions import Permission
from tests.integration.sales.shift_shop import Person, Shop, answered, refused

pytestmark = pytest.mark.anyio


@pytest.fixture
def office(shop: Shop) -> Person:
    return shop.person(None, "Office", frozenset({Permission.SALES_CONFIGURE, Permission.SALES_READ}))


async def test_a_rate_is_set_changed_listed_and_removed(office: Person) -> None:
    first = answered(await office.asks("PUT", "/exchange-rates/PLN/CZK", {"rate": "0.1730"}), 200)
    assert (first["rate"], first["changed_by"]) == ("0.173", str(office.staff_id))
    answered(await office.asks("PUT", "/exchange-rates/PLN/CZK", {"rate": "0.1741"}), 200)
    answered(await office.asks("PUT", "/exchange-rates/PLN/CHF", {"rate": "1e1"}), 200)
    answered(await office.asks("PUT", "/exchange-rates/EUR/CZK", {"rate": "0.04"}), 200)
    listed = answered(await office.get("/exchange-rates?local_currency=PLN"), 200)["items"]
    assert [(one["foreign_currency"], one["rate"]) for one in listed] == [("CHF", "10"), ("CZK", "0.1741")]
    assert (await office.asks("DELETE", "/exchange-rates/PLN/CHF")).status_code == 204
    refused(await office.asks("DELETE", "/exchange-rates/PLN/CHF"), 404, "unknown-exchange-rate")


async def test_rule_16_the_rate_is_frozen_on_the_tender(shop: Shop, office: Person) -> None:
    anna = await shop.cashier()
    await anna.opens()
    dollars = {"kind": "cash", "foreign_currency": "USD", "foreign_minor": 500}
    refused(await anna.tries_to_sell(["bread"], dollars), 422, "no-exchange-rate")
    answered(await office.asks("PUT", "/exchange-rates/PLN/USD", {"rate": "3.6521"}), 200)
    sold = await anna.sells(["bread"], dollars)
    answered(await office.asks("PUT", "/exchange-rates/PLN/USD", {"rate": "4"}), 200)
    (tender,) = answered(await anna.get(f"/sales/{sold['sale_id']}"), 200)["sale"]["tenders"]
    # 5.00 USD are 18.26 PLN; 4.50 are due, 13.75 is the change in coins of 0.05.
    assert (tender["exchange_rate"], tender["given_minor"], tender["change_minor"]) == ("3.6521", 1_826, 1_375)


async def test_setting_a_rate_needs_the_permission_and_a_positive_decimal(shop: Shop, office: Person) -> None:
    anna = await shop.cashier()
    problem = refused(await anna.asks("PUT", "/exchange-rates/PLN/GBP", {"rate": "5"}), 403, "forbidden")
    assert problem["permission"] == "sales.configure"
    refused(await anna.asks("DELETE", "/exchange-rates/PLN/GBP"), 403, "forbidden")
    for text in ("0", "-4.2", "4,25", "NaN", "1e99"):
        refused(
            await office.asks("PUT", "/exchange-rates/PLN/GBP", {"rate": text}), 422, "invalid-exchange-rate", "rate"
        )
    refused(await office.asks("PUT", "/exchange-rates/PLN/GBP", {"rate": 4.25}), 422, "invalid-request", "rate")
    refused(await office.asks("PUT", "/exchange-rates/PLN/PLN", {"rate": "1"}), 422, "invalid-exchange-rate")
    refused(await office.asks("PUT", "/exchange-rates/PLN/ABC", {"rate": "1"}), 422, "invalid-request")
