"""A product from the tables to a price: currencies, price lists, units, and a basket that cannot be priced."""

from __future__ import annotations

import gc
from dataclasses import replace
from uuid import uuid4

import pytest

from libs.money import Quantity
from libs.pricing import ProductKind
from services.sales.domain.basket import AbsurdQuantity
from services.sales.domain.priced_contents import CannotBePriced
from services.sales.domain.product import MOST_PRICED_STORES, ProductNotSold, UnknownProduct
from tests.unit.sales.baskets import STORE, basket, frozen, line, price, priced, product


def test_only_prices_in_the_stores_currency_count() -> None:
    goods = product(price(250, currency="EUR"), price(1_000))
    assert priced(basket(line(goods)), goods).total_minor == 1_000
    foreign = product(price(250, currency="EUR"))
    with pytest.raises(CannotBePriced, match="Towar has no price"):
        priced(basket(line(foreign)), foreign)


def test_the_stores_own_price_list_goes_before_a_cheaper_one() -> None:
    goods = product(price(1_000), price(1_200, price_list="airport"))
    airport = STORE.model_copy(update={"store_id": uuid4(), "price_list": "airport"})
    own = replace(basket(line(goods)), store_id=airport.store_id)
    assert priced(own, goods, store=airport).total_minor == 1_200
    assert priced(basket(line(goods)), goods).total_minor == 1_000


def test_a_price_for_named_stores_goes_before_the_stores_own_list_elsewhere() -> None:
    store_id = str(STORE.store_id)
    goods = product(price(1_000), price(700, price_list="opening", store_ids=[store_id]))
    elsewhere = STORE.model_copy(update={"store_id": uuid4()})
    assert priced(basket(line(goods)), goods).total_minor == 700
    assert (
        priced(replace(basket(line(goods)), store_id=elsewhere.store_id), goods, store=elsewhere).total_minor == 1_000
    )


def test_a_quantity_break_holds_from_its_quantity() -> None:
    goods = product(price(1_000), price(800, minimum_quantity_milli=6_000))
    assert [priced(basket(line(goods, each)), goods).total_minor for each in (5, 6)] == [5_000, 4_800]


def test_a_price_with_a_time_holds_within_it() -> None:
    goods = product(
        price(1_000),
        price(900, starts_at="2025-11-19T12:00:00Z", ends_at="2025-11-19T13:00:00+00:00"),
        price(1, starts_at="2025-11-19T12:00:01Z"),
        price(2, ends_at="2025-11-19T12:00:00Z"),
    )
    assert priced(basket(line(goods)), goods).total_minor == 900


def test_what_pricing_needs_of_a_product_is_made_once_for_each_currency() -> None:
    goods = product()
    assert goods.priced(STORE) is goods.priced(STORE.model_copy(update={"store_id": uuid4()}))


def test_a_piece_is_not_sold_in_parts_and_a_kilogram_is() -> None:
    with pytest.raises(AbsurdQuantity, match=r"sold by the piece; 0\.500 has decimals"):
        product().demand_countable(Quantity(500))
    product(unit="kg").demand_countable(Quantity(500))


def test_a_product_out_of_the_range_is_not_sold() -> None:
    with pytest.raises(ProductNotSold, match="P1"):
        product(active=False).demand_sold()
    product().demand_sold()


def test_a_service_is_priced_as_goods_and_a_gift_card_as_itself() -> None:
    assert product(kind="service").kind is ProductKind.GOODS
    assert product(kind="gift_card").kind is ProductKind.GIFT_CARD


def test_a_basket_of_an_unknown_product_names_it() -> None:
    goods = product()
    with pytest.raises(UnknownProduct, match=str(goods.product_id)):
        priced(basket(line(goods)))


def test_an_unknown_tax_category_names_what_is_wrong() -> None:
    goods = product(tax_category="nowhere")
    with pytest.raises(CannotBePriced, match="nowhere"):
        priced(basket(line(goods)), goods)


def test_frozen_lines_keep_what_a_document_needs_in_the_language_of_the_receipt() -> None:
    goods, other = product(), product(price(333), code="P2", unit="kg", tax_category="reduced")
    own = basket(line(goods, 2), line(other, "0.500"))
    first, second = priced(own, goods, other).frozen_lines(own, "pl")
    assert (first.name, first.product_code, first.unit, first.quantity_milli, first.total_minor) == (
        "Towar",
        "P1",
        "piece",
        2_000,
        2_000,
    )
    # 0.5 × 3.33 = 1.67, of which 8 % VAT is 0.12.
    assert (second.unit, second.total_minor, second.taxes[0].tax_minor, second.taxes[0].base_minor) == (
        "kg",
        167,
        12,
        155,
    )
    assert frozen(own, goods, other)[0].name == "Goods"


def test_exclusive_prices_add_their_tax() -> None:
    goods = product()
    exclusive = STORE.model_copy(update={"tax_mode": "exclusive"})
    contents = priced(basket(line(goods)), goods, store=exclusive)
    assert (contents.priced.net_minor, contents.priced.tax_minor, contents.total_minor) == (1_000, 230, 1_230)


def test_a_product_that_is_sold_in_every_store_of_a_large_chain_stays_small() -> None:
    goods = product(price(1_000), price(1_200, price_list="airport"))
    airport = STORE.model_copy(update={"price_list": "airport"})
    for _ in range(500):
        store = airport.model_copy(update={"store_id": uuid4()})
        assert goods.priced(store).prices[1].store_ids == {str(store.store_id)}
    [remembered] = [each for each in gc.get_referents(goods) if isinstance(each, dict) and len(each) > 1]
    assert len(remembered) <= MOST_PRICED_STORES
