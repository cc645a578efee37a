"""Change a member of staff: name, stores, roles, and whether they are active."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from libs.persistence import UnitOfWork
from libs.web.principal import Principal
from services.identity.domain.audit import Actor, AuditAction, AuditEntry, Subject, describe_staff, differences
from services.identity.domain.refusals import ChangedMeanwhile, LastAdministrator, wrong_field
from services.identity.domain.staff import StaffMember
from services.identity.storage.repositories.audit import record
from services.identity.storage.repositories.chains import ChainRepository
from services.identity.storage.repositories.staff import StaffRepository
from services.identity.use_cases.add_staff import only_store, roles_with_codes
from services.identity.use_cases.rights import demand_places, demand_stores_exist, rights_of, staff_within_reach


async def change_staff(
    work: UnitOfWork, caller: Principal, staff_id: UUID, expected_version: int, changes: Mapping[str, Any]
) -> StaffMember:
    """Apply `changes` (fields of StaffMember, `roles` by code) to the version that the caller read.

    Nothing happens if nothing differs. Raises NotFound, Forbidden, AboveOwnRights, Invalid, ChangedMeanwhile or
    LastAdministrator.
    """
    await ChainRepository(work.connection).lock_staff_and_roles()
    present = await staff_within_reach(work, caller, staff_id, "change this member of staff")
    if present.version != expected_version:
        raise ChangedMeanwhile(f"{present.name}", expected_version, present.version)
    changed = await _changed(work, present, changes)
    if changed == present:
        return present
    demand_places(caller, all_stores=changed.all_stores, store_ids=changed.store_ids)
    rights_of(caller).demand_covers(changed.rights, field="roles", doing="give these roles")
    repository = StaffRepository(work.connection)
    if present.administers and not changed.administers and not await repository.another_administrator(present.id):
        raise LastAdministrator(
            f"{present.name} is the last active administrator with a password for all stores. Appoint another first."
        )
    changed = replace(changed, version=present.version + 1)
    await repository.save(changed, work.now)
    work.emit(changed.facts(), sequence=changed.version)
    before, after = differences(describe_staff(present), describe_staff(changed))
    subject = Subject("staff", changed.id, changed.code, only_store(changed))
    await record(work, AuditEntry(AuditAction.STAFF_CHANGED, Actor.of(caller), subject, before, after))
    return changed


async def _changed(work: UnitOfWork, present: StaffMember, changes: Mapping[str, Any]) -> StaffMember:
    values = dict(changes)
    if "roles" in values:
        values["roles"] = await roles_with_codes(work, values["roles"])
    if values.get("all_stores"):
        # Whoever works for all stores has no list of them.
        values.setdefault("store_ids", frozenset())
    changed = replace(present, **values)
    if changed.all_stores and changed.store_ids:
        raise wrong_field("store_ids", "leave them away for somebody who works for all stores")
    if not changed.all_stores and not changed.store_ids:
        raise wrong_field("store_ids", "name at least one store, or set all_stores")
    if changed.store_ids != present.store_ids:
        await demand_stores_exist(work, changed.store_ids)
    return changed
