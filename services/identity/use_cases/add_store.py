"""Add a store to the chain."""

from __future__ import annotations

from libs.persistence import UnitOfWork
from services.identity.domain.audit import Actor, AuditAction, AuditEntry, Subject, describe_store
from services.identity.domain.refusals import CodeTaken
from services.identity.domain.stores import Store
from services.identity.storage.repositories.audit import record
from services.identity.storage.repositories.stores import StoreRepository


async def add_store(work: UnitOfWork, actor: Actor, store: Store) -> Store:
    """Store a new store (version 1) and tell everybody. Raises CodeTaken."""
    if not await StoreRepository(work.connection).add(store, work.now):
        raise CodeTaken(f"There is a store {store.code} already. Choose another code.", field="code")
    work.emit(store.facts(), sequence=store.version)
    subject = Subject("store", store.id, store.code, store.id)
    await record(work, AuditEntry(AuditAction.STORE_ADDED, actor, subject, after=describe_store(store)))
    return store
