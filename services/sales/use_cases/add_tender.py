"""Add a tender to a basket: decided at once for cash and what is only recorded, asked for elsewhere for the rest."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from libs.contracts.identity import StoreChanged
from libs.contracts.refusal import Conflict, Invalid, Refusal
from libs.contracts.sales import LineFacts
from libs.contracts.tenders import AuthorizeTender
from libs.persistence import Connection, UnitOfWork
from libs.pricing.cash import ExchangeRate
from services.sales.domain.basket import Basket, BasketState
from services.sales.domain.exchange_rate import NoExchangeRate, parse_rate
from services.sales.domain.tender import NOTHING_ON_TOP, OnTop, Tender, TenderKind
from services.sales.domain.tender_rules import (
    cash_tender,
    check_on_top,
    check_redeemable,
    due_minor,
    foreign_cash_tender,
    other_tender,
)
from services.sales.storage.exchange_rates import ExchangeRateRepository
from services.sales.use_cases.find_refunded_card import find_refunded_card


class TenderIdTaken(Conflict):
    """The basket already has another tender with this id."""

    type = "tender-id-taken"


@dataclass(frozen=True, slots=True)
class TenderRequest:
    """A tender as the till asks for it.

    Cash is `given_minor` in the store's currency, or `foreign_minor` in `foreign_currency`; the other kinds are
    `amount_minor`. Refunds are negative. `reference` is a cheque's or voucher's number, an approval code. `on_top` is
    what a card is asked to pay beside its amount.
    """

    tender_id: UUID
    kind: TenderKind
    amount_minor: int | None = None
    given_minor: int | None = None
    foreign_currency: str | None = None
    foreign_minor: int | None = None
    reference: str | None = None
    original_tender_id: UUID | None = None
    on_top: OnTop = NOTHING_ON_TOP
    # Where in the request's body the tender stands, for errors: "tenders.0." or nothing.
    place: str = ""


async def decide_tender(
    connection: Connection, request: TenderRequest, due: int, currency: str, store: StoreChanged
) -> Tender:
    """The tender in its first state. Raises TenderRefused, Invalid for missing amounts, or NoExchangeRate."""
    try:
        check_on_top(request.kind, request.amount_minor or 0, request.on_top, _increment(store))
        if request.kind is TenderKind.CASH:
            tender = await _cash(connection, request, due, currency, store)
        else:
            tender = _other(request, due)
    except Refusal as error:
        error.field = f"{request.place}{error.field}" if error.field else None
        raise
    return tender.for_original(request.original_tender_id)


def _other(request: TenderRequest, due: int) -> Tender:
    if request.amount_minor is None:
        raise Invalid(f"A {request.kind} tender needs its amount.", field="amount_minor")
    tender = other_tender(request.tender_id, request.kind, due, request.amount_minor, request.reference)
    return tender.with_on_top(request.on_top)


async def _cash(connection: Connection, request: TenderRequest, due: int, currency: str, store: StoreChanged) -> Tender:
    if request.foreign_currency is None:
        if request.given_minor is None:
            raise Invalid("Cash needs the amount that was handed over.", field="given_minor")
        return cash_tender(request.tender_id, due, request.given_minor, _increment(store))
    rate = await ExchangeRateRepository(connection).get(currency, request.foreign_currency)
    if rate is None:
        raise NoExchangeRate(
            f"No exchange rate from {request.foreign_currency} to {currency} is set, so it is not taken here.",
            field="foreign_currency",
        )
    frozen = ExchangeRate(rate.foreign_currency, currency, parse_rate(rate.rate))
    return foreign_cash_tender(request.tender_id, due, request.foreign_minor or 0, frozen, _increment(store))


def _increment(store: StoreChanged) -> int:
    return max(1, store.cash_rounding_minor)


def is_repeated(basket: Basket, request: TenderRequest) -> bool:
    """Whether the basket has this very tender already. Raises TenderIdTaken when its id belongs to another."""
    for tender in basket.tenders:
        if tender.tender_id == request.tender_id:
            if not _same(tender, request):
                raise TenderIdTaken("A tender with this id is of another kind or amount.", field="tender_id")
            return True
    return False


def _same(tender: Tender, request: TenderRequest) -> bool:
    if tender.kind is not request.kind or tender.foreign_currency != request.foreign_currency:
        return False
    if tender.kind is TenderKind.CASH:
        return request.given_minor in (None, tender.given_minor) and tender.foreign_minor == request.foreign_minor
    # Whoever decides elsewhere may approve a part of what was asked for (retail rule 18).
    return not tender.kind.decided_here or tender.amount_minor == request.amount_minor


async def add_tender(
    work: UnitOfWork, basket: Basket, lines: tuple[LineFacts, ...], request: TenderRequest, store: StoreChanged
) -> Basket:
    """The basket, now paying, with one more tender; kinds decided elsewhere are asked for with the commit.

    A refund to a card finds its card by the receipts of what comes back, unless the till names it.
    Raises BasketNotOpen and what `decide_tender` and `find_refunded_card` raise.
    """
    basket.demand(BasketState.OPEN, BasketState.PAYING)
    total_minor = sum(line.total_minor for line in lines)
    due = due_minor(total_minor, basket.tenders)
    check_redeemable(request.kind, request.amount_minor or 0, lines, basket.tenders)
    tender = await decide_tender(work.connection, request, due, basket.currency, store)
    if tender.kind is TenderKind.CARD and tender.amount_minor < 0 and tender.original_tender_id is None:
        card = await find_refunded_card(work.connection, basket, lines, tender.amount_minor)
        tender = tender.for_original(card)
    if not tender.kind.decided_here:
        work.send(_authorisation(basket, tender))
    return basket.changed(state=BasketState.PAYING, tenders=(*basket.tenders, tender))


def _authorisation(basket: Basket, tender: Tender) -> AuthorizeTender:
    return AuthorizeTender(
        tender_id=tender.tender_id,
        sale_id=basket.basket_id,
        store_id=basket.store_id,
        till_id=basket.till_id,
        kind=tender.kind.value,  # decided elsewhere: card, gift_card or points
        currency=basket.currency,
        amount_minor=tender.amount_minor,
        instrument=tender.reference,
        original_tender_id=tender.original_tender_id,
        cash_back_minor=tender.cash_back_minor,
        tip_minor=tender.tip_minor,
        instalments=tender.instalments,
    )
