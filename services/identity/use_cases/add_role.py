"""Add a role."""

from __future__ import annotations

from libs.persistence import UnitOfWork, new_id
from libs.web.principal import Principal
from services.identity.domain.audit import Actor, AuditAction, AuditEntry, Subject, describe_role
from services.identity.domain.refusals import CodeTaken
from services.identity.domain.roles import Rights, Role, RoleDraft
from services.identity.storage.repositories.audit import record
from services.identity.storage.repositories.chains import ChainRepository
from services.identity.storage.repositories.roles import RoleRepository
from services.identity.use_cases.rights import rights_of


async def add_role(work: UnitOfWork, caller: Principal, draft: RoleDraft) -> Role:
    """Store a new role. Raises AboveOwnRights or CodeTaken."""
    await ChainRepository(work.connection).lock_staff_and_roles()
    role = new_role(draft, built_in=False)
    rights_of(caller).demand_covers(Rights.of([role]), field="permissions", doing="make this role")
    if not await RoleRepository(work.connection).add([role], work.now):
        raise CodeTaken(f"There is a role {role.code} already. Choose another code.", field="code")
    subject = Subject("role", role.id, role.code)
    await record(work, AuditEntry(AuditAction.ROLE_ADDED, Actor.of(caller), subject, after=describe_role(role)))
    return role


def new_role(draft: RoleDraft, *, built_in: bool) -> Role:
    """A role as it begins: version 1."""
    return Role(new_id(), draft.code, draft.name, draft.permissions, draft.limits, built_in, 1)
