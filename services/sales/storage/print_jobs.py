"""What gateways were asked to print, and what they reported of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from libs.contracts.gateway import PrintJobChanged
from libs.persistence import Connection
from services.sales.domain.till_devices import PrintJob
from services.sales.storage.tables import print_jobs


class PrintJobRepository:
    """Reads and writes on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, job: PrintJob) -> bool:
        """Store a new job; False if there is one with its id."""
        statement = insert(print_jobs).values(asdict(job)).on_conflict_do_nothing().returning(print_jobs.c.job_id)
        return (await self._connection.execute(statement)).first() is not None

    async def get(self, job_id: UUID) -> PrintJob | None:
        """The job with this id."""
        row = (await self._connection.execute(select(print_jobs).where(print_jobs.c.job_id == job_id))).first()
        return None if row is None else PrintJob(**row._mapping)

    async def of_sale(self, sale_id: UUID, *, limit: int) -> list[PrintJob]:
        """Up to `limit` jobs of a document, the oldest first."""
        query = (
            select(print_jobs)
            .where(print_jobs.c.sale_id == sale_id)
            .order_by(print_jobs.c.requested_at, print_jobs.c.job_id)
            .limit(limit)
        )
        return [PrintJob(**row._mapping) for row in await self._connection.execute(query)]

    async def keep(self, changes: Sequence[PrintJobChanged]) -> None:
        """Keep what gateways report; what is older than the report held is ignored.

        A job that sales did not ask for is one that a gateway prints by itself, such as a marked duplicate.
        """
        for change in changes:
            reported = {
                "state": change.state,
                "changed_at": change.changed_at,
                "printer": change.printer,
                "proof": change.proof,
                "reason": change.reason,
                "duplicate_of": change.duplicate_of,
            }
            statement = insert(print_jobs).values(
                job_id=change.job_id,
                gateway_id=change.gateway_id,
                store_id=change.store_id,
                till_id=change.till_id,
                document_kind=change.document_kind,
                sale_id=change.sale_id,
                requested_at=change.changed_at,
                **reported,
            )
            held = print_jobs.c.changed_at
            await self._connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[print_jobs.c.job_id],
                    set_=reported,
                    where=or_(held.is_(None), held <= change.changed_at),
                )
            )

    async def unanswered(self, expired_before: datetime, reason: str, row_count: int) -> list[UUID]:
        """Mark up to `row_count` jobs that expired before then, and that no gateway has brought to an end, as unknown.

        When the gateway reported last stays as it is, so that whatever it still reports is taken over. Returns them.
        """
        late = (
            select(print_jobs.c.job_id)
            # Written out, so that the partial index is seen to apply.
            .where(text("state IN ('queued', 'printing')"), print_jobs.c.expires_at < expired_before)
            .order_by(print_jobs.c.expires_at)
            .limit(row_count)
            .with_for_update(skip_locked=True)
        )
        marked = await self._connection.execute(
            update(print_jobs)
            .where(print_jobs.c.job_id.in_(late))
            .values(state="unknown", reason=reason)
            .returning(print_jobs.c.job_id)
        )
        return [row.job_id for row in marked]

    async def forget(self, before: datetime, row_count: int) -> int:
        """Delete up to `row_count` jobs that were asked for before `before`; returns how many."""
        old = (
            select(print_jobs.c.job_id)
            .where(print_jobs.c.requested_at < before)
            .order_by(print_jobs.c.requested_at)
            .limit(row_count)
            .with_for_update(skip_locked=True)
        )
        deleted = await self._connection.execute(
            delete(print_jobs).where(print_jobs.c.job_id.in_(old)).returning(print_jobs.c.job_id)
        )
        return len(deleted.all())
