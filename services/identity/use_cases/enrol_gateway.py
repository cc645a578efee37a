"""Turn a store PC into a device gateway: begun, then an account at the broker (without a transaction), then concluded.

The caller is the edge: it commits `begin_enrolment`, has the account made, and commits `conclude_enrolment`, or
`give_up_enrolment` if the broker did not do it. A crash in between leaves a spent code and the old secret: the PC is
enrolled again with a new code, and everything is done once more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from libs.persistence import UnitOfWork
from services.identity.domain.audit import Actor, AuditAction, AuditEntry, Subject
from services.identity.domain.device_gateways import Gateway, GatewayCode
from services.identity.domain.refusals import EnrolmentCodeSpent, UnknownEnrolmentCode
from services.identity.domain.stores import Till
from services.identity.gateways.random_secrets import hash_enrolment_code, hash_secret, new_gateway_secret
from services.identity.storage.repositories.audit import record
from services.identity.storage.repositories.device_gateways import GatewayCodeRepository, GatewayRepository
from services.identity.use_cases.issue_gateway_code import demand_usable


@dataclass(frozen=True, slots=True)
class BegunEnrolment:
    """A gateway whose code was taken; its secret is still the old one."""

    gateway: Gateway
    code: GatewayCode


@dataclass(frozen=True, slots=True)
class GatewayEnrolment:
    """A gateway with its new secret, told once, and the tills it serves."""

    gateway: Gateway
    secret: str
    tills: tuple[Till, ...]


async def begin_enrolment(work: UnitOfWork, code: str, *, at_broker: bool) -> BegunEnrolment:
    """Take the code. `at_broker` says that an account at the broker comes next.

    Raises UnknownEnrolmentCode, EnrolmentCodeSpent or GatewayDisabled.
    """
    gateways, codes = GatewayRepository(work.connection), GatewayCodeRepository(work.connection)
    code_hash = hash_enrolment_code(code)
    known = await codes.find(code_hash)
    if known is None:
        raise UnknownEnrolmentCode("There is no such enrolment code. Check it, or ask for a new one.", field="code")
    gateway = await gateways.find(known.gateway_id, for_update=True)
    # Read again behind the gateway's lock: of two who use one code at once, the second finds it used.
    found = await codes.find(code_hash)
    assert gateway is not None  # a code refers to its gateway
    assert found is not None  # and is kept long after it expired
    _demand_unspent(found, work.now)
    demand_usable(gateway)
    await codes.mark_used(found.id, work.now)
    await gateways.begin_enrolment(gateway.id, found.id, work.now if at_broker else None)
    return BegunEnrolment(gateway, found)


async def conclude_enrolment(work: UnitOfWork, begun: BegunEnrolment) -> GatewayEnrolment:
    """Give the gateway a new secret; the PC before is locked out. Raises EnrolmentCodeSpent or GatewayDisabled."""
    gateways = GatewayRepository(work.connection)
    gateway = await gateways.find(begun.gateway.id, for_update=True)
    assert gateway is not None  # gateways are never deleted
    if await gateways.enrolling_code(gateway.id) != begun.code.id:
        raise EnrolmentCodeSpent("This enrolment code was replaced by a newer one. Use that.", field="code")
    demand_usable(gateway)
    enrolled = replace(gateway, enrolled_at=work.now, version=gateway.version + 1)
    secret = new_gateway_secret()
    await gateways.enrol(enrolled, hash_secret(secret), work.now)
    work.emit(enrolled.facts(), sequence=enrolled.version)
    subject = Subject("gateway", gateway.id, gateway.code, gateway.store_id)
    before, after = {"enrolled": gateway.enrolled}, {"enrolled": True}
    await record(work, AuditEntry(AuditAction.GATEWAY_ENROLLED, _itself(gateway), subject, before, after))
    return GatewayEnrolment(enrolled, secret, tuple(await gateways.tills(enrolled.till_ids)))


async def give_up_enrolment(work: UnitOfWork, begun: BegunEnrolment, reason: str) -> None:
    """Make the code usable again, unless a newer one was issued meanwhile, and leave a trace of why."""
    gateways = GatewayRepository(work.connection)
    gateway = await gateways.find(begun.gateway.id, for_update=True)
    assert gateway is not None  # gateways are never deleted
    if await gateways.enrolling_code(gateway.id) == begun.code.id:
        await GatewayCodeRepository(work.connection).mark_used(begun.code.id, None)
        await gateways.forget_enrolment(gateway.id)
    subject = Subject("gateway", gateway.id, gateway.code, gateway.store_id)
    entry = AuditEntry(AuditAction.GATEWAY_ENROLMENT_FAILED, _itself(gateway), subject, reason=reason)
    await record(work, entry)


def _itself(gateway: Gateway) -> Actor:
    return Actor("gateway", gateway.id, gateway.code, gateway.store_id)


def _demand_unspent(code: GatewayCode, now: datetime) -> None:
    if code.used_at is not None:
        raise EnrolmentCodeSpent("This enrolment code was used already. Ask for a new one.", field="code")
    if code.replaced_at is not None:
        raise EnrolmentCodeSpent("This enrolment code was replaced by a newer one. Use that.", field="code")
    if code.expires_at <= now:
        raise EnrolmentCodeSpent("This enrolment code has expired. Ask for a new one.", field="code")
