"""What a card tender becomes by its approval, and which card a refund goes back to."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.sales import LineFacts, SaleCompleted
from services.sales.domain.card_refund import OriginalTenderNeeded, card_to_refund
from services.sales.domain.completion import contributions_of, document_of
from services.sales.domain.refunds import RefundElsewhere, RefundOverPaid
from services.sales.domain.reports import ShiftTotals
from services.sales.domain.returning import Original
from services.sales.domain.tender import Approved, OnTop, Tender, TenderKind, TenderState
from services.sales.domain.tender_rules import TenderRefused, check_on_top, other_tender
from services.sales.domain.totals import Contribution, merged
from services.sales.domain.voiding import void_draft
from tests.unit.sales.documents import AT, Goods, card, cash, document, frozen_lines, priced_lines, seller_of, store

ID = UUID(int=1)
SHOP = store()


def asked(amount_minor: int = 4_000, **on_top: Any) -> Tender:
    return other_tender(ID, TenderKind.CARD, amount_minor, amount_minor, None).with_on_top(OnTop(**on_top))


@pytest.mark.parametrize(
    ("approved", "amounts"),
    [
        (Approved(4_000), (4_000, 500, 2_000)),
        (Approved(3_999), (3_999, 0, 0)),
        (Approved(4_000, tip_minor=700, cash_back_minor=0), (4_000, 700, 0)),
        (Approved(4_000, tip_minor=0, cash_back_minor=1_500), (4_000, 0, 1_500)),
    ],
    ids=["not told: as asked", "not told of a part: nothing on top", "a tip added at the terminal", "a part"],
)
def test_rule_18_what_was_approved_on_top_counts_and_a_part_pays_for_goods_first(
    approved: Approved, amounts: tuple[int, int, int]
) -> None:
    tender = asked(tip_minor=500, cash_back_minor=2_000).authorized(approved)
    assert (tender.amount_minor, tender.tip_minor, tender.cash_back_minor) == amounts
    assert tender.state is TenderState.AUTHORIZED


def test_an_approval_told_twice_changes_nothing_the_second_time() -> None:
    once = asked().authorized(Approved(4_000, reference="A1", scheme="visa", instalments=3))
    assert once.authorized(Approved(3_000, reference="B2")) is once


def test_instalments_and_reference_stay_as_asked_where_the_terminal_tells_none() -> None:
    tender = asked(instalments=3).authorized(Approved(4_000))
    assert (tender.instalments, tender.reference) == (3, None)


@pytest.mark.parametrize("kind", [kind for kind in TenderKind if kind is not TenderKind.CARD])
def test_rule_15_only_a_card_purchase_has_something_on_top(kind: TenderKind) -> None:
    for on_top, field in (
        (OnTop(tip_minor=1), "tip_minor"),
        (OnTop(cash_back_minor=1), "cash_back_minor"),
        (OnTop(instalments=2), "instalments"),
    ):
        for refused_kind, amount_minor in ((kind, 100), (TenderKind.CARD, -100), (TenderKind.CARD, 0)):
            with pytest.raises(TenderRefused) as refusal:
                check_on_top(refused_kind, amount_minor, on_top, 1)
            assert refusal.value.field == field
        check_on_top(TenderKind.CARD, 100, on_top, 1)
    check_on_top(kind, -100, OnTop(), 1)


def test_rule_15_cash_back_is_what_coins_can_make_up() -> None:
    check_on_top(TenderKind.CARD, 100, OnTop(tip_minor=3, cash_back_minor=1_005), 5)
    with pytest.raises(TenderRefused, match="a multiple of 5 minor units") as refusal:
        check_on_top(TenderKind.CARD, 100, OnTop(cash_back_minor=1_003), 5)
    assert refusal.value.field == "cash_back_minor"


def test_the_drawer_grows_by_cash_and_shrinks_by_change_and_cash_back() -> None:
    assert cash(1_298, 2_000).drawer_minor == 1_300
    assert cash(-1_298, -1_300).drawer_minor == -1_300
    assert card(2_000, cash_back_minor=500).drawer_minor == -500
    euros = Tender(ID, TenderKind.CASH, TenderState.AUTHORIZED, 8_000, 8_500, 500, 0, "EUR", 2_000, "4.25")
    assert euros.drawer_minor == -500


def tea(*tenders: Tender, price_minor: int = 1_000) -> SaleCompleted:
    goods = [Goods("Tea", price_minor)]
    return document(frozen_lines(goods, priced_lines(goods, SHOP)), SHOP, tenders)


def coming_back(*sales: SaleCompleted) -> tuple[list[LineFacts], dict[UUID, Original]]:
    lines = [
        line.model_copy(
            update={
                "quantity_milli": -line.quantity_milli,
                "total_minor": -line.total_minor,
                "returns_sale_id": sold.sale_id,
                "returns_line_id": line.line_id,
            }
        )
        for sold in sales
        for line in sold.lines
    ]
    return lines, {sold.sale_id: Original(sold) for sold in sales}


def test_rule_9_the_one_card_that_paid_is_found_among_other_tenders() -> None:
    paid = card(400)
    lines, originals = coming_back(tea(cash(600, 600), paid))
    assert card_to_refund(400, lines, originals, ()) == paid.tender_id
    with pytest.raises(RefundOverPaid) as refusal:
        card_to_refund(401, lines, originals, ())
    assert refusal.value.facts["left_minor"] == 400


def test_rule_9_of_several_cards_none_is_guessed_and_all_are_told() -> None:
    first, second = card(400, scheme="visa", masked_number="476173******0119"), card(600, reference="A2")
    lines, originals = coming_back(tea(first, second))
    with pytest.raises(OriginalTenderNeeded) as refusal:
        card_to_refund(1_000, lines, originals, ())
    [sale_id] = originals
    assert refusal.value.facts["tenders"] == [
        {
            "tender_id": str(first.tender_id),
            "sale_id": str(sale_id),
            "scheme": "visa",
            "masked_number": "476173******0119",
            "reference": None,
            "left_minor": 400,
        },
        {
            "tender_id": str(second.tender_id),
            "sale_id": str(sale_id),
            "scheme": None,
            "masked_number": None,
            "reference": "A2",
            "left_minor": 600,
        },
    ]
    assert "visa 476173******0119 with 400 minor units left" in refusal.value.sentence
    assert "the card of approval A2 with 600 minor units left" in refusal.value.sentence


def test_rule_9_a_card_that_gave_all_back_or_is_about_to_leaves_the_other_one() -> None:
    first, second = card(400), card(600)
    lines, originals = coming_back(tea(first, second))
    [(sale_id, original)] = originals.items()
    before = {sale_id: Original(original.document, refunded_minor={first.tender_id: 400})}
    assert card_to_refund(600, lines, before, ()) == second.tender_id
    on_its_way = card(-400, original_tender_id=first.tender_id)
    assert card_to_refund(600, lines, originals, [on_its_way]) == second.tender_id
    both = [on_its_way, card(-600, original_tender_id=second.tender_id)]
    with pytest.raises(RefundOverPaid):
        card_to_refund(1, lines, originals, both)


def test_rule_9_no_more_goes_back_than_what_comes_back_of_the_sales_that_the_card_paid() -> None:
    paid = card(1_000)
    by_card, in_cash = tea(paid), tea(cash(1_000, 1_000))
    lines, originals = coming_back(by_card, in_cash)
    assert card_to_refund(1_000, lines, originals, ()) == paid.tender_id
    with pytest.raises(RefundOverPaid):
        card_to_refund(1_001, lines, originals, ())


def test_rule_9_one_card_behind_two_documents_of_an_exchange_is_one_card() -> None:
    paid = card(1_000)
    sold = tea(paid)
    carried = sold.tenders[0].model_copy(update={"amount_minor": 700})
    exchanged = tea(cash(300, 300)).model_copy(update={"carried_tenders": (carried,)})
    lines, originals = coming_back(sold, exchanged)
    assert card_to_refund(1_700, lines, originals, ()) == paid.tender_id


def test_rule_9_goods_that_no_card_paid_for_go_back_another_way() -> None:
    lines, originals = coming_back(tea(cash(1_000, 1_000)))
    with pytest.raises(RefundElsewhere):
        card_to_refund(1_000, lines, originals, ())


def test_goods_without_a_receipt_have_no_card_to_be_found() -> None:
    assert card_to_refund(1_000, [], {}, [card(1_000, original_tender_id=uuid4())]) is None


amounts = st.integers(1, 100_000)


@given(st.lists(st.tuples(amounts, st.integers(0, 5_000), st.integers(0, 50_000), st.booleans()), max_size=8))
def test_rule_15_the_drawer_is_what_documents_say_of_cash_and_cash_back_and_voids_undo_it(
    sales: list[tuple[int, int, int, bool]],
) -> None:
    totals: list[Contribution] = []
    drawer_minor = turnover_minor = tips_minor = 0
    for amount_minor, tip_minor, cash_back_minor, voided in sales:
        in_cash_minor = amount_minor // 2
        tenders = [card(amount_minor - in_cash_minor, tip_minor=tip_minor, cash_back_minor=cash_back_minor)]
        if in_cash_minor:
            tenders.append(cash(in_cash_minor, in_cash_minor + 700, 1))
        sold = tea(*tenders, price_minor=amount_minor)
        totals += contributions_of(sold)
        if voided:
            draft = void_draft(
                sold, seller_of(sold), void_sale_id=uuid4(), approved_by=None, reason="Wrong goods", new_id=uuid4
            )
            totals += contributions_of(document_of(draft, 4813, AT))
        else:
            drawer_minor += in_cash_minor - cash_back_minor
            turnover_minor += amount_minor
            tips_minor += tip_minor
    reported = ShiftTotals(merged(totals))
    assert reported.expected_cash_minor == drawer_minor
    assert reported.amount("documents") == reported.amount("tender") == turnover_minor
    assert reported.amount("tip") == tips_minor
