"""How much a tender counts for, what change it gives, and what cash rounding makes of it (retail rules 1, 2 and 16)."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from libs.contracts.refusal import Invalid
from libs.contracts.sales import LineFacts
from libs.pricing.cash import CashPayment, ExchangeRate, cash_due, pay_cash, pay_foreign_cash
from services.sales.domain.tender import OnTop, Tender, TenderKind, TenderState

_REDEEMED = frozenset({TenderKind.GIFT_CARD, TenderKind.POINTS})


class TenderRefused(Invalid):
    """The tender does not fit what is due; the sentence says what would."""

    type = "tender-refused"


class TenderKindNotTaken(Invalid):
    """The shop does not take this kind of tender, or not in this way."""

    type = "tender-kind-not-taken"


def demand_taken(kind: TenderKind, taken: frozenset[TenderKind]) -> None:
    """Raise TenderKindNotTaken unless the shop takes tenders of this kind."""
    if kind not in taken:
        kinds = ", ".join(sorted(taken))
        raise TenderKindNotTaken(f"This shop does not take {kind.value}; it takes {kinds}.", field="kind")


def cash_tender(tender_id: UUID, due_minor: int, given_minor: int, increment_minor: int) -> Tender:
    """Cash against what is due, in the document's currency.

    Covering the due amount rounded to the smallest coin settles it; the difference is kept as rounding. Less
    counts as it is, and the rest stays due. A refund (`due_minor` below zero) pays out its own rounded amount;
    `given_minor` then is what is handed out, below zero, and may be less than all of it. What rounds to nothing is
    settled by a tender of nothing, either way.
    """
    payable = cash_due(due_minor, increment_minor)
    if due_minor != 0 and given_minor == 0 == payable.payable_minor:
        return _cash(tender_id, CashPayment(0, 0, payable.rounding_minor, 0, 0))
    if due_minor == 0 or given_minor == 0 or (due_minor < 0) != (given_minor < 0):
        raise _nothing_due(due_minor, "given_minor")
    if due_minor > 0:
        return _cash(tender_id, pay_cash(due_minor, given_minor, increment_minor))
    if given_minor < payable.payable_minor:
        raise TenderRefused(
            f"At most {-payable.payable_minor} minor units are to be paid out in cash, not {-given_minor}.",
            field="given_minor",
            due_minor=due_minor,
        )
    rounding_minor = payable.rounding_minor if given_minor == payable.payable_minor else 0
    return _cash(tender_id, CashPayment(given_minor, given_minor, rounding_minor, 0, 0))


def foreign_cash_tender(
    tender_id: UUID, due_minor: int, foreign_minor: int, rate: ExchangeRate, increment_minor: int
) -> Tender:
    """Notes of another currency at the frozen `rate`; change is local (retail rule 16). They are never paid out."""
    if due_minor <= 0 or foreign_minor <= 0:
        raise TenderRefused("Foreign cash is taken, never paid out.", field="foreign_minor", due_minor=due_minor)
    payment = pay_foreign_cash(due_minor, foreign_minor, rate, increment_minor).payment
    tender = _cash(tender_id, payment)
    return tender.in_foreign(rate.foreign, foreign_minor, str(rate.rate))


def _cash(tender_id: UUID, payment: CashPayment) -> Tender:
    return Tender(
        tender_id,
        TenderKind.CASH,
        TenderState.AUTHORIZED,
        amount_minor=payment.applied_minor - payment.rounding_minor,
        given_minor=payment.tendered_minor,
        change_minor=payment.change_minor,
        rounding_minor=payment.rounding_minor,
    )


def other_tender(tender_id: UUID, kind: TenderKind, due_minor: int, amount_minor: int, reference: str | None) -> Tender:
    """A tender that gives no change: at most what is due, of the same sign. Local kinds are authorised at once."""
    if due_minor == 0 or amount_minor == 0 or (due_minor < 0) != (amount_minor < 0):
        raise _nothing_due(due_minor, "amount_minor")
    if abs(amount_minor) > abs(due_minor):
        raise TenderRefused(
            f"{due_minor} minor units are due; a {kind.replace('_', ' ')} of {amount_minor} would be too much.",
            field="amount_minor",
            due_minor=due_minor,
        )
    state = TenderState.AUTHORIZED if kind.decided_here else TenderState.REQUESTED
    return Tender(tender_id, kind, state, amount_minor=amount_minor, reference=reference)


def check_on_top(kind: TenderKind, amount_minor: int, on_top: OnTop, increment_minor: int) -> None:
    """Raise TenderRefused for a tip, cash-back or instalments with anything but a card purchase (retail rule 15), and
    for cash-back that no coins make up: the smallest is `increment_minor`.
    """
    if kind is TenderKind.CARD and amount_minor > 0:
        if on_top.cash_back_minor % increment_minor:
            raise TenderRefused(
                f"Cash-back is paid out in coins: a multiple of {increment_minor} minor units.",
                field="cash_back_minor",
            )
        return
    for field, asked, what in (
        ("tip_minor", on_top.tip_minor, "A tip is added"),
        ("cash_back_minor", on_top.cash_back_minor, "Cash-back is given"),
        ("instalments", on_top.instalments, "Instalments are agreed"),
    ):
        if asked:
            raise TenderRefused(f"{what} only with a card that pays for goods.", field=field)


def check_redeemable(kind: TenderKind, amount_minor: int, lines: Sequence[LineFacts], taken: Sequence[Tender]) -> None:
    """Raise TenderRefused when gift cards or points would pay for gift cards (retail rule 11).

    `amount_minor` is to be added to the tenders `taken`: together they pay at most for the other goods.
    """
    if kind not in _REDEEMED or amount_minor <= 0 or all(line.kind != "gift_card" for line in lines):
        return
    goods_minor = sum(line.total_minor for line in lines if line.kind != "gift_card")
    redeemed_minor = sum(
        tender.amount_minor for tender in taken if tender.kind in _REDEEMED and (tender.counts or tender.undecided)
    )
    if amount_minor + redeemed_minor > goods_minor:
        left_minor = max(0, goods_minor - redeemed_minor)
        raise TenderRefused(
            f"Gift cards and points do not pay for gift cards: at most {left_minor} minor units of them are taken.",
            field="amount_minor",
            left_minor=left_minor,
        )


def due_minor(total_minor: int, tenders: tuple[Tender, ...]) -> int:
    """What is still to pay (or, below zero, to give back), counting what is asked for elsewhere as taken."""
    return total_minor - sum(tender.amount_minor for tender in tenders if tender.counts or tender.undecided)


def _nothing_due(due: int, field: str) -> TenderRefused:
    if due == 0:
        return TenderRefused("Nothing is due any more.", field=field, due_minor=0)
    wanted = "paid in, as a positive amount" if due > 0 else "given back, as a negative amount"
    return TenderRefused(f"{abs(due)} minor units are to be {wanted}.", field=field, due_minor=due)
