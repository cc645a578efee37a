"""Change a store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from libs.persistence import UnitOfWork
from libs.web.principal import Principal
from services.identity.domain.audit import Actor, AuditAction, AuditEntry, Subject, describe_store, differences
from services.identity.domain.refusals import ChangedMeanwhile, unknown
from services.identity.domain.stores import Store
from services.identity.storage.repositories.audit import record
from services.identity.storage.repositories.stores import StoreRepository


async def change_store(
    work: UnitOfWork, caller: Principal, store_id: UUID, expected_version: int, changes: Mapping[str, Any]
) -> Store:
    """Apply `changes` (fields of Store) to the version that the caller read; nothing happens if nothing differs.

    Raises NotFound, Forbidden or ChangedMeanwhile.
    """
    repository = StoreRepository(work.connection)
    caller.demand_store(store_id)
    present = await repository.find(store_id, for_update=True)
    if present is None:
        raise unknown("store", store_id)
    if present.version != expected_version:
        raise ChangedMeanwhile(f"Store {present.code}", expected_version, present.version)
    if replace(present, **changes) == present:
        return present
    changed = replace(present, **changes, version=present.version + 1)
    await repository.save(changed, work.now)
    work.emit(changed.facts(), sequence=changed.version)
    before, after = differences(describe_store(present), describe_store(changed))
    subject = Subject("store", changed.id, changed.code, changed.id)
    await record(work, AuditEntry(AuditAction.STORE_CHANGED, Actor.of(caller), subject, before, after))
    return changed
