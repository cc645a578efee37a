"""Paying a basket: tenders, their outcomes, and completion."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import replace
from typing import Annotated
from uuid import UUID, uuid5

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from libs.contracts.permissions import Permission
from libs.contracts.sales import SaleCompleted
from libs.persistence import Database
from libs.web.authentication import Caller, RequestBody
from libs.web.transactions import Reading, Work, origin_of
from services.sales.api.dependencies import Books, Feed, Settings, verified
from services.sales.api.sale_schemas import ApprovalText, PositiveMinor, TenderBody
from services.sales.domain.basket import Basket
from services.sales.domain.tender import OnTop, TenderKind, TenderState
from services.sales.domain.tender_rules import demand_taken, due_minor
from services.sales.receipt_settings import EmailAddress
from services.sales.storage.baskets import BasketRepository
from services.sales.use_cases.add_tender import TenderRequest
from services.sales.use_cases.keep_basket import basket_topic
from services.sales.use_cases.pay_basket import complete_basket, pay, release_tender
from services.sales.use_cases.take_basket import known

router = APIRouter(tags=["tenders"])

POLL_S = 0.1
_WAIT = re.compile(r"(?:^|[,;\s])wait=([0-9]{1,3})\b")


class PayBody(TenderBody):
    """A tender for a basket. A card may pay a tip, cash-back and instalments, on top of its `amount_minor`."""

    tip_minor: PositiveMinor = Field(default=0, description="Asked for at the till; no turnover and not taxed.")
    cash_back_minor: PositiveMinor = Field(
        default=0, description="Paid out of the drawer with a card purchase; payments knows the limits."
    )
    instalments: Annotated[int, Field(strict=True, ge=2, le=99)] | None = Field(
        default=None, description="In how many instalments the card is to be charged."
    )
    approvals: Annotated[list[ApprovalText], Field(max_length=10)] = Field(
        default_factory=list, description="Managers' approvals bound to the basket's id, with the first tender."
    )

    def request(self, place: str = "") -> TenderRequest:
        """The tender as the use case takes it."""
        on_top = OnTop(self.tip_minor, self.cash_back_minor, self.instalments)
        return replace(super().request(place), on_top=on_top)


class CompleteBody(RequestBody):
    """How the basket is completed."""

    number: Annotated[int, Field(strict=True, ge=1, le=10**9)] | None = Field(
        default=None, description="The till's own document number; absent, the next one is given."
    )
    approvals: Annotated[list[ApprovalText], Field(max_length=10)] = Field(default_factory=list)
    receipt_email: EmailAddress | None = Field(
        default=None, description="Where the receipt is mailed to, if not where the basket says."
    )


class WhyView(BaseModel):
    """Why a tender is declined or unknown: a sentence to show, and a code where there is one."""

    model_config = ConfigDict(from_attributes=True)

    reason: str
    reason_code: str | None


class TenderView(BaseModel):
    """A tender and where it stands."""

    tender_id: UUID
    kind: TenderKind
    state: TenderState
    amount_minor: int
    given_minor: int | None
    change_minor: int
    rounding_minor: int
    foreign_currency: str | None
    foreign_minor: int | None
    exchange_rate: str | None
    reference: str | None
    original_tender_id: UUID | None
    tip_minor: int = Field(description="On top of the amount; asked for, and once authorised: approved.")
    cash_back_minor: int = Field(description="As for the tip; pay it out when the basket is completed.")
    instalments: int | None
    scheme: str | None = Field(description="The card's, as the terminal names it.")
    masked_number: str | None
    approval_code: str | None
    signature_required: bool = Field(description="The shop's slip is printed and is to be signed.")
    why: WhyView | None = Field(description="While it is declined or unknown.")


class PaymentView(BaseModel):
    """How far a basket is paid, in minor units of its currency; `due_minor` below zero is to be given back."""

    basket_id: UUID
    version: int
    state: str
    currency: str
    total_minor: int
    due_minor: int
    tenders: list[TenderView]


@router.post(
    "/baskets/{basket_id}/tenders",
    status_code=201,
    response_model=PaymentView,
    summary="Add a tender",
    responses={202: {"model": PaymentView, "description": "Asked for elsewhere; the outcome is not known yet."}},
)
async def add(
    basket_id: UUID,
    body: PayBody,
    request: Request,
    caller: Caller,
    books: Books,
    feed: Feed,
    settings: Settings,
    prefer: Annotated[str | None, Header(max_length=100, description="'wait=10' waits for the outcome.")] = None,
    idempotency_key: Annotated[
        str | None, Header(min_length=8, max_length=200, description="Names the tender where there is no tender_id.")
    ] = None,
) -> Response:
    """Cash and recorded tenders are decided at once; the others answer 202 until their outcome has come.

    The first tender freezes the basket's price. The same `tender_id`, or the same key without one, is the same
    tender, not a second one.
    """
    caller.demand(Permission.SALES_SELL)
    demand_taken(body.kind, settings.tender_kinds)
    approvals = await verified(request, body.approvals)
    database: Database = request.app.state.context.database
    if body.tender_id is None and idempotency_key is not None:
        body = body.model_copy(update={"tender_id": uuid5(basket_id, f"{caller.id} {idempotency_key}")})
    tender_request = body.request()
    # A transaction of its own, because waiting for the outcome must not hold one open.
    async with database.transaction(origin_of(request)) as work:
        current = await books.current(work.connection)
        basket, total_minor = await pay(work, caller, current, basket_id, tender_request, approvals)
    deadline = time.monotonic() + min(_wait_s(prefer), settings.longest_wait_s)
    while _undecided(basket, tender_request.tender_id) and time.monotonic() < deadline:
        await asyncio.sleep(POLL_S)
        async with database.reading() as reading:
            basket = await BasketRepository(reading).get(basket_id) or basket
    view = payment_view(basket, total_minor)
    feed.publish_soon(basket_topic(basket_id), view)
    status = 202 if _undecided(basket, tender_request.tender_id) else 201
    return Response(view.model_dump_json(), status_code=status, media_type="application/json")


@router.get("/baskets/{basket_id}/tenders", summary="How far the basket is paid")
async def show(basket_id: UUID, caller: Caller, reading: Reading) -> PaymentView:
    """Tenders with their states; the total is the one last shown, and no other once there is a tender."""
    caller.demand(Permission.SALES_READ)
    repository = BasketRepository(reading)
    basket = known(await repository.get(basket_id), basket_id)
    caller.demand_store(basket.store_id)
    return payment_view(basket, await repository.total_minor(basket_id))


@router.delete("/baskets/{basket_id}/tenders/{tender_id}", summary="Take a tender back")
async def release(
    basket_id: UUID, tender_id: UUID, caller: Caller, work: Work, books: Books, feed: Feed
) -> PaymentView:
    """Give a tender back before completion; repeated, it changes nothing."""
    caller.demand(Permission.SALES_SELL)
    current = await books.current(work.connection)
    basket = await release_tender(work, caller, current, basket_id, tender_id)
    view = payment_view(basket, await BasketRepository(work.connection).total_minor(basket_id))
    work.after_commit(lambda: feed.publish_soon(basket_topic(basket_id), view))
    return view


@router.post("/baskets/{basket_id}/complete", status_code=201, summary="Complete a paid basket")
async def complete(
    basket_id: UUID, body: CompleteBody, request: Request, caller: Caller, work: Work, books: Books, feed: Feed
) -> SaleCompleted:
    """The pivot: the document is numbered, stored, counted and published in one transaction.

    A basket is completed once: asked again, the answer is the same document.
    """
    caller.demand(Permission.SALES_SELL)
    approvals = await verified(request, body.approvals)
    current = await books.current(work.connection)
    document = await complete_basket(
        work,
        caller,
        current,
        basket_id,
        number=body.number,
        approvals=approvals,
        receipt_email=body.receipt_email,
    )
    work.after_commit(lambda: feed.publish_soon(basket_topic(basket_id), document))
    return document


def payment_view(basket: Basket, total_minor: int) -> PaymentView:
    """The payment of a basket that comes to `total_minor`, as the API shows it."""
    return PaymentView(
        basket_id=basket.basket_id,
        version=basket.version,
        state=basket.state.value,
        currency=basket.currency,
        total_minor=total_minor,
        due_minor=due_minor(total_minor, basket.tenders),
        tenders=[TenderView.model_validate(tender, from_attributes=True) for tender in basket.tenders],
    )


def _undecided(basket: Basket, tender_id: UUID) -> bool:
    return any(each.tender_id == tender_id and each.state is TenderState.REQUESTED for each in basket.tenders)


def _wait_s(prefer: str | None) -> float:
    found = _WAIT.search(prefer or "")
    return float(found[1]) if found else 0.0
