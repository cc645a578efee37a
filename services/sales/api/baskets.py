"""Baskets: scan, change, suspend, recall, cancel, and follow one live."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from libs.contracts.permissions import Permission
from libs.persistence import new_id
from libs.web.authentication import Caller
from libs.web.principal import Approval
from libs.web.transactions import Work
from services.sales.api.basket_schemas import (
    AgeBody,
    CouponBody,
    CouponCode,
    CustomerBody,
    DiscountBody,
    LineBody,
    NoteBody,
    OpenBasketBody,
    PriceBody,
    QuantityBody,
    ReceiptEmailBody,
    VersionBody,
)
from services.sales.api.basket_views import BasketView
from services.sales.api.dependencies import Books, Feed, verified_one
from services.sales.domain import basket_changes
from services.sales.domain.basket import Basket
from services.sales.storage.baskets import BasketRepository
from services.sales.use_cases.add_line import add_line
from services.sales.use_cases.cancel_basket import cancel_basket
from services.sales.use_cases.change_basket import Cashier, approve_line, change_basket
from services.sales.use_cases.change_quantity import change_line_quantity
from services.sales.use_cases.confirm_age import confirm_customer_age
from services.sales.use_cases.open_basket import open_basket
from services.sales.use_cases.recall_basket import recall_basket
from services.sales.use_cases.show_basket import ShownBasket, show_basket
from services.sales.use_cases.suspend_basket import suspend_basket
from services.sales.use_cases.take_basket import known

router = APIRouter(tags=["baskets"])

SeenVersion = Annotated[int | None, Query(ge=1, description="The version the till has seen; any if absent.")]


class Counter:
    """What a route that changes a basket needs: the cashier, and approvals read."""

    def __init__(self, cashier: Cashier, request: Request) -> None:
        self.cashier = cashier
        self._request = request

    async def approval(self, token: str | None) -> Approval | None:
        """The approval that came with the request. Raises Invalid for one that does not hold."""
        return await verified_one(self._request, token)


async def _counter(request: Request, work: Work, caller: Caller, books: Books, feed: Feed) -> Counter:
    current = await books.current(work.connection)
    return Counter(Cashier(work, caller, current, feed), request)


AtCounter = Annotated[Counter, Depends(_counter, scope="function")]


def _answer(shown: ShownBasket, status: int = 200) -> Response:
    # Written straight from the model: FastAPI would validate every line once more.
    return Response(BasketView.of(shown).model_dump_json(), status_code=status, media_type="application/json")


@router.post("/baskets", status_code=201, response_model=BasketView, summary="Open a basket")
async def post_basket(body: OpenBasketBody, counter: AtCounter) -> Response:
    """At the till where the cashier is signed on, in their open shift. The sale it becomes will have the same id."""
    shown = await open_basket(
        counter.cashier,
        body.basket_id or new_id(),
        body.currency,
        customer_id=body.customer_id,
        customer_groups=tuple(body.customer_groups),
        receipt_email=body.receipt_email,
    )
    return _answer(shown, 201)


@router.get("/baskets/{basket_id}", response_model=BasketView, summary="A basket with its prices")
async def get_basket(basket_id: UUID, counter: AtCounter) -> Response:
    """At today's prices while it is open; at the quoted ones once it is being paid."""
    cashier = counter.cashier
    cashier.caller.demand(Permission.SALES_READ)
    basket = known(await BasketRepository(cashier.work.connection).get(basket_id), basket_id)
    cashier.caller.demand_store(basket.store_id)
    return _answer(await show_basket(cashier.work.connection, basket, cashier.current, cashier.work.now))


@router.post("/baskets/{basket_id}/lines", status_code=201, response_model=BasketView, summary="Scan or choose goods")
async def post_line(basket_id: UUID, body: LineBody, counter: AtCounter) -> Response:
    """Any barcode, in-store weight and price codes, a product's code or id; or goods that are brought back."""
    shown = await add_line(
        counter.cashier,
        basket_id,
        body.entry(),
        expected_version=body.version,
        approval=await counter.approval(body.approval),
    )
    return _answer(shown, 201)


@router.patch("/baskets/{basket_id}/lines/{line_id}", response_model=BasketView, summary="Change a line's quantity")
async def patch_line(basket_id: UUID, line_id: UUID, body: QuantityBody, counter: AtCounter) -> Response:
    """The sign stays: goods brought back are a line of their own."""
    shown = await change_line_quantity(
        counter.cashier,
        basket_id,
        line_id,
        body.quantity,
        expected_version=body.version,
        approval=await counter.approval(body.approval),
    )
    return _answer(shown)


@router.delete("/baskets/{basket_id}/lines/{line_id}", response_model=BasketView, summary="Take a line away")
async def delete_line(basket_id: UUID, line_id: UUID, counter: AtCounter, version: SeenVersion = None) -> Response:
    """What was scanned by mistake, or is not wanted any more."""
    shown = await change_basket(
        counter.cashier, basket_id, lambda basket: basket.without_line(line_id), expected_version=version
    )
    return _answer(shown)


@router.put("/baskets/{basket_id}/lines/{line_id}/discount", response_model=BasketView, summary="Discount a line")
async def put_line_discount(basket_id: UUID, line_id: UUID, body: DiscountBody, counter: AtCounter) -> Response:
    """Over the cashier's limit it needs a manager's approval of `sales.discount`, bound to the basket's id."""

    def change(basket: Basket) -> Basket:
        return basket_changes.discount_line(basket, line_id, body.percent, body.amount_minor, body.reason)

    shown = await change_basket(
        counter.cashier,
        basket_id,
        change,
        expected_version=body.version,
        approval=await counter.approval(body.approval),
        stamp=approve_line(line_id),
    )
    return _answer(shown)


