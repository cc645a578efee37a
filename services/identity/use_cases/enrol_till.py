"""Turn a device into a till: it gives its one-time code and gets the secret it signs on with from then on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from libs.persistence import UnitOfWork
from services.identity.domain.audit import Actor, AuditAction, AuditEntry, Subject
from services.identity.domain.refusals import EnrolmentCodeSpent, TillDisabled, UnknownEnrolmentCode
from services.identity.domain.stores import EnrolmentCode, Till
from services.identity.gateways.random_secrets import hash_enrolment_code, hash_secret, new_till_secret
from services.identity.storage.repositories.audit import record
from services.identity.storage.repositories.tills import TillRepository


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A till with its new secret, told once."""

    till: Till
    secret: str


async def enrol_till(work: UnitOfWork, code: str) -> Enrolment:
    """Spend the code and give the till a new secret; the secret of the device before stops working.

    Raises UnknownEnrolmentCode, EnrolmentCodeSpent or TillDisabled.
    """
    repository = TillRepository(work.connection)
    code_hash = hash_enrolment_code(code)
    known = await repository.find_code(code_hash)
    if known is None:
        raise UnknownEnrolmentCode("There is no such enrolment code. Check it, or ask for a new one.", field="code")
    till = await repository.find(known.till_id, for_update=True)
    # Read again behind the till's lock: of two who use one code at once, the second finds it used.
    found = await repository.find_code(code_hash)
    assert till is not None  # a code refers to its till
    assert found is not None  # and is kept long after it expired
    _demand_unspent(found, work.now)
    if not till.active:
        raise TillDisabled(f"Till {till.code} is not active. Ask a manager to activate it.")
    await repository.spend_code(found, work.now)
    enrolled = replace(till, enrolled_at=work.now, version=till.version + 1)
    secret = new_till_secret()
    await repository.enrol(enrolled, hash_secret(secret), work.now)
    work.emit(enrolled.facts(), sequence=enrolled.version)
    actor = Actor("till", till.id, till.code, till.store_id, till.id)
    subject = Subject("till", till.id, till.code, till.store_id)
    before, after = {"enrolled": till.enrolled}, {"enrolled": True}
    await record(work, AuditEntry(AuditAction.TILL_ENROLLED, actor, subject, before, after))
    return Enrolment(enrolled, secret)


def _demand_unspent(code: EnrolmentCode, now: datetime) -> None:
    if code.used_at is not None:
        raise EnrolmentCodeSpent("This enrolment code was used already. Ask for a new one.", field="code")
    if code.replaced_at is not None:
        raise EnrolmentCodeSpent("This enrolment code was replaced by a newer one. Use that.", field="code")
    if code.expires_at <= now:
        raise EnrolmentCodeSpent("This enrolment code has expired. Ask for a new one.", field="code")
