"""A manager's approval: a second sign-on that lends one permission for one thing to one person, once."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from libs.contracts.permissions import APPROVED_UP_TO_A_DISCOUNT, APPROVED_UP_TO_AN_AMOUNT, Permission
from libs.contracts.refusal import Refusal
from libs.persistence import UnitOfWork, new_id
from libs.web.principal import Extent, Limits, Principal
from services.identity.domain.audit import Actor, AuditAction, AuditEntry, Subject
from services.identity.domain.refusals import CannotApprove, wrong_field
from services.identity.domain.staff import StaffMember
from services.identity.domain.stores import Store
from services.identity.gateways.signing import SignedToken, TokenSigner
from services.identity.storage.repositories.audit import record
from services.identity.use_cases.issue_token import issue_token
from services.identity.use_cases.sign_on import working_till


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """What is asked for: the permission, the id of what it is for, how far it goes where it has a size, and why."""

    action: Permission
    bound_to: str
    reason: str
    up_to: Extent | None = None


@dataclass(frozen=True, slots=True)
class Approved:
    """A signed approval; the service that spends it records `id`, so that it counts once."""

    id: UUID
    token: SignedToken
    approver: StaffMember


async def approve(
    work: UnitOfWork,
    signer: TokenSigner,
    caller: Principal,
    approver: StaffMember,
    request: ApprovalRequest,
    life: timedelta,
) -> Approved | Refusal:
    """Give the caller, who is signed on at a till, the proven approver's yes.

    Raises NotAtATill, TillDisabled, or Invalid naming `up_to` when it does not say how far the action goes. A
    refusal is returned, not raised, because the trace it leaves is to be committed.
    """
    _, store = await working_till(work, caller)
    _check_extent(request, store)
    subject = Subject("approval", new_id(), f"{request.action.value} for {request.bound_to}", store.id)
    facts: dict[str, Any] = {
        "action": request.action.value,
        "bound_to": request.bound_to,
        "approver": approver.name,
    }
    facts |= {"approver_id": str(approver.id), "requester": caller.name, "requester_id": str(caller.id)}
    if request.up_to is not None:
        facts["up_to"] = request.up_to.facts()
    entry = AuditEntry(AuditAction.APPROVAL_GIVEN, Actor.of(caller), subject, after=facts, reason=request.reason)
    refusal = _objection(caller, approver, request, store.id)
    if refusal is not None:
        why = f"{request.reason} — {refusal.sentence}"
        await record(work, AuditEntry(AuditAction.APPROVAL_REFUSED, entry.actor, subject, after=facts, reason=why))
        return refusal
    approval_id = subject.id
    assert approval_id is not None
    claims: dict[str, Any] = {
        "jti": str(approval_id),
        "sub": str(approver.id),
        "kind": "approval",
        "name": approver.name,
        "action": request.action.value,
        "bound_to": request.bound_to,
        "requested_by": str(caller.id),
        "limits": asdict(approver.rights.limits),
    }
    if request.up_to is not None:
        claims["up_to"] = request.up_to.facts()
    token = await issue_token(work.connection, signer, claims, now=work.now, life=life)
    await record(work, entry)
    return Approved(approval_id, token, approver)


def _check_extent(request: ApprovalRequest, store: Store) -> None:
    """Nobody says yes to an open amount: what the till shows the manager is what the approval carries."""
    up_to, action = request.up_to, request.action
    if action in APPROVED_UP_TO_A_DISCOUNT:
        if up_to is None or up_to.discount_ppm is None:
            raise wrong_field("up_to.discount_ppm", f"say up to which discount {action} is approved; 150000 is 15 %")
    elif action in APPROVED_UP_TO_AN_AMOUNT:
        if up_to is None or up_to.amount_minor is None:
            raise wrong_field("up_to.amount_minor", f"say up to which amount {action} is approved, with its currency")
        if up_to.currency != store.currency:
            raise wrong_field("up_to.currency", f"the store trades in {store.currency}, not in {up_to.currency}")
    elif up_to is not None:
        raise wrong_field("up_to", f"{action} is approved as it is; leave up_to away")


def _objection(caller: Principal, approver: StaffMember, request: ApprovalRequest, store_id: UUID) -> Refusal | None:
    action = request.action
    if approver.id == caller.id:
        return CannotApprove("Nobody approves for themselves: ask another person.", field="approver_code")
    if not approver.works_for(store_id):
        return CannotApprove(f"{approver.name} does not work for this store.", field="approver_code")
    missing = sorted({Permission.IDENTITY_APPROVE.value, action.value} - approver.rights.permissions)
    if missing:
        return CannotApprove(
            f"{approver.name} may not approve this: {', '.join(missing)} is missing.",
            field="approver_code",
            missing=missing,
        )
    if request.up_to is not None and not _within(approver.rights.limits, action, request.up_to):
        return CannotApprove(f"{approver.name} may not approve so much: it is over their own limit.", field="up_to")
    return None


def _within(limits: Limits, action: Permission, up_to: Extent) -> bool:
    if up_to.discount_ppm is not None:
        return up_to.discount_ppm <= limits.discount_ppm
    assert up_to.amount_minor is not None, "an extent says one or the other"
    if action is Permission.SALES_CASH_OUT:
        return up_to.amount_minor <= limits.cash_out_minor
    # Whoever may set a price may set any price.
    return action is Permission.SALES_OVERRIDE_PRICE or up_to.amount_minor <= limits.refund_minor
