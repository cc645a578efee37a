"""Tills and their enrolment codes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from libs.persistence import Connection
from services.identity.domain.stores import EnrolmentCode, Till
from services.identity.storage.tables import enrolment_codes, tills

_COLUMNS: list[ColumnElement[Any]] = [
    tills.c.id,
    tills.c.store_id,
    tills.c.code,
    tills.c.name,
    tills.c.active,
    tills.c.enrolled_at,
    tills.c.version,
]
_CODE = func.lower(tills.c.code)


def _till(row: Row[Any]) -> Till:
    return Till(row.id, row.store_id, row.code, row.name, row.active, row.enrolled_at, row.version)


class TillRepository:
    """Reads and writes tills and enrolment codes on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, till: Till, now: datetime) -> bool:
        """Insert a new till; False if its code is taken in its store."""
        statement = insert(tills).values(
            id=till.id,
            store_id=till.store_id,
            code=till.code,
            name=till.name,
            active=till.active,
            version=till.version,
            created_at=now,
            changed_at=now,
        )
        result = await self._connection.execute(statement.on_conflict_do_nothing().returning(tills.c.id))
        return result.first() is not None

    async def find(self, till_id: UUID, *, for_update: bool = False) -> Till | None:
        """The till, locked until the transaction ends if it is `for_update`."""
        statement = select(*_COLUMNS).where(tills.c.id == till_id)
        row = (await self._connection.execute(statement.with_for_update() if for_update else statement)).first()
        return None if row is None else _till(row)

    async def save(self, till: Till, now: datetime) -> None:
        """Write name, activity and version of a till that was read for update."""
        await self._connection.execute(
            update(tills)
            .where(tills.c.id == till.id)
            .values(name=till.name, active=till.active, version=till.version, changed_at=now)
        )

    async def enrol(self, till: Till, secret_hash: bytes, now: datetime) -> None:
        """Write a till's new secret; the one before is no longer known to anybody."""
        await self._connection.execute(
            update(tills)
            .where(tills.c.id == till.id)
            .values(secret_hash=secret_hash, enrolled_at=till.enrolled_at, version=till.version, changed_at=now)
        )

    async def find_by_secret(self, till_id: UUID, secret_hash: bytes) -> Till | None:
        """The till if this is its present secret."""
        statement = select(*_COLUMNS).where(tills.c.id == till_id, tills.c.secret_hash == secret_hash)
        row = (await self._connection.execute(statement)).first()
        return None if row is None else _till(row)

    async def page(
        self,
        *,
        within: Collection[UUID] | None,
        store_id: UUID | None,
        after: tuple[UUID, str, UUID] | None,
        rows: int,
    ) -> list[Till]:
        """Up to `rows` tills by store and code; only those of the stores `within` unless it is None."""
        statement = select(*_COLUMNS).order_by(tills.c.store_id, _CODE, tills.c.id).limit(rows)
        if within is not None:
            statement = statement.where(tills.c.store_id.in_(within))
        if store_id is not None:
            statement = statement.where(tills.c.store_id == store_id)
        if after is not None:
            statement = statement.where(tuple_(tills.c.store_id, _CODE, tills.c.id) > after)
        return [_till(row) for row in await self._connection.execute(statement)]

    async def add_code(
        self, code_id: UUID, till_id: UUID, code_hash: bytes, *, expires_at: datetime, now: datetime
    ) -> None:
        """Store a new code for the till; those before it no longer count."""
        await self._connection.execute(
            update(enrolment_codes)
            .where(
                enrolment_codes.c.till_id == till_id,
                enrolment_codes.c.used_at.is_(None),
                enrolment_codes.c.replaced_at.is_(None),
            )
            .values(replaced_at=now)
        )
        await self._connection.execute(
            insert(enrolment_codes).values(id=code_id, till_id=till_id, code_hash=code_hash, expires_at=expires_at)
        )

    async def find_code(self, code_hash: bytes) -> EnrolmentCode | None:
        """The code. Whoever wants to spend or replace it locks its till first, and then reads it again."""
        statement = select(
            enrolment_codes.c.id,
            enrolment_codes.c.till_id,
            enrolment_codes.c.expires_at,
            enrolment_codes.c.used_at,
            enrolment_codes.c.replaced_at,
        ).where(enrolment_codes.c.code_hash == code_hash)
        row = (await self._connection.execute(statement)).first()
        return None if row is None else EnrolmentCode(*row)

    async def spend_code(self, code: EnrolmentCode, now: datetime) -> None:
        """Mark a code as used."""
        await self._connection.execute(
            update(enrolment_codes).where(enrolment_codes.c.id == code.id).values(used_at=now)
        )

    async def forget_codes_before(self, moment: datetime, rows: int) -> int:
        """Delete up to `rows` codes that expired before `moment`; how many."""
        old = select(enrolment_codes.c.id).where(enrolment_codes.c.expires_at < moment).limit(rows)
        result = await self._connection.execute(
            delete(enrolment_codes).where(enrolment_codes.c.id.in_(old.scalar_subquery()))
        )
        return result.rowcount
