"""Rename the chain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from libs.persistence import UnitOfWork
from libs.web.principal import Principal
from services.identity.domain.audit import Actor, AuditAction, AuditEntry, Subject
from services.identity.domain.refusals import ChangedMeanwhile
from services.identity.domain.stores import Chain
from services.identity.storage.repositories.audit import record
from services.identity.storage.repositories.chains import ChainRepository
from services.identity.use_cases.rights import demand_places


async def change_chain(work: UnitOfWork, caller: Principal, expected_version: int, changes: Mapping[str, Any]) -> Chain:
    """Apply `changes` (a name) to the version that the caller read. Raises NotSetUp, Forbidden or ChangedMeanwhile."""
    repository = ChainRepository(work.connection)
    present = await repository.get(for_update=True)
    demand_places(caller, all_stores=True, store_ids=())
    if present.version != expected_version:
        raise ChangedMeanwhile("The chain", expected_version, present.version)
    name = changes.get("name", present.name)
    if name == present.name:
        return present
    changed = await repository.rename(present, name)
    subject = Subject("chain", present.id, name)
    before, after = {"name": present.name}, {"name": name}
    await record(work, AuditEntry(AuditAction.CHAIN_CHANGED, Actor.of(caller), subject, before, after))
    return changed
