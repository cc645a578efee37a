"""The audit trail: written once, never changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, insert, select, tuple_

from libs.persistence import Connection, UnitOfWork, new_id
from services.identity.domain.audit import Actor, AuditAction, AuditEntry, StoredEntry, Subject
from services.identity.storage.tables import audit


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which lines are wanted; None does not filter. `within` limits a manager to their stores."""

    within: Collection[UUID] | None = None
    action: AuditAction | None = None
    actor_id: UUID | None = None
    subject_id: UUID | None = None
    store_id: UUID | None = None
    from_at: datetime | None = None
    until_at: datetime | None = None


async def record(work: UnitOfWork, *entries: AuditEntry) -> None:
    """Write lines of the trail in the transaction of what they tell of."""
    rows = [_values(entry, work) for entry in entries]
    if rows:
        await work.connection.execute(insert(audit), rows)


def _values(entry: AuditEntry, work: UnitOfWork) -> dict[str, Any]:
    return {
        "id": new_id(),
        "at": work.now,
        "action": entry.action.value,
        "actor_kind": entry.actor.kind,
        "actor_id": entry.actor.id,
        "actor_name": entry.actor.name,
        "subject_kind": entry.subject.kind,
        "subject_id": entry.subject.id,
        "subject_name": entry.subject.name,
        "store_id": entry.subject.store_id or entry.actor.store_id,
        "till_id": entry.actor.till_id,
        "before": entry.before,
        "after": entry.after,
        "reason": entry.reason,
        "correlation_id": work.origin.correlation_id,
    }


def _entry(row: Row[Any]) -> StoredEntry:
    actor = Actor(row.actor_kind, row.actor_id, row.actor_name, row.store_id, row.till_id)
    subject = Subject(row.subject_kind, row.subject_id, row.subject_name, row.store_id)
    entry = AuditEntry(AuditAction(row.action), actor, subject, row.before, row.after, row.reason)
    return StoredEntry(row.id, row.at, entry, row.correlation_id)


class AuditRepository:
    """Reads the trail, and forgets what is older than it has to be kept."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def page(self, wanted: AuditFilter, after: tuple[datetime, UUID] | None, rows: int) -> Sequence[StoredEntry]:
        """Up to `rows` lines, the latest first."""
        statement = select(audit).order_by(audit.c.at.desc(), audit.c.id.desc()).limit(rows)
        for column, value in (
            (audit.c.action, wanted.action.value if wanted.action else None),
            (audit.c.actor_id, wanted.actor_id),
            (audit.c.subject_id, wanted.subject_id),
            (audit.c.store_id, wanted.store_id),
        ):
            if value is not None:
                statement = statement.where(column == value)
        if wanted.within is not None:
            statement = statement.where(audit.c.store_id.in_(wanted.within))
        if wanted.from_at is not None:
            statement = statement.where(audit.c.at >= wanted.from_at)
        if wanted.until_at is not None:
            statement = statement.where(audit.c.at < wanted.until_at)
        if after is not None:
            statement = statement.where(tuple_(audit.c.at, audit.c.id) < after)
        return [_entry(row) for row in await self._connection.execute(statement)]

    async def forget_before(self, moment: datetime, rows: int) -> int:
        """Delete up to `rows` lines older than `moment`; how many."""
        old = select(audit.c.id).where(audit.c.at < moment).order_by(audit.c.at).limit(rows)
        result = await self._connection.execute(delete(audit).where(audit.c.id.in_(old.scalar_subquery())))
        return result.rowcount
