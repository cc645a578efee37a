"""What a tender counts for (retail rules 1, 2, 16), and the states it may go through."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from libs.pricing.cash import ExchangeRate
from services.sales.domain.tender import Approved, IllegalTenderTransition, Tender, TenderKind, TenderState
from services.sales.domain.tender_rules import (
    TenderRefused,
    cash_tender,
    due_minor,
    foreign_cash_tender,
    other_tender,
)

ID = uuid4()


@pytest.mark.parametrize(
    ("due", "given_", "coin", "amount", "change", "rounding"),
    [
        (1_298, 2_000, 5, 1_298, 700, 2),
        (1_297, 1_295, 5, 1_297, 0, -2),
        (1_297, 1_294, 5, 1_294, 0, 0),
        (12_943, 12_943, 1, 12_943, 0, 0),
        (12_936, 13_000, 10, 12_936, 60, 4),
        (1_250, 2_000, 100, 1_250, 700, 50),
        (-12_936, -12_940, 10, -12_936, 0, -4),
        (-1_298, -500, 5, -500, 0, 0),
    ],
)
def test_rule_1_cash_by_example(due: int, given_: int, coin: int, amount: int, change: int, rounding: int) -> None:
    tender = cash_tender(ID, due, given_, coin)
    assert (tender.amount_minor, tender.change_minor, tender.rounding_minor) == (amount, change, rounding)


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.sampled_from([1, 5, 10, 100]))
def test_rule_1_given_less_change_is_amount_plus_rounding(due: int, handed: int, coin: int) -> None:
    tender = cash_tender(ID, due, handed, coin)
    assert tender.given_minor == handed
    assert handed - tender.change_minor == tender.amount_minor + tender.rounding_minor
    assert 0 <= tender.change_minor <= handed
    assert abs(tender.rounding_minor) * 2 <= coin
    assert tender.amount_minor in (due, handed)


@given(st.integers(1, 10**9), st.sampled_from([1, 5, 10, 100]))
def test_rule_2_a_refund_in_cash_pays_out_what_the_sale_took_in(due: int, coin: int) -> None:
    sale = cash_tender(ID, due, due + coin, coin)
    kept = due + coin - sale.change_minor
    if kept == 0:
        return
    refund = cash_tender(ID, -due, -kept, coin)
    assert (refund.amount_minor, refund.rounding_minor) == (-sale.amount_minor, -sale.rounding_minor)


def test_rule_16_foreign_cash_counts_at_the_frozen_rate() -> None:
    tender = foreign_cash_tender(ID, 3_999, 1_000, ExchangeRate("EUR", "PLN", Decimal("4.2537")), 1)
    assert (tender.given_minor, tender.amount_minor, tender.change_minor) == (4_254, 3_999, 255)
    assert (tender.foreign_currency, tender.foreign_minor, tender.exchange_rate) == ("EUR", 1_000, "4.2537")


def test_foreign_cash_is_never_paid_out() -> None:
    with pytest.raises(TenderRefused, match="never paid out"):
        foreign_cash_tender(ID, -100, 1_000, ExchangeRate("EUR", "PLN", Decimal(4)), 1)


@pytest.mark.parametrize(("due", "amount"), [(100, 101), (-100, -101), (100, -100), (-100, 100), (0, 5), (5, 0)])
def test_a_tender_without_change_is_at_most_what_is_due(due: int, amount: int) -> None:
    with pytest.raises(TenderRefused):
        other_tender(ID, TenderKind.VOUCHER, due, amount, None)


@pytest.mark.parametrize(("due", "handed"), [(100, -100), (-100, 100), (0, 100), (100, 0), (-98, -105)])
def test_cash_of_the_wrong_sign_or_too_much_paid_out_is_refused(due: int, handed: int) -> None:
    with pytest.raises(TenderRefused):
        cash_tender(ID, due, handed, 5)


class TenderLife(RuleBasedStateMachine):
    """Whatever is asked of a tender in whatever order: money counts only when it is secured, and an end is an end."""

    ENDS = (TenderState.DECLINED, TenderState.RELEASED, TenderState.CAPTURED)

    def __init__(self) -> None:
        super().__init__()
        self.tender = other_tender(ID, TenderKind.CARD, 1_000, 1_000, None)

    @rule(state=st.sampled_from(TenderState), amount=st.one_of(st.none(), st.integers(1, 1_000)))
    def move(self, state: TenderState, amount: int | None) -> None:
        before = self.tender
        try:
            if state is TenderState.AUTHORIZED and amount is not None:
                self.tender = before.authorized(Approved(amount))
            else:
                self.tender = before.moved_to(state)
        except IllegalTenderTransition:
            assert self.tender is before
            return
        if state is before.state:
            assert self.tender is before
        else:
            assert before.state not in self.ENDS

    @invariant()
    def counts_or_is_undecided_or_is_nothing(self) -> None:
        tender: Tender = self.tender
        assert not (tender.counts and tender.undecided)
        taken = 1_000 - due_minor(1_000, (tender,))
        assert taken == (tender.amount_minor if tender.counts or tender.undecided else 0)


TestTenderLife = TenderLife.TestCase
