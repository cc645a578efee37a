"""Price checks: what goods would cost here and now; nothing is sold or kept."""

from __future__ import annotations

import pytest

from tests.integration.sales.basket_shop import APPLES_1250_G, BEER_EAN, CHEESE_FOR_8_47
from tests.integration.sales.shift_shop import Shop, answered, refused

pytestmark = pytest.mark.anyio


async def test_a_price_check_says_price_tax_age_and_why(shop: Shop) -> None:
    anna = await shop.cashier()
    checked = answered(await anna.get(f"/price-checks?code={BEER_EAN}"), 200)
    assert checked == {
        "product_id": str(shop.products["beer"]),
        "product_code": "beer",
        "name": "Beer",
        "unit": "piece",
        "minimum_age_years": 18,
        "currency": "PLN",
        "quantity": "1",
        "unit_price_minor": 599,
        "list_price_minor": 599,
        "gross_minor": 599,
        "adjustments": [],
        # 5.99 at 23 % inside: 4.87 + 1.12.
        "taxes": [{"code": "VAT", "name": "VAT", "rate_ppm": 230_000, "base_minor": 487, "tax_minor": 112}],
        "total_minor": 599,
        "explanation": [
            "price list standard",
            "1 × 5.99 = 5.99",
            "including VAT 23 % on 4.87: 1.12",
            "to pay: 5.99",
        ],
    }


async def test_a_price_check_knows_weights_labels_quantities_and_members(shop: Shop) -> None:
    anna = await shop.cashier()
    for query, quantity, total_minor in (
        (f"code={APPLES_1250_G}", "1.250", 499),
        (f"code={CHEESE_FOR_8_47}", "0.169", 847),
        (f"code={CHEESE_FOR_8_47}&quantity=3", "0.507", 2_541),
        ("code=apples&quantity=0.5", "0.500", 200),
        ("code=bread&quantity=3", "3", 1_350),
        ("code=bread&quantity=3&customer_group=gold", "3", 1_200),
    ):
        checked = answered(await anna.get(f"/price-checks?{query}"), 200)
        assert (query, checked["quantity"], checked["total_minor"]) == (query, quantity, total_minor)


async def test_a_price_check_of_what_is_not_sold_is_refused(shop: Shop) -> None:
    anna = await shop.cashier()
    refused(await anna.get("/price-checks?code=nothing"), 404, "unknown-product", "code")
    refused(await anna.get("/price-checks?code=retired"), 409, "product-not-sold")
    refused(await anna.get("/price-checks?code=unpriced"), 422, "cannot-be-priced")
    refused(await anna.get("/price-checks?code=bread&quantity=0.5"), 422, "absurd-quantity", "quantity")
    refused(await anna.get("/price-checks?code=bread&quantity=1.23456"), 422, "invalid-request", "query.quantity")
    refused(await anna.get("/price-checks"), 422, "invalid-request", "query.code")
    office = shop.person(None)
    elsewhere = "c0ffee00-0000-7000-8000-000000000000"
    refused(await office.get(f"/price-checks?code=bread&store_id={elsewhere}"), 403, "forbidden")
