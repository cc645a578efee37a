"""Change a device gateway: its name, its tills, or whether it is in use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from libs.persistence import UnitOfWork
from libs.web.principal import Principal
from services.identity.domain.audit import Actor, AuditAction, AuditEntry, Subject, differences
from services.identity.domain.device_gateways import Gateway
from services.identity.domain.refusals import ChangedMeanwhile, unknown
from services.identity.storage.repositories.audit import record
from services.identity.storage.repositories.device_gateways import GatewayRepository
from services.identity.use_cases.add_gateway import demand_tills_of_store, serve_tills


async def change_gateway(
    work: UnitOfWork, caller: Principal, gateway_id: UUID, expected_version: int, changes: Mapping[str, Any]
) -> Gateway:
    """Apply `changes` (fields of Gateway) to the version that the caller read; nothing happens if nothing differs.

    Raises NotFound, Forbidden, Invalid, ChangedMeanwhile or TillServedElsewhere.
    """
    present = await gateway_within_reach(work, caller, gateway_id)
    if present.version != expected_version:
        raise ChangedMeanwhile(f"Gateway {present.code}", expected_version, present.version)
    if replace(present, **changes) == present:
        return present
    changed = replace(present, **changes, version=present.version + 1)
    if changed.till_ids != present.till_ids:
        await demand_tills_of_store(work, changed)
        await serve_tills(work, changed)
    await GatewayRepository(work.connection).save(changed, work.now)
    work.emit(changed.facts(), sequence=changed.version)
    before, after = differences(present.description(), changed.description())
    subject = Subject("gateway", changed.id, changed.code, changed.store_id)
    await record(work, AuditEntry(AuditAction.GATEWAY_CHANGED, Actor.of(caller), subject, before, after))
    return changed


async def gateway_within_reach(work: UnitOfWork, caller: Principal, gateway_id: UUID) -> Gateway:
    """The gateway, locked until the transaction ends. Raises NotFound or Forbidden."""
    gateway = await GatewayRepository(work.connection).find(gateway_id, for_update=True)
    if gateway is None:
        raise unknown("gateway", gateway_id)
    caller.demand_store(gateway.store_id)
    return gateway
