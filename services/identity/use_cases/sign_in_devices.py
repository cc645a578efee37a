"""Tokens for those who hold a secret of 256 bits: tills, device gateways and API keys."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from libs.persistence import UnitOfWork
from services.identity.domain.api_keys import ApiKey
from services.identity.domain.device_gateways import Gateway
from services.identity.domain.refusals import GatewayDisabled, TillDisabled, WrongSecret
from services.identity.domain.stores import Till
from services.identity.gateways.random_secrets import hash_secret
from services.identity.gateways.signing import SignedToken, TokenSigner
from services.identity.storage.repositories.device_gateways import GatewayRepository
from services.identity.storage.repositories.keys import ApiKeyRepository
from services.identity.storage.repositories.stores import StoreRepository
from services.identity.storage.repositories.tills import TillRepository
from services.identity.use_cases.issue_token import api_key_claims, gateway_claims, issue_token, till_claims


async def sign_till_in(
    work: UnitOfWork, signer: TokenSigner, till_id: UUID, secret: str, life: timedelta
) -> tuple[SignedToken, Till]:
    """A token for a till. Raises WrongSecret or TillDisabled."""
    till = await TillRepository(work.connection).find_by_secret(till_id, hash_secret(secret))
    if till is None:
        raise WrongSecret("The till's secret is not valid (any more). Enrol this device with a new code.")
    store = await StoreRepository(work.connection).find(till.store_id)
    if not till.active or store is None or not store.active:
        raise TillDisabled(f"Till {till.code} or its store is not active. Ask a manager to activate it.")
    return await issue_token(work.connection, signer, till_claims(till), now=work.now, life=life), till


async def sign_gateway_in(
    work: UnitOfWork, signer: TokenSigner, gateway_id: UUID, secret: str, life: timedelta
) -> tuple[SignedToken, Gateway]:
    """A token for a device gateway. Raises WrongSecret or GatewayDisabled."""
    gateway = await GatewayRepository(work.connection).find_by_secret(gateway_id, hash_secret(secret))
    if gateway is None:
        raise WrongSecret("The gateway's secret is not valid (any more). Enrol this PC with a new code.")
    store = await StoreRepository(work.connection).find(gateway.store_id)
    if not gateway.active or store is None or not store.active:
        raise GatewayDisabled(f"Gateway {gateway.code} or its store is not active. Ask a manager to activate it.")
    return await issue_token(work.connection, signer, gateway_claims(gateway), now=work.now, life=life), gateway


async def sign_api_key_in(
    work: UnitOfWork, signer: TokenSigner, key: str, life: timedelta
) -> tuple[SignedToken, ApiKey]:
    """A token for an API key, not longer than the key itself. Raises WrongSecret."""
    repository = ApiKeyRepository(work.connection)
    found = await repository.find_by_hash(hash_secret(key))
    if found is None:
        raise WrongSecret("There is no such API key. Check it, or ask for a new one.")
    found.demand_usable(work.now)
    await repository.mark_used(found.id, work.now)
    rest = found.expires_at - work.now if found.expires_at is not None else life
    claims = api_key_claims(found)
    return await issue_token(work.connection, signer, claims, now=work.now, life=min(life, rest)), found
