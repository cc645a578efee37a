"""Who may call: whom the token speaks of, with the rights they have now.

A token outlives the moment at which somebody is disabled or gets other roles. The other services learn of that by
event; here, where rights are given, it is looked up for each call.
"""

from __future__ import annotations

from dataclasses import replace
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
        present = await present_caller(work.connection, caller)
        present.demand(permission.value)
        return present

    return Depends(check)


def may_read(permission: Permission) -> Any:
    """The caller of a route that only reads; the same connection as the route's `Reading`. 401 or 403 otherwise."""

    async def check(caller: Caller, connection: Reading) -> Principal:
        present = await present_caller(connection, caller)
        present.demand(permission.value)
        return present

    return Depends(check)


async def present_caller(connection: Connection, caller: Principal) -> Principal:
    """The caller with the rights and stores of now, not of when the token was issued.

    Raises TokenWithdrawn if the member of staff is disabled or the API key revoked.
    """
    if caller.kind == "staff":
        member = await StaffRepository(connection).find(caller.id)
        if member is None or not member.active:
            raise _withdrawn(caller)
        return replace(
            caller,
            permissions=member.rights.permissions,
            limits=member.rights.limits,
            store_ids=member.store_ids,
            all_stores=member.all_stores,
        )
    if caller.kind == "api_key":
        key = await ApiKeyRepository(connection).find(caller.id)
        if key is None or key.revoked_at is not None:
            raise _withdrawn(caller)
    return caller


def _withdrawn(caller: Principal) -> TokenWithdrawn:
    return TokenWithdrawn(f"{caller.name} was disabled meanwhile. Ask an administrator.")


StoreManager = Annotated[Principal, may_change(Permission.IDENTITY_MANAGE_STORES)]
StaffManager = Annotated[Principal, may_change(Permission.IDENTITY_MANAGE_STAFF)]
KeyManager = Annotated[Principal, may_change(Permission.IDENTITY_MANAGE_KEYS)]
KeyReader = Annotated[Principal, may_read(Permission.IDENTITY_MANAGE_KEYS)]
Reader = Annotated[Principal, may_read(Permission.IDENTITY_READ)]
AuditReader = Annotated[Principal, may_read(Permission.IDENTITY_READ_AUDIT)]
