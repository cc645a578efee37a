"""The one row of the chain."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from libs.persistence import Connection
from services.identity.domain.refusals import NotSetUp
from services.identity.domain.stores import Chain
from services.identity.storage.tables import chain

# Advisory locks are per database, which other services may share: a number of our own.
_STAFF_LOCK = 0x6964_656E_7374


class ChainRepository:
    """Reads and writes the chain on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def create(self, chain_id: UUID, name: str, now: datetime) -> Chain | None:
        """Create the chain; None if there is one already, also when two do so at the same moment."""
        statement = insert(chain).values(only=True, id=chain_id, name=name, version=1, created_at=now)
        row = (await self._connection.execute(statement.on_conflict_do_nothing().returning(chain.c.id))).first()
        return None if row is None else Chain(chain_id, name, 1)

    async def find(self) -> Chain | None:
        """The chain, or None before set-up."""
        row = (await self._connection.execute(select(chain.c.id, chain.c.name, chain.c.version))).first()
        return None if row is None else Chain(row.id, row.name, row.version)

    async def get(self, *, for_update: bool = False) -> Chain:
        """The chain. Raises NotSetUp."""
        statement = select(chain.c.id, chain.c.name, chain.c.version)
        row = (await self._connection.execute(statement.with_for_update() if for_update else statement)).first()
        if row is None:
            raise NotSetUp("This installation is not set up yet: POST /identity/v1/set-up.")
        return Chain(row.id, row.name, row.version)

    async def rename(self, present: Chain, name: str) -> Chain:
        """Store another name under the next version."""
        renamed = replace(present, name=name, version=present.version + 1)
        await self._connection.execute(update(chain).values(name=name, version=renamed.version))
        return renamed

    async def lock_staff_and_roles(self) -> None:
        """Let one change of staff or roles after the other through until this transaction ends.

        A member's rights are the sum of roles, and the last administrator is a matter of all members: both are read
        and written consistently only if nobody else changes either meanwhile. Signing on does not wait for it.
        """
        await self._connection.execute(select(func.pg_advisory_xact_lock(_STAFF_LOCK)))
