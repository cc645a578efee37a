"""Who may say what became of a payment: the caller, or a manager who lends the permission for this one payment."""

from __future__ import annotations

from libs.contracts.permissions import Permission
from libs.contracts.refusal import Conflict, Forbidden
from libs.web.principal import Approval, Principal


class ApprovalRequired(Forbidden):
    """A manager must approve: ask identity for an approval of `action` bound to `bound_to`, and send it along."""

    type = "approval-required"


class ApprovalDoesNotFit(Forbidden):
    """The approval was given for something else, or to somebody else."""

    type = "approval-does-not-fit"


class ApprovalSpent(Conflict):
    """The approval was used before: a manager says yes to one action, once."""

    type = "approval-spent"


def needed_approval(
    caller: Principal, permission: Permission, bound_to: str, approval: Approval | None
) -> Approval | None:
    """None when the caller may do this alone, else the approval to spend. Raises ApprovalRequired or …DoesNotFit."""
    if caller.may(permission):
        return None
    asked = {"action": permission.value, "permission": permission.value, "bound_to": bound_to}
    if approval is None:
        raise ApprovalRequired(f"A manager must approve this: the permission {permission} is missing.", **asked)
    fits = (
        approval.action == permission.value
        and approval.bound_to == bound_to
        and approval.requested_by == caller.id
        and approval.approver_id != caller.id
    )
    if not fits:
        raise ApprovalDoesNotFit(
            "This approval was given for something else or to somebody else. Ask a manager for another.",
            field="approval",
            **asked,
        )
    return approval
