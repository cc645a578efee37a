"""Let a basket pass whose discounts, prices and returns are within what the cashier or an approving manager may do."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from libs.contracts.sales import LineFacts
from libs.persistence import UnitOfWork
from libs.web.principal import Approval, Principal
from services.sales.domain.basket import Basket
from services.sales.domain.needed_authority import Need, needed_authority
from services.sales.storage.returns import ReturnsRepository
from services.sales.use_cases.authorise import authorise


async def authorise_basket(
    work: UnitOfWork,
    caller: Principal,
    basket: Basket,
    lines: Sequence[LineFacts],
    approvals: Sequence[Approval],
) -> UUID | None:
    """Spend the approvals that the basket needs; returns who approved, None when the caller may do all of it alone.

    Raises ApprovalRequired and its kin.
    """
    by_action = {approval.action: approval for approval in approvals}
    approver: UUID | None = None
    for need in needed_authority(basket, lines, await _returned_before(work, basket)):
        approver = await _authorise(work, caller, basket, need, by_action.get(need.permission.value)) or approver
    return approver


async def _returned_before(work: UnitOfWork, basket: Basket) -> int:
    sale_ids = {line.returns.sale_id for line in basket.lines if line.returns is not None}
    originals = await ReturnsRepository(work.connection).originals(sale_ids)
    return sum(original.returned_minor for original in originals.values())


async def _authorise(
    work: UnitOfWork, caller: Principal, basket: Basket, need: Need, approval: Approval | None
) -> UUID | None:
    return await authorise(
        work,
        caller,
        need.permission,
        bound_to=str(basket.basket_id),
        approval=approval,
        within=need.within,
        needed=need.extent(basket.currency),
    )
