"""Who may do what: the caller, or a manager who lends the permission for one action (retail rule 26)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from libs.contracts.permissions import Permission
from libs.contracts.refusal import Conflict, Forbidden
from libs.pricing.words import amount_text, percent_text
from libs.web.principal import Approval, Extent, Limits, Principal

PPM = 1_000_000
SHOWN_PPM = 1_000

Within = Callable[[Limits], bool]
"""Whether an action is inside somebody's limits."""


class ApprovalRequired(Forbidden):
    """A manager must approve: ask identity for an approval of `action` bound to `bound_to`, as far as `up_to` (absent
    where the action has no size), and send it along.
    """

    type = "approval-required"


class ApprovalDoesNotFit(Forbidden):
    """The approval was given for something else, for less, to somebody else, or by somebody who may not go so far."""

    type = "approval-does-not-fit"


class ApprovalSpent(Conflict):
    """The approval was used before: a manager says yes to one action, once."""

    type = "approval-spent"


def may_alone(caller: Principal, permission: Permission, within: Within | None) -> bool:
    """Whether the caller needs nobody: holds the permission and stays within the limits."""
    return caller.may(permission) and (within is None or within(caller.limits))


def check_approval(
    approval: Approval | None,
    caller: Principal,
    permission: Permission,
    bound_to: str,
    within: Within | None,
    needed: Extent | None = None,
    beyond: str | None = None,
) -> Approval:
    """The approval, if it lends `permission` to the caller for `bound_to`, as far as `needed`.

    `beyond` says why the caller may not do it alone although their limits allow it.

    Raises ApprovalRequired when there is none: its `action`, `bound_to` and `up_to` are what the till asks identity
    for. Raises ApprovalDoesNotFit when it is for another action, thing or person, goes less far than `needed`, or the
    action is beyond the approver's own limits; `approved_up_to` and `needed` then stand beside each other.
    """
    asked: dict[str, Any] = {"action": permission.value, "permission": permission.value, "bound_to": bound_to}
    if needed is not None:
        asked["up_to"] = _to_ask_for(needed)
    if approval is None:
        over = beyond or "it is over your limit"
        reason = over if caller.may(permission) else f"the permission {permission} is missing"
        size = f" ({extent_text(needed)})" if needed is not None else ""
        raise ApprovalRequired(f"A manager must approve this{size}: {reason}.", **asked)
    misfit = _misfit(approval, caller, permission, bound_to, within, needed)
    if misfit:
        if needed is not None:
            asked["needed"] = needed.facts()
            asked["approved_up_to"] = approval.up_to.facts() if approval.up_to else None
        raise ApprovalDoesNotFit(f"This approval {misfit}. Ask a manager for another.", field="approval", **asked)
    return approval


def extent_text(extent: Extent) -> str:
    """The extent in words for a shop assistant: '15 %' or '30.00 EUR'."""
    if extent.discount_ppm is not None:
        return percent_text(extent.discount_ppm)
    assert extent.amount_minor is not None, "an extent says one or the other"
    assert extent.currency is not None, "an amount says its currency"
    return f"{amount_text(extent.amount_minor, extent.currency)} {extent.currency}"


def _to_ask_for(needed: Extent) -> dict[str, int | str]:
    """What to show the manager: a discount in tenths of a percent, never less than what is needed."""
    if needed.discount_ppm is None:
        return needed.facts()
    return {"discount_ppm": min(PPM, -(-needed.discount_ppm // SHOWN_PPM) * SHOWN_PPM)}


def _misfit(
    approval: Approval,
    caller: Principal,
    permission: Permission,
    bound_to: str,
    within: Within | None,
    needed: Extent | None,
) -> str | None:
    if approval.action != permission:
        return f"is for {approval.action}, not for {permission}"
    if approval.bound_to != bound_to:
        return f"was given for {approval.bound_to}, not for {bound_to}"
    if approval.requested_by != caller.id:
        return f"was not asked for by {caller.name}"
    if needed is not None and approval.up_to is None:
        return f"does not say up to what it was given, and {extent_text(needed)} is needed"
    if needed is not None and approval.up_to is not None and not approval.up_to.covers(needed):
        return f"was given for up to {extent_text(approval.up_to)}, and {extent_text(needed)} is needed"
    if within is not None and not within(approval.limits):
        return f"goes beyond what {approval.approver_name} may allow"
    return None