@router.put("/baskets/{basket_id}/lines/{line_id}/price", response_model=BasketView, summary="Override a unit price")
async def put_line_price(basket_id: UUID, line_id: UUID, body: PriceBody, counter: AtCounter) -> Response:
    """Needs `sales.override_price`, or a manager's approval of it bound to the basket's id."""

    def change(basket: Basket) -> Basket:
        return basket_changes.override_price(basket, line_id, body.price_minor, body.reason)

    shown = await change_basket(
        counter.cashier,
        basket_id,
        change,
        expected_version=body.version,
        approval=await counter.approval(body.approval),
        stamp=approve_line(line_id),
    )
    return _answer(shown)


@router.put("/baskets/{basket_id}/discount", response_model=BasketView, summary="Discount the whole basket")
async def put_discount(basket_id: UUID, body: DiscountBody, counter: AtCounter) -> Response:
    """Spread over the lines when the sale is made (retail rule 4); over the limit as for a line."""

    def change(basket: Basket) -> Basket:
        return basket_changes.discount_basket(basket, body.percent, body.amount_minor, body.reason)

    shown = await change_basket(
        counter.cashier,
        basket_id,
        change,
        expected_version=body.version,
        approval=await counter.approval(body.approval),
    )
    return _answer(shown)


@router.post("/baskets/{basket_id}/coupons", status_code=201, response_model=BasketView, summary="Present a coupon")
async def post_coupon(basket_id: UUID, body: CouponBody, counter: AtCounter) -> Response:
    """`unused_coupons` says of each coupon that changes nothing why it does not."""
    shown = await change_basket(
        counter.cashier,
        basket_id,
        lambda basket: basket_changes.add_coupon(basket, body.code),
        expected_version=body.version,
    )
    return _answer(shown, 201)


@router.delete("/baskets/{basket_id}/coupons/{code}", response_model=BasketView, summary="Take a coupon back")
async def delete_coupon(
    basket_id: UUID, code: Annotated[CouponCode, Path()], counter: AtCounter, version: SeenVersion = None
) -> Response:
    """The coupon stays the customer's."""
    shown = await change_basket(
        counter.cashier,
        basket_id,
        lambda basket: basket_changes.remove_coupon(basket, code),
        expected_version=version,
    )
    return _answer(shown)


@router.put("/baskets/{basket_id}/customer", response_model=BasketView, summary="Say whose basket it is")
async def put_customer(basket_id: UUID, body: CustomerBody, counter: AtCounter) -> Response:
    """Member prices and customer groups' price lists hold from now on."""
    groups = tuple(body.customer_groups)
    shown = await change_basket(
        counter.cashier,
        basket_id,
        lambda basket: basket_changes.name_customer(basket, body.customer_id, groups),
        expected_version=body.version,
    )
    return _answer(shown)


@router.put("/baskets/{basket_id}/note", response_model=BasketView, summary="Write a note")
async def put_note(basket_id: UUID, body: NoteBody, counter: AtCounter) -> Response:
    """It goes onto the document."""
    shown = await change_basket(
        counter.cashier,
        basket_id,
        lambda basket: basket_changes.write_note(basket, body.note),
        expected_version=body.version,
    )
    return _answer(shown)


@router.put("/baskets/{basket_id}/receipt-email", response_model=BasketView, summary="Say where the receipt is mailed")
async def put_receipt_email(basket_id: UUID, body: ReceiptEmailBody, counter: AtCounter) -> Response:
    """Mailed when the basket is completed, beside the printed one where there is a printer."""
    shown = await change_basket(
        counter.cashier,
        basket_id,
        lambda basket: basket_changes.mail_receipt_to(basket, body.address),
        expected_version=body.version,
    )
    return _answer(shown)


@router.put("/baskets/{basket_id}/age-confirmation", response_model=BasketView, summary="Confirm the customer's age")
async def put_age(basket_id: UUID, body: AgeBody, counter: AtCounter) -> Response:
    """Needs `sales.confirm_age`; goods with a higher age limit stay refused."""
    shown = await confirm_customer_age(
        counter.cashier,
        basket_id,
        body.years,
        expected_version=body.version,
        approval=await counter.approval(body.approval),
    )
    return _answer(shown)


@router.post("/baskets/{basket_id}/suspend", response_model=BasketView, summary="Put a basket aside")
async def post_suspend(basket_id: UUID, counter: AtCounter, body: VersionBody | None = None) -> Response:
    """Any till of the store can recall it."""
    return _answer(await suspend_basket(counter.cashier, basket_id, expected_version=body.version if body else None))


@router.post("/baskets/{basket_id}/recall", response_model=BasketView, summary="Take up a suspended basket here")
async def post_recall(basket_id: UUID, counter: AtCounter, body: VersionBody | None = None) -> Response:
    """Of two tills that recall it at once one gets it, the other 409."""
    return _answer(await recall_basket(counter.cashier, basket_id, expected_version=body.version if body else None))


@router.post("/baskets/{basket_id}/cancel", response_model=BasketView, summary="Give a basket up")
async def post_cancel(basket_id: UUID, counter: AtCounter, body: VersionBody | None = None) -> Response:
    """Refused while a tender holds money or its outcome is not known."""
    return _answer(await cancel_basket(counter.cashier, basket_id, expected_version=body.version if body else None))
