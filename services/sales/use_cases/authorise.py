"""Let a caller do what needs a permission, alone or with a manager's approval."""

from __future__ import annotations

from uuid import UUID

from libs.contracts.permissions import Permission
from libs.persistence import UnitOfWork
from libs.web.principal import Approval, Extent, Principal
from services.sales.domain.authority import ApprovalSpent, Within, check_approval, may_alone
from services.sales.storage.approvals import ApprovalRepository


async def authorise(
    work: UnitOfWork,
    caller: Principal,
    permission: Permission,
    *,
    bound_to: str,
    approval: Approval | None,
    within: Within | None = None,
    needed: Extent | None = None,
    beyond: str | None = None,
) -> UUID | None:
    """Return None when the caller may do this alone, else the id of the manager whose approval is spent on it.

    `bound_to` is the id of the basket, sale or shift; `within` says whether the action is inside somebody's limits,
    `needed` how far it goes, which the approval must cover; both are kept with the approval. `beyond` says
    why nobody may do it alone, whatever their limits. An approval that
    is not needed is not spent. Raises ApprovalRequired, ApprovalDoesNotFit or ApprovalSpent.
    """
    if beyond is None and may_alone(caller, permission, within):
        return None
    fitting = check_approval(approval, caller, permission, bound_to, within, needed, beyond)
    if not await ApprovalRepository(work.connection).spend(fitting, needed, work.now):
        raise ApprovalSpent(
            "This approval has been used. A manager must approve again.", field="approval", bound_to=bound_to
        )
    return fitting.approver_id
