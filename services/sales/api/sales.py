"""The one-call sale: a finished basket in, a document out, however often it is sent."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from fastapi import APIRouter, Request
from starlette.responses import Response

from libs.contracts.permissions import Permission
from libs.contracts.refusal import Refusal
from libs.contracts.sales import SaleCompleted
from libs.persistence import UnitOfWork, new_id
from libs.web.authentication import Caller
from libs.web.idempotency import REPLAYED_HEADER
from libs.web.principal import Principal
from libs.web.transactions import Work
from services.sales.api.dependencies import Books, verified
from services.sales.api.sale_schemas import SaleBody, SaleLineBody
from services.sales.domain.basket import Basket, BasketLine, ReturnReference
from services.sales.domain.label_price import Place
from services.sales.domain.tender_rules import TenderKindNotTaken
from services.sales.price_books import CurrentBook
from services.sales.use_cases.identify_products import Identified, Pointer, identify_products
from services.sales.use_cases.open_till import till_of
from services.sales.use_cases.post_sale import FinishedBasket, find_posted, post_sale

router = APIRouter(tags=["sales"])


@router.post(
    "/sales",
    status_code=201,
    response_model=SaleCompleted,
    summary="Ring up a finished basket",
    response_description="The finished document; the same one, with Idempotency-Replayed: true, on every retry.",
)
async def ring_up(body: SaleBody, request: Request, caller: Caller, work: Work, books: Books) -> Response:
    """Price, check, pay and complete a basket in one call.

    `sale_id` is made by the till, so a retry after a lost answer is safe: it gets the first answer again. The same
    id with other contents is refused (409). The price is the server's own; `expected_total_minor` guards against
    a till that showed another.
    """
    caller.demand(Permission.SALES_SELL)
    for index, tender in enumerate(body.tenders):
        if not tender.kind.decided_here:
            raise TenderKindNotTaken(
                f"A {tender.kind.value} tender has to be authorised first: open a basket and add it there.",
                field=f"tenders.{index}.kind",
            )
    current = await books.current(work.connection)
    # Of what was understood, not of the bytes: a retry may order its JSON differently and is the same sale.
    request_hash = hashlib.sha256(body.model_dump_json(exclude={"approvals", "receipt_email"}).encode()).digest()
    try:
        finished = await _finished(work, caller, current, body, request_hash)
        approvals = await verified(request, body.approvals)
    except Refusal:
        # Since it was sold, its goods or its till may be gone and an approval may have expired: still the same sale.
        earlier = await find_posted(work, caller, body.sale_id, request_hash)
        if earlier is None:
            raise
        posted = earlier
    else:
        posted = await post_sale(work, caller, current, finished, approvals)
    headers = {REPLAYED_HEADER: "true"} if posted.repeated else None
    return Response(posted.document.body(), status_code=201, media_type="application/json", headers=headers)


async def _finished(
    work: UnitOfWork, caller: Principal, current: CurrentBook, body: SaleBody, request_hash: bytes
) -> FinishedBasket:
    till = till_of(caller, current)
    pointers = [
        Pointer(
            f"lines.{index}.{'code' if line.code else 'product_id'}",
            line.code,
            line.product_id,
            brought_back=line.returns is not None,
        )
        for index, line in enumerate(body.lines)
    ]
    place = Place(current.store(till.store_id), work.now, tuple(body.customer_groups))
    identified = await identify_products(work.connection, current, pointers, body.currency)
    basket = Basket(
        basket_id=body.sale_id,
        store_id=till.store_id,
        till_id=till.till_id,
        staff_id=caller.id,
        currency=body.currency,
        opened_at=work.now,
        lines=tuple(
            _line(line, found, place, f"lines.{index}.quantity")
            for index, (line, found) in enumerate(zip(body.lines, identified, strict=True))
        ),
        percent_discount_ppm=body.discount_percent,
        amount_discount_minor=body.discount_minor,
        discount_reason=body.discount_reason,
        coupons=tuple(body.coupons),
        customer_id=body.customer_id,
        customer_groups=tuple(body.customer_groups),
        note=body.note,
        age_confirmed_years=body.age_confirmed_years,
        receipt_email=body.receipt_email,
    )
    return FinishedBasket(
        basket=basket,
        products={found.product.product_id: found.product for found in identified},
        tenders=tuple(tender.request(f"tenders.{index}.") for index, tender in enumerate(body.tenders)),
        number=body.number,
        expected_total_minor=body.expected_total_minor,
        request_hash=request_hash,
    )


def _line(line: SaleLineBody, found: Identified, place: Place, field: str) -> BasketLine:
    if line.returns is not None:
        # What comes back of a receipt costs what it cost then, whatever its label says.
        found = replace(found, price_minor=None)
    entered = found.entered(line.quantity, place, field=field)
    by_hand = line.price_override_minor is not None
    return BasketLine(
        line_id=line.line_id or new_id(),
        product_id=found.product.product_id,
        quantity=entered.quantity,
        scanned=line.code,
        price_override_minor=line.price_override_minor if by_hand else entered.price_minor,
        price_from_code=not by_hand and found.price_minor is not None,
        label_amount_minor=None if by_hand else entered.label_amount_minor,
        price_override_reason=line.price_override_reason,
        percent_discount_ppm=line.discount_percent,
        amount_discount_minor=line.discount_minor,
        discount_reason=line.discount_reason,
        returns=ReturnReference(line.returns.sale_id, line.returns.line_id, line.returns.reason)
        if line.returns
        else None,
        return_reason=line.return_reason,
    )
