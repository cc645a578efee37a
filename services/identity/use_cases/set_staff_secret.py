"""Set somebody's PIN or password, and unlock who is locked out."""

from __future__ import annotations

from libs.persistence import UnitOfWork
from libs.web.principal import Principal
from services.identity.domain.audit import Actor, AuditAction, AuditEntry, Subject
from services.identity.domain.staff import Locks, StaffMember
from services.identity.storage.repositories.audit import record
from services.identity.storage.repositories.staff import SecretKind, StaffRepository
from services.identity.storage.repositories.tries import TriesRepository, tries_subject
from services.identity.use_cases.add_staff import only_store

_SET = {"pin": AuditAction.PIN_SET, "password": AuditAction.PASSWORD_SET}


async def set_staff_secret(
    work: UnitOfWork, caller: Principal, member: StaffMember, kind: SecretKind, secret_hash: str
) -> None:
    """Store a new PIN or password of a member whom the caller may change; tries at the old one are forgotten."""
    await StaffRepository(work.connection).set_secret_hash(member.id, kind, secret_hash)
    await TriesRepository(work.connection).forget([tries_subject(kind, member.code)])
    subject = Subject("staff", member.id, member.code, only_store(member))
    await record(work, AuditEntry(_SET[kind], Actor.of(caller), subject))


async def unlock_staff(work: UnitOfWork, caller: Principal, member: StaffMember) -> None:
    """Let a member whom the caller may change try again at once."""
    await TriesRepository(work.connection).forget(_subjects(member))
    subject = Subject("staff", member.id, member.code, only_store(member))
    await record(work, AuditEntry(AuditAction.STAFF_UNLOCKED, Actor.of(caller), subject))


async def locks_of(tries: TriesRepository, member: StaffMember) -> Locks:
    """Until when a member is locked out."""
    return Locks(*await tries.locks(_subjects(member)))


def _subjects(member: StaffMember) -> list[bytes]:
    return [tries_subject("pin", member.code), tries_subject("password", member.code)]
