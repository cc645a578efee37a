"""Who may call: the permission is in the token, and whoever it speaks of is still active.

A token outlives the moment at which somebody is disabled. The other services learn of that by event; here, where
rights are given, it is looked up for each call.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends

from libs.contracts.permissions import Permission
from libs.persistence import Connection
from libs.web.authentication import Caller
from libs.web.principal import Principal
from libs.web.transactions import Reading, Work
from services.identity.domain.refusals import TokenWithdrawn
from services.identity.storage.repositories.keys import ApiKeyRepository
from services.identity.storage.repositories.staff import StaffRepository


def may_change(permission: Permission) -> Any:
    """The caller of a route that writes; the same transaction as the route's `Work`. 401 or 403 otherwise."""

    async def check(caller: Caller, work: Work) -> Principal:
        caller.demand(permission.value)
        await demand_not_withdrawn(work.connection, caller)
        return caller

    return Depends(check)


def may_read(permission: Permission) -> Any:
    """The caller of a route that only reads; the same connection as the route's `Reading`. 401 or 403 otherwise."""

    async def check(caller: Caller, connection: Reading) -> Principal:
        caller.demand(permission.value)
        await demand_not_withdrawn(connection, caller)
        return caller

    return Depends(check)


async def demand_not_withdrawn(connection: Connection, caller: Principal) -> None:
    """Raise TokenWithdrawn if the member of staff is disabled or the API key revoked."""
    active = True
    if caller.kind == "staff":
        active = await StaffRepository(connection).is_active(caller.id)
    elif caller.kind == "api_key":
        key = await ApiKeyRepository(connection).find(caller.id)
        active = key is not None and key.revoked_at is None
    if not active:
        raise TokenWithdrawn(f"{caller.name} was disabled meanwhile. Ask an administrator.")


StoreManager = Annotated[Principal, may_change(Permission.IDENTITY_MANAGE_STORES)]
StaffManager = Annotated[Principal, may_change(Permission.IDENTITY_MANAGE_STAFF)]
KeyManager = Annotated[Principal, may_change(Permission.IDENTITY_MANAGE_KEYS)]
KeyReader = Annotated[Principal, may_read(Permission.IDENTITY_MANAGE_KEYS)]
Reader = Annotated[Principal, may_read(Permission.IDENTITY_READ)]
AuditReader = Annotated[Principal, may_read(Permission.IDENTITY_READ_AUDIT)]
