"""Add a till to a store."""

from __future__ import annotations

from libs.persistence import UnitOfWork
from libs.web.principal import Principal
from services.identity.domain.audit import Actor, AuditAction, AuditEntry, Subject, describe_till
from services.identity.domain.refusals import CodeTaken, wrong_field
from services.identity.domain.stores import Till
from services.identity.storage.repositories.audit import record
from services.identity.storage.repositories.stores import StoreRepository
from services.identity.storage.repositories.tills import TillRepository


async def add_till(work: UnitOfWork, caller: Principal, till: Till) -> Till:
    """Store a new till (version 1), not enrolled yet, and tell everybody. Raises Forbidden, Invalid or CodeTaken."""
    caller.demand_store(till.store_id)
    store = await StoreRepository(work.connection).find(till.store_id)
    if store is None:
        raise wrong_field("store_id", f"there is no store {till.store_id}")
    if not await TillRepository(work.connection).add(till, work.now):
        raise CodeTaken(f"Store {store.code} has a till {till.code} already. Choose another code.", field="code")
    work.emit(till.facts(), sequence=till.version)
    subject = Subject("till", till.id, till.code, till.store_id)
    await record(work, AuditEntry(AuditAction.TILL_ADDED, Actor.of(caller), subject, after=describe_till(till)))
    return till
