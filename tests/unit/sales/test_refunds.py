"""Where the money of a return goes (retail rules 1, 2 and 9)."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from libs.contracts.sales import LineFacts
from services.sales.domain.completion import Seller
from services.sales.domain.refunds import (
    RefundElsewhere,
    RefundOverPaid,
    TenderIdReused,
    UnknownOriginalTender,
    assign_refunds,
    freed_refunds,
    refundable_tenders,
    split_refund,
)
from services.sales.domain.returning import Original
from services.sales.domain.tender import Tender, TenderKind, TenderState
from services.sales.domain.voiding import void_draft
from tests.unit.sales.documents import Goods, card, cash, document, frozen_lines, priced_lines, store

SHOP = store(cash_rounding_minor=10)


def mixed(total_minor: int = 13_803, card_minor: int = 5_500) -> tuple[Original, tuple[LineFacts, ...]]:
    """138.03 paid as 55.00 by card and 83.03 in cash, which cash rounding makes 83.00."""
    goods = [Goods("Coat", total_minor)]
    lines = frozen_lines(goods, priced_lines(goods, SHOP))
    tenders = [card(card_minor, reference="A1"), cash(total_minor - card_minor, 10_000, 10)]
    return Original(document(lines, SHOP, tenders)), lines


def returned(original: Original, total_minor: int | None = None) -> list[LineFacts]:
    """The lines of the sale, turned around."""
    (line,) = original.document.lines
    back = -line.total_minor if total_minor is None else -total_minor
    return [
        line.model_copy(
            update={"quantity_milli": -1000, "total_minor": back, "returns_sale_id": original.document.sale_id}
        )
    ]


def test_rule_2_a_full_refund_of_a_rounded_mixed_sale_is_what_was_paid() -> None:
    original, _ = mixed()
    paid_cash = original.document.tenders[1]
    assert (paid_cash.given_minor, paid_cash.change_minor, original.document.rounding_minor) == (10_000, 1_700, -3)
    parts, rest = split_refund(13_803, refundable_tenders(original, ("card", "gift_card", "cash")))
    assert [(tender.kind, minor) for tender, minor in parts] == [("card", 5_500), ("cash", 8_303)]
    assert rest == 0
    refund = cash(-8_303, -8_300, 10)
    assert (refund.amount_minor, refund.given_minor, refund.rounding_minor) == (-8_303, -8_300, 3)
    assigned = assign_refunds([card(-5_500), refund], returned(original), {original.document.sale_id: original})
    assert [claim.refund_minor for claim in assigned.claims] == [5_500, 8_303]
    assert [tender.original_tender_id for tender in assigned.tenders] == [
        tender.tender_id for tender in original.document.tenders
    ]


def test_rule_1_a_cash_refund_rounds_its_magnitude_then_takes_the_sign() -> None:
    assert cash(12_936, 12_940, 10).given_minor == 12_940
    assert cash(-12_936, -12_940, 10).rounding_minor == -4
    assert cash(12_936, 12_940, 10).rounding_minor == 4


def test_rule_9_the_order_of_refunds_is_the_chain_s() -> None:
    original, _ = mixed()
    assert [each.kind for each in refundable_tenders(original, ("cash", "card"))] == ["cash", "card"]
    parts, _ = split_refund(6_000, refundable_tenders(original, ("card", "cash")))
    assert [(tender.kind, minor) for tender, minor in parts] == [("card", 5_500), ("cash", 500)]


def test_rule_9_each_tender_gives_back_no_more_than_it_paid() -> None:
    original, _ = mixed()
    originals = {original.document.sale_id: original}
    card_id = original.document.tenders[0].tender_id
    with pytest.raises(RefundOverPaid) as refused:
        assign_refunds([card(-5_501, original_tender_id=card_id)], returned(original, 5_501), originals)
    assert refused.value.facts["left_minor"] == 5_500
    partly = replace(original, refunded_minor={card_id: 5_000})
    with pytest.raises(RefundOverPaid) as refused:
        assign_refunds(
            [card(-501, original_tender_id=card_id)], returned(original, 501), {original.document.sale_id: partly}
        )
    assert refused.value.facts["left_minor"] == 500


def test_rule_9_money_paid_by_card_is_not_given_back_in_cash() -> None:
    original, _ = mixed(5_500, 5_500 - 1)
    with pytest.raises(RefundElsewhere, match="card up to 5499"):
        assign_refunds([cash(-5_500, -5_500, 10)], returned(original), {original.document.sale_id: original})


def test_rule_9_unless_the_card_s_refund_was_declined_and_then_it_counts_against_the_card() -> None:
    original, _ = mixed(5_500, 5_499)
    card_id, cash_id = (tender.tender_id for tender in original.document.tenders)
    assigned = assign_refunds(
        [cash(-5_500, -5_500, 10)],
        returned(original),
        {original.document.sale_id: original},
        frozenset({TenderKind.CARD}),
    )
    assert {claim.tender_id: claim.refund_minor for claim in assigned.claims} == {cash_id: 1, card_id: 5_499}


def test_a_tender_that_paid_for_nothing_here_is_refused() -> None:
    original, _ = mixed()
    with pytest.raises(UnknownOriginalTender):
        assign_refunds(
            [card(-100, original_tender_id=uuid4())], returned(original, 100), {original.document.sale_id: original}
        )


def test_what_was_paid_with_goods_without_receipt_may_go_back_in_any_tender() -> None:
    """Goods worth 100.00 for 60.00 of goods without receipt were paid with 40.00 in cash: only those are bound."""
    goods = [Goods("Coat", 10_000)]
    lines = frozen_lines(goods, priced_lines(goods, SHOP))
    exchange = document(lines, SHOP, [cash(4_000, 4_000, 10)])
    original = Original(exchange)
    voucher = Tender(uuid4(), TenderKind.VOUCHER, TenderState.AUTHORIZED, amount_minor=-6_000)
    assigned = assign_refunds(
        [cash(-4_000, -4_000, 10), voucher], returned(original), {original.document.sale_id: original}
    )
    assert [claim.refund_minor for claim in assigned.claims] == [4_000]
    assert assigned.tenders[1].original_tender_id is None
    too_much = replace(voucher, amount_minor=-6_001)
    with pytest.raises(RefundElsewhere):
        assign_refunds([cash(-3_999, -4_000, 10), too_much], returned(original), {original.document.sale_id: original})


def test_two_cash_tenders_are_given_back_by_one_refund() -> None:
    goods = [Goods("Coat", 10_000)]
    lines = frozen_lines(goods, priced_lines(goods, SHOP))
    original = Original(document(lines, SHOP, [cash(10_000, 3_000, 10), cash(7_000, 7_000, 10)]))
    assigned = assign_refunds([cash(-10_000, -10_000, 10)], returned(original), {original.document.sale_id: original})
    assert [claim.refund_minor for claim in assigned.claims] == [3_000, 7_000]
    void_me = document(
        [line.model_copy(update={"returns_line_id": lines[0].line_id}) for line in returned(original)],
        SHOP,
        assigned.tenders,
        tender_claims=tuple(claim.facts() for claim in assigned.claims),
    )
    assert [tender.original_tender_id for tender in void_me.tenders] == [original.document.tenders[0].tender_id]
    gone = {claim.tender_id: claim.refund_minor for claim in assigned.claims}
    freed = freed_refunds(void_me, {original.document.sale_id: replace(original, refunded_minor=gone)})
    assert [claim.refund_minor for claim in freed] == [3_000, 7_000]


def test_a_void_reverses_every_amount_tender_and_rounding_of_its_document() -> None:
    original, _ = mixed()
    sold = original.document
    seller_till = sold.till_id
    draft = void_draft(
        sold,
        _seller(original),
        void_sale_id=uuid4(),
        approved_by=None,
        reason="wrong customer",
        new_id=uuid4,
    )
    assert draft.seller.till_id == seller_till
    (line,) = draft.lines
    assert (line.quantity_milli, line.gross_minor, line.net_minor, line.total_minor) == (
        -1000,
        -13_803,
        -13_803,
        -13_803,
    )
    assert [tax.tax_minor for tax in line.taxes] == [-tax.tax_minor for tax in sold.lines[0].taxes]
    by_card, in_cash = draft.tenders
    assert (by_card.amount_minor, by_card.original_tender_id) == (-5_500, sold.tenders[0].tender_id)
    assert (in_cash.amount_minor, in_cash.given_minor, in_cash.change_minor) == (-8_303, -8_300, 0)
    assert draft.rounding_minor == 3


def _seller(original: Original) -> Seller:
    sold = original.document
    return Seller(
        store_id=sold.store_id,
        till_id=sold.till_id,
        till_code=sold.till_code,
        shift_id=sold.shift_id,
        staff_id=sold.staff_id,
        staff_name=sold.staff_name,
        business_date=sold.business_date,
        currency=sold.currency,
        tax_mode=sold.tax_mode,
        tax_rounding=sold.tax_rounding,
    )


def test_rule_9_the_money_behind_exchanged_goods_keeps_its_kind() -> None:
    """138.03 by card and in cash, exchanged for goods at 60.00, which come back: the card's 55.00 and 5.00 in cash."""
    original, _ = mixed()
    sale_id, (by_card, in_cash) = original.document.sale_id, original.document.tenders
    goods = [Goods("Hat", 6_000)]
    hat = frozen_lines(goods, priced_lines(goods, SHOP))
    lines = [*returned(original, 6_000), *hat]
    exchanged = assign_refunds([], lines, {sale_id: original})
    assert [(claim.tender_id, claim.refund_minor) for claim in exchanged.claims] == [
        (by_card.tender_id, 5_500),
        (in_cash.tender_id, 500),
    ]
    assert [(each.tender_id, each.kind, each.amount_minor, each.reference) for each in exchanged.carried] == [
        (by_card.tender_id, "card", 5_500, "A1"),
        (in_cash.tender_id, "cash", 500, None),
    ]
    exchange = Original(document(hat, SHOP, [], carried_tenders=exchanged.carried))
    back = {exchange.document.sale_id: exchange}
    with pytest.raises(RefundElsewhere, match="card up to 5500"):
        assign_refunds([cash(-6_000, -6_000, 10)], returned(exchange), back)
    refunds = assign_refunds([card(-5_500), cash(-500, -500, 10)], returned(exchange), back)
    assert [tender.original_tender_id for tender in refunds.tenders] == [by_card.tender_id, in_cash.tender_id]


def test_a_new_tender_does_not_take_the_id_of_one_that_paid_for_the_goods_that_come_back() -> None:
    original, _ = mixed()
    again = replace(card(1_000), tender_id=original.document.tenders[0].tender_id)
    with pytest.raises(TenderIdReused):
        assign_refunds([again], returned(original), {original.document.sale_id: original})
