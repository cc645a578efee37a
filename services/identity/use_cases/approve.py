"""A manager's approval: a second sign-on that lends one permission for one thing to one person, once."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from uuid import UUID

from libs.contracts.permissions import Permission
from libs.contracts.refusal import Refusal
from libs.persistence import UnitOfWork, new_id
from libs.web.principal import Principal
from services.identity.domain.audit import Actor, AuditAction, AuditEntry, Subject
from services.identity.domain.refusals import CannotApprove
from services.identity.domain.staff import StaffMember
from services.identity.gateways.signing import SignedToken, TokenSigner
from services.identity.storage.repositories.audit import record
from services.identity.use_cases.issue_token import issue_token
from services.identity.use_cases.sign_on import working_till


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """What is asked for: the permission, the id of what it is for, and why."""

    action: Permission
    bound_to: str
    reason: str


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
    """Give the caller, who is signed on at a till, the proven approver's yes. Raises NotAtATill or TillDisabled.

    A refusal is returned, not raised, because the trace it leaves is to be committed.
    """
    _, store = await working_till(work, caller)
    subject = Subject("approval", new_id(), f"{request.action.value} for {request.bound_to}", store.id)
    facts = {"action": request.action.value, "bound_to": request.bound_to, "approver": approver.name}
    facts |= {"approver_id": str(approver.id), "requester": caller.name, "requester_id": str(caller.id)}
    entry = AuditEntry(AuditAction.APPROVAL_GIVEN, Actor.of(caller), subject, after=facts, reason=request.reason)
    refusal = _objection(caller, approver, request.action, store.id)
    if refusal is not None:
        why = f"{request.reason} — {refusal.sentence}"
        await record(work, AuditEntry(AuditAction.APPROVAL_REFUSED, entry.actor, subject, after=facts, reason=why))
        return refusal
    approval_id = subject.id
    assert approval_id is not None
    claims = {
        "jti": str(approval_id),
        "sub": str(approver.id),
        "kind": "approval",
        "name": approver.name,
        "action": request.action.value,
        "bound_to": request.bound_to,
        "requested_by": str(caller.id),
        "limits": asdict(approver.rights.limits),
    }
    token = await issue_token(work.connection, signer, claims, now=work.now, life=life)
    await record(work, entry)
    return Approved(approval_id, token, approver)


def _objection(caller: Principal, approver: StaffMember, action: Permission, store_id: UUID) -> Refusal | None:
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
    return None
