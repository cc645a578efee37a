"""Timers: the rotation of signing keys, gateways' accounts at the broker, and the pruning of what need not be kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from libs.host.service import Job
from libs.persistence import Connection, Database
from services.identity.api.gateway_enrolling import GatewayEnroller
from services.identity.gateways.signing import TokenSigner
from services.identity.settings import IdentitySettings
from services.identity.storage.repositories.audit import AuditRepository
from services.identity.storage.repositories.device_gateways import GatewayCodeRepository
from services.identity.storage.repositories.tills import TillRepository
from services.identity.storage.repositories.tries import TriesRepository
from services.identity.use_cases.rotate_signing_keys import rotate_signing_keys

Forget = Callable[[Connection], Awaitable[int]]


async def ensure_signing_key(database: Database, signer: TokenSigner, settings: IdentitySettings) -> None:
    """Make the installation's first key, or the next one if it is due. Raises WrongEncryptionKey."""
    async with database.transaction() as work:
        await rotate_signing_keys(work, signer, settings.rotation_policy())


async def prune(database: Database, settings: IdentitySettings) -> None:
    """Forget old tries, spent enrolment codes and old lines of the trail, a batch in each transaction."""
    now = database.clock()
    rows = settings.prune_batch_rows
    tries_before = now - timedelta(seconds=settings.forget_tries_after_s)
    codes_before = now - timedelta(days=settings.keep_enrolment_codes_days)
    audit_before = now - timedelta(days=settings.keep_audit_days)
    forgetting: Sequence[Forget] = (
        lambda connection: TriesRepository(connection).forget_before(tries_before, rows),
        lambda connection: TillRepository(connection).forget_codes_before(codes_before, rows),
        lambda connection: GatewayCodeRepository(connection).forget_before(codes_before, rows),
        lambda connection: AuditRepository(connection).forget_before(audit_before, rows),
    )
    for forget in forgetting:
        forgotten = rows
        while forgotten == rows:
            async with database.transaction() as work:
                forgotten = await forget(work.connection)


def jobs(database: Database, signer: TokenSigner, enroller: GatewayEnroller, settings: IdentitySettings) -> list[Job]:
    """All timers of identity."""
    return [
        Job(
            "identity.rotate_signing_keys",
            settings.rotation_check_s,
            lambda: ensure_signing_key(database, signer, settings),
        ),
        Job("identity.remove_broker_accounts", settings.remove_broker_accounts_every_s, enroller.remove_accounts),
        Job("identity.prune", settings.prune_every_s, lambda: prune(database, settings)),
    ]
