"""What tests of baskets need beside the shop: an assortment with every kind of goods, and a cashier with a basket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
from biip.checksums import gs1_standard_check_digit
from sqlalchemy import text

from libs.bus.consumer import Received
from libs.bus.envelope import Envelope
from libs.contracts.catalog import (
    BarcodeLayout,
    BarcodeLayoutsChanged,
    PriceChanged,
    PriceFacts,
    ProductChanged,
    PromotionChanged,
)
from libs.contracts.message import Message
from libs.contracts.permissions import CASHIER, Permission
from libs.pricing import ProductSelector, Promotion, PromotionKind
from services.sales.handlers import catalogue_consumer
from tests.integration.sales.shift_shop import Person, Shop, answered


def ean(digits: str) -> str:
    """The EAN with its check digit."""
    return digits + str(gs1_standard_check_digit(digits))


BEER_EAN = ean("590123412345")
TEA_EAN = ean("590999900001")
APPLES_1250_G = ean("27" + "01234" + "01250")
CHEESE_FOR_8_47 = ean("28" + "02222" + "00847")
LAYOUTS = (
    BarcodeLayout(prefix="27", item_digits=5, value_digits=5, value_kind="weight", value_decimals=3),
    BarcodeLayout(prefix="28", item_digits=5, value_digits=5, value_kind="price", value_decimals=2),
)


def product(code: str, **changes: Any) -> ProductChanged:
    """A product sold by the piece at 23 % VAT, but for `changes`."""
    facts: dict[str, Any] = {
        "product_id": uuid4(),
        "code": code,
        "name": code.capitalize(),
        "category_ids": (),
        "kind": "goods",
        "unit": "piece",
        "tax_category": "standard",
        "barcodes": (),
        "item_code": None,
        "minimum_age_years": None,
        "discountable": True,
        "image_url": None,
        "variant_of": None,
    }
    return ProductChanged(**{**facts, **changes})


def price_of(product_id: UUID, *amounts_minor: int, **changes: Any) -> PriceChanged:
    """The prices of a product in PLN."""
    facts = {"price_list": "standard", "currency": "PLN", "minimum_quantity_milli": 0, **changes}
    return PriceChanged(
        product_id=product_id, prices=tuple(PriceFacts(amount_minor=amount, **facts) for amount in amounts_minor)
    )


def promotion(name: str, kind: PromotionKind, **rules: Any) -> PromotionChanged:
    """A promotion with these rules."""
    promotion_id = uuid4()
    facts = Promotion(id=str(promotion_id), name=name, kind=kind, **rules).facts()
    return PromotionChanged(promotion_id=promotion_id, name=name, facts=facts, active=True)


async def publish(shop: Shop, *messages: Message, sequence: int = 1) -> None:
    """Let the service's own consumer take in these events, in one batch."""
    batch = [
        Received(
            message,
            Envelope(
                id=str(uuid4()),
                type=message.message.type,
                source="/catalog",
                subject=message.subject,
                time=datetime(2025, 11, 19, tzinfo=UTC),
                partition_key=message.subject,
                sequence=sequence,
                correlation_id="test",
                body=message.body(),
            ),
        )
        for message in messages
    ]
    async with shop.database.transaction() as work:
        await catalogue_consumer.handler(batch, work)


async def stock_the_shelves(shop: Shop) -> None:
    """Beside bread, wine and tea: beer from 18, apples by weight, labelled cheese, a gift card, and promotions."""
    goods = {
        "beer": (product("beer", barcodes=(BEER_EAN,), minimum_age_years=18), 599),
        "apples": (product("apples", unit="kg", item_code="1234", tax_category="reduced"), 399),
        "cheese": (product("cheese", unit="kg", item_code="2222", tax_category="reduced"), 4_999),
        "spirits": (product("spirits", minimum_age_years=21), 7_999),
        "gift": (product("gift", kind="gift_card", tax_category=""), 5_000),
        "retired": (product("retired", active=False), 100),
        "unpriced": (product("unpriced"), None),
        "coffee": (product("coffee", name="Coffee", names={"en": "Coffee beans"}, barcodes=(TEA_EAN,)), 2_000),
    }
    for code, (changed, price) in goods.items():
        shop.products[code] = changed.product_id
        await publish(shop, changed)
        if price is not None:
            await publish(shop, price_of(changed.product_id, price))
    coffee = ProductSelector(product_ids=frozenset({str(shop.products["coffee"])}))
    bread = ProductSelector(product_ids=frozenset({str(shop.products["bread"])}))
    await publish(
        shop,
        BarcodeLayoutsChanged(chain="main", layouts=LAYOUTS),
        promotion(
            "Coffee coupon", PromotionKind.PERCENT_OFF, products=coffee, percent_ppm=200_000, coupon_code="BEANS"
        ),
        promotion(
            "Gold bread",
            PromotionKind.MEMBER_PRICE,
            products=bread,
            amount_minor=400,
            currency="PLN",
            customer_groups=frozenset({"gold"}),
        ),
    )


