"""Issue a one-time code with which a store PC becomes a device gateway."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from libs.persistence import UnitOfWork, new_id
from libs.web.principal import Principal
from services.identity.domain.audit import Actor, AuditAction, AuditEntry, Subject
from services.identity.domain.device_gateways import Gateway
from services.identity.domain.refusals import GatewayDisabled
from services.identity.gateways.random_secrets import hash_enrolment_code, new_enrolment_code
from services.identity.storage.repositories.audit import record
from services.identity.storage.repositories.device_gateways import GatewayCodeRepository, GatewayRepository
from services.identity.use_cases.change_gateway import gateway_within_reach
from services.identity.use_cases.issue_enrolment_code import IssuedCode


async def issue_gateway_code(work: UnitOfWork, caller: Principal, gateway_id: UUID, life: timedelta) -> IssuedCode:
    """Make a code for the gateway; one issued before no longer counts.

    Raises NotFound, Forbidden or GatewayDisabled.
    """
    gateway = await gateway_within_reach(work, caller, gateway_id)
    demand_usable(gateway)
    issued = IssuedCode(new_enrolment_code(), work.now + life)
    await GatewayCodeRepository(work.connection).add(
        new_id(), gateway.id, hash_enrolment_code(issued.code), expires_at=issued.expires_at, now=work.now
    )
    # An enrolment under way with an earlier code ends in nothing.
    await GatewayRepository(work.connection).forget_enrolment(gateway.id)
    subject = Subject("gateway", gateway.id, gateway.code, gateway.store_id)
    after = {"expires_at": issued.expires_at.isoformat()}
    await record(work, AuditEntry(AuditAction.GATEWAY_CODE_ISSUED, Actor.of(caller), subject, after=after))
    return issued


def demand_usable(gateway: Gateway) -> None:
    """Raise GatewayDisabled unless the gateway is in use and serves a till."""
    if not gateway.active:
        raise GatewayDisabled(f"Gateway {gateway.code} is not active. Ask a manager to activate it.")
    if not gateway.till_ids:
        raise GatewayDisabled(f"Gateway {gateway.code} serves no till. Say first which tills it serves.")
