"""Paying a basket tender by tender, and what its end is: completed, or its tenders taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from libs.contracts.refusal import NotFound
from libs.contracts.sales import LineFacts, SaleCompleted
from libs.contracts.tenders import ReleaseTender
from libs.persistence import UnitOfWork
from libs.web.principal import Approval, Principal
from services.sales.domain.basket import Basket, BasketState
from services.sales.domain.entry import demand_age, demand_currency
from services.sales.domain.tender import Tender, TenderState
from services.sales.price_books import CurrentBook
from services.sales.storage.baskets import BasketRepository
from services.sales.storage.returns import ReturnsRepository
from services.sales.storage.sales import SaleRepository
from services.sales.use_cases.add_tender import TenderRequest, add_tender, is_repeated
from services.sales.use_cases.authorise_basket import authorise_basket
from services.sales.use_cases.complete_sale import complete_sale
from services.sales.use_cases.demand_cash_back import demand_cash_back
from services.sales.use_cases.keep_basket import basket_updated
from services.sales.use_cases.mail_completed import mail_completed
from services.sales.use_cases.open_till import OpenTill, open_till
from services.sales.use_cases.price_basket import price_contents
from services.sales.use_cases.take_basket import BasketElsewhere, known


class UnknownTender(NotFound):
    """The basket has no such tender."""

    type = "unknown-tender"


async def pay(
    work: UnitOfWork,
    caller: Principal,
    current: CurrentBook,
    basket_id: UUID,
    request: TenderRequest,
    approvals: Sequence[Approval],
) -> tuple[Basket, int]:
    """Add a tender; the first one freezes the price of the basket. Returns the basket and its total in minor units.

    A tender with an id that the basket has is the same tender: nothing changes. Raises TenderIdTaken, and what
    `open_till`, pricing, `authorise_basket`, `demand_cash_back` and `add_tender` raise, and BasketElsewhere.
    """
    till = await open_till(work, caller, current)
    basket = await _locked_at(work, till, basket_id)
    repository = BasketRepository(work.connection)
    if is_repeated(basket, request):
        # Before anything is frozen or approved: a late repeat must not fix the price of a basket that is open again.
        return basket, await repository.total_minor(basket_id)
    basket, lines = await _frozen(work, caller, current, till, basket, approvals)
    await demand_cash_back(work, till.seller.shift_id, basket, request.on_top.cash_back_minor)
    paying = await add_tender(work, basket, lines, request, till.store)
    await repository.save(paying, _total(lines))
    work.emit(basket_updated(paying, lines), sequence=paying.version)
    return paying, _total(lines)


async def _locked_at(work: UnitOfWork, till: OpenTill, basket_id: UUID) -> Basket:
    basket = known(await BasketRepository(work.connection).get_for_update(basket_id), basket_id)
    if basket.till_id != till.seller.till_id:
        raise BasketElsewhere(
            "The basket is at another till. Suspend it there, then recall it here.", till_id=str(basket.till_id)
        )
    return basket


async def _frozen(
    work: UnitOfWork,
    caller: Principal,
    current: CurrentBook,
    till: OpenTill,
    basket: Basket,
    approvals: Sequence[Approval],
) -> tuple[Basket, tuple[LineFacts, ...]]:
    """The lines at the price that is charged, allowed before any money moves; kept while the basket is being paid."""
    repository = BasketRepository(work.connection)
    if basket.state is BasketState.PAYING:
        quoted = await repository.quote(basket.basket_id)
        assert quoted is not None, "a basket that is being paid has its price, from the same transaction"
        return basket, quoted
    basket.demand(BasketState.OPEN)
    demand_currency(basket.currency, till.store)
    contents = await price_contents(work.connection, basket, current, work.now, business_date=till.seller.business_date)
    demand_age(basket, contents.products)
    lines = contents.frozen_lines(basket, till.store.language)
    approved_by = await authorise_basket(work, caller, till.seller, basket, lines, approvals)
    await repository.set_quote(basket.basket_id, lines)
    terms = contents.return_terms
    if terms is not None:
        await ReturnsRepository(work.connection).keep_terms(basket.basket_id, terms)
    return replace(basket, approved_by=approved_by), lines


async def release_tender(
    work: UnitOfWork, caller: Principal, current: CurrentBook, basket_id: UUID, tender_id: UUID
) -> Basket:
    """Take a tender back: at once for cash and what is only recorded, by a command for the others.

    When no tender is left the basket is open again and its price follows the catalogue. Releasing what is released
    already changes nothing. Raises what `open_till` raises, BasketElsewhere, UnknownTender, BasketNotOpen or
    IllegalTenderTransition.
    """
    basket = await _locked_at(work, await open_till(work, caller, current), basket_id)
    tender = next((each for each in basket.tenders if each.tender_id == tender_id), None)
    if tender is None:
        raise UnknownTender(f"The basket has no tender {tender_id}.", field="tender_id")
    if tender.state in (TenderState.RELEASED, TenderState.RELEASING, TenderState.DECLINED):
        return basket
    basket.demand(BasketState.PAYING)
    releasing = tender.moved_to(TenderState.RELEASING)
    if tender.kind.decided_here:
        releasing = releasing.moved_to(TenderState.RELEASED)
    else:
        work.send(_release(basket, tender, f"taken back by {caller.name}"), sequence=3)
    return await with_tender(work, basket, releasing)


async def with_tender(work: UnitOfWork, basket: Basket, changed: Tender) -> Basket:
    """Store the basket with one tender changed; open again when nothing is paid or being decided any more."""
    repository = BasketRepository(work.connection)
    lines = await repository.quote(basket.basket_id) or ()
    tenders = tuple(changed if each.tender_id == changed.tender_id else each for each in basket.tenders)
    if basket.state is BasketState.PAYING and not any(each.counts or each.undecided for each in tenders):
        basket = basket.changed(state=BasketState.OPEN, tenders=tenders, approved_by=None)
        await repository.set_quote(basket.basket_id, None)
        await ReturnsRepository(work.connection).forget_terms(basket.basket_id)
    else:
        basket = basket.changed(tenders=tenders)
    await repository.save(basket, _total(lines))
    if basket.state is not BasketState.COMPLETED:
        # From its completion on the events of this id are the document's, and count on from there.
        work.emit(basket_updated(basket, lines), sequence=basket.version)
    return basket


async def complete_basket(
    work: UnitOfWork,
    caller: Principal,
    current: CurrentBook,
    basket_id: UUID,
    *,
    number: int | None,
    approvals: Sequence[Approval],
    receipt_email: str | None = None,
) -> SaleCompleted:
    """Complete a basket whose tenders cover its total; a basket that is completed gives its document again.

    `receipt_email` is where the receipt is mailed to, if not where the basket says.

    Raises what `open_till`, `authorise_basket` and `complete_sale` raise, and BasketElsewhere.
    """
    till = await open_till(work, caller, current)
    basket = await _locked_at(work, till, basket_id)
    if basket.state is BasketState.COMPLETED:
        stored = await SaleRepository(work.connection).get(basket_id)
        assert stored is not None, "a completed basket has its document, from the same transaction"
        return stored.document
    basket.demand(BasketState.PAYING, BasketState.OPEN)
    basket, lines = await _frozen(work, caller, current, till, basket, approvals)
    wanted = replace(basket, receipt_email=receipt_email or basket.receipt_email)
    # The address goes with the mail, which is forgotten after a while; the basket needs it no more.
    finished = basket.changed(
        state=BasketState.COMPLETED, tenders=tuple(_taken(each) for each in basket.tenders), receipt_email=None
    )
    document = await complete_sale(
        work, till, finished, lines, request_hash=b"", number=number, approved_by=basket.approved_by
    )
    await BasketRepository(work.connection).save(finished, document.total_minor)
    await mail_completed(work, wanted, till.store)
    return document


def _taken(tender: Tender) -> Tender:
    return tender.moved_to(TenderState.CAPTURED) if tender.counts and tender.kind.decided_here else tender


def _total(lines: Sequence[LineFacts]) -> int:
    return sum(line.total_minor for line in lines)


def _release(basket: Basket, tender: Tender, reason: str) -> ReleaseTender:
    return ReleaseTender(
        tender_id=tender.tender_id,
        sale_id=basket.basket_id,
        store_id=basket.store_id,
        till_id=basket.till_id,
        kind=tender.kind.value,  # decided elsewhere: card, gift_card or points
        currency=basket.currency,
        amount_minor=tender.amount_minor,
        reason=reason,
    )
