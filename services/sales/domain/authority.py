"""Who may do what: the caller, or a manager who lends the permission for one action (retail rule 26)."""

from __future__ import annotations

from collections.abc import Callable

from libs.contracts.permissions import Permission
from libs.contracts.refusal import Conflict, Forbidden
from libs.web.principal import Approval, Limits, Principal

Within = Callable[[Limits], bool]
"""Whether an action is inside somebody's limits."""


class ApprovalRequired(Forbidden):
    """A manager must approve: ask identity for an approval of `permission` bound to `bound_to`, and send it along."""

    type = "approval-required"


class ApprovalDoesNotFit(Forbidden):
    """The approval was given for something else, to somebody else, or by somebody who may not go that far."""

    type = "approval-does-not-fit"


class ApprovalSpent(Conflict):
    """The approval was used before: a manager says yes to one action, once."""

    type = "approval-spent"


def may_alone(caller: Principal, permission: Permission, within: Within | None) -> bool:
    """Whether the caller needs nobody: holds the permission and stays within the limits."""
    return caller.may(permission) and (within is None or within(caller.limits))


def check_approval(
    approval: Approval | None, caller: Principal, permission: Permission, bound_to: str, within: Within | None
) -> Approval:
    """The approval, if it lends `permission` to the caller for `bound_to`.

    Raises ApprovalRequired when there is none, ApprovalDoesNotFit when it is for another action, thing or person, or
    the action is beyond the approver's own limits.
    """
    if approval is None:
        reason = "it is over your limit" if caller.may(permission) else f"the permission {permission} is missing"
        raise ApprovalRequired(
            f"A manager must approve this: {reason}.", permission=permission.value, bound_to=bound_to
        )
    misfit = _misfit(approval, caller, permission, bound_to, within)
    if misfit:
        raise ApprovalDoesNotFit(
            f"This approval {misfit}. Ask a manager for another.",
            field="approval",
            permission=permission.value,
            bound_to=bound_to,
        )
    return approval


def _misfit(
    approval: Approval, caller: Principal, permission: Permission, bound_to: str, within: Within | None
) -> str | None:
    if approval.action != permission:
        return f"is for {approval.action}, not for {permission}"
    if approval.bound_to != bound_to:
        return f"was given for {approval.bound_to}, not for {bound_to}"
    if approval.requested_by != caller.id:
        return f"was not asked for by {caller.name}"
    if within is not None and not within(approval.limits):
        return f"goes beyond what {approval.approver_name} may allow"
    return None