@dataclass
class Till:
    """A cashier at a till with an open shift, and one basket in hand."""

    shop: Shop
    person: Person
    basket_id: str = ""

    async def open(self, **body: Any) -> dict[str, Any]:
        """A new basket."""
        basket = answered(await self.person.post("/baskets", {"currency": "PLN", **body}), 201)
        self.basket_id = basket["basket_id"]
        return dict(basket)

    async def scan(self, code: str, **body: Any) -> dict[str, Any]:
        """The basket after a scan that must succeed."""
        return dict(answered(await self.tries_to_scan(code=code, **body), 201))

    async def tries_to_scan(self, **body: Any) -> httpx.Response:
        return await self.person.post(self.path("/lines"), body)

    async def put(self, path: str, body: Any) -> httpx.Response:
        return await self.person.asks("PUT", self.path(path), body)

    async def post(self, path: str, body: Any = None) -> httpx.Response:
        return await self.person.post(self.path(path), body)

    async def basket(self) -> dict[str, Any]:
        return dict(answered(await self.person.get(self.path("")), 200))

    def path(self, rest: str) -> str:
        return f"/baskets/{self.basket_id}{rest}"

    def approval(
        self,
        action: Permission,
        *,
        bound_to: str | None = None,
        up_to: dict[str, Any] | None = None,
        limits: dict[str, int] | None = None,
        **more_limits: int,
    ) -> str:
        """A manager's approval of an action on the basket, with these limits of theirs, as far as `up_to`."""
        claims: dict[str, Any] = {"limits": {**(limits or {}), **more_limits}}
        if up_to is not None:
            claims["up_to"] = up_to
        return self.shop.approval(action, bound_to or self.basket_id, self.person, **claims)


async def till(shop: Shop, *, opened: bool = True, **options: Any) -> Till:
    """A new till with a cashier, whose limits are a discount of 10 % and a refund of 1,000.00, and an open shift."""
    at = Till(shop, await shop.cashier(**options))
    if opened:
        await at.person.opens()
        await at.open()
    return at


async def till_without(shop: Shop, *missing: Permission) -> Till:
    """A till whose cashier lacks these permissions."""
    return await till(shop, permissions=CASHIER - set(missing))


def line(basket: dict[str, Any], index: int = -1) -> dict[str, Any]:
    """One line of a basket, the newest unless told otherwise."""
    return dict(basket["lines"][index])


def totals(basket: dict[str, Any]) -> Sequence[int]:
    """Gross, discount, tax and total of a basket."""
    return [basket[f"{name}_minor"] for name in ("gross", "discount", "tax", "total")]


async def basket_events(shop: Shop, basket_id: str) -> list[tuple[int, str, int, int]]:
    """Sequence, state, number of lines and total of each `basket_updated` published of a basket, in order."""
    async with shop.database.reading() as connection:
        rows = await connection.execute(
            text(
                "select headers ->> 'ce-sequence' as sequence, convert_from(body, 'UTF8')::jsonb as body from outbox"
                " where key = :key and type = 'tillstream.sales.basket_updated.v1' order by seq"
            ),
            {"key": basket_id},
        )
        return [(int(row.sequence), row.body["state"], row.body["line_count"], row.body["total_minor"]) for row in rows]


async def published_sequences(shop: Shop, subject: str) -> list[int]:
    """The sequence numbers of every event published of a subject, in order."""
    async with shop.database.reading() as connection:
        rows = await connection.execute(
            text("select headers ->> 'ce-sequence' from outbox where headers ->> 'ce-subject' = :subject order by seq"),
            {"subject": subject},
        )
        return [int(sequence) for sequence in rows.scalars()]
