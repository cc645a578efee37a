"""Retail rules 2 and 6: returns in any portions and any order sum to exactly the sale."""

import json
from itertools import pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.money import Quantity
from libs.pricing import (
    Basket,
    PriceBook,
    PricedBasket,
    PricedLine,
    ReturnPolicy,
    freeze_sale,
    price_basket,
    refund,
    return_line,
    return_recomputed,
    thaw_sale,
)
from tests.property.shopping import baskets, books

fast = settings(max_examples=120, deadline=None, derandomize=True)
NOTHING = Quantity(0)


def portions(whole_milli: int, chance: Random) -> list[int]:
    """Random positive parts of a quantity."""
    cuts = sorted({chance.randrange(1, whole_milli) for _ in range(3)} if whole_milli > 1 else set())
    edges = [0, *cuts, whole_milli]
    return [end - start for start, end in pairwise(edges)]


@fast
@given(baskets(), books())
def test_rule_2_refund_of_a_sale_is_minus_the_sale(basket: Basket, book: PriceBook) -> None:
    sale = price_basket(basket, book)
    returned = refund(sale)
    assert returned.lines == tuple(-line for line in sale.lines)
    assert returned.lines == tuple(return_line(line, line.quantity, NOTHING, line.quantity) for line in sale.lines)
    assert (returned.total_minor, returned.tax_minor) == (-sale.total_minor, -sale.tax_minor)
    assert refund(returned).lines == sale.lines


def assert_sums_to_minus(line: PricedLine, parts: list[PricedLine]) -> None:
    assert sum(part.quantity.milli for part in parts) == -line.quantity.milli
    assert sum(part.gross_minor for part in parts) == -line.gross_minor
    assert sum(part.net_minor for part in parts) == -line.net_minor
    assert sum(part.total_minor for part in parts) == -line.total_minor
    for index, tax in enumerate(line.taxes):
        assert sum(part.taxes[index].base_minor for part in parts) == -tax.base_minor
        assert sum(part.taxes[index].tax_minor for part in parts) == -tax.tax_minor
    for index, adjustment in enumerate(line.adjustments):
        assert sum(part.adjustments[index].amount_minor for part in parts) == -adjustment.amount_minor


@fast
@given(baskets(), books(), st.randoms(use_true_random=False))
def test_rule_2_portions_of_any_size_sum_to_the_sale(basket: Basket, book: PriceBook, chance: Random) -> None:
    for line in price_basket(basket, book).lines:
        done, parts = 0, []
        for portion in portions(line.quantity.milli, chance):
            part = return_line(line, line.quantity, Quantity(done), Quantity(portion))
            assert part.gross_minor + part.discount_minor == part.net_minor
            assert part.discount_minor == sum(each.amount_minor for each in part.adjustments)
            assert part.net_minor <= 0
            parts.append(part)
            done += portion
        assert_sums_to_minus(line, parts)


@fast
@given(baskets(), books(policy=ReturnPolicy.RECOMPUTE), st.randoms(use_true_random=False))
def test_rule_6_recomputed_returns_in_any_order_sum_to_the_sale(
    basket: Basket, book: PriceBook, chance: Random
) -> None:
    sale = price_basket(basket, book)
    steps = [(line.line_id, Quantity(part)) for line in sale.lines for part in portions(line.quantity.milli, chance)]
    chance.shuffle(steps)
    sold, then = thaw_sale(json.loads(json.dumps(freeze_sale(basket, sale, book))))
    already: dict[str, Quantity] = {}
    refunds: list[PricedBasket] = []
    for line_id, quantity in steps:
        refunds.append(return_recomputed(sold, sale, then, already, {line_id: quantity}))
        already[line_id] = already.get(line_id, NOTHING) + quantity
    assert sum(each.total_minor for each in refunds) == -sale.total_minor
    assert sum(each.tax_minor for each in refunds) == -sale.tax_minor
    for line in sale.lines:
        changes = [each for done in refunds for each in done.lines if each.line_id == line.line_id]
        assert sum(each.quantity.milli for each in changes) == -line.quantity.milli
        assert sum(each.net_minor for each in changes) == -line.net_minor


@fast
@given(baskets(), books())
def test_rule_7_a_frozen_sale_is_priced_as_it_was(basket: Basket, book: PriceBook) -> None:
    sale = price_basket(basket, book)
    again = price_basket(*thaw_sale(json.loads(json.dumps(freeze_sale(basket, sale, book)))))
    assert [(line.total_minor, line.taxes) for line in again.lines] == [
        (line.total_minor, line.taxes) for line in sale.lines
    ]
