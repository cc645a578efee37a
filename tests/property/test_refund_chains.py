"""However goods are sold, exchanged, returned and voided, no kind of tender gives back more than it paid (rule 9)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

from hypothesis import example, given
from hypothesis import strategies as st

from libs.contracts.sales import LineFacts, SaleCompleted
from services.sales.domain.refunds import (
    AssignedRefunds,
    RefundElsewhere,
    assign_refunds,
    freed_refunds,
    refundable_tenders,
    split_refund,
)
from services.sales.domain.returning import Original
from services.sales.domain.tender import Tender, TenderKind, TenderState
from tests.unit.sales.documents import Goods, document, frozen_lines, priced_lines, store

SHOP = store()
KINDS = (TenderKind.CASH, TenderKind.CARD, TenderKind.GIFT_CARD)
PRICES = st.integers(1, 5_000)
STEPS = st.lists(
    st.tuples(
        st.lists(PRICES, max_size=3),
        st.lists(st.integers(0, 30), max_size=3),
        st.lists(st.sampled_from(KINDS), min_size=1, max_size=2, unique=True),
        st.integers(0, 9),
    ),
    min_size=2,
    max_size=8,
)


@dataclass
class Shop:
    """Documents and what has come back of each, as sales keeps them; money by kind, in and out."""

    originals: dict[UUID, Original] = field(default_factory=dict)
    paid: Counter[str] = field(default_factory=Counter)
    refunded: Counter[str] = field(default_factory=Counter)

    def kept(self) -> list[tuple[UUID, LineFacts]]:
        """Every line that was sold and has not come back."""
        return [
            (sale_id, line)
            for sale_id, original in self.originals.items()
            for line in original.document.lines
            if line.quantity_milli > 0 and not original.returned_milli.get(line.line_id)
        ]

    def ring_up(self, prices: list[int], back: list[tuple[UUID, LineFacts]], kinds: list[TenderKind]) -> SaleCompleted:
        """A document of new goods and of goods brought back, paid or refunded in these kinds as far as may be."""
        goods = [Goods(f"Goods {price}", price) for price in prices]
        new = frozen_lines(goods, priced_lines(goods, SHOP))
        lines = [*new, *(_turned_around(sale_id, line) for sale_id, line in back)]
        total = sum(line.total_minor for line in lines)
        of = {sale_id: self.originals[sale_id] for sale_id, _ in back}
        refunds = self._assigned(total, lines, of, kinds)
        claims = tuple(claim.facts() for claim in refunds.claims)
        done = document(lines, SHOP, refunds.tenders, carried_tenders=refunds.carried, tender_claims=claims)
        for claim in refunds.claims:
            self._claim(claim.sale_id, claim.tender_id, claim.refund_minor, claim.paid_minor)
        for sale_id, line in back:
            self._returned(sale_id, line, line.quantity_milli)
        for tender in refunds.tenders:
            if tender.amount_minor > 0:
                self.paid[tender.kind.value] += tender.amount_minor
            else:
                self.refunded[tender.kind.value] -= tender.amount_minor
        self.originals[done.sale_id] = Original(done)
        return done

    def void(self, voided: SaleCompleted) -> None:
        """Turn the newest document around."""
        for claim in freed_refunds(voided, self.originals):
            self._claim(claim.sale_id, claim.tender_id, -claim.refund_minor, claim.paid_minor)
        for line in voided.lines:
            if line.returns_sale_id is not None and line.returns_line_id is not None:
                self._returned(line.returns_sale_id, replace_id(line, line.returns_line_id), 0)
        for tender in voided.tenders:
            (self.paid if tender.amount_minor > 0 else self.refunded)[tender.kind] -= abs(tender.amount_minor)
        del self.originals[voided.sale_id]

    def _assigned(
        self, total: int, lines: list[LineFacts], of: dict[UUID, Original], kinds: list[TenderKind]
    ) -> AssignedRefunds:
        if total < 0:
            # What the till is told to do, where the customer's wish is refused.
            try:
                return assign_refunds(_split(total, kinds), lines, of)
            except RefundElsewhere:
                return assign_refunds(_offered(-total, lines, of), lines, of)
        return assign_refunds(_split(total, kinds), lines, of)

    def _claim(self, sale_id: UUID, tender_id: UUID, amount: int, paid: int) -> None:
        original = self.originals[sale_id]
        after = original.refunded_minor.get(tender_id, 0) + amount
        assert 0 <= after <= paid
        self.originals[sale_id] = replace(original, refunded_minor={**original.refunded_minor, tender_id: after})

    def _returned(self, sale_id: UUID, line: LineFacts, milli: int) -> None:
        original = self.originals[sale_id]
        self.originals[sale_id] = replace(original, returned_milli={**original.returned_milli, line.line_id: milli})


def replace_id(line: LineFacts, line_id: UUID) -> LineFacts:
    return line.model_copy(update={"line_id": line_id})


def _turned_around(sale_id: UUID, line: LineFacts) -> LineFacts:
    return line.model_copy(
        update={
            "line_id": uuid4(),
            "quantity_milli": -line.quantity_milli,
            "gross_minor": -line.gross_minor,
            "net_minor": -line.net_minor,
            "taxes": (),
            "total_minor": -line.total_minor,
            "returns_sale_id": sale_id,
            "returns_line_id": line.line_id,
        }
    )


def _split(total: int, kinds: list[TenderKind]) -> list[Tender]:
    sign = -1 if total < 0 else 1
    share, rest = divmod(abs(total), len(kinds))
    amounts = [sign * (share + (rest if index == 0 else 0)) for index in range(len(kinds))]
    return [_tender(kind, amount) for kind, amount in zip(kinds, amounts, strict=True) if amount]


def _offered(rest: int, lines: list[LineFacts], of: dict[UUID, Original]) -> list[Tender]:
    tenders = []
    for sale_id, original in of.items():
        worth = -sum(line.total_minor for line in lines if line.returns_sale_id == sale_id)
        parts, uncovered = split_refund(min(rest, worth), refundable_tenders(original, ("card", "gift_card", "cash")))
        assert uncovered == 0
        for part, amount in parts:
            tenders.append(replace(_tender(TenderKind(part.kind), -amount), original_tender_id=part.tender_id))
            rest -= amount
    return tenders


def _tender(kind: TenderKind, amount: int) -> Tender:
    return Tender(uuid4(), kind, TenderState.AUTHORIZED, amount_minor=amount)


@given(STEPS)
# A void of a return of two receipts whose goods were paid with money that was first one tender.
@example(
    [
        ([1, 1], [], [TenderKind.CASH, TenderKind.CARD], 1),
        ([1], [0], [TenderKind.CASH], 1),
        ([], [1, 0], [TenderKind.CASH], 0),
    ]
)
def test_rule_9_over_any_chain_of_sales_exchanges_and_returns_refunds_per_kind_stay_within_payments(
    steps: list[tuple[list[int], list[int], list[TenderKind], int]],
) -> None:
    shop = Shop()
    for prices, picks, kinds, chance in steps:
        kept = shop.kept()
        back = [kept[pick] for pick in dict.fromkeys(pick % len(kept) for pick in picks)] if kept else []
        if not prices and not back:
            continue
        done = shop.ring_up(prices, back, kinds)
        if chance == 0:
            shop.void(done)
        for kind in KINDS:
            assert 0 <= shop.refunded[kind] <= shop.paid[kind]
    # In the end everything comes back, receipt by receipt: each kind has given back exactly what it took.
    while kept := shop.kept():
        sale_id = kept[0][0]
        shop.ring_up([], [each for each in kept if each[0] == sale_id], [TenderKind.CASH])
    assert +shop.refunded == +shop.paid
