"""The composition root of identity."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from libs.bus.settings import BusSettings
from libs.host.service import Service, ServiceContext, ServiceDefinition
from libs.persistence import Database
from services.identity.api import (
    api_keys,
    approvals,
    audit,
    device_gateways,
    roles,
    set_up,
    sign_ons,
    staff,
    stores,
    tills,
    tokens,
)
from services.identity.api.gateway_enrolling import GatewayEnroller
from services.identity.api.proof import Prover
from services.identity.gateways.broker_accounts import BrokerAccounts, BrokerAddress
from services.identity.gateways.hashing import SecretHasher
from services.identity.gateways.signing import TokenSigner
from services.identity.jobs import ensure_signing_key, jobs
from services.identity.settings import IdentitySettings
from services.identity.storage.tables import metadata


def build(context: ServiceContext[IdentitySettings]) -> Service:
    """Wire identity together."""
    settings, database = context.settings, context.database
    signer = TokenSigner(settings.encryption_key.get_secret_value())
    hasher = SecretHasher(
        memory_kib=settings.argon2_memory_kib,
        iterations=settings.argon2_iterations,
        parallelism=settings.argon2_parallelism,
        concurrent=settings.concurrent_hashes,
    )

    accounts = _broker_accounts(settings, context.bus)
    enroller = GatewayEnroller(database, accounts)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        await ensure_signing_key(database, signer, settings)
        yield
        if accounts is not None:
            await accounts.close()

    rooms = (set_up, sign_ons, tokens, stores, tills, device_gateways, staff, roles, approvals, api_keys, audit)
    return Service(
        routers=[room.router for room in rooms],
        jobs=jobs(database, signer, enroller, settings),
        resources={
            Database: database,
            IdentitySettings: settings,
            TokenSigner: signer,
            SecretHasher: hasher,
            GatewayEnroller: enroller,
            Prover: Prover(database, hasher, settings.lock_out_policy()),
        },
        lifespan=lifespan,
    )


def _broker_accounts(settings: IdentitySettings, bus: BusSettings) -> BrokerAccounts | None:
    if settings.rabbitmq_management_url is None or settings.gateway_rabbitmq_url is None:
        return None
    address = BrokerAddress(
        settings.rabbitmq_management_url,
        settings.gateway_rabbitmq_url,
        settings.rabbitmq_virtual_host,
        settings.rabbitmq_management_timeout_s,
    )
    return BrokerAccounts(address, bus)


definition: ServiceDefinition[IdentitySettings] = ServiceDefinition(
    name="identity",
    summary="Stores, tills, staff, roles, API keys and the keys that sign tokens",
    settings=IdentitySettings,
    metadata=metadata,
    migrations=Path(__file__).parent / "storage" / "migrations",
    build=build,
)
