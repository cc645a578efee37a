"""The audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from libs.contracts.values import Instant
from libs.web.paging import Page, Paging
from libs.web.transactions import Reading
from services.identity.api.callers import AuditReader
from services.identity.domain.audit import AuditAction, StoredEntry
from services.identity.storage.repositories.audit import AuditFilter, AuditRepository
from services.identity.use_cases.rights import stores_within

router = APIRouter(prefix="/audit", tags=["audit"])


class AuditView(BaseModel):
    """One line: who did what, when, to what; `before` and `after` hold what differs. Never a secret."""

    id: UUID
    at: datetime
    action: AuditAction
    actor_kind: str
    actor_id: UUID | None
    actor_name: str
    subject_kind: str
    subject_id: UUID | None
    subject_name: str
    store_id: UUID | None
    till_id: UUID | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str | None
    correlation_id: str

    @classmethod
    def of(cls, stored: StoredEntry) -> AuditView:
        """A line as it is shown."""
        entry = stored.entry
        return cls(
            id=stored.id,
            at=stored.at,
            action=entry.action,
            actor_kind=entry.actor.kind,
            actor_id=entry.actor.id,
            actor_name=entry.actor.name,
            subject_kind=entry.subject.kind,
            subject_id=entry.subject.id,
            subject_name=entry.subject.name,
            store_id=entry.subject.store_id,
            till_id=entry.actor.till_id,
            before=entry.before,
            after=entry.after,
            reason=entry.reason,
            correlation_id=stored.correlation_id,
        )


@router.get("", summary="What happened, the latest first")
async def read(
    paging: Paging,
    connection: Reading,
    caller: AuditReader,
    action: Annotated[AuditAction | None, Query(description="Only this.")] = None,
    actor_id: Annotated[UUID | None, Query(description="Only what this person, till or key did.")] = None,
    subject_id: Annotated[UUID | None, Query(description="Only what was done to this.")] = None,
    store_id: Annotated[UUID | None, Query(description="Only what happened at this store.")] = None,
    from_at: Annotated[Instant | None, Query(description="From this moment on.")] = None,
    until_at: Annotated[Instant | None, Query(description="Before this moment.")] = None,
) -> Page[AuditView]:
    """Whoever works for some stores only sees what happened there."""
    wanted = AuditFilter(stores_within(caller), action, actor_id, subject_id, store_id, from_at, until_at)
    after = paging.after_keys(datetime.fromisoformat, UUID)
    entries = await AuditRepository(connection).page(wanted, after, paging.limit + 1)
    return paging.page(entries, lambda stored: (stored.at, stored.id), AuditView.of)
