"""Change a till: its name, or whether it is in use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from libs.persistence import UnitOfWork
from libs.web.principal import Principal
from services.identity.domain.audit import Actor, AuditAction, AuditEntry, Subject, describe_till, differences
from services.identity.domain.refusals import ChangedMeanwhile, unknown
from services.identity.domain.stores import Till
from services.identity.storage.repositories.audit import record
from services.identity.storage.repositories.tills import TillRepository


async def change_till(
    work: UnitOfWork, caller: Principal, till_id: UUID, expected_version: int, changes: Mapping[str, Any]
) -> Till:
    """Apply `changes` (fields of Till) to the version that the caller read; nothing happens if nothing differs.

    Raises NotFound, Forbidden or ChangedMeanwhile.
    """
    repository = TillRepository(work.connection)
    present = await till_within_reach(work, caller, till_id)
    if present.version != expected_version:
        raise ChangedMeanwhile(f"Till {present.code}", expected_version, present.version)
    if replace(present, **changes) == present:
        return present
    changed = replace(present, **changes, version=present.version + 1)
    await repository.save(changed, work.now)
    work.emit(changed.facts(), sequence=changed.version)
    before, after = differences(describe_till(present), describe_till(changed))
    subject = Subject("till", changed.id, changed.code, changed.store_id)
    await record(work, AuditEntry(AuditAction.TILL_CHANGED, Actor.of(caller), subject, before, after))
    return changed


async def till_within_reach(work: UnitOfWork, caller: Principal, till_id: UUID) -> Till:
    """The till, locked until the transaction ends. Raises NotFound or Forbidden."""
    till = await TillRepository(work.connection).find(till_id, for_update=True)
    if till is None:
        raise unknown("till", till_id)
    caller.demand_store(till.store_id)
    return till
