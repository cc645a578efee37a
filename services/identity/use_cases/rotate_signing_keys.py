"""Make the next signing key when its time has come, and destroy those whose last token has expired."""

from __future__ import annotations

from libs.persistence import UnitOfWork
from services.identity.domain.audit import SYSTEM, AuditAction, AuditEntry, Subject
from services.identity.domain.key_ring import RotationPolicy, SigningKey
from services.identity.gateways.signing import TokenSigner
from services.identity.storage.repositories.audit import record
from services.identity.storage.repositories.keys import SigningKeyRepository


async def rotate_signing_keys(work: UnitOfWork, signer: TokenSigner, policy: RotationPolicy) -> SigningKey:
    """Do what is due, and return the key that signs now. Raises WrongEncryptionKey if it cannot be used."""
    repository = SigningKeyRepository(work.connection)
    await repository.lock()
    ring = await repository.ring()
    entries = []
    signs_from = ring.successor_signs_from(work.now, policy)
    if signs_from is not None:
        key = signer.new_key(published_at=work.now, signs_from=signs_from)
        await repository.add(key)
        entries.append(_entry(AuditAction.SIGNING_KEY_MADE, key))
    retired = ring.retired(work.now, policy)
    if retired:
        await repository.destroy(retired)
        entries += [_entry(AuditAction.SIGNING_KEY_RETIRED, key) for key in retired]
    await record(work, *entries)
    signing = (await repository.ring()).signing(work.now)
    signer.check(signing)
    return signing


def _entry(action: AuditAction, key: SigningKey) -> AuditEntry:
    after = {"signs_from": key.signs_from.isoformat()} if action is AuditAction.SIGNING_KEY_MADE else None
    return AuditEntry(action, SYSTEM, Subject("signing_key", None, key.kid), after=after)
