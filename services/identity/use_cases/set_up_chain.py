"""Set the installation up: the chain, its roles, its first administrator and, if wanted, its first store."""

from __future__ import annotations

from dataclasses import dataclass

from libs.persistence import UnitOfWork, new_id
from services.identity.domain.audit import Actor, AuditAction, AuditEntry, Subject
from services.identity.domain.refusals import AlreadySetUp, WrongSecret
from services.identity.domain.roles import ADMINISTRATOR_ROLE, BUILT_IN_ROLES
from services.identity.domain.staff import StaffMember
from services.identity.domain.stores import Chain, Store
from services.identity.domain.tries import LockOutPolicy, Tries, count_try
from services.identity.storage.repositories.audit import record
from services.identity.storage.repositories.chains import ChainRepository
from services.identity.storage.repositories.roles import RoleRepository
from services.identity.storage.repositories.tries import TriesRepository, tries_subject
from services.identity.use_cases.add_role import new_role
from services.identity.use_cases.add_staff import StaffDraft, new_member, roles_with_codes, store_member
from services.identity.use_cases.add_store import add_store

_SUBJECT = tries_subject("set-up", "")


@dataclass(frozen=True, slots=True)
class SetUp:
    """What set-up made."""

    chain: Chain
    administrator: StaffMember
    store: Store | None


async def set_up_chain(work: UnitOfWork, chain_name: str, administrator: StaffDraft, store: Store | None) -> SetUp:
    """Create everything, once. Raises AlreadySetUp, also for the second of two at the same moment."""
    chain = await ChainRepository(work.connection).create(new_id(), chain_name, work.now)
    if chain is None:
        raise _already_set_up()
    built_in = [new_role(draft, built_in=True) for draft in BUILT_IN_ROLES]
    await RoleRepository(work.connection).add(built_in, work.now)
    member = new_member(administrator, await roles_with_codes(work, [ADMINISTRATOR_ROLE]))
    actor = Actor("staff", member.id, member.name)
    subject = Subject("chain", chain.id, chain.name)
    await record(work, AuditEntry(AuditAction.CHAIN_SET_UP, actor, subject, after={"name": chain.name}))
    await store_member(work, actor, administrator, member)
    if store is not None:
        await add_store(work, actor, store)
    return SetUp(chain, member, store)


async def count_set_up_try(work: UnitOfWork, policy: LockOutPolicy) -> Tries:
    """Count a try at the set-up code. Raises AlreadySetUp or LockedOut."""
    if await ChainRepository(work.connection).find() is not None:
        raise _already_set_up()
    repository = TriesRepository(work.connection)
    counted = count_try(await repository.take(_SUBJECT, work.now), work.now, policy)
    await repository.write(_SUBJECT, counted)
    return counted


async def conclude_set_up_try(
    work: UnitOfWork, tries: Tries, policy: LockOutPolicy, *, right: bool
) -> WrongSecret | None:
    """Take the try back if it was right, leave a trace if it was wrong."""
    if right:
        await TriesRepository(work.connection).write(_SUBJECT, Tries(0, work.now))
        return None
    nobody = Actor("unknown", None, "unknown")
    subject = Subject("chain", None, "set-up")
    await record(work, AuditEntry(AuditAction.SIGN_ON_REFUSED, nobody, subject, reason="wrong set-up code"))
    return WrongSecret(f"The set-up code is wrong. {tries.left(policy)} more tries before a pause.", field="setup_code")


def _already_set_up() -> AlreadySetUp:
    return AlreadySetUp("This installation is set up already. Sign on as an administrator to change it.")
