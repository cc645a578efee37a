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
from services.sales.domain.basket import Basket
from services.sales.domain.tender import IllegalTenderTransition, Tender, TenderState
from services.sales.storage.baskets import BasketRepository
from services.sales.use_cases.keep_basket import basket_topic
from services.sales.use_cases.pay_basket import with_tender

_log = structlog.get_logger(__name__)

_STATES: dict[type[TenderOutcome], TenderState] = {
    TenderAuthorized: TenderState.AUTHORIZED,
    TenderDeclined: TenderState.DECLINED,
    TenderUnknown: TenderState.UNKNOWN,
    TenderCaptured: TenderState.CAPTURED,
    TenderReleased: TenderState.RELEASED,
}


async def on_outcome(received: Received[Any], work: UnitOfWork) -> Basket | None:
    """Move the tender on and give the changed basket.

    A late or repeated outcome that no longer applies is logged and changes nothing: None.
    """
    outcome: TenderOutcome = received.message
    basket = await BasketRepository(work.connection).get_for_update(outcome.sale_id)
    tender = _tender_of(basket, outcome)
    if basket is None or tender is None:
        _log.warning("outcome_of_unknown_tender", tender_id=str(outcome.tender_id), sale_id=str(outcome.sale_id))
        return None
    state = _STATES[type(outcome)]
    amount_minor = outcome.amount_minor if isinstance(outcome, TenderAuthorized) else None
    reference = outcome.reference if isinstance(outcome, TenderAuthorized) else None
    try:
        moved = tender.moved_to(state, amount_minor=amount_minor, reference=reference)
    except IllegalTenderTransition as error:
        _log.warning("outcome_does_not_apply", tender_id=str(tender.tender_id), reason=error.sentence)
        return None
    return None if moved is tender else await with_tender(work, basket, moved)


def _tender_of(basket: Basket | None, outcome: TenderOutcome) -> Tender | None:
    if basket is None:
        return None
    return next((tender for tender in basket.tenders if tender.tender_id == outcome.tender_id), None)


def tender_consumer(feed: LiveFeed) -> Consumer:
    """The consumer of outcomes; whoever watches the basket is told at once."""

    async def handle(received: Received[Any], work: UnitOfWork) -> None:
        basket = await on_outcome(received, work)
        if basket is not None:
            topic, outcome = basket_topic(basket.basket_id), received.message
            work.after_commit(lambda: feed.publish_soon(topic, outcome))

    return Consumer("sales.tenders", dict.fromkeys(_STATES, handle))
