"""Make and revoke API keys."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from libs.persistence import UnitOfWork, new_id
from libs.web.principal import Limits, Principal
from services.identity.domain.api_keys import ApiKey, permissions_of_scopes
from services.identity.domain.audit import Actor, AuditAction, AuditEntry, Subject, describe_api_key
from services.identity.domain.refusals import unknown, wrong_field
from services.identity.domain.roles import Rights
from services.identity.gateways.random_secrets import API_KEY_HINT_LENGTH, hash_secret, new_api_key
from services.identity.storage.repositories.audit import record
from services.identity.storage.repositories.keys import ApiKeyRepository
from services.identity.use_cases.rights import demand_places, demand_stores_exist, rights_of


@dataclass(frozen=True, slots=True)
class MadeApiKey:
    """A key with its text, told once."""

    key: ApiKey
    text: str


async def make_api_key(
    work: UnitOfWork,
    caller: Principal,
    *,
    name: str,
    scopes: frozenset[str],
    all_stores: bool,
    store_ids: frozenset[UUID],
    expires_at: datetime | None,
    longest_life: timedelta,
) -> MadeApiKey:
    """Make a key. Raises Invalid, Forbidden or AboveOwnRights."""
    if expires_at is not None and not work.now < expires_at <= work.now + longest_life:
        raise wrong_field("expires_at", f"must lie in the next {longest_life.days} days")
    demand_places(caller, all_stores=all_stores, store_ids=store_ids)
    await demand_stores_exist(work, store_ids)
    wanted = Rights(permissions_of_scopes(scopes), Limits())
    rights_of(caller).demand_covers(wanted, field="scopes", doing="make a key with these scopes")
    text = new_api_key()
    key = ApiKey(
        id=new_id(),
        name=name,
        hint=text[:API_KEY_HINT_LENGTH],
        scopes=tuple(sorted(scopes)),
        all_stores=all_stores,
        store_ids=store_ids,
        expires_at=expires_at,
        revoked_at=None,
        last_used_at=None,
        created_at=work.now,
        created_by=caller.name,
    )
    await ApiKeyRepository(work.connection).add(key, hash_secret(text))
    subject = Subject("api_key", key.id, key.name)
    await record(work, AuditEntry(AuditAction.API_KEY_MADE, Actor.of(caller), subject, after=describe_api_key(key)))
    return MadeApiKey(key, text)


async def revoke_api_key(work: UnitOfWork, caller: Principal, key_id: UUID) -> ApiKey:
    """Make a key useless; its tokens end by themselves within minutes. Revoking twice changes nothing.

    Raises NotFound or Forbidden.
    """
    repository = ApiKeyRepository(work.connection)
    key = await repository.find(key_id, for_update=True)
    if key is None:
        raise unknown("API key", key_id)
    demand_places(caller, all_stores=key.all_stores, store_ids=key.store_ids)
    if key.revoked_at is not None:
        return key
    await repository.revoke(key.id, work.now)
    subject = Subject("api_key", key.id, key.name)
    await record(work, AuditEntry(AuditAction.API_KEY_REVOKED, Actor.of(caller), subject))
    return replace(key, revoked_at=work.now)
