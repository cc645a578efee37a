"""What a return gives back, from the frozen receipt alone."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from libs.contracts.refusal import Invalid
from libs.contracts.sales import LineFacts, SaleCompleted
from libs.money import Quantity, Unit
from libs.pricing import (
    BundleGroup,
    PricedLine,
    ProductKind,
    ProductSelector,
    Promotion,
    PromotionKind,
    ReturnPolicy,
)
from services.sales.domain.frozen_line import freeze_line, thaw_line
from services.sales.domain.return_prices import BundleBroken, price_returns
from services.sales.domain.returning import (
    AlreadyReturned,
    NotReturnable,
    Original,
    ReturnRequest,
    SaleVoided,
    UnknownReceipt,
)
from tests.unit.sales.documents import Goods, document, frozen_lines, priced_lines, return_terms, sale, store


def bring_back(original: Original, line: LineFacts, quantity: str, **changes: object) -> PricedLine:
    request = ReturnRequest(uuid4(), line.product_id, original.document.sale_id, line.line_id, -Quantity.of(quantity))
    request = replace(request, **changes)  # type: ignore[arg-type]  # tests name the fields they change
    (priced,) = price_returns(
        [request], {original.document.sale_id: original}, original.document.currency, original.document.tax_mode
    )
    return priced


def after(original: Original, line: LineFacts, quantity: str) -> Original:
    returned = {**original.returned_milli}
    returned[line.line_id] = returned.get(line.line_id, 0) + Quantity.of(quantity).milli
    return replace(original, returned_milli=returned)


def three_for_ten() -> Original:
    """Three pieces that cost 10.00 together after a line discount: no unit costs a third of it."""
    return Original(sale([Goods("Mug", 400, "3", amount_discount_minor=200, discount_reason="chipped")], store()))


def bundle(policy: ReturnPolicy, *goods: Goods) -> Promotion:
    groups = tuple(BundleGroup(ProductSelector(product_ids=frozenset({str(each.product_id)})), 1000) for each in goods)
    return Promotion(
        "set", "Tea set", PromotionKind.BUNDLE, groups=groups, amount_minor=2000, currency="PLN", return_policy=policy
    )


def test_a_line_is_frozen_and_thawed_without_loss() -> None:
    goods = [
        Goods("Bananas", 199, "1.250", Unit.KILOGRAM, "reduced", percent_discount_ppm=75_000, discount_reason="ripe"),
        Goods("Pot", 1500),
        Goods("Cup", 900),
    ]
    promotion = bundle(ReturnPolicy.WHOLE_BUNDLE, goods[1], goods[2])
    priced = priced_lines(goods, store(), [promotion], amount_discount_minor=100)
    for facts, line in zip(frozen_lines(goods, priced), priced, strict=True):
        assert thaw_line(facts, currency="PLN", tax_mode="inclusive") == line
        again = freeze_line(
            thaw_line(LineFacts.model_validate_json(facts.model_dump_json()), currency="PLN", tax_mode="inclusive"),
            product_id=facts.product_id,
            product_code=facts.product_code,
            name=facts.name,
            unit=facts.unit,
        )
        assert again == facts


def test_rule_2_partial_returns_sum_to_the_whole_and_the_last_unit_takes_the_remainder() -> None:
    original = three_for_ten()
    (line,) = original.document.lines
    assert line.total_minor == 1000
    refunds, taxes = [], []
    for _ in range(3):
        priced = bring_back(original, line, "1")
        original = after(original, line, "1")
        refunds.append(priced.total_minor)
        taxes.append(priced.tax_minor)
    assert refunds == [-333, -334, -333]
    assert sum(refunds) == -1000
    assert sum(taxes) == -line.taxes[0].tax_minor == -187


def test_rule_2_of_one_line_brought_back_on_two_lines_of_one_document() -> None:
    original = three_for_ten()
    (line,) = original.document.lines
    sale_id = original.document.sale_id
    requests = [
        ReturnRequest(uuid4(), line.product_id, sale_id, line.line_id, Quantity(-1000)),
        ReturnRequest(uuid4(), line.product_id, sale_id, line.line_id, Quantity(-2000)),
    ]
    priced = price_returns(requests, {sale_id: original}, "PLN", "inclusive")
    assert [each.total_minor for each in priced] == [-333, -667]
    assert [each.line_id for each in priced] == [str(each.line_id) for each in requests]


def test_rule_7_the_refund_is_the_price_paid_then_with_its_tax_then() -> None:
    original = Original(sale([Goods("Lamp", 12_300)], store()))
    (line,) = original.document.lines
    priced = bring_back(original, line, "1")
    assert (priced.total_minor, priced.tax_minor, priced.unit_price_minor) == (-12_300, -2_300, 12_300)
    assert priced.taxes[0].rate_ppm == 230_000


def test_rule_3_two_taxes_of_one_line_come_back_as_they_were() -> None:
    shop = store(country="MN", currency="MNT", language="mn", cash_rounding_minor=1)
    original = Original(sale([Goods("Сүү", 100_000, tax_category="mn")], shop))
    (line,) = original.document.lines
    priced = bring_back(original, line, "1")
    assert [(tax.code, tax.tax_minor) for tax in priced.taxes] == [("vat", -8_929), ("city", -1_786)]


def test_rule_4_a_basket_discount_comes_back_with_the_lines_it_was_allocated_to() -> None:
    goods = [Goods("Soup", 1000, tax_category="reduced"), Goods("Spoon", 500)]
    lines = frozen_lines(goods, priced_lines(goods, store(), amount_discount_minor=301))
    original = Original(document(lines, store()))
    assert [line.total_minor for line in lines] == [799, 400]
    assert bring_back(original, lines[0], "1").total_minor == -799
    assert bring_back(original, lines[1], "1").total_minor == -400


def test_rule_6_prorated_a_part_of_a_bundle_comes_back_at_the_price_it_had_in_it() -> None:
    goods = [Goods("Pot", 1500), Goods("Cup", 1000)]
    original = Original(sale(goods, store(), [bundle(ReturnPolicy.PRORATED, *goods)]))
    pot, cup = original.document.lines
    assert (pot.total_minor, cup.total_minor) == (1200, 800)
    assert bring_back(original, cup, "1").total_minor == -800


def test_rule_6_whole_bundle_a_part_alone_is_refused_and_names_what_belongs_together() -> None:
    goods = [Goods("Pot", 1500), Goods("Cup", 1000), Goods("Tray", 700)]
    original = Original(sale(goods, store(), [bundle(ReturnPolicy.WHOLE_BUNDLE, goods[0], goods[1])]))
    pot, cup, tray = original.document.lines
    with pytest.raises(BundleBroken) as refused:
        bring_back(original, cup, "1")
    assert refused.value.sentence == "'Tea set' was a price for goods together: Pot, Cup come back only as a whole."
    assert set(refused.value.facts["line_ids"]) == {str(pot.line_id), str(cup.line_id)}
    assert bring_back(original, tray, "1").total_minor == -700


def test_rule_6_whole_bundle_comes_back_whole() -> None:
    goods = [Goods("Pot", 1500), Goods("Cup", 1000)]
    original = Original(sale(goods, store(), [bundle(ReturnPolicy.WHOLE_BUNDLE, *goods)]))
    sale_id = original.document.sale_id
    requests = [
        ReturnRequest(uuid4(), line.product_id, sale_id, line.line_id, Quantity(-1000))
        for line in original.document.lines
    ]
    assert [line.total_minor for line in price_returns(requests, {sale_id: original}, "PLN", "inclusive")] == [
        -1200,
        -800,
    ]


def recomputed(goods: list[Goods], promotion: Promotion) -> Original:
    shop = store()
    return Original(sale(goods, shop, [promotion]), terms=return_terms(goods, shop, [promotion]))


def test_rule_6_recompute_what_is_kept_is_priced_again_and_the_lost_discount_clawed_back() -> None:
    goods = [Goods("Pot", 1500), Goods("Cup", 1000, tax_category="reduced")]
    original = recomputed(goods, bundle(ReturnPolicy.RECOMPUTE, *goods))
    pot, cup = original.document.lines
    assert (pot.total_minor, cup.total_minor) == (1200, 800)
    first = bring_back(original, cup, "1")
    assert (first.gross_minor, first.net_minor, first.total_minor) == (-1000, -500, -500)
    assert sum(each.amount_minor for each in first.adjustments) == 500
    assert [(tax.rate_ppm, tax.tax_minor) for tax in first.taxes] == [(80_000, -59), (230_000, 56)]
    second = bring_back(after(original, cup, "1"), pot, "1")
    assert second.total_minor == -1500
    assert first.total_minor + second.total_minor == -2000
    assert first.tax_minor + second.tax_minor == -original.document.tax_minor


def test_rule_6_recompute_all_at_once_gives_back_what_was_paid() -> None:
    goods = [Goods("Pot", 1500), Goods("Cup", 1000)]
    original = recomputed(goods, bundle(ReturnPolicy.RECOMPUTE, *goods))
    sale_id = original.document.sale_id
    requests = [
        ReturnRequest(uuid4(), line.product_id, sale_id, line.line_id, Quantity(-1000))
        for line in original.document.lines
    ]
    priced = price_returns(requests, {sale_id: original}, "PLN", "inclusive")
    assert [(line.line_id, line.total_minor) for line in priced] == [
        (str(requests[0].line_id), -1200),
        (str(requests[1].line_id), -800),
    ]


def test_rule_6_recompute_in_any_portions_sums_to_the_whole() -> None:
    mugs = Goods("Mug", 1000, "3")
    promotion = Promotion(
        "3for2",
        "Three for two",
        PromotionKind.BUY_X_GET_Y,
        ProductSelector(product_ids=frozenset({str(mugs.product_id)})),
        buy_quantity_milli=2000,
        get_quantity_milli=1000,
        return_policy=ReturnPolicy.RECOMPUTE,
    )
    original = recomputed([mugs], promotion)
    (line,) = original.document.lines
    assert line.total_minor == 2000
    refunds = []
    for _ in range(3):
        refunds.append(bring_back(original, line, "1").total_minor)
        original = after(original, line, "1")
    assert refunds == [0, -1000, -1000]


def test_rule_6_recompute_the_same_line_twice_in_one_document() -> None:
    mugs = Goods("Mug", 1000, "3")
    promotion = Promotion(
        "3for2",
        "Three for two",
        PromotionKind.BUY_X_GET_Y,
        ProductSelector(product_ids=frozenset({str(mugs.product_id)})),
        buy_quantity_milli=2000,
        get_quantity_milli=1000,
        return_policy=ReturnPolicy.RECOMPUTE,
    )
    original = recomputed([mugs], promotion)
    (line,) = original.document.lines
    sale_id = original.document.sale_id
    requests = [
        ReturnRequest(uuid4(), line.product_id, sale_id, line.line_id, Quantity(-milli)) for milli in (1000, 2000)
    ]
    assert [each.total_minor for each in price_returns(requests, {sale_id: original}, "PLN", "inclusive")] == [0, -2000]


def test_rule_6_recompute_leaves_the_returns_of_other_goods_alone() -> None:
    goods = [Goods("Pot", 1500), Goods("Cup", 1000), Goods("Tray", 700)]
    original = recomputed(goods, bundle(ReturnPolicy.RECOMPUTE, goods[0], goods[1]))
    tray = original.document.lines[2]
    assert bring_back(original, tray, "1").total_minor == -700


def test_rule_8_more_than_is_left_is_refused_and_says_how_much_is() -> None:
    original = three_for_ten()
    (line,) = original.document.lines
    original = after(original, line, "2")
    with pytest.raises(AlreadyReturned) as refused:
        bring_back(original, line, "2")
    assert refused.value.sentence == "Only 1 piece of Mug can still come back."
    assert refused.value.facts["left"] == "1"
    with pytest.raises(AlreadyReturned, match="All of Mug was returned before"):
        bring_back(after(original, line, "1"), line, "1")


def test_what_cannot_come_back_says_why() -> None:
    original = Original(sale([Goods("Mug", 400), Goods("Gift card", 5000, kind=ProductKind.GIFT_CARD)], store()))
    mug, gift_card = original.document.lines
    with pytest.raises(NotReturnable, match="is a gift card"):
        bring_back(original, gift_card, "1")
    with pytest.raises(NotReturnable, match="has no line"):
        bring_back(original, mug, "1", sold_line_id=uuid4())
    with pytest.raises(NotReturnable, match="That line of the receipt is Mug"):
        bring_back(original, mug, "1", product_id=uuid4())
    with pytest.raises(UnknownReceipt):
        bring_back(original, mug, "1", sale_id=uuid4())
    with pytest.raises(Invalid, match="negative"):
        bring_back(original, mug, "-1")
    with pytest.raises(Invalid, match="by the piece"):
        bring_back(original, mug, "0.5")
    with pytest.raises(SaleVoided):
        bring_back(replace(original, voided_by_sale_id=uuid4()), mug, "1")
    request = ReturnRequest(uuid4(), mug.product_id, original.document.sale_id, mug.line_id, Quantity(-1000))
    with pytest.raises(NotReturnable, match="paid in PLN"):
        price_returns([request], {original.document.sale_id: original}, "EUR", "inclusive")


def test_what_was_brought_back_cannot_be_brought_back() -> None:
    original = Original(sale([Goods("Mug", 400)], store()))
    (line,) = original.document.lines
    returned = document([_frozen(bring_back(original, line, "1"), line, original.document)], store())
    with pytest.raises(NotReturnable, match="was brought back by this receipt"):
        bring_back(Original(returned), returned.lines[0], "1")


def _frozen(priced: PricedLine, sold: LineFacts, of: SaleCompleted) -> LineFacts:
    return freeze_line(
        priced,
        product_id=sold.product_id,
        product_code=sold.product_code,
        name=sold.name,
        unit=sold.unit,
        returns_sale_id=of.sale_id,
        returns_line_id=UUID(str(sold.line_id)),
    )
