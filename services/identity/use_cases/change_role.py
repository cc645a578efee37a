"""Change a role, and with it what everybody may do who holds it."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from libs.contracts.permissions import Permission
from libs.persistence import UnitOfWork
from libs.web.principal import Limits, Principal
from services.identity.domain.audit import Actor, AuditAction, AuditEntry, Subject, describe_role, differences
from services.identity.domain.refusals import BuiltInRole, ChangedMeanwhile, unknown
from services.identity.domain.roles import ADMINISTRATOR_ROLE, Rights, Role
from services.identity.storage.repositories.audit import record
from services.identity.storage.repositories.chains import ChainRepository
from services.identity.storage.repositories.roles import RoleRepository
from services.identity.storage.repositories.staff import StaffRepository
from services.identity.use_cases.rights import demand_places, rights_of


async def change_role(
    work: UnitOfWork,
    caller: Principal,
    role_id: UUID,
    expected_version: int,
    *,
    name: str,
    permissions: frozenset[Permission],
    limits: Limits,
) -> Role:
    """Replace name, permissions and limits, and tell everybody about each member of staff who holds the role.

    Raises NotFound, Forbidden, BuiltInRole, AboveOwnRights or ChangedMeanwhile.
    """
    await ChainRepository(work.connection).lock_staff_and_roles()
    repository = RoleRepository(work.connection)
    present = await repository.find(role_id)
    if present is None:
        raise unknown("role", role_id)
    if present.code == ADMINISTRATOR_ROLE:
        raise BuiltInRole("The administrator's role always holds every permission and cannot be changed.")
    if present.version != expected_version:
        raise ChangedMeanwhile(f"The role {present.code}", expected_version, present.version)
    # A role is used in every store.
    demand_places(caller, all_stores=True, store_ids=())
    changed = replace(present, name=name, permissions=permissions, limits=limits)
    if changed == present:
        return present
    changed = replace(changed, version=present.version + 1)
    rights_of(caller).demand_covers(Rights.of([present, changed]), field="permissions", doing="change this role")
    await repository.save(changed, work.now)
    await _tell_of_holders(work, changed)
    before, after = differences(describe_role(present), describe_role(changed))
    subject = Subject("role", changed.id, changed.code)
    await record(work, AuditEntry(AuditAction.ROLE_CHANGED, Actor.of(caller), subject, before, after))
    return changed


async def _tell_of_holders(work: UnitOfWork, role: Role) -> None:
    staff = StaffRepository(work.connection)
    await staff.raise_versions_of_holders(role.id, work.now)
    for member in await staff.holders_of(role.id):
        work.emit(member.facts(), sequence=member.version)
