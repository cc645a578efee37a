"""Ring up a finished basket in one call: idempotent on the sale's id, which the till made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from libs.contracts.refusal import Conflict, Forbidden
from libs.contracts.sales import SaleCompleted
from libs.persistence import UnitOfWork
from libs.web.principal import Approval, Principal
from services.sales.domain.basket import Basket
from services.sales.domain.entry import demand_age, demand_currency
from services.sales.domain.product import Product
from services.sales.domain.tender_rules import due_minor
from services.sales.domain.till import UnknownStore
from services.sales.price_books import CurrentBook
from services.sales.storage.returns import ReturnsRepository
from services.sales.storage.sales import SaleRepository
from services.sales.use_cases.add_tender import TenderRequest, decide_tender
from services.sales.use_cases.authorise_basket import authorise_basket
from services.sales.use_cases.complete_sale import complete_sale
from services.sales.use_cases.mail_completed import mail_completed
from services.sales.use_cases.open_till import NoOpenShift, open_till
from services.sales.use_cases.price_basket import price_contents


class CompletedDifferently(Conflict):
    """A sale with this id was completed with other contents."""

    type = "completed-differently"


class TotalDiffers(Conflict):
    """The till and the server do not agree on the total; nothing was sold."""

    type = "total-differs"


@dataclass(frozen=True, slots=True)
class FinishedBasket:
    """What a till posts: the basket as entered with its products, how it is paid, and what it takes for granted.

    `number` is the till's own document number, None to be given one. `expected_total_minor` is what the till showed.
    """

    basket: Basket
    products: Mapping[UUID, Product]
    tenders: tuple[TenderRequest, ...]
    number: int | None
    expected_total_minor: int | None
    request_hash: bytes


@dataclass(frozen=True, slots=True)
class PostedSale:
    """The document, and whether it was there before."""

    document: SaleCompleted
    repeated: bool


async def find_posted(work: UnitOfWork, caller: Principal, sale_id: UUID, request_hash: bytes) -> PostedSale | None:
    """The document of an earlier, identical request. Raises CompletedDifferently, or Forbidden for another till's."""
    stored = await SaleRepository(work.connection).get(sale_id)
    if stored is None:
        return None
    if stored.document.till_id != caller.till_id:
        raise Forbidden("A sale with this id was made at another till. A new sale needs a new id.")
    if stored.request_hash != request_hash:
        raise CompletedDifferently(
            f"Sale {sale_id} was completed before with other contents, as number {stored.document.number}. "
            "A new sale needs a new id.",
            field="sale_id",
            number=stored.document.number,
        )
    return PostedSale(stored.document, repeated=True)


async def post_sale(
    work: UnitOfWork, caller: Principal, current: CurrentBook, finished: FinishedBasket, approvals: Sequence[Approval]
) -> PostedSale:
    """Price, check, pay and complete the basket in one transaction, once.

    Raises the refusals of pricing, authority, tenders and completion; nothing is kept then.
    """
    basket = finished.basket
    try:
        till = await open_till(work, caller, current)
    except (NoOpenShift, UnknownStore):
        # What was sold before the shift or the store was closed is answered for ever.
        earlier = await find_posted(work, caller, basket.basket_id, finished.request_hash)
        if earlier is None:
            raise
        return earlier
    # Under the lock of the till: a request that overtook this one has committed by now.
    earlier = await find_posted(work, caller, basket.basket_id, finished.request_hash)
    if earlier is not None:
        return earlier
    demand_currency(basket.currency, till.store)
    contents = await price_contents(
        work.connection,
        basket,
        current,
        work.now,
        products=finished.products,
        business_date=till.seller.business_date,
    )
    demand_age(basket, contents.products)
    lines = contents.frozen_lines(basket, till.store.language)
    total_minor = contents.total_minor
    if finished.expected_total_minor not in (None, total_minor):
        raise TotalDiffers(
            f"The till expects {finished.expected_total_minor} minor units, the server prices the basket at "
            f"{total_minor}. Refresh the till's catalogue and show the customer the new total.",
            field="expected_total_minor",
            total_minor=total_minor,
        )
    approved_by = await authorise_basket(work, caller, till.seller, basket, lines, approvals)
    for request in finished.tenders:
        tender = await decide_tender(
            work.connection, request, due_minor(total_minor, basket.tenders), basket.currency, till.store
        )
        basket = replace(basket, tenders=(*basket.tenders, tender))
    terms = contents.return_terms
    if terms is not None:
        await ReturnsRepository(work.connection).keep_terms(basket.basket_id, terms)
    document = await complete_sale(
        work,
        till,
        basket,
        lines,
        request_hash=finished.request_hash,
        number=finished.number,
        approved_by=approved_by,
    )
    await mail_completed(work, basket, till.store)
    return PostedSale(document, repeated=False)
