"""The tries that were not right."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from libs.persistence import Connection
from services.identity.domain.tries import Tries
from services.identity.storage.tables import tries


def tries_subject(kind: str, code: str) -> bytes:
    """What tries are counted under: the kind of secret and what was typed as code, known or not."""
    return hashlib.sha256(f"{kind}\n{code.casefold()}".encode()).digest()


class TriesRepository:
    """Reads and writes counted tries on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def take(self, subject: bytes, now: datetime) -> Tries:
        """The tries of `subject`, locked until the transaction ends."""
        statement = insert(tries).values(subject=subject, in_a_row=0, last_at=now)
        # An update that changes nothing: it locks the row and returns it, whether it was there or not.
        taken = statement.on_conflict_do_update(
            index_elements=[tries.c.subject], set_={"subject": statement.excluded.subject}
        ).returning(tries.c.in_a_row, tries.c.last_at, tries.c.locked_until)
        row = (await self._connection.execute(taken)).one()
        return Tries(row.in_a_row, row.last_at, row.locked_until)

    async def write(self, subject: bytes, state: Tries) -> None:
        """Store the tries of a subject that was taken."""
        await self._connection.execute(
            update(tries)
            .where(tries.c.subject == subject)
            .values(in_a_row=state.count, last_at=state.last_at, locked_until=state.locked_until)
        )

    async def locks(self, subjects: Sequence[bytes]) -> list[datetime | None]:
        """Until when each of `subjects` is locked out, in their order."""
        statement = select(tries.c.subject, tries.c.locked_until).where(tries.c.subject.in_(subjects))
        found = {bytes(row.subject): row.locked_until for row in await self._connection.execute(statement)}
        return [found.get(subject) for subject in subjects]

    async def forget(self, subjects: Sequence[bytes]) -> int:
        """Start from zero again; how many of `subjects` had tries."""
        result = await self._connection.execute(delete(tries).where(tries.c.subject.in_(subjects)))
        return result.rowcount

    async def forget_before(self, moment: datetime, rows: int) -> int:
        """Delete up to `rows` subjects without a try since `moment`; how many."""
        old = select(tries.c.subject).where(tries.c.last_at < moment).limit(rows)
        result = await self._connection.execute(delete(tries).where(tries.c.subject.in_(old.scalar_subquery())))
        return result.rowcount
