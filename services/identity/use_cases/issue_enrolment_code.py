"""Issue a one-time code with which a device becomes a till."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from libs.persistence import UnitOfWork, new_id
from libs.web.principal import Principal
from services.identity.domain.audit import Actor, AuditAction, AuditEntry, Subject
from services.identity.domain.refusals import TillDisabled
from services.identity.gateways.random_secrets import hash_enrolment_code, new_enrolment_code
from services.identity.storage.repositories.audit import record
from services.identity.storage.repositories.tills import TillRepository
from services.identity.use_cases.change_till import till_within_reach


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """A code, told once."""

    code: str
    expires_at: datetime


async def issue_enrolment_code(work: UnitOfWork, caller: Principal, till_id: UUID, life: timedelta) -> IssuedCode:
    """Make a code for the till; one issued before no longer counts. Raises NotFound, Forbidden or TillDisabled."""
    till = await till_within_reach(work, caller, till_id)
    if not till.active:
        raise TillDisabled(f"Till {till.code} is not active. Activate it first.")
    issued = IssuedCode(new_enrolment_code(), work.now + life)
    await TillRepository(work.connection).add_code(
        new_id(), till.id, hash_enrolment_code(issued.code), expires_at=issued.expires_at, now=work.now
    )
    subject = Subject("till", till.id, till.code, till.store_id)
    after = {"expires_at": issued.expires_at.isoformat()}
    await record(work, AuditEntry(AuditAction.ENROLMENT_CODE_ISSUED, Actor.of(caller), subject, after=after))
    return issued
