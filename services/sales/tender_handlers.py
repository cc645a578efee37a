"""What the deciders of tenders answer: `tender_authorized`, `declined`, `unknown`, `captured`, `released`."""

from __future__ import annotations

from typing import Any

import structlog

from libs.bus.consumer import Consumer, Received
from libs.contracts.tenders import (
    TenderAuthorized,
    TenderCaptured,
    TenderDeclined,
    TenderOutcome,
    TenderReleased,
    TenderUnknown,
)
from libs.persistence import UnitOfWork
from libs.web.live import LiveFeed
from services.sales.domain.basket import Basket, BasketState
from services.sales.domain.tender import Approved, IllegalTenderTransition, Tender, TenderState, Why
from services.sales.storage.baskets import BasketRepository
from services.sales.use_cases.keep_basket import basket_topic
from services.sales.use_cases.keep_slips import SlipDesk, keep_slips
from services.sales.use_cases.pay_basket import with_tender

_log = structlog.get_logger(__name__)

_STATES: dict[type[TenderOutcome], TenderState] = {
    TenderAuthorized: TenderState.AUTHORIZED,
    TenderDeclined: TenderState.DECLINED,
    TenderUnknown: TenderState.UNKNOWN,
    TenderCaptured: TenderState.CAPTURED,
    TenderReleased: TenderState.RELEASED,
}


async def on_outcome(received: Received[Any], work: UnitOfWork, desk: SlipDesk) -> Basket | None:
    """Move the tender on, keep its slips, and give the changed basket.

    A late or repeated outcome that no longer applies is logged and changes nothing: None.
    """
    outcome: TenderOutcome = received.message
    basket = await BasketRepository(work.connection).get_for_update(outcome.sale_id)
    tender = _tender_of(basket, outcome)
    if basket is None or tender is None:
        _log.warning("outcome_of_unknown_tender", tender_id=str(outcome.tender_id), sale_id=str(outcome.sale_id))
        return None
    if isinstance(outcome, TenderReleased) and basket.state is BasketState.COMPLETED:
        # The sale was voided: its document stays as it is, and what came of it is a slip at most.
        await keep_slips(work, desk, basket, tender, outcome)
        return None
    try:
        if isinstance(outcome, TenderAuthorized):
            moved = tender.authorized(_approved(outcome))
        else:
            moved = tender.moved_to(_STATES[type(outcome)], _why(outcome))
    except IllegalTenderTransition as error:
        _log.warning("outcome_does_not_apply", tender_id=str(tender.tender_id), reason=error.sentence)
        return None
    if moved is tender:
        return None
    if isinstance(outcome, TenderAuthorized | TenderReleased):
        await keep_slips(work, desk, basket, moved, outcome)
    return await with_tender(work, basket, moved)


def _why(outcome: TenderOutcome) -> Why | None:
    if isinstance(outcome, TenderDeclined):
        return Why(outcome.reason, outcome.reason_code)
    return Why(outcome.reason) if isinstance(outcome, TenderUnknown) else None


def _approved(outcome: TenderAuthorized) -> Approved:
    return Approved(
        amount_minor=outcome.amount_minor,
        reference=outcome.reference,
        tip_minor=outcome.tip_minor,
        cash_back_minor=outcome.cash_back_minor,
        instalments=outcome.instalments,
        scheme=outcome.scheme,
        masked_number=outcome.masked_number,
        approval_code=outcome.approval_code,
        signature_required=outcome.signature_required,
    )


def _tender_of(basket: Basket | None, outcome: TenderOutcome) -> Tender | None:
    if basket is None:
        return None
    return next((tender for tender in basket.tenders if tender.tender_id == outcome.tender_id), None)


def tender_consumer(feed: LiveFeed, desk: SlipDesk) -> Consumer:
    """The consumer of outcomes; whoever watches the basket is told at once."""

    async def handle(received: Received[Any], work: UnitOfWork) -> None:
        basket = await on_outcome(received, work, desk)
        if basket is not None:
            topic, outcome = basket_topic(basket.basket_id), received.message
            work.after_commit(lambda: feed.publish_soon(topic, outcome))

    return Consumer("sales.tenders", dict.fromkeys(_STATES, handle))
