"""Sign on at a till, or to the back office; and sign off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from libs.contracts.refusal import Forbidden, Refusal
from libs.persistence import UnitOfWork
from libs.web.principal import Principal
from services.identity.domain.audit import Actor, AuditAction, AuditEntry, Subject
from services.identity.domain.refusals import NotAtATill, TillDisabled
from services.identity.domain.staff import StaffMember
from services.identity.domain.stores import Store, Till
from services.identity.gateways.signing import SignedToken, TokenSigner
from services.identity.storage.repositories.audit import record
from services.identity.storage.repositories.stores import StoreRepository
from services.identity.storage.repositories.tills import TillRepository
from services.identity.use_cases.issue_token import Place, issue_token, staff_claims


@dataclass(frozen=True, slots=True)
class SignedOn:
    """Somebody is signed on; at a till, unless it is the back office."""

    token: SignedToken
    member: StaffMember
    till: Till | None = None
    store: Store | None = None


async def working_till(work: UnitOfWork, caller: Principal) -> tuple[Till, Store]:
    """The till that the caller's token speaks of. Raises NotAtATill or TillDisabled."""
    till = await TillRepository(work.connection).find(caller.till_id) if caller.till_id else None
    store = await StoreRepository(work.connection).find(till.store_id) if till else None
    if till is None or store is None:
        raise NotAtATill("This is done at a till: send its token, from POST /identity/v1/tokens/till.")
    if not (till.active and store.active):
        what = f"Till {till.code}" if not till.active else f"Store {store.code}"
        raise TillDisabled(f"{what} is not active. Ask a manager to activate it.")
    return till, store


async def sign_on_at_till(
    work: UnitOfWork, signer: TokenSigner, caller: Principal, member: StaffMember, life: timedelta
) -> SignedOn | Refusal:
    """Sign a proven member of staff on at the caller's till. Raises TillDisabled.

    A refusal is returned, not raised, because the trace it leaves is to be committed.
    """
    till, store = await working_till(work, caller)
    actor = Actor("staff", member.id, member.name, store.id, till.id)
    subject = Subject("staff", member.id, member.code, store.id)
    if not member.works_for(store.id):
        reason = "does not work for this store"
        await record(work, AuditEntry(AuditAction.SIGN_ON_REFUSED, actor, subject, reason=reason))
        return Forbidden(
            f"{member.name} does not work for store {store.code}. Ask a manager to add it.", store_id=str(store.id)
        )
    claims = staff_claims(member, Place(store.id, till.id))
    token = await issue_token(work.connection, signer, claims, now=work.now, life=life)
    await record(work, AuditEntry(AuditAction.SIGNED_ON, actor, subject, reason=f"at till {till.code}"))
    return SignedOn(token, member, till, store)


async def sign_on_to_office(work: UnitOfWork, signer: TokenSigner, member: StaffMember, life: timedelta) -> SignedOn:
    """Sign a proven member of staff on to the back office."""
    token = await issue_token(work.connection, signer, staff_claims(member, None), now=work.now, life=life)
    subject = Subject("staff", member.id, member.code)
    actor = Actor("staff", member.id, member.name)
    await record(work, AuditEntry(AuditAction.SIGNED_ON, actor, subject, reason="to the back office"))
    return SignedOn(token, member)


async def sign_off(work: UnitOfWork, caller: Principal) -> None:
    """Note that somebody signed off; the till forgets the token, which ends by itself."""
    subject = Subject("staff", caller.id, caller.name, caller.store_id)
    await record(work, AuditEntry(AuditAction.SIGNED_OFF, Actor.of(caller), subject))
