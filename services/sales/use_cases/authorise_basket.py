"""Let a basket pass whose discounts, prices and returns are within what the cashier or an approving manager may do."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from libs.contracts.permissions import Permission
from libs.contracts.sales import LineFacts
from libs.persistence import UnitOfWork
from libs.web.principal import Approval, Extent, Principal
from services.sales.domain.authority import extent_text
from services.sales.domain.basket import Basket
from services.sales.domain.completion import Seller
from services.sales.domain.needed_authority import needed_authority, without_receipt_minor
from services.sales.storage.returns import ReturnsRepository
from services.sales.storage.totals import TotalsRepository
from services.sales.use_cases.authorise import authorise


async def authorise_basket(
    work: UnitOfWork,
    caller: Principal,
    seller: Seller,
    basket: Basket,
    lines: Sequence[LineFacts],
    approvals: Sequence[Approval],
) -> UUID | None:
    """Spend the approvals that the basket needs; returns who approved, None when the caller may do all of it alone.

    What somebody gives back without receipt counts for the whole of their business day: all of it together stays
    within their own limit of refunds, or a manager approves. Raises ApprovalRequired and its kin.
    """
    by_action = {approval.action: approval for approval in approvals}
    approver: UUID | None = None
    for need in needed_authority(basket, lines, await _returned_before(work, basket)):
        beyond = None
        if need.permission is Permission.SALES_RETURN_WITHOUT_RECEIPT:
            beyond = await _beyond_the_day(work, caller, seller, without_receipt_minor(basket, lines))
        approval = await authorise(
            work,
            caller,
            need.permission,
            bound_to=str(basket.basket_id),
            approval=by_action.get(need.permission.value),
            within=need.within,
            needed=need.extent(basket.currency),
            beyond=beyond,
        )
        approver = approval or approver
    return approver


async def _returned_before(work: UnitOfWork, basket: Basket) -> int:
    sale_ids = {line.returns.sale_id for line in basket.lines if line.returns is not None}
    originals = await ReturnsRepository(work.connection).originals(sale_ids)
    return sum(original.returned_minor for original in originals.values())


async def _beyond_the_day(work: UnitOfWork, caller: Principal, seller: Seller, refund_minor: int) -> str | None:
    """Why the refund is too much for one person and day, or None."""
    totals = TotalsRepository(work.connection)
    before_minor = await totals.given_without_receipt(seller.staff_id, seller.business_date, seller.currency)
    limit_minor = caller.limits.refund_minor
    if before_minor + refund_minor <= limit_minor:
        return None
    given, most = (
        extent_text(Extent(amount_minor=each, currency=seller.currency)) for each in (before_minor, limit_minor)
    )
    return f"you have given back {given} without receipt today, and {most} in a day is your limit"
