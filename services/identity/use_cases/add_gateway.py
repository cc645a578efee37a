"""Add a device gateway to a store."""

from __future__ import annotations

from uuid import UUID

from libs.persistence import UnitOfWork
from libs.web.principal import Principal
from services.identity.domain.audit import Actor, AuditAction, AuditEntry, Subject
from services.identity.domain.device_gateways import Gateway
from services.identity.domain.refusals import CodeTaken, TillServedElsewhere, wrong_field
from services.identity.storage.repositories.audit import record
from services.identity.storage.repositories.device_gateways import GatewayRepository
from services.identity.storage.repositories.stores import StoreRepository
from services.identity.storage.repositories.tills import TillRepository


async def add_gateway(work: UnitOfWork, caller: Principal, gateway: Gateway) -> Gateway:
    """Store a new gateway (version 1), not enrolled yet, and tell everybody.

    Raises Forbidden, Invalid, CodeTaken or TillServedElsewhere.
    """
    caller.demand_store(gateway.store_id)
    store = await StoreRepository(work.connection).find(gateway.store_id)
    if store is None:
        raise wrong_field("store_id", f"there is no store {gateway.store_id}")
    await demand_tills_of_store(work, gateway)
    if not await GatewayRepository(work.connection).add(gateway, work.now):
        raise CodeTaken(f"Store {store.code} has a gateway {gateway.code} already. Choose another code.", field="code")
    await serve_tills(work, gateway)
    work.emit(gateway.facts(), sequence=gateway.version)
    subject = Subject("gateway", gateway.id, gateway.code, gateway.store_id)
    entry = AuditEntry(AuditAction.GATEWAY_ADDED, Actor.of(caller), subject, after=gateway.description())
    await record(work, entry)
    return gateway


async def demand_tills_of_store(work: UnitOfWork, gateway: Gateway) -> None:
    """Raise Invalid naming the first till that is none, or is another store's."""
    for till_id in gateway.till_ids:
        till = await TillRepository(work.connection).find(till_id)
        if till is None or till.store_id != gateway.store_id:
            raise wrong_field("till_ids", f"there is no till {till_id} in the gateway's store")


async def serve_tills(work: UnitOfWork, gateway: Gateway) -> None:
    """Write which tills the gateway serves. Raises TillServedElsewhere."""
    taken = await GatewayRepository(work.connection).serve(gateway)
    if taken is not None:
        raise await _served_elsewhere(work, taken)


async def _served_elsewhere(work: UnitOfWork, till_id: UUID) -> TillServedElsewhere:
    till = await TillRepository(work.connection).find(till_id)
    other = await GatewayRepository(work.connection).serving(till_id)
    whose = f"gateway {other.code}" if other is not None else "another gateway"
    return TillServedElsewhere(
        f"The devices of till {till.code if till else till_id} belong to {whose}. Take the till away there first.",
        field="till_ids",
    )
