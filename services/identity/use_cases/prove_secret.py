"""Prove to be a member of staff by PIN or password: counted first, checked without a transaction, then concluded.

The caller is the edge: it commits `begin_try`, verifies the hash, commits `conclude_try`, and only then refuses.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from libs.persistence import UnitOfWork
from services.identity.domain.audit import Actor, AuditAction, AuditEntry, Subject
from services.identity.domain.refusals import WrongSecret
from services.identity.domain.staff import StaffMember
from services.identity.domain.tries import LockOutPolicy, Tries, count_try, locked_out
from services.identity.storage.repositories.audit import record
from services.identity.storage.repositories.staff import SecretKind, StaffRepository
from services.identity.storage.repositories.tries import TriesRepository, tries_subject


@dataclass(frozen=True, slots=True)
class SecretClaim:
    """Somebody types `code` and a secret of this kind. `witness` is where; `refused` is the trace of a wrong one."""

    kind: SecretKind
    code: str
    witness: Actor
    refused: AuditAction


@dataclass(frozen=True, slots=True)
class OpenTry:
    """A try that has been counted. `stored_hash` is None when nobody active has the code and such a secret."""

    claim: SecretClaim
    subject: bytes
    tries: Tries
    member: StaffMember | None
    stored_hash: str | None


async def begin_try(work: UnitOfWork, claim: SecretClaim, policy: LockOutPolicy) -> OpenTry:
    """Count a try. Raises LockedOut, whoever the code belongs to, so that nobody learns which codes exist."""
    repository = TriesRepository(work.connection)
    subject = tries_subject(claim.kind, claim.code)
    counted = count_try(await repository.take(subject, work.now), work.now, policy)
    await repository.write(subject, counted)
    staff = StaffRepository(work.connection)
    member = await staff.find_by_code(claim.code)
    usable = member is not None and member.active
    stored_hash = await staff.secret_hash(member.id, claim.kind) if member is not None and usable else None
    return OpenTry(claim, subject, counted, member, stored_hash)


async def conclude_try(
    work: UnitOfWork, attempt: OpenTry, policy: LockOutPolicy, *, right: bool, better_hash: str | None
) -> StaffMember | WrongSecret:
    """Take the try back if it was right, leave a trace if it was wrong.

    `better_hash` replaces a hash that was made with outdated parameters.
    """
    if right and attempt.member is not None:
        await TriesRepository(work.connection).write(attempt.subject, Tries(0, work.now))
        if better_hash is not None:
            await StaffRepository(work.connection).set_secret_hash(attempt.member.id, attempt.claim.kind, better_hash)
        return attempt.member
    entry = AuditEntry(attempt.claim.refused, attempt.claim.witness, _subject_of(attempt), reason=_reason(attempt))
    entries = [entry]
    if attempt.tries.locked_until is not None:
        until = {"locked_until": attempt.tries.locked_until.isoformat(), "wrong_tries": attempt.tries.count}
        entries.append(replace(entry, action=AuditAction.LOCKED_OUT, after=until))
    await record(work, *entries)
    return _wrong(attempt, policy)


def _subject_of(attempt: OpenTry) -> Subject:
    # An unknown code is not written down: people type their PIN into the wrong field.
    if attempt.member is None:
        return Subject("staff", None, "unknown code", attempt.claim.witness.store_id)
    return Subject("staff", attempt.member.id, attempt.member.code, attempt.claim.witness.store_id)


def _reason(attempt: OpenTry) -> str:
    if attempt.member is None:
        return "unknown code"
    if not attempt.member.active:
        return "not active"
    return f"wrong {attempt.claim.kind}" if attempt.stored_hash else f"no {attempt.claim.kind} set"


def _wrong(attempt: OpenTry, policy: LockOutPolicy) -> WrongSecret:
    secret = "PIN" if attempt.claim.kind == "pin" else "password"
    sentence = f"The staff code or the {secret} is wrong."
    if attempt.tries.locked_until is not None and attempt.tries.last_at is not None:
        lock = locked_out(attempt.tries.locked_until, attempt.tries.last_at)
        return WrongSecret(f"{sentence} {lock.sentence}", tries_left=0, **lock.facts)
    left = attempt.tries.left(policy)
    return WrongSecret(f"{sentence} {left} more {'try' if left == 1 else 'tries'} before a pause.", tries_left=left)
