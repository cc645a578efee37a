"""Add a member of staff."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from uuid import UUID

from libs.persistence import UnitOfWork, new_id
from libs.web.principal import Principal
from services.identity.domain.audit import Actor, AuditAction, AuditEntry, Subject, describe_staff
from services.identity.domain.refusals import CodeTaken, wrong_field
from services.identity.domain.roles import Role
from services.identity.domain.staff import StaffMember
from services.identity.storage.repositories.audit import record
from services.identity.storage.repositories.chains import ChainRepository
from services.identity.storage.repositories.roles import RoleRepository
from services.identity.storage.repositories.staff import StaffRepository
from services.identity.use_cases.rights import demand_places, demand_stores_exist, rights_of


@dataclass(frozen=True, slots=True)
class StaffDraft:
    """Who is to be added; secrets are hashed already."""

    code: str
    name: str
    language: str | None
    all_stores: bool
    store_ids: frozenset[UUID]
    roles: frozenset[str]
    pin_hash: str | None
    password_hash: str | None


async def add_staff(work: UnitOfWork, caller: Principal, draft: StaffDraft) -> StaffMember:
    """Store a new member and tell everybody. Raises Invalid, Forbidden, AboveOwnRights or CodeTaken."""
    await ChainRepository(work.connection).lock_staff_and_roles()
    demand_places(caller, all_stores=draft.all_stores, store_ids=draft.store_ids)
    await demand_stores_exist(work, draft.store_ids)
    held = await roles_with_codes(work, draft.roles)
    member = new_member(draft, held)
    rights_of(caller).demand_covers(member.rights, field="roles", doing="give these roles")
    return await store_member(work, Actor.of(caller), draft, member)


def new_member(draft: StaffDraft, held: tuple[Role, ...]) -> StaffMember:
    """A member as they begin: active, version 1."""
    return StaffMember(
        id=new_id(),
        code=draft.code,
        name=draft.name,
        language=draft.language,
        all_stores=draft.all_stores,
        store_ids=draft.store_ids,
        roles=held,
        active=True,
        has_pin=draft.pin_hash is not None,
        has_password=draft.password_hash is not None,
        version=1,
    )


async def store_member(work: UnitOfWork, actor: Actor, draft: StaffDraft, member: StaffMember) -> StaffMember:
    """Store a member with secrets and trace. Raises CodeTaken."""
    repository = StaffRepository(work.connection)
    if not await repository.add(member, work.now):
        raise CodeTaken(f"There is a member of staff {member.code} already. Choose another code.", field="code")
    if draft.pin_hash is not None:
        await repository.set_secret_hash(member.id, "pin", draft.pin_hash)
    if draft.password_hash is not None:
        await repository.set_secret_hash(member.id, "password", draft.password_hash)
    work.emit(member.facts(), sequence=member.version)
    subject = Subject("staff", member.id, member.code, only_store(member))
    added = AuditEntry(AuditAction.STAFF_ADDED, actor, subject, after=describe_staff(member))
    await record(work, added, *_secrets_set(added, draft))
    return member


def only_store(member: StaffMember) -> UUID | None:
    """The store whose managers may read of this member in the trail: theirs, if it is one."""
    return next(iter(member.store_ids)) if len(member.store_ids) == 1 and not member.all_stores else None


async def roles_with_codes(work: UnitOfWork, codes: Collection[str]) -> tuple[Role, ...]:
    """The roles of these codes, in order. Raises Invalid naming one that does not exist."""
    found = {role.code: role for role in await RoleRepository(work.connection).with_codes(codes)}
    for code in sorted(codes):
        if code not in found:
            raise wrong_field("roles", f"there is no role {code}")
    return tuple(found[code] for code in sorted(codes))


def _secrets_set(added: AuditEntry, draft: StaffDraft) -> list[AuditEntry]:
    return [
        replace(added, action=action, after=None)
        for action, given in (
            (AuditAction.PIN_SET, draft.pin_hash),
            (AuditAction.PASSWORD_SET, draft.password_hash),
        )
        if given is not None
    ]
